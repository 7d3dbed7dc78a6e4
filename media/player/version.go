package player

import (
	"sync"
	"sync/atomic"

	"santral/media/pcm"
)

// version is a sound at one rate, shared by all who play it so. What is not at the sound's own rate is made piece by
// piece when somebody comes to it, and stays: nobody has a resampler of its own, and nobody waits for the whole.
type version struct {
	x   []int16 // the sound, of which some pieces may not be made yet
	src []int16 // of which it is made; nil where x is the sound itself

	made   []atomic.Bool // pieces of x
	mu     sync.Mutex    // for who makes one
	filter *pcm.Filter
}

// step is a piece, in samples: what is made at once must not keep the media clock.
const step = 1024

// newVersion makes one of samples at a rate that is not theirs.
func newVersion(src []int16, from, to int) *version {
	f := pcm.NewFilter(from, to)
	v := &version{src: src, filter: f}
	v.x = make([]int16, f.Length(len(src)))
	v.made = make([]atomic.Bool, (len(v.x)+step-1)/step)
	return v
}

// make has samples first to end of x be there.
func (v *version) make(first, end int) {
	for p := first / step; p*step < end; p++ {
		if v.made[p].Load() {
			continue
		}
		v.mu.Lock()
		if !v.made[p].Load() {
			at := p * step
			v.filter.At(v.x[at:min(at+step, len(v.x))], v.src, at)
			v.made[p].Store(true)
		}
		v.mu.Unlock()
	}
}

// part gives samples first to end.
func (v *version) part(first, end int) []int16 {
	if v.src != nil {
		v.make(first, end)
	}
	return v.x[first:end]
}
