package mixer

import (
	"fmt"
	"testing"
	"time"

	"santral/media"
)

// still is a member that costs nothing itself: what it says is ready, and what it hears is not looked at.
type still struct {
	sound [50][]int16
	at    int
	turns int
}

func (s *still) Hear(f media.Frame) bool {
	copy(f, s.sound[s.at%50])
	s.at++
	return true
}
func (s *still) Take(*media.Mixed)               {}
func (s *still) Say(*media.Mixed, time.Duration) { s.turns++ }
func (s *still) Alone()                          {}

// stillRoom is a room of so many members, of whom every so many'th talks.
func stillRoom(t testing.TB, c Config, members, talkers int) (*Room, *hand) {
	h := &hand{}
	c.Clock = h
	r := New(c)
	for i := range members {
		s := &still{}
		say := noisy(uint64(i), 3) // the noise of a line
		if i < talkers {
			say = noisy(uint64(i), 6000)
		}
		for k := range s.sound {
			s.sound[k] = make([]int16, r.frame)
			say(s.sound[k])
		}
		m, err := r.Join(Options{})
		if err != nil {
			t.Fatal(err)
		}
		m.Draw(s)
		m.Lead(s)
	}
	for range 100 {
		h.turn()
	}
	return r, h
}

// BenchmarkTurn is the room's own part of a member's 20 ms: whether it speaks, how loud it is, the choice of talkers, the
// sum and the mixtures; without packets, buffers and codecs.
func BenchmarkTurn(b *testing.B) {
	for _, c := range []struct {
		name             string
		members, talkers int
		Config
	}{
		{"3 of 100 talk, 8 kHz", 100, 3, Config{Rate: 8000}},
		{"3 of 100 talk, 8 kHz, level", 100, 3, Config{Rate: 8000, Level: true}},
		{"3 of 100 talk, 16 kHz", 100, 3, Config{Rate: 16000}},
		{"3 of 100 talk, 48 kHz", 100, 3, Config{Rate: 48000}},
		{"30 of 100 talk, 8 kHz", 100, 30, Config{Rate: 8000}},
		{"3 of 3 talk, 8 kHz", 3, 3, Config{Rate: 8000}},
	} {
		b.Run(c.name, func(b *testing.B) {
			_, h := stillRoom(b, c.Config, c.members, c.talkers)
			b.ReportAllocs()
			for b.Loop() {
				h.turn()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.members), "ns/member")
		})
	}
}

// A turn allocates nothing, whoever talks.
func TestTurnAllocatesNothing(t *testing.T) {
	for _, c := range []Config{{Rate: 8000}, {Rate: 16000, Level: true}} {
		_, h := stillRoom(t, c, 30, 10)
		if n := testing.AllocsPerRun(200, h.turn); n > 0 && !underRace {
			t.Errorf("%v allocations at %s", n, fmt.Sprint(c.Rate))
		}
	}
}
