package server

import (
	"bytes"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/call/control"
	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/session"
	"santral/phone"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

// TestHandOver hands a live call from one exchange to another and that to a third: the sound goes on as if
// nothing had happened, both sides can hold and resume and the right one hangs up, and there is one record.
func TestHandOver(t *testing.T) {
	for name, transport := range map[string]sip.Transport{"udp": sip.UDP, "tcp": sip.TCP} {
		t.Run(name, func(t *testing.T) {
			virtually(t, func(w *stage) {
				a, b := w.pair(transport)
				w.goesOn(a, b, 0)
			})
		})
	}
}

// TestHandOverSecured is the same with keys in the descriptions of both legs: what is sealed goes on to be opened, and
// each still hears the other.
func TestHandOverSecured(t *testing.T) {
	virtually(t, func(w *stage) {
		w.media.Secure = session.SecureRequired
		a := w.phone(ali, w.net.Host(netip.MustParseAddr("192.0.2.11")), netip.MustParseAddrPort("192.0.2.11:5060"), sip.UDP)
		w.media.Secure = session.SecureOptional
		b := w.phone(sara, w.net.Host(netip.MustParseAddr("192.0.2.12")), netip.MustParseAddrPort("192.0.2.12:5060"), sip.UDP)
		w.tenants[0].Accounts[1].Media.SRTP = tenant.SRTPRequired
		w.x.current.Store(tenant.NewSnapshot(2, w.tenants))
		from, to := w.talk(a, b, sara)
		for _, p := range []*party{a, b} {
			if p.keys() == 0 {
				t.Errorf("no keys in what the phone at %s was told", p.Addr())
			}
		}
		ears := [2]*mediatest.Ear{{}, {}}
		loud := make([]int16, 8000*120)
		for i := range loud {
			loud[i] = int16(8000 * (i/8%2*2 - 1))
		}
		for i, c := range []*phone.Call{from, to} {
			c.Play(&mediatest.Sound{Samples: loud})
			c.Record(ears[1-i])
		}
		heard := func(when string) {
			t.Helper()
			w.wait(2 * time.Second)
			for i, e := range ears {
				list := e.Samples()
				loud := 0
				for _, s := range list[max(0, len(list)-8000):] {
					if s > 4000 || s < -4000 {
						loud++
					}
				}
				if loud < 7000 {
					t.Errorf("%s side %d hears %d loud samples of the last second's 8000", when, i, loud)
				}
			}
		}
		heard("before")
		before := [2]int{len(a.packets()), len(b.packets())}
		w.handOver()
		heard("after")
		a.sound(before[0], 40, 0)
		b.sound(before[1], 40, 0)
		w.must(from.Hold(w.ctx))
		w.must(from.Resume(w.ctx))
		heard("after a hold")
		w.handOver()
		heard("after another")
		for v, n := range w.x.pool.Stats().Dropped {
			if v := rtp.Verdict(v); n > 0 && v != rtp.Unarmed {
				t.Errorf("%d packets are dropped as %s", n, v)
			}
		}
		to.Hangup()
		w.ended(from, to)
		w.free()
	})
}

// TestHandOverByTheKernel is the same over real sockets.
func TestHandOverByTheKernel(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	probe, err := network.ListenTCP(netip.AddrPortFrom(loopback, 0)) // a port that is free for TCP is so for UDP, as a rule
	if err != nil {
		t.Fatal(err)
	}
	probe.Close()
	w := newStage(t, netip.MustParseAddrPort(probe.Addr().String()))
	w.play(func(w *stage) {
		a := w.phone(ali, network, netip.AddrPortFrom(loopback, 0), sip.UDP)
		b := w.phone(sara, network, netip.AddrPortFrom(loopback, 0), sip.UDP)
		w.goesOn(a, b, 500) // a busy machine takes its time
	})
}

// goesOn is the scene of a whole call over three exchanges. At most gap packets may be missing in one place.
func (w *stage) goesOn(a, b *party, gap uint16) {
	from, to := w.talk(a, b, sara)
	before := [2]int{len(a.packets()), len(b.packets())}
	w.handOver()
	w.hear(a, b)
	a.sound(0, before[0]+40, gap)
	b.sound(0, before[1]+40, gap)
	w.live(from, to)
	if n := w.x.control.Calls("")[0]; n.State != control.Talking || n.To != sara || len(n.Legs) != 2 {
		w.Errorf("the call that goes on is %+v", n)
	}
	if _, err := w.x.trace.Read(w.x.callIDs(string(w.x.control.Calls("")[0].ID))); err != nil {
		w.Error(err)
	}

	for _, side := range []struct {
		holds *phone.Call
		hears *phone.Call
	}{{from, to}, {to, from}} {
		w.must(side.holds.Hold(w.ctx))
		_, err := side.hears.Wait(w.ctx, phone.Held)
		w.must(err)
		w.must(side.holds.Resume(w.ctx))
		_, err = side.hears.Wait(w.ctx, phone.Resumed)
		w.must(err)
	}
	w.hear(a, b)
	w.handOver()
	w.hear(a, b)
	w.must(to.Hold(w.ctx))
	w.must(to.Resume(w.ctx))
	w.hear(a, b)
	a.orderly()
	b.orderly()
	a.sound(0, before[0]+120, gap)
	b.sound(0, before[1]+120, gap)

	to.Hangup()
	w.ended(from, to)
	w.free()
	w.proper(w.record(), a, b, 3*time.Second, max(2, 3*int(gap))) // one may be on its way at each change
}

// proper fails the test unless a record is that of one whole call of Ali's to Sara, which Sara ended. Of the
// packets that passed, uncounted may be missing: those between the writing out and the closing.
func (w *stage) proper(c store.CDR, a, b *party, least time.Duration, uncounted int) {
	w.Helper()
	if c.State != store.Answered || c.FromAccount != ali || c.Dialled != sara || c.AnsweredBy != sara || c.EndedBy != "callee" || c.SIP != 200 || c.Q850 != 16 {
		w.Errorf("record: %+v", c)
	}
	if c.Codec == "" || c.TalkTime.Duration() < least || c.Ringing.IsZero() || c.Answered.Before(c.Ringing) || !c.Ended.Equal(c.Answered.Add(c.TalkTime.Duration())) {
		w.Errorf("times of the record: %+v", c)
	}
	if len(c.Legs) != 2 {
		w.Fatalf("legs of the record: %+v", c.Legs)
	}
	for i, p := range []*party{a, b} {
		l, heard := c.Legs[i], []*party{b, a}[i].packets()
		if l.Began.Before(c.Began) || l.Answered.IsZero() || !l.Ended.Equal(c.Ended) && l.Ended.After(c.Ended) || l.SIPCallID == "" || l.UserAgent == "" ||
			l.Transport == "" || l.Media == "" || l.Codec == "" || l.Remote == "" {
			w.Errorf("leg %s: %+v", l.Leg, l)
		}
		if len(l.Streams) != 1 || int(l.Streams[0].Packets) < len(heard)-uncounted || int(l.Streams[0].Packets) > len(heard)+uncounted+20 ||
			int(l.Streams[0].Sent) < len(p.packets())-uncounted {
			w.Errorf("leg %s: streams %+v, and %d packets were heard by the other side", l.Leg, l.Streams, len(heard))
		}
	}
}

// TestHandOverOnHold hands over a call whose callee holds the caller, ends it on the other side, and
// asks for the channels in between: they are taken as long as the call lives, and not longer.
func TestHandOverOnHold(t *testing.T) {
	virtually(t, func(w *stage) {
		a, b := w.pair(sip.UDP)
		from, to := w.talk(a, b, sara)
		w.must(to.Hold(w.ctx))
		w.wait(10 * time.Second)
		w.handOver()
		w.wait(10 * time.Second)
		if n := w.x.control.Calls("")[0]; n.Legs[0].Held || !n.Legs[1].Held {
			w.Errorf("who holds whom is lost: %+v", n.Legs)
		}
		third := w.phone(omid, w.net.Host(netip.MustParseAddr("192.0.2.13")), netip.MustParseAddrPort("192.0.2.13:5060"), sip.UDP)
		busy, err := third.Call(w.ctx, sara)
		w.must(err)
		over, err := busy.Wait(w.ctx, phone.Talks)
		if !errors.Is(err, phone.ErrEnded) || over.Status != 486 {
			w.Errorf("a second call to a line gets %+v, %v", over, err)
		}
		heard := len(a.packets())
		w.must(to.Resume(w.ctx))
		w.wait(time.Second)
		a.sound(heard, 40, 0)
		from.Hangup()
		w.ended(from, to)
		w.free()

		again, answered := w.talk(third, b, sara)
		answered.Hangup()
		w.ended(again, answered)
		page, _, err := w.x.records.CDRs(w.ctx, store.CDRFilter{Account: ali}, "", 10)
		w.must(err)
		if len(page) != 1 || page[0].State != store.Answered || page[0].EndedBy != "caller" || page[0].Legs[1].Held.Duration() < 20*time.Second {
			w.Errorf("records: %+v", page)
		}
	})
}

// TestHandOverOfALatch hands over a call of a phone behind a translator: its sound is still taken from
// where it came from before, and a third source that knows the port is neither heard nor sent to.
func TestHandOverOfALatch(t *testing.T) {
	virtually(t, func(w *stage) {
		home := w.net.NAT(netip.MustParseAddr("198.51.100.7"), vnet.NATOptions{})
		a := w.phone(ali, w.net.Host(netip.MustParseAddr("192.0.2.11")), netip.MustParseAddrPort("192.0.2.11:5060"), sip.UDP)
		b := w.phone(sara, home.Host(netip.MustParseAddr("10.0.0.2")), netip.MustParseAddrPort("10.0.0.2:5060"), sip.UDP)
		from, to := w.talk(a, b, sara)
		a.sound(0, 40, 0)
		b.sound(0, 40, 0)
		thief, err := w.net.Host(netip.MustParseAddr("203.0.113.66")).ListenUDP(netip.MustParseAddrPort("203.0.113.66:4000"), vnet.Options{})
		w.must(err)
		stolen := make(chan int)
		go func() {
			n, d := 0, []vnet.Datagram{{B: make([]byte, 2048)}}
			for {
				if _, err := thief.ReadBatch(d); err != nil {
					stolen <- n
					return
				}
				n++
			}
		}()
		steal := func() {
			for _, p := range []*party{a, b} {
				list := p.packets()
				last := list[len(list)-1]
				packet := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: last.seq + 1, SSRC: 0xbad})
				w.must(thief.WriteTo(append(packet, make([]byte, 160)...), last.from))
			}
		}
		w.handOver(steal)
		for range 100 {
			steal()
			w.wait(20 * time.Millisecond)
		}
		thief.Close()
		if n := <-stolen; n > 0 {
			w.Errorf("the thief got %d packets", n)
		}
		a.sound(0, 140, 0)
		b.sound(0, 140, 0)
		to.Hangup()
		w.ended(from, to)
		w.free()
		w.record()
	})
}

// lose loses datagrams to or from an address that begin with a text, until it is told to stop, and counts
// them.
func (w *stage) lose(what string, addr netip.Addr) (lost *atomic.Int64, stop func()) {
	lost = new(atomic.Int64)
	w.net.SetFilter(func(p vnet.Packet) bool {
		if (p.From.Addr() != addr && p.To.Addr() != addr) || !bytes.HasPrefix(p.B, []byte(what)) {
			return true
		}
		lost.Add(1)
		return false
	})
	return lost, func() { w.net.SetFilter(nil) }
}

// TestHandOverWithoutAnACK: our ACK to a callee is lost, and the copies of its 200 reach the next
// exchange, which must acknowledge them, or the callee hangs up.
func TestHandOverWithoutAnACK(t *testing.T) {
	virtually(t, func(w *stage) {
		a, b := w.pair(sip.UDP)
		lost, stop := w.lose("ACK", b.Addr().Addr())
		from, err := a.Call(w.ctx, sara)
		w.must(err)
		to, err := b.Ringing(w.ctx)
		w.must(err)
		to.Answer()
		_, err = from.Wait(w.ctx, phone.Talks)
		w.must(err)
		w.wait(100 * time.Millisecond)
		if to.State() != phone.Rings || lost.Load() == 0 {
			w.Fatalf("%d ACKs were lost and the callee is %s", lost.Load(), to.State())
		}
		w.handOver(stop)
		_, err = to.Wait(w.ctx, phone.Talks)
		w.must(err)

		lost, stop = w.lose("ACK", b.Addr().Addr())
		w.must(from.Hold(w.ctx))
		w.wait(100 * time.Millisecond)
		if lost.Load() == 0 {
			w.Fatal("no ACK was lost")
		}
		w.handOver(stop)
		w.wait(time.Minute)
		w.live(from, to)
		w.must(to.Hold(w.ctx))
		to.Hangup()
		w.ended(from, to)
		w.free()
		w.proper(w.record(), a, b, time.Minute, 2)
	})
}

// TestHandOverWaitsForTheACK: a call whose caller has not acknowledged its answer can't be written out; it
// goes on untouched and can be a moment later.
func TestHandOverWaitsForTheACK(t *testing.T) {
	virtually(t, func(w *stage) {
		a, b := w.pair(sip.UDP)
		lost, stop := w.lose("ACK", a.Addr().Addr())
		from, err := a.Call(w.ctx, sara)
		w.must(err)
		to, err := b.Answer(w.ctx)
		w.must(err)
		_, err = from.Wait(w.ctx, phone.Talks)
		w.must(err)
		w.wait(100 * time.Millisecond)
		if _, err := w.x.control.Freeze(w.ctx, w.x.control.Calls("")[0].ID, w.x.thawer); !errors.Is(err, control.ErrNotQuiet) || lost.Load() == 0 {
			w.Errorf("%d ACKs were lost, and the call is written out: %v", lost.Load(), err)
		}
		stop()
		w.wait(5 * time.Second)
		w.handOver()
		w.wait(time.Minute)
		w.live(from, to)
		to.Hangup()
		w.ended(from, to)
		w.free()
		w.proper(w.record(), a, b, time.Minute, 2)
	})
}

// TestHandOverOfWhatCannotBe: a call that rings is ended by the exchange that began it, and has its record.
func TestHandOverOfWhatCannotBe(t *testing.T) {
	virtually(t, func(w *stage) {
		a, b := w.pair(sip.UDP)
		from, err := a.Call(w.ctx, sara)
		w.must(err)
		to, err := b.Ringing(w.ctx)
		w.must(err)
		_, err = from.Wait(w.ctx, phone.Progress)
		w.must(err)
		if n := w.change(); n != 0 {
			w.Errorf("%d calls go on", n)
		}
		w.ended(from, to)
		w.wait(time.Minute)
		w.free()
		if c := w.record(); c.State == store.Answered || !c.Answered.IsZero() || c.EndedBy != "exchange" || len(c.Legs) != 2 {
			w.Errorf("record: %+v", c)
		}
	})
}

// TestHandOverWhileTheyLeave: a BYE that nobody hears because the exchanges change finds its call in the
// next one; and the copy of one that was answered before, whose 200 was lost, gets the 200 again.
func TestHandOverWhileTheyLeave(t *testing.T) {
	virtually(t, func(w *stage) {
		a, b := w.pair(sip.UDP)
		from, to := w.talk(a, b, sara)
		w.handOver(func() {
			to.Hangup()
			w.wait(100 * time.Millisecond)
		})
		w.ended(from, to)
		w.free()
		w.proper(w.record(), a, b, time.Second, 2)
		w.wait(time.Minute)

		from, to = w.talk(a, b, sara)
		lost, stop := w.lose("SIP/2.0 200", b.Addr().Addr())
		to.Hangup()
		w.wait(100 * time.Millisecond)
		if lost.Load() == 0 {
			w.Fatal("no answer was lost")
		}
		w.handOver(stop)
		w.ended(from, to)
		w.wait(time.Second)
		if n := w.x.endpoint.Load().Stats(); n.Copies == 0 {
			w.Errorf("no copy came: %+v", n)
		}
		w.free()
	})
}

// TestHandOverOfAHold: the 200 to a phone's re-INVITE is lost while the exchanges change, or the
// re-INVITE itself is: its copies get the 200, and the call is held.
func TestHandOverOfAHold(t *testing.T) {
	virtually(t, func(w *stage) {
		a, b := w.pair(sip.UDP)
		from, to := w.talk(a, b, sara)
		held := make(chan error, 1)
		w.handOver(func() {
			go func() { held <- from.Hold(w.ctx) }()
			w.wait(100 * time.Millisecond)
		})
		w.must(<-held)
		_, err := to.Wait(w.ctx, phone.Held)
		w.must(err)
		a.orderly()
		b.orderly()
		to.Hangup()
		w.ended(from, to)
		w.free()
		w.proper(w.record(), a, b, time.Second, 2)
	})
}
