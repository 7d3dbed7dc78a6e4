package session_test

import (
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/mixer"
)

// Rooms are closed, by whoever is told that somebody talks or by others, while phones come in, go elsewhere, are joined and
// hang up: in the end those that are left hear each other, and of the others nothing is left.
func TestRoomsThatClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 8000})
		for i := range 4 {
			h.seat([]media.Format{pcma, g722}[i%2], 20, 350+200*float64(i))
		}
		gone := h.seat(pcma, 20, 1300)
		var mu sync.Mutex
		var room *mixer.Room
		fresh := func() {
			var r *mixer.Room
			r = mixer.New(mixer.Config{Clock: h.cfg.Pool, Rate: 16000, Talks: func(_ *mixer.Member, talks bool, _ time.Time) {
				if !talks {
					r.Close()
				}
			}})
			mu.Lock()
			was := room
			room = r
			mu.Unlock()
			if was != nil {
				was.Close()
			}
		}
		fresh()
		goroutines := runtime.NumGoroutine()
		var all sync.WaitGroup
		all.Go(func() {
			for range 60 {
				mediatest.Wait(17 * time.Millisecond)
				fresh()
			}
		})
		for n, x := range h.seats {
			all.Go(func() {
				for i := range 60 {
					mu.Lock()
					r := room
					mu.Unlock()
					if m, err := r.Join(mixer.Options{}); err == nil {
						x.s.Attach(m, m)
						if i%4 == n%4 {
							go m.Leave()
						}
					}
					switch (i + n) % 7 {
					case 2:
						x.s.Join(h.seats[(n+1)%4].s)
					case 4:
						x.s.Echo()
					case 6:
						x.s.Part()
					}
					mediatest.Wait(time.Duration(5*(i+n)%21) * time.Millisecond)
					if x == gone && i == 40 {
						x.s.Close()
					}
				}
			})
		}
		h.talk(time.Second, h.seats...)
		all.Wait()
		fresh()
		mediatest.Wait(100 * time.Millisecond)
		for _, x := range h.seats[:4] {
			x.m.Leave()
			x.m = got(h.room.Join(mixer.Options{}))(t)
			x.s.Attach(x.m, x.m)
		}
		gone.m.Leave()
		h.talk(time.Second, h.seats[:4]...)
		for _, x := range h.seats[:4] {
			x.phone.Take()
		}
		h.talk(2*time.Second, h.seats[:4]...)
		for _, x := range h.seats[:4] {
			sound := x.sound()
			sound = sound[len(sound)-x.codec.Rate/2:]
			for _, o := range h.seats[:4] {
				want := 8000.
				if o == x {
					want = 0
				}
				if level, _ := toneOf(sound, o.hz, x.codec.Rate); math.Abs(level-want) > 1000 {
					t.Errorf("%s %g hears %g at %.0f, want %.0f", x.f.Name, x.hz, o.hz, level, want)
				}
			}
		}
		if n := runtime.NumGoroutine(); n > goroutines+2 {
			t.Errorf("%d goroutines, at first %d", n, goroutines)
		}
	})
}
