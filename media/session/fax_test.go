package session_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/mediatest"
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
