package session

import (
	"sync"
	"time"
)

// Established sessions are looked after in rounds, all of a node's by one timer: each once a second, and those
// whose peer was not heard yet at every beat, so that silence is noticed in time.
const (
	beat = 200 * time.Millisecond
	laps = int(time.Second / beat)
)

// rounds is who is looked after. The zero value is ready.
type rounds struct {
	mu    sync.Mutex  // a leaf
	timer *time.Timer // nil while nobody is
	lists [laps][]*Session
	young []*Session
	next  int
	busy  []*Session // the beat's own
}

var making sync.Mutex // a leaf

// look gives who is looked after with this configuration, or with one that it was copied from.
func (c *Config) look() *rounds {
	making.Lock()
	defer making.Unlock()
	if c.rounds == nil {
		c.rounds = &rounds{}
	}
	return c.rounds
}

// join begins to look after a session.
func (r *rounds) join(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.lap != 0 {
		return
	}
	least := 0
	for i := range r.lists {
		if len(r.lists[i]) < len(r.lists[least]) {
			least = i
		}
	}
	s.lap, s.place = int8(least+1), int32(len(r.lists[least]))
	r.lists[least] = append(r.lists[least], s)
	if r.timer == nil {
		r.timer = time.AfterFunc(beat, r.beat)
	}
}

// rejuvenate has a session looked at in every beat for a while.
func (r *rounds) rejuvenate(s *Session) {
	r.mu.Lock()
	if s.lap != 0 && s.young == 0 {
		r.young = append(r.young, s)
		s.young = int32(len(r.young))
	}
	r.mu.Unlock()
}

// leave ends it. A beat that is under way may still look once. The timer goes on: the next beat finds whether anybody is
// left, and a call that comes before needs no other.
func (r *rounds) leave(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.lap == 0 {
		return
	}
	list := r.lists[s.lap-1]
	last := len(list) - 1
	list[s.place] = list[last]
	list[s.place].place = s.place
	list[last] = nil
	r.lists[s.lap-1] = list[:last]
	s.lap = 0
	r.grownLocked(s)
}

// beat looks after those whose turn it is.
func (r *rounds) beat() {
	r.mu.Lock()
	whole := len(r.lists[r.next])
	r.busy = append(r.busy[:0], r.lists[r.next]...)
	for _, s := range r.young {
		if int(s.lap)-1 != r.next {
			r.busy = append(r.busy, s)
		}
	}
	r.next = (r.next + 1) % laps
	busy := r.busy
	r.mu.Unlock()

	var grown []*Session
	now := time.Now()
	for i, s := range busy {
		if !s.look(now, i < whole) {
			grown = append(grown, s)
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range grown {
		r.grownLocked(s)
	}
	clear(r.busy)
	r.timer = nil
	for i := range r.lists {
		if len(r.lists[i]) > 0 {
			r.timer = time.AfterFunc(beat, r.beat)
			return
		}
	}
}

// grownLocked lets go of one that is young no more.
func (r *rounds) grownLocked(s *Session) {
	if s.young == 0 {
		return
	}
	at, last := s.young-1, len(r.young)-1
	r.young[at] = r.young[last]
	r.young[at].young = at + 1
	r.young[last] = nil
	r.young = r.young[:last]
	s.young = 0
}
