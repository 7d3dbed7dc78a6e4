package server

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"santral/media/mediatest"
	"santral/phone"
	"santral/sip"
	"santral/store"
)

// served has Ali call a service, and gives what it hears from then on.
func (w *stage) served(a *party, code string) (*phone.Call, *mediatest.Ear) {
	w.Helper()
	c, err := a.Call(w.ctx, code)
	w.must(err)
	_, err = c.Wait(w.ctx, phone.Talks)
	w.must(err)
	ear := &mediatest.Ear{}
	c.Record(ear)
	return c, ear
}

// over waits for the service to hang up.
func (w *stage) over(c *phone.Call) {
	w.Helper()
	select {
	case <-c.Done():
	case <-time.After(2 * time.Minute):
		w.Fatal("the service does not hang up")
	}
	w.wait(time.Second)
}

// loudness is how long something is heard in a sound at 8 kHz: in pieces of 20 ms.
func loudness(sound []int16) time.Duration {
	pieces := 0
	for ; len(sound) >= 160; sound = sound[160:] {
		for _, v := range sound[:160] {
			if v > 500 || v < -500 {
				pieces++
				break
			}
		}
	}
	return time.Duration(pieces) * 20 * time.Millisecond
}

func (w *stage) alone() *party {
	return w.phone(ali, w.net.Host(netip.MustParseAddr("192.0.2.11")), netip.MustParseAddrPort("192.0.2.11:5060"), sip.UDP)
}

// TestServicesAreHandedOver hands over a call that a service speaks in: the sentence goes on where it was, in the next
// exchange and in the one after that, and there is one record.
func TestServicesAreHandedOver(t *testing.T) {
	virtually(t, func(w *stage) {
		a := w.alone()
		c, ear := w.served(a, "*44")
		w.over(c)
		whole := loudness(ear.Samples())
		if whole < 4*time.Second {
			t.Fatalf("the time takes %s to tell", whole)
		}
		begin := time.Now()
		c, ear = w.served(a, "*44")
		for range 2 {
			w.wait(2 * time.Second)
			w.handOver()
		}
		w.over(c)
		if got := loudness(ear.Samples()); got < whole-600*time.Millisecond || got > whole+200*time.Millisecond {
			t.Errorf("over two hand-overs %s were heard of %s", got, whole)
		}
		w.free()
		page, _, err := w.x.records.CDRs(w.ctx, store.CDRFilter{}, "", 10)
		w.must(err)
		if len(page) != 2 {
			t.Fatalf("%d records", len(page))
		}
		for _, r := range page {
			if r.State != store.Answered || r.EndedBy != "exchange" || r.Dialled != "*44" || r.Q850 != 16 {
				t.Errorf("record: %+v", r)
			}
		}
		if d := time.Since(begin); d > time.Minute {
			t.Errorf("the second call took %s", d)
		}

		c, ear = w.served(a, "*43")
		c.Play(&mediatest.Sound{Samples: buzz(60)})
		w.wait(2 * time.Second)
		w.handOver()
		w.wait(2 * time.Second)
		n := len(ear.Samples())
		if got := loudness(ear.Samples()[n-8000:]); got < 900*time.Millisecond {
			t.Errorf("%s of the last second of an echo", got)
		}
		w.must(c.SendDigits(w.ctx, "#"))
		w.over(c)
	})
}

// buzz is seconds of something loud.
func buzz(seconds int) []int16 {
	sound := make([]int16, 8000*seconds)
	for i := range sound {
		sound[i] = int16(8000 * (i/8%2*2 - 1))
	}
	return sound
}

// TestPlayback: what is said to *45 is heard back.
func TestPlayback(t *testing.T) {
	virtually(t, func(w *stage) {
		a := w.alone()
		c, ear := w.served(a, "*45")
		w.wait(6 * time.Second) // the invitation and the beep
		before := loudness(ear.Samples())
		c.Play(&mediatest.Sound{Samples: buzz(3)})
		w.wait(3500 * time.Millisecond)
		if got := loudness(ear.Samples()); got != before {
			t.Errorf("something was heard while it recorded: %s", got-before)
		}
		w.must(c.SendDigits(w.ctx, "#"))
		w.over(c)
		if got := loudness(ear.Samples()) - before; got < 2900*time.Millisecond || got > 3100*time.Millisecond {
			t.Errorf("%s of 3 s are heard back", got)
		}
		w.free()
	})
}

// TestLine: *46 says what a phone has, and shows it.
func TestLine(t *testing.T) {
	virtually(t, func(w *stage) {
		a := w.alone()
		c, ear := w.served(a, "*46")
		c.Play(&mediatest.Sound{Samples: buzz(60)})
		w.over(c)
		if got := loudness(ear.Samples()); got < 6*time.Second {
			t.Errorf("%s were said", got)
		}
		if shown := a.shown(); !strings.Contains(shown, ", MOS 4.") || !strings.Contains(shown, ", 0.0 % lost") || !strings.Contains(shown, " ms") {
			t.Errorf("the phone shows %q", shown)
		}
		w.free()
	})
}

// shown is the name that a request within the call has asserted last (RFC 4916).
func (x *witness) shown() (name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.came {
		if m != nil && m.IsRequest() && m.Get(sip.PAssertedIdentity) != "" {
			name = m.Get(sip.PAssertedIdentity)
		}
	}
	return name
}
