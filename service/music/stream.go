package music

import (
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"santral/media"
	"santral/media/player"
)

// stream is a tune that goes on. Its sound does not change.
type stream struct {
	clock   Clock // nil: each who listens encodes for itself
	began   time.Time
	tracks  []track
	total   time.Duration // of a round
	shuffle bool
	seed    uint64

	mu     sync.Mutex
	choirs []*choir
}

func newStream(clock Clock, began time.Time, tracks []track, shuffle bool, seed uint64) *stream {
	st := &stream{clock: clock, began: began, tracks: tracks, shuffle: shuffle && len(tracks) > 1, seed: seed}
	for _, t := range tracks {
		st.total += t.sound.Duration()
	}
	return st
}

// round begins a playing of all tracks once, in the order that the n-th round has for everyone.
func (st *stream) round(n int64) *player.Source {
	parts := make([]player.Part, len(st.tracks))
	for i := range parts {
		parts[i] = st.tracks[i].sound
	}
	if st.shuffle {
		rnd := rand.New(rand.NewPCG(st.seed, uint64(n)))
		rnd.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	return player.Sequence(parts...)
}

// listen gives a reading that joins the stream when it is read.
func (st *stream) listen() *listener { return &listener{stream: st, rate: mostRate} }

// listener is one reading of a stream. It belongs to the media loop that reads it.
type listener struct {
	stream *stream
	rate   int
	round  int64
	src    *player.Source // nil before it has been read
	last   time.Time      // when it was read
	rises  int            // samples of the rise that were heard
	choir  *choir         // where it is said in a choir; behind the stream's lock
	voice  media.Voice    // likewise
}

const (
	away     = 200 * time.Millisecond // who was not there for so long finds the stream further on
	riseTime = 30 * time.Millisecond  // who joins hears it come up
)

var (
	_ media.Rated      = (*listener)(nil)
	_ media.Adjustable = (*listener)(nil)
	_ media.Leader     = (*listener)(nil)
)

// Rate is what sounds are kept at.
func (*listener) Rate() int { return mostRate }

// SetRate has it give sound at a rate of voices that carries no more than it has (media.Adjustable): there are not
// many who want a higher one, and they have an encoder that costs more than a resampler.
func (l *listener) SetRate(rate int) bool {
	if rate != 8000 && rate != mostRate {
		return false
	}
	if l.rate = rate; l.src != nil {
		l.src.SetRate(rate)
	}
	return true
}

// join goes to where the stream is at a time.
func (l *listener) join(now time.Time) {
	since := max(now.Sub(l.stream.began), 0)
	l.begin(int64(since / l.stream.total))
	l.src.Seek(since % l.stream.total)
	l.rises = 0
}

func (l *listener) begin(round int64) {
	l.round, l.src = round, l.stream.round(round)
	l.src.SetRate(l.rate)
}

// Read gives the next of the stream; it has no end.
func (l *listener) Read(f media.Frame) (int, error) {
	now := time.Now()
	if l.src == nil || now.Sub(l.last) > away {
		l.join(now)
	}
	l.last = now
	for n := 0; n < len(f); {
		k, err := l.src.Read(f[n:])
		n += k
		if errors.Is(err, io.EOF) {
			l.begin(l.round + 1)
		}
	}
	if rise := l.rate * int(riseTime/time.Millisecond) / 1000; l.rises < rise {
		for i := range f[:min(len(f), rise-l.rises)] {
			f[i] = int16(int(f[i]) * l.rises / rise)
			l.rises++
		}
	}
	return len(f), nil
}
