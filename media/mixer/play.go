package mixer

import (
	"sync"

	"santral/media"
	"santral/media/pcm"
)

// playing is a source that is heard in a room, and who waits for its end. What gives way fades.
type playing struct {
	rate   int // the room's
	src    media.Source
	ended  chan<- struct{}
	filter *pcm.Resampler // nil where the source is at the room's rate
	in     []int16        // of the source
	fresh  bool           // src has not been read yet
	last   []int16        // what was heard last; nil when nothing was
	room   []int16        // for it
}

// begin plays src in place of what is played now.
func (p *playing) begin(src media.Source, ended chan<- struct{}) {
	p.end()
	if src == nil {
		if ended != nil {
			close(ended)
		}
		return
	}
	p.src, p.ended, p.filter, p.fresh = src, ended, nil, true
	from := media.RateOf(src)
	if a, ok := src.(media.Adjustable); ok && a.SetRate(p.rate) {
		from = p.rate
	} else if ok {
		a.SetRate(from) // whoever has read it before
	}
	if from != p.rate {
		filter, err := pcm.NewResampler(from, p.rate)
		if err != nil { // there is no way between the two rates
			p.end()
			return
		}
		p.filter, p.in = filter, make([]int16, from/50)
	}
}

// end ends what is played.
func (p *playing) end() {
	if p.ended != nil {
		close(p.ended)
	}
	p.src, p.ended = nil, nil
}

// read fills f with what is played, and is false when there is nothing.
func (p *playing) read(f media.Frame) bool {
	if p.src == nil && p.last == nil {
		return false
	}
	was := p.last
	if p.last = nil; p.src == nil {
		clear(f)
		fade(f, was, p.rate)
		return true
	}
	var n int
	var err error
	if p.filter == nil {
		n, err = p.src.Read(f)
		clear(f[n:])
		if err != nil && n > 0 {
			fade(f[n:], f[:n], p.rate)
		}
	} else {
		n, err = p.src.Read(p.in)
		clear(p.in[n:])
		clear(f[p.filter.Process(f, p.in):])
	}
	if p.fresh || n == 0 {
		fade(f, was, p.rate)
	}
	p.fresh = false
	if err != nil {
		p.end()
	}
	p.room = append(p.room[:0], f...)
	p.last = p.room
	return true
}

// queue is sound on its way from one turn to another, for those who know nothing of the room's. The zero value is ready.
type queue struct {
	mu     sync.Mutex
	sound  []int16
	wanted int // samples that are taken at a time; 0 while nobody takes
	idle   int // frames that nobody has taken
}

// put appends sound, and forgets the oldest above a length.
func (q *queue) put(f media.Frame, most int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if over := len(q.sound) + len(f) - most; over > 0 {
		q.sound = q.sound[:copy(q.sound, q.sound[min(over, len(q.sound)):])]
	}
	q.sound = append(q.sound, f...)
}

// take fills f; what is missing is silence. It is false when there is nothing at all.
func (q *queue) take(f media.Frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wanted, q.idle = len(f), 0
	n := copy(f, q.sound)
	clear(f[n:])
	q.sound = q.sound[:copy(q.sound, q.sound[n:])]
	return n > 0
}

// idleMost is for how many frames sound is kept ready for somebody who takes it no more.
const idleMost = 10

// offer puts what somebody may take, as long as somebody does.
func (q *queue) offer(f media.Frame) {
	q.mu.Lock()
	wanted := q.wanted
	if q.idle++; q.idle > idleMost {
		q.wanted, q.sound = 0, nil
	}
	q.mu.Unlock()
	if wanted > 0 {
		q.put(f, wanted+2*len(f))
	}
}

// takes reports whether somebody takes.
func (q *queue) takes() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.wanted > 0
}
