package e2e

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/media/srtp"
	"santral/test/phone"
)

// guarded is a call whose caller speaks SRTP with a key in its description, and whose callee speaks RTP.
type guarded struct {
	*talking
	out *srtp.Sealer // as the caller seals
	in  *srtp.Opener // as the exchange does
}

// guard sets such a call up.
func guard(t *testing.T, x *phone.Exchange, from, to string, suite srtp.Suite) *guarded {
	t.Helper()
	a, b := pair(t, x, "udp", from, to)
	c := &talking{x: x, va: phone.NewVoice(t, "127.0.0.1"), vb: phone.NewVoice(t, "127.0.0.1")}
	mine, err := srtp.NewKey(suite, 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.a = a.Dial(to, strings.Replace(c.va.Offer(), "RTP/AVP", "RTP/SAVP", 1)+"a=crypto:"+mine.Crypto()+"\r\n")
	c.b = b.Ring()
	c.b.Tell(200, "OK", c.vb.Offer())
	c.toB = phone.Media(c.b.Incoming.Body())
	answer := c.a.Response(200, soon).Body()
	c.toA = phone.Media(answer)
	c.a.Ack("")
	c.b.Expect("ACK", soon)
	if strings.Contains(c.b.Incoming.Body(), mine.Crypto()[20:]) {
		t.Error("the callee was told the caller's key")
	}
	_, value, ok := strings.Cut(answer, "a=crypto:")
	value, _, _ = strings.Cut(value, "\r\n")
	theirs, err := srtp.ParseCrypto(value)
	if !ok || err != nil {
		t.Fatalf("no key in the answer: %v", err)
	}
	g := &guarded{talking: c}
	if g.out, err = srtp.NewSealer(mine); err != nil {
		t.Fatal(err)
	}
	if g.in, err = srtp.NewOpener(theirs); err != nil {
		t.Fatal(err)
	}
	return g
}

// seal makes what the caller sends of a frame.
func (g *guarded) seal(frame []byte) []byte {
	out, err := g.out.Seal(nil, frame)
	if err != nil {
		return nil
	}
	return out
}

// talk lets both parties speak, the caller with its key; besides, what it sends is followed by what more gives.
func (g *guarded) talk(count int, more func(i int, sealed []byte) [][]byte) {
	var wait sync.WaitGroup
	wait.Go(func() {
		g.va.Talk(g.toA, count, markA, func(i int, f []byte) [][]byte {
			sealed := g.seal(f)
			if more == nil {
				return [][]byte{sealed}
			}
			return append([][]byte{sealed}, more(i, sealed)...)
		})
	})
	wait.Go(func() { g.vb.Talk(g.toB, count, markB, nil) })
	wait.Wait()
	time.Sleep(60 * time.Millisecond) // the last frames are on their way
}

// hear fails the test unless each party heard the other and nobody else.
func (g *guarded) hear(t *testing.T, count int, least float64) {
	t.Helper()
	n, _ := phone.Marked(g.vb.Heard(), markA)
	if all := len(g.vb.Heard()); n != all || float64(n) < least*float64(count) || n > count {
		t.Errorf("the callee heard %d frames, %d of them of the caller's %d", all, n, count)
	}
	opened := 0
	for _, f := range g.va.Heard() {
		p, err := g.in.Open(slices.Clone(f.Packet))
		if err != nil || len(p) != 172 || p[12] != markB {
			t.Errorf("the caller got what does not open: %v", err)
			return
		}
		opened++
	}
	if float64(opened) < least*float64(count) {
		t.Errorf("the caller heard %d of %d frames", opened, count)
	}
	g.va.Forget()
	g.vb.Forget()
}

// Whatever is sent to the leg of a caller that speaks SRTP, by others and by itself: what its key has not sealed is
// not heard, what was heard is not heard again, and nothing changes for the call.
func TestAttacksOnSRTP(t *testing.T) { // 18, 19, 20
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "40")
	atOnce(t, func(run func(string, func(*testing.T))) {
		run("one good, 30 replayed, 60 forged", func(t *testing.T) {
			g := guard(t, x, "101", "102", srtp.AES128CM80)
			good := g.seal(g.va.Frame(markA))
			g.va.Send(g.toA, good)
			for i := range 60 {
				forged := g.va.Frame(markX)
				if i < 30 {
					g.va.Send(g.toA, good)
					forged = g.seal(forged)
					forged[20+i] ^= 1
				}
				g.va.Send(g.toA, forged)
				time.Sleep(time.Millisecond)
			}
			time.Sleep(200 * time.Millisecond)
			if n := len(g.vb.Heard()); n != 1 {
				t.Errorf("%d frames were heard, want one", n)
			}
			phone.End(g.a, g.b)
		})
		for i, suite := range []srtp.Suite{srtp.AES128GCM, srtp.AES128CM32} {
			from, to := []string{"103", "105"}[i], []string{"104", "106"}[i]
			run("injection with "+suite.String(), func(t *testing.T) {
				g := guard(t, x, from, to, suite)
				g.talk(10, nil)
				g.hear(t, 10, 0.5)
				v := phone.NewVoice(t, "127.0.10.4")
				other, err := srtp.NewKey(suite, 1, rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				wrong, err := srtp.NewSealer(other)
				if err != nil {
					t.Fatal(err)
				}
				var last []byte
				g.talk(frames, func(i int, sealed []byte) [][]byte {
					plain := v.Frame(markX)
					forged, _ := wrong.Seal(nil, plain)
					v.SSRC++ // a flood of sources
					for _, p := range [][]byte{last, plain, forged, {0x80}, {}} {
						v.Send(g.toA, p)
					}
					for range 20 { // STUN, and a handshake of nobody's
						v.Send(g.toA, append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...))
					}
					last = sealed
					v.Send(g.toA, append([]byte{22, 254, 255}, make([]byte, 60)...))
					return [][]byte{sealed, plain, forged}
				})
				g.hear(t, frames, 0.9)
				if n := g.leaked(v); n > 0 {
					t.Errorf("%d packets to the attacker", n)
				}
				phone.End(g.a, g.b)
			})
		}
		run("copies on the way that are faster", func(t *testing.T) {
			g := guard(t, x, "109", "110", srtp.AES128GCM)
			g.talk(10, nil)
			g.hear(t, 10, 0.5)
			v := phone.NewVoice(t, "127.0.10.6")
			g.talk(frames, func(_ int, sealed []byte) [][]byte {
				v.Send(g.toA, sealed)
				time.Sleep(time.Millisecond)
				return nil
			})
			g.hear(t, frames, 0.9)
			if n := g.leaked(v); n > 3 { // sealed as they are, until it shows that these were copies
				t.Errorf("%d packets to the attacker", n)
			}
			phone.End(g.a, g.b)
		})
		run("a caller that moves", func(t *testing.T) {
			g := guard(t, x, "107", "108", srtp.AES128GCM)
			g.talk(25, nil)
			g.hear(t, 25, 0.8)
			moved := phone.NewVoice(t, "127.0.10.5")
			moved.SSRC, moved.Seq, moved.TS = g.va.SSRC, g.va.Seq, g.va.TS
			g.va = moved
			g.talk(50, nil)
			g.hear(t, 50, 0.8)
			phone.End(g.a, g.b)
		})
	})
}
