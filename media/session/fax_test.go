package session_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/pcm"
	"santral/media/sdp"
	"santral/media/session"
	"santral/media/udptl"
)

// image is a phone's description of a fax.
func image(t *testing.T, at netip.AddrPort, attrs ...string) *sdp.Description {
	text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=image %d udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n", at.Addr(), at.Port())
	for _, a := range attrs {
		text += "a=" + a + "\r\n"
	}
	return mediatest.Parse(t, text)
}

// fax is a call that began as sound and has become one.
func (c *call) fax(a, b *sdp.Description) {
	c.t.Helper()
	c.begin()
	c.talk(5)
	c.hear(5, 5)
	toB, toA := c.agree(a, b)
	c.toA, c.toB = mediatest.To(c.t, toA), mediatest.To(c.t, toB)
}

// pages are packets in their order, each of which says which it is.
func pages(list []mediatest.Packet) (names []string, widest int) {
	var r udptl.Receiver
	for _, p := range list {
		var read udptl.Packet
		if read.Read(p.Data) == nil {
			widest = max(widest, read.Count)
		}
		r.Take(p.Data, 0, func(n udptl.Next) {
			for range n.Skipped {
				names = append(names, "lost")
			}
			names = append(names, string(n.IFP))
		})
	}
	return names, widest
}

// What is lost between one phone and us is sent on to the other, once and in order, with redundancy of ours.
func TestFaxIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.fax(image(t, aAddr, "T38FaxUdpEC:t38UDPRedundancy", "T38FaxMaxDatagram:320"), image(t, bAddr, "T38FaxUdpEC:t38UDPNoEC"))
		rnd := rand.New(rand.NewPCG(3, 8))
		sa, sb := udptl.Sender{}, udptl.Sender{Repair: udptl.NoRepair}
		var seq uint16
		var want []string
		lost := 0
		mediatest.Talk(300, func() {
			ifp := fmt.Appendf(nil, "page %d", seq)
			want = append(want, string(ifp))
			a, b := sa.Append(nil, seq, ifp), sb.Append(nil, seq, ifp)
			if rnd.IntN(10) == 0 && seq > 0 && seq < 299 { // towards b redundancy mends it
				lost++
			} else {
				c.a.Send(c.toA, a)
				if rnd.IntN(10) == 0 {
					c.a.Send(c.toA, a)
				}
			}
			if seq != 50 { // towards a nothing does
				c.b.Send(c.toB, b)
			}
			seq++
		})
		mediatest.Wait(time.Second)
		atB, depthB := pages(c.b.Heard())
		if !slices.Equal(atB, want) || lost < 10 || depthB != 0 {
			t.Errorf("%d lost, b heard in %d datagrams with %d more each:\n%q", lost, len(c.b.Heard()), depthB, atB)
		}
		want[50] = "lost"
		if atA, depthA := pages(c.a.Heard()); !slices.Equal(atA, want) || depthA != 3 {
			t.Errorf("a heard with %d more each:\n%q", depthA, atA)
		}
		qa, qb := c.sa.Quality()[0], c.sb.Quality()[0]
		if qa.Format != "t38" || qa.Lost != 0 || qa.Late == 0 || qa.Sent < 299 || qa.Sent > 310 {
			t.Errorf("a: %+v", qa)
		}
		if qb.Format != "t38" || qb.Lost != 1 || qb.Packets != 299 {
			t.Errorf("b: %+v", qb)
		}
		if codec := c.sa.Codec(); codec != "" && codec != "t38" {
			t.Errorf("spoken: %q", codec)
		}
	})
}

// A refresh changes nothing; the call becomes sound again, and a second fax begins its numbers anew.
func TestFaxAndSoundByTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.fax(image(t, aAddr), image(t, bAddr))
		var s udptl.Sender
		send := func(from, to uint16) {
			for seq := from; seq < to; seq++ {
				c.a.Send(c.toA, s.Append(nil, seq, []byte{byte('0' + seq)}))
				mediatest.Wait(20 * time.Millisecond)
			}
		}
		send(0, 3)
		toB, _ := c.agree(image(t, aAddr), image(t, bAddr)) // a refresh by re-INVITE
		if toB.Media[0].Kind != "image" {
			t.Errorf("%s", toB)
		}
		send(3, 5)
		if names, _ := pages(c.b.Heard()); !slices.Equal(names, []string{"0", "1", "2", "3", "4"}) {
			t.Errorf("%q", names)
		}
		c.a.Forget()
		c.b.Forget()
		c.agree(mediatest.Offer(t, aAddr), mediatest.Offer(t, bAddr))
		c.talk(5)
		c.hear(5, 5)
		c.agree(image(t, aAddr), image(t, bAddr))
		s = udptl.Sender{}
		send(0, 3)
		if names, _ := pages(c.b.Heard()); !slices.Equal(names, []string{"0", "1", "2"}) {
			t.Errorf("the second fax: %q", names)
		}
		if q := c.sa.Quality()[0]; q.Packets != 8 {
			t.Errorf("%+v", q)
		}
	})
}

// A fax goes on in another process: no packet twice, and our numbers rise on.
func TestFaxThawed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.fax(image(t, aAddr), image(t, bAddr))
		var s udptl.Sender
		for seq := range uint16(8) {
			if seq == 4 {
				var a, b session.State
				for _, x := range []struct {
					s  *session.Session
					st *session.State
				}{{c.sa, &a}, {c.sb, &b}} {
					text := got(json.Marshal(x.s.Freeze()))(t)
					check(t, json.Unmarshal(text, x.st))
				}
				c.cfg.Pool.Close()
				c.cfg = config(t, c.host)
				c.sa, c.sb = got(session.Thaw(c.cfg, a))(t), got(session.Thaw(c.cfg, b))(t)
				c.sa.Join(c.sb)
				t.Cleanup(func() { c.sa.Close(); c.sb.Close() })
			}
			if seq != 5 {
				c.a.Send(c.toA, s.Append(nil, seq, []byte{byte('0' + seq)}))
			} else {
				s.Append(nil, seq, []byte{'5'})
			}
			mediatest.Wait(20 * time.Millisecond)
		}
		if names, _ := pages(c.b.Heard()); !slices.Equal(names, []string{"0", "1", "2", "3", "4", "5", "6", "7"}) {
			t.Errorf("%q", names)
		}
	})
}

// The last datagram before a pause is said again, so that it gets through; and no more than that.
func TestFaxSaysItsLastAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.fax(image(t, aAddr), image(t, bAddr))
		var s udptl.Sender
		for seq := range uint16(3) {
			c.a.Send(c.toA, s.Append(nil, seq, []byte{byte('0' + seq)}))
			mediatest.Wait(30 * time.Millisecond)
		}
		mediatest.Wait(time.Minute)
		var seqs []uint16
		for _, h := range c.b.Heard() {
			var p udptl.Packet
			check(t, p.Read(h.Data))
			seqs = append(seqs, p.Seq)
		}
		if !slices.Equal(seqs, []uint16{0, 1, 2, 2, 2}) {
			t.Errorf("heard %v", seqs)
		}
	})
}

// sing sends sound of one frequency at a time, packet by packet.
func sing(c *call, p *mediatest.Phone, to netip.AddrPort, seconds float64, hz func(at float64) float64) {
	at, phase := 0.0, 0.0
	mediatest.Talk(int(seconds*50), func() {
		f := make(media.Frame, 160)
		for i := range f {
			if h := hz(at); h > 0 {
				phase += 2 * math.Pi * h / 8000
				f[i] = int16(4000 * math.Sin(phase))
			}
			at += 1. / 8000
		}
		b := p.Next()
		pcm.EncodeALaw(b[12:], f)
		p.Send(to, b)
	})
}

// The tones of a fax are told of in a relayed call, once each, and by the profile not at all.
func TestFaxTones(t *testing.T) {
	for _, mode := range []session.FaxMode{session.FaxPass, session.FaxSound, session.FaxRefuse} {
		synctest.Test(t, func(t *testing.T) {
			c := newCall(t)
			c.sa, c.sb = session.New(c.cfg, aAddr.Addr(), session.Profile{Fax: mode}), session.New(c.cfg, bAddr.Addr(), session.Profile{Fax: mode})
			c.begin()
			var mu sync.Mutex
			var told []string
			for name, s := range map[string]*session.Session{"a": c.sa, "b": c.sb} {
				s.OnNews(func(n session.News) {
					mu.Lock()
					told = append(told, fmt.Sprint(name, " ", n.Kind, " ", n.Text))
					mu.Unlock()
				})
			}
			sing(c, c.a, c.toA, 8, func(at float64) float64 {
				if math.Mod(at, 3.5) < 0.5 {
					return 1100
				}
				return 0
			})
			sing(c, c.b, c.toB, 3, func(float64) float64 { return 2100 })
			want := []string{"a fax calling CNG", "b fax answering CED"}
			if mode == session.FaxRefuse {
				want = nil
			}
			mu.Lock()
			if !slices.Equal(told, want) {
				t.Errorf("mode %d: told %q", mode, told)
			}
			mu.Unlock()
			if c.sa.Way() != session.Relayed {
				t.Errorf("the call is %v", c.sa.Way())
			}
		})
	}
}

// A transcoded call has a fixed buffer from the first tone of a fax on: what one phone sends with jitter the other gets
// with every sample, one after another.
func TestFaxAsSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.sa = session.New(c.cfg, aAddr.Addr(), session.Profile{Codecs: []string{"PCMA"}})
		c.sb = session.New(c.cfg, bAddr.Addr(), session.Profile{Codecs: []string{"PCMU"}, Noise: true})
		offer, answer := mediatest.Offer(t, aAddr), mediatest.Offer(t, bAddr)
		toB := got(c.sb.RelayLocal(offer, false))(t)
		check(t, c.sa.SetRemote(offer))
		check(t, c.sb.SetAnswer(answer))
		toA := got(c.sa.RelayLocal(answer, true))(t)
		c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
		c.b.Payload = 0
		c.sa.Join(c.sb)
		mediatest.Talk(10, func() { c.a.Say(c.toA) }, func() { c.b.Say(c.toB) })
		if c.sa.Way() != session.Transcoded {
			t.Fatalf("the call is %v", c.sa.Way())
		}
		c.sa.CarryFax()
		mediatest.Wait(time.Second)
		c.b.Forget()
		const n = 200
		rnd := rand.New(rand.NewPCG(2, 2))
		begun := time.Now()
		for i := range n {
			// Each sample tells where it belongs: a slow ramp that is silence for a while.
			f := make(media.Frame, 160)
			for k := range f {
				f[k] = int16(8000 * math.Sin(2*math.Pi*1850*float64(i*160+k)/8000))
			}
			if i/20%2 == 1 {
				clear(f)
			}
			due := begun.Add(time.Duration(i)*20*time.Millisecond + time.Duration(rnd.IntN(20))*time.Millisecond)
			mediatest.Wait(time.Until(due))
			b := c.a.Next()
			pcm.EncodeALaw(b[12:], f)
			c.a.Send(c.toA, b)
		}
		mediatest.Wait(time.Second)
		var sound media.Frame
		seq, first := uint16(0), true
		for _, p := range c.b.Heard() {
			if p.Header.Payload != 0 {
				t.Errorf("payload %d: silence is not to be suppressed", p.Header.Payload)
				continue
			}
			if !first && p.Header.Seq != seq+1 {
				t.Errorf("packet %d after %d", p.Header.Seq, seq)
			}
			seq, first = p.Header.Seq, false
			f := make(media.Frame, p.Header.End-p.Header.Begin)
			pcm.DecodeULaw(f, p.Data[p.Header.Begin:p.Header.End])
			sound = append(sound, f...)
		}
		// It begins softly; from there on all is as it was said.
		begin := slices.IndexFunc(sound, func(s int16) bool { return s > 100 || s < -100 })
		if begin < 160 || begin+n*160 > len(sound)+160 {
			t.Fatalf("of %d samples the first is %d", len(sound), begin)
		}
		wrong := n * 160
		for lag := begin - 160; lag <= begin; lag++ {
			bad := 0
			for i := 200; i < n*160-160 && lag+i < len(sound); i++ {
				want := 8000 * math.Sin(2*math.Pi*1850*float64(i)/8000)
				if i/160/20%2 == 1 {
					want = 0
				}
				if got := float64(sound[lag+i]); math.Abs(got-want) > 500 {
					bad++
				}
			}
			wrong = min(wrong, bad)
		}
		if wrong > 0 {
			t.Errorf("%d samples of %d are others", wrong, n*160)
		}
	})
}
