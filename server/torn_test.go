package server

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/sip"
)

// TestConnectionsTorn has the connection of a phone be torn a hundred times in the middle of its call, as an application
// does that goes from one network to the next. Meanwhile the other side wants to hold it now and then, which reaches it
// when it is back. The call is lost not once, and its sound goes on.
func TestConnectionsTorn(t *testing.T) {
	virtually(t, func(w *stage) {
		home := w.net.NAT(netip.MustParseAddr("198.51.100.7"), vnet.NATOptions{})
		wires := &breakable{Net: home.Host(netip.MustParseAddr("10.0.0.5"))}
		b := w.phone(sara, wires, netip.MustParseAddrPort("10.0.0.5:5060"), sip.TCP)
		addr := netip.MustParseAddr("192.0.2.11")
		a := w.phone(ali, w.net.Host(addr), netip.AddrPortFrom(addr, 5060), sip.UDP)
		other, mover := w.talk(a, b, sara)
		lost := 0
		for n := range 100 {
			w.wait(100 * time.Millisecond)
			wires.tear()
			w.wait(50 * time.Millisecond) // what is sent before we know of it is only known to be lost after 32 s
			if n%10 == 3 {                // it is asked when it is back
				ctx, stop := context.WithTimeout(w.ctx, 400*time.Millisecond)
				_ = other.Hold(ctx)
				stop()
			}
			w.wait(150 * time.Millisecond)
			w.must(b.Register(w.ctx, time.Hour))
			if n%10 == 3 {
				begin := time.Now()
				for other.Resume(w.ctx) != nil {
					if time.Since(begin) > 5*time.Second { // so long an attempt to connect to where it was takes
						t.Fatalf("%d: the hold is still under way", n)
					}
					w.wait(100 * time.Millisecond)
				}
			}
			before := len(a.packets())
			w.wait(500 * time.Millisecond)
			if got := len(a.packets()) - before; got < 20 { // of 25 and more
				t.Errorf("%d: %d packets in half a second", n, got)
			}
			if len(w.x.control.Calls("")) != 1 {
				lost++
			}
		}
		if lost != 0 {
			t.Fatalf("%d of 100 calls were lost", lost)
		}
		w.hear(a, b)
		w.holds(mover, other)
		w.holds(other, mover)
		other.Hangup()
		w.ended(mover, other)
		if r := w.record(); r.Q850 != 16 {
			t.Errorf("the call ended with %d %s", r.Q850, r.Cause)
		}
		w.free()
	})
}
