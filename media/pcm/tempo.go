package pcm

import "santral/media"

// Bounds of how fast a Tempo is.
const (
	Slowest = 0.5
	Fastest = 2.0
)

// Tempo makes sound faster and slower without a change of its pitch: pieces of it are left out or said again, each
// where it goes on best from the one before, into which it fades (as in Shrink and Grow, but at an even pace). It
// belongs to one stream, and is used by one goroutine at a time. Nothing is allocated after NewTempo.
type Tempo struct {
	rate  int
	hop   int // samples of a piece
	slack int // a piece may begin this much before or after its time

	in    []int16 // the stream, of which
	have  int     // samples are there, and
	next  int     // is where what was given last goes on
	ideal float64 // where the next piece should begin
	begun bool    // pieces are being laid over each other
	ended bool    // the stream

	out      []int16
	at, made int
}

// NewTempo makes one for sound of a rate.
func NewTempo(rate int) *Tempo {
	t := &Tempo{rate: rate, hop: samples(10000, rate), slack: samples(longest/2, rate)}
	t.in = make([]int16, 4*(t.hop+t.slack)+int(Fastest*float64(t.hop)))
	t.out = make([]int16, t.hop)
	return t
}

// Reset forgets the stream: another begins.
func (t *Tempo) Reset() {
	t.have, t.next, t.at, t.made, t.begun, t.ended = 0, 0, 0, 0, false, false
}

// Ahead is how many samples of the stream have been taken that were not given yet.
func (t *Tempo) Ahead() int { return t.have - t.next }

// Read fills f with what the stream is at a speed, from Slowest to Fastest, which may change from call to call. pull
// gives the next samples of the stream, fewer than are wanted at its end. n is less than len(f) at the end alone.
func (t *Tempo) Read(f media.Frame, speed float64, pull func(media.Frame) int) (n int) {
	speed = min(max(speed, Slowest), Fastest)
	for n < len(f) {
		if t.at < t.made {
			k := copy(f[n:], t.out[t.at:t.made])
			t.at += k
			n += k
			continue
		}
		if speed == 1 {
			t.begun = false
			k := copy(f[n:], t.in[t.next:t.have])
			t.next += k
			n += k
			if n == len(f) || t.ended {
				break
			}
			k = pull(f[n:])
			t.ended = k < len(f)-n
			n += k
			break
		}
		if t.step(speed, pull); t.made == 0 {
			break
		}
	}
	return n
}

// step makes the next piece.
func (t *Tempo) step(speed float64, pull func(media.Frame) int) {
	if !t.begun {
		t.begun, t.ideal = true, float64(t.next)
	}
	t.at = 0
	need := max(int(t.ideal)+t.slack, t.next) + t.hop
	t.fill(&need, pull)
	if t.have < need { // the end: what is left is given as it is
		t.made = copy(t.out, t.in[t.next:t.have])
		t.next += t.made
		t.ideal = float64(t.next)
		return
	}
	on := t.in[t.next : t.next+t.hop]
	low := max(int(t.ideal)-t.slack, 0)
	best, _ := seek(on, 0, int(t.ideal)+t.slack-low, t.rate, func(lag int) media.Frame { return t.in[low+lag : low+lag+t.hop] })
	from := t.in[low+best:]
	for i, v := range on {
		t.out[i] = blend(v, from[i], i, t.hop)
	}
	t.made = t.hop
	t.next = low + best + t.hop
	t.ideal += speed * float64(t.hop)
}

// fill has need samples in the buffer, if there are as many; what is no longer needed makes room, and need moves with
// it.
func (t *Tempo) fill(need *int, pull func(media.Frame) int) {
	if t.ended || t.have >= *need {
		return
	}
	gone := max(min(t.next, int(t.ideal)-t.slack), 0)
	copy(t.in, t.in[gone:t.have])
	t.have -= gone
	t.next -= gone
	t.ideal -= float64(gone)
	*need -= gone
	want := *need - t.have
	got := pull(t.in[t.have:*need])
	t.have += got
	t.ended = got < want
}

// Pending reports whether a piece is made that was not given yet.
func (t *Tempo) Pending() bool { return t.at < t.made }
