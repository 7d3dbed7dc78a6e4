package mixer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/rtp"
)

// hand is a media clock that is turned by hand.
type hand struct {
	speakers []rtp.Speaker
	now      time.Duration
}

func (h *hand) Speak(s rtp.Speaker) { h.speakers = append(h.speakers, s) }

func (h *hand) turn() {
	h.now += Frame
	h.speakers = slices.DeleteFunc(h.speakers, func(s rtp.Speaker) bool { return !s.Speak(h.now) })
}

// person is somebody in a room, whose sound is drawn and who is spoken to on its turns.
type person struct {
	t     testing.TB
	m     *Member
	say   func(f media.Frame) // nil: silence
	said  []int16
	heard []int16
	mixed []*media.Mixed // what it heard on each turn
	taken *media.Mixed
	alone int
	gone  bool
}

func (p *person) Hear(f media.Frame) bool {
	if p.gone {
		return false
	}
	clear(f)
	if p.say != nil {
		p.say(f)
	}
	p.said = append(p.said, f...)
	return true
}

func (p *person) Take(m *media.Mixed) { p.taken = m }

func (p *person) Say(m *media.Mixed, _ time.Duration) {
	if m != p.taken {
		p.t.Error("something else is said than was taken")
	}
	p.heard = append(p.heard, m.Sound...)
	p.mixed = append(p.mixed, m)
}

func (p *person) Alone() { p.alone++ }

// come has somebody join.
func come(t testing.TB, r *Room, o Options, say func(media.Frame)) *person {
	t.Helper()
	m, err := r.Join(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, m: m, say: say}
	if !m.Draw(p) || !m.Lead(p) {
		t.Fatal("the room takes no turns")
	}
	return p
}

// noisy is a voice: bursts of noise with a seed of its own.
func noisy(seed uint64, loud int) func(media.Frame) {
	r := rand.New(rand.NewPCG(seed, 1))
	n := 0
	return func(f media.Frame) {
		for i := range f {
			f[i] = int16(r.IntN(2*loud+1) - loud)
			if n++; n/2000%3 == 2 {
				f[i] /= 16
			}
		}
	}
}

// tone is a tone.
func tone(hz float64, rate int, loud float64) func(media.Frame) {
	turn := 0.
	return func(f media.Frame) {
		for i := range f {
			f[i] = int16(loud * math.Sin(turn))
			turn += 2 * math.Pi * hz / float64(rate)
		}
	}
}

func rms(s []int16) float64 {
	sum := 0.
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(s), 1)))
}

func dB(s []int16) float64 { return 20 * math.Log10(max(rms(s), 1e-3)/32768) }

// sumOf adds up what others said from sample a on.
func sumOf(a int, of ...*person) []int32 {
	sum := make([]int32, len(of[0].said)-a)
	for _, p := range of {
		for i, v := range p.said[len(p.said)-len(sum):] {
			sum[i] += int32(v)
		}
	}
	return sum
}

func same(heard []int16, sum []int32) int {
	for i, v := range heard {
		if int32(v) != sum[i] {
			return i
		}
	}
	return -1
}
