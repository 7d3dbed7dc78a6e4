package mixer

import (
	"testing"

	"santral/media"
	"santral/media/mediatest"
)

// What is played in place of something else, and what ends in the middle of a swing, is followed without a click.
func TestNoClicksBetweenWhatIsPlayed(t *testing.T) {
	for _, rate := range []int{8000, 48000} {
		for _, at := range []int{rate, 8000} {
			c := &hand{}
			r := New(Config{Clock: c, Rate: rate})
			a := come(t, r, Options{}, nil)
			turns := func(n int) {
				for range n {
					c.turn()
				}
			}
			sound := make([]int16, at/5)
			tone(313, at, 9000)(sound)
			own := step(sound)
			for _, play := range []func(media.Source, chan<- struct{}){a.m.Play, r.Play} {
				for k := range 5 {
					play(&endless{f: tone(301+float64(k), at, 9000), rate: at}, nil)
					turns(6)
					play(&endless{f: tone(307, at, 3000), rate: at}, nil) // gives way, and so does this
					turns(7)
					for _, cut := range []int{0, at / 400, at / 200, 7} { // at the end of a frame, and within one
						play(&limited{mediatest.Sound{Samples: sound[:len(sound)-cut]}, at}, nil)
						turns(15)
					}
				}
			}
			if got := step(a.heard); got > own*2+40 { // two are heard where one gives way
				t.Errorf("at %d Hz, played at %d: a step of %d, of the sound itself they are up to %d", rate, at, got, own)
			}
		}
	}
}

// slowed is sound of 16 kHz that can be had at 8; each sample says the rate.
type slowed struct{ rate int }

func (*slowed) Rate() int { return 16000 }
func (s *slowed) SetRate(rate int) bool {
	if rate != 8000 && rate != 16000 {
		return false
	}
	s.rate = rate
	return true
}
func (s *slowed) Read(f media.Frame) (int, error) {
	for i := range f {
		f[i] = int16(s.rate)
	}
	return len(f), nil
}

// A source that somebody has read at another rate is played in a room at its pace.
func TestPlayWhatWasReadBefore(t *testing.T) {
	p, src := playing{rate: 16000}, &slowed{rate: 8000}
	p.begin(src, nil)
	f := make(media.Frame, 320)
	if p.read(f); f[0] != 16000 {
		t.Errorf("sound of %d Hz is played", f[0])
	}
}

// Who waits for the end of what is played does not wait for a room that everybody has left; who comes later does not hear it.
func TestPlayToNobodyLeft(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c})
	a := come(t, r, Options{}, nil)
	ended := make(chan struct{})
	r.Play(&endless{f: tone(500, 8000, 8000)}, ended)
	c.turn()
	a.m.Leave()
	c.turn()
	select {
	case <-ended:
	default:
		t.Error("it is still played")
	}
	b := come(t, r, Options{}, nil)
	for range 5 {
		c.turn()
	}
	if level := rms(b.heard); level > 50 {
		t.Errorf("who comes then hears %.0f", level)
	}
}
