package session_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/mediatest"
	"santral/media/mixer"
)

// Phones whose clocks go wrong are heard in a room as they speak, however long: without gaps, and without the delay growing.
func TestRoomAndWrongClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 8000})
		a, b, c := h.seat(pcma, 20, 400), h.seat(g722, 20, 700), h.seat(pcma, 20, 1000)
		long := 100 * time.Second
		begin := time.Now()
		for _, x := range []struct {
			s   *seat
			ppm float64
		}{{a, 400}, {b, -400}} {
			go func() {
				for n := 1; time.Since(begin) < long; n++ {
					time.Sleep(time.Until(begin.Add(time.Duration(float64(n) * 20e6 * (1 + x.ppm/1e6)))))
					x.s.say()
				}
			}()
		}
		worst := [2]float64{8000, 8000}
		for time.Since(begin) < long-10*time.Second {
			mediatest.Wait(10 * time.Second)
			a.phone.Take()
			b.phone.Take()
			sound := c.sound()
			if time.Since(begin) < 15*time.Second {
				continue
			}
			for at := 0; at+800 <= len(sound); at += 800 {
				for i, hz := range []float64{400, 700} {
					level, _ := toneOf(sound[at:at+800], hz, 8000)
					worst[i] = min(worst[i], level)
				}
			}
		}
		if math.Min(worst[0], worst[1]) < 7000 {
			t.Errorf("the worst tenth of a second: %.0f, %.0f", worst[0], worst[1])
		}
		for _, x := range h.seats[:2] { // by now 40 ms fast and slow
			if q := x.s.Quality()[0]; q.Buffer > 40*time.Millisecond || q.Concealed > time.Second {
				t.Errorf("%g: delay %v, %v were made up", x.hz, q.Buffer, q.Concealed)
			}
		}
		mediatest.Wait(20 * time.Second)
	})
}
