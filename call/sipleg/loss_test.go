package sipleg

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/call"
	"santral/call/calltest"
	"santral/sip"
)

// TestBadNetwork has calls over a network that loses, doubles and reorders: whatever arrives, every call ends
// on both sides and in the record, and nothing of it stays behind.
func TestBadNetwork(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{T: t, net: vnet.New(seed), hosts: map[string]*vnet.Host{}, house: calltest.New(), begun: time.Now(), quiet: true}
				w.net.SetDefault(vnet.Link{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.25, Duplicate: 0.1, Reorder: 0.1})
				w.house.Account("101", 0, "sip:101@192.0.2.11:5060")
				w.house.Account("102", 0, "sip:102@192.0.2.12:5060")
				x := w.exchange("192.0.2.1", nil)
				a, b := w.soft("192.0.2.11", "101", ""), w.soft("192.0.2.12", "102", "")
				badCall(w, a, b, seed)
				waitFor(time.Minute + 35*time.Second) // timers of transactions run out
				for name, ep := range map[string]int{"exchange": x.ep.Stats().Usages, "A": a.ep.Stats().Usages, "B": b.ep.Stats().Usages} {
					if ep != 0 {
						t.Errorf("%s keeps %d dialogs", name, ep)
					}
				}
				if left := x.control.Calls(""); len(left) != 0 {
					t.Errorf("calls left: %+v", left)
				}
				w.house.Check(t)
				a.close()
				b.close()
				x.close()
			})
		})
	}
}

// badCall rings, answers, holds and hangs up, as far as the network lets it.
func badCall(w *world, a, b *soft, seed uint64) {
	leg := a.dial("102", "101")
	over := make(chan struct{}, 2)
	follow := func(s *soft, leg call.Leg) {
		for e := range s.inbox {
			switch e.Kind {
			case call.Answered:
				if e.Desc != nil && seed%2 == 0 {
					leg.Offer(nil)
				}
			case call.Offered:
				leg.Accept(nil)
			case call.Accepted:
				leg.Accept(nil)
			case call.Failed, call.Ended:
				if e.Finish != nil {
					e.Finish()
				}
				over <- struct{}{}
				return
			}
		}
	}
	go follow(a, leg)
	select {
	case other := <-b.rings:
		<-b.from
		go follow(b, other)
		other.Progress(call.Progress{Status: 180})
		waitFor(time.Duration(seed) * 300 * time.Millisecond)
		other.Answer(nil)
		waitFor(time.Duration(seed%5) * 700 * time.Millisecond)
		if seed%3 == 0 {
			other.Hangup(call.NormalClearing)
		} else {
			leg.Hangup(call.NormalClearing)
		}
		<-over
	case <-over:
		return
	}
	select {
	case <-over:
	case <-time.After(5 * time.Minute):
		w.Errorf("one side was never told of the end")
	}
}

func waitFor(d time.Duration) { <-time.After(d) }

// TestBehindTranslator: the phone's Contact means nothing outside, so the exchange speaks to it by the
// way that it came (see dialog.ByFlow).
func TestBehindTranslator(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		nat := w.net.NAT(netip.MustParseAddr("192.0.2.11"), vnet.NATOptions{})
		w.hosts["10.0.0.5"] = nat.Host(netip.MustParseAddr("10.0.0.5"))
		a, b := w.phone("10.0.0.5", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		b.leaves(a)
	})
}

// TestOverTCP: a phone that keeps a connection is answered and called back on it.
func TestOverTCP(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		b := w.phone("192.0.2.12", "102")
		conn, err := w.host("192.0.2.11").DialTCP(context.Background(), netip.Addr{}, netip.MustParseAddrPort("192.0.2.1:5060"))
		w.must(err)
		defer conn.Close()
		a := &phone{w: w, addr: "192.0.2.11", peer: "192.0.2.1", number: "101", sdp: audio("192.0.2.11", 4000, "sendrecv")}
		a.over(conn)
		talking(w, a, b)
		again := audio(b.addr, 4000, "sendonly")
		b.asks(sip.INVITE, again)
		a.reply(a.want(sip.INVITE), 200, audio(a.addr, 4000, "recvonly"))
		a.want(sip.ACK)
		b.status(200)
		b.ack(b.d.LocalSeq, "")
		b.asks(sip.BYE, "")
		bye := a.want(sip.BYE)
		a.reply(bye, 200, "")
		b.status(200)
		if via, _ := bye.Via(); via.Transport != sip.TCP {
			t.Errorf("BYE came over %s", via.Transport)
		}
	})
}
