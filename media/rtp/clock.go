package rtp

import (
	"sync"
	"time"
)

// Speaker is somebody who sends a packet every 20 ms. Speak is called on the media clock, must not
// block, and returns false to be called no more. now is the pool's clock.
type Speaker interface {
	Speak(now time.Duration) bool
}

// FrameTime is the time between two packets of a Speaker.
const FrameTime = 20 * time.Millisecond

// The clock spreads its speakers over phases, so that they do not all burst at once. A clock that
// was held up says what it owes, up to a limit, so that streams keep pace with real time.
const (
	phases   = 4
	phase    = FrameTime / phases
	owedMost = 5 * phases
)

// clock is the one goroutine that all speakers of a pool share. It runs while there are any.
type clock struct {
	pool *Pool
	done sync.WaitGroup

	mu      sync.Mutex
	joining []Speaker
	running bool
	closed  bool
	stop    chan struct{}
}

// Speak adds s to the media clock until its Speak returns false. The caller does not add one that
// is still on the clock.
func (p *Pool) Speak(s Speaker) {
	c := &p.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.joining = append(c.joining, s)
	if !c.running {
		c.running = true
		c.stop = make(chan struct{})
		c.done.Add(1)
		go c.run(c.stop)
	}
}

func (c *clock) run(stop chan struct{}) {
	defer c.done.Done()
	var list [phases][]Speaker
	begin := time.Now()
	timer := time.NewTimer(phase)
	defer timer.Stop()
	for n := 0; ; n++ {
		due := begin.Add(time.Duration(n) * phase)
		wait := time.Until(due)
		if wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-stop:
				return
			}
		} else if -wait > owedMost*phase {
			begin = begin.Add(-wait) // the rest of what was owed is never said
		}
		if !c.admit(&list) {
			return
		}
		now := time.Duration(c.pool.now())
		on := list[n%phases]
		keep := on[:0]
		for _, s := range on {
			if s.Speak(now) {
				keep = append(keep, s)
			}
		}
		clear(on[len(keep):])
		list[n%phases] = keep
	}
}

// admit gives those who join to the emptiest phase. It is false when nobody is left.
func (c *clock) admit(list *[phases][]Speaker) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.joining {
		least := 0
		for i := range list {
			if len(list[i]) < len(list[least]) {
				least = i
			}
		}
		list[least] = append(list[least], s)
	}
	clear(c.joining)
	c.joining = c.joining[:0]
	for i := range list {
		if len(list[i]) > 0 {
			return true
		}
	}
	c.running = false
	return false
}

func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	if c.running {
		close(c.stop)
	}
	c.mu.Unlock()
	c.done.Wait()
}
