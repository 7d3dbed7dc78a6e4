package endpoint

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// stamp is a timer of the wheel's test: it writes down when it fired.
type stamp struct {
	node
	w     *wheel
	fired uint64
	then  func()
}

func (s *stamp) expire() {
	s.fired = s.w.now
	if s.then != nil {
		s.then()
	}
}

// TestWheelAgainstAList sets, moves and stops timers over seven hours in steps of any size, and
// compares each firing with what a plain list says.
func TestWheelAgainstAList(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := new(wheel)
	live := map[*stamp]uint64{}
	for w.now < 7*3600*1000 {
		for range r.IntN(4) {
			s := &stamp{w: w}
			s.owner = s
			at := w.now + 1 + r.Uint64N(1<<(1+r.UintN(25)))
			w.add(&s.node, at)
			live[s] = at
		}
		for s := range live {
			if r.IntN(len(live)+20) == 0 {
				if !w.remove(&s.node) || w.remove(&s.node) {
					t.Fatal("remove")
				}
				delete(live, s)
			}
			break
		}
		next, ok := w.next()
		if ok != (len(live) > 0) {
			t.Fatalf("next says %v with %d timers", ok, len(live))
		}
		to := w.now + r.Uint64N(1<<(1+r.UintN(17)))
		if ok && r.IntN(2) == 0 {
			to = next
		}
		w.advance(to)
		if w.now != to {
			t.Fatalf("stands at %d, want %d", w.now, to)
		}
		for s, at := range live {
			switch {
			case s.fired == 0 && at <= to:
				t.Fatalf("at %d: timer for %d did not fire", to, at)
			case s.fired != 0 && s.fired != at:
				t.Fatalf("timer for %d fired at %d", at, s.fired)
			case s.fired != 0:
				delete(live, s)
			case next > at:
				t.Fatalf("next said %d, a timer is due at %d", next, at)
			}
		}
		if w.n != len(live) {
			t.Fatalf("%d timers, want %d", w.n, len(live))
		}
	}
}

func TestWheelOwnersMaySetTimers(t *testing.T) {
	w := new(wheel)
	a, b, c := &stamp{w: w}, &stamp{w: w}, &stamp{w: w}
	for _, s := range []*stamp{a, b, c} {
		s.owner = s
	}
	a.then = func() {
		w.add(&b.node, 0) // for the past: the next tick
		w.remove(&c.node) // due in this very tick
		a.then = nil
		w.add(&a.node, w.now+64)
	}
	w.add(&a.node, 10)
	w.add(&c.node, 10)
	w.advance(200)
	if b.fired != 11 || c.fired != 0 || a.fired != 74 || w.n != 0 {
		t.Errorf("a %d, b %d, c %d, %d left", a.fired, b.fired, c.fired, w.n)
	}
}

func TestAfter(t *testing.T) {
	play(t, nil, func(r *rig) {
		start := time.Now()
		var fired []time.Duration
		note := func() { fired = append(fired, time.Since(start)) }
		r.on("x", func(s *Shard) {
			s.After(30*time.Second+time.Millisecond, note) // 20 ms grain
			s.After(4*time.Second+time.Millisecond, note)
			s.After(time.Microsecond, note)
			stopped := s.After(time.Second, note)
			if !stopped.Stop() || stopped.Stop() {
				t.Error("Stop")
			}
			var none *Timer
			none.Stop()
		})
		time.Sleep(40 * time.Second)
		synctest.Wait()
		want := []time.Duration{time.Millisecond, 4001 * time.Millisecond, 30020 * time.Millisecond}
		if len(fired) != 3 || fired[0] != want[0] || fired[1] != want[1] || fired[2] != want[2] {
			t.Errorf("fired at %v, want %v", fired, want)
		}
	})
}

func BenchmarkWheelSetAndStop(b *testing.B) {
	w := new(wheel)
	for i := range 100000 {
		s := &stamp{w: w}
		s.owner = s
		w.add(&s.node, uint64(1000+i))
	}
	s := &stamp{w: w}
	s.owner = s
	b.ReportAllocs()
	for b.Loop() {
		w.add(&s.node, w.now+32000)
		w.remove(&s.node)
	}
}
