package control

import (
	"testing"
	"time"

	"santral/media"
	"santral/media/player"
)

// plainly hides what a source can do besides.
type plainly struct{ media.Source }

// A sound that is there at the rate of the caller's phone is read at that, with its place told in time all the same; and
// one goes on from a place whatever it is made of.
func TestPlayingAtTheRateOfThePhone(t *testing.T) {
	samples := make([]int16, 16000)
	for i := range samples {
		samples[i] = int16(i)
	}
	f := make(media.Frame, 160)
	p := newPlaying(player.New(samples, 16000).Play())
	if p.Rate() != 16000 || !p.SetRate(8000) || p.SetRate(1234) {
		t.Fatalf("a sound of %d Hz is not read at the phone's rate", p.Rate())
	}
	for range 10 {
		if n, err := p.Read(f); n != 160 || err != nil {
			t.Fatal(n, err)
		}
	}
	if at := p.position(); at != 200*time.Millisecond || f[159] < 3190 || f[159] > 3202 {
		t.Errorf("after 200 ms it is at %v and says %d", at, f[159])
	}
	for _, src := range []media.Source{player.New(samples[:8000], 8000).Play(), plainly{player.New(samples[:8000], 8000).Play()}} {
		q := newPlaying(src)
		q.skip(500 * time.Millisecond)
		if _, err := q.Read(f); err != nil || f[0] != 4000 || q.position() != 520*time.Millisecond {
			t.Errorf("%T: from 500 ms on it says %d and is at %v, %v", src, f[0], q.position(), err)
		}
	}
	if q := newPlaying(plainly{player.New(samples, 8000).Play()}); q.SetRate(16000) {
		t.Error("a source of one rate has two")
	}
}
