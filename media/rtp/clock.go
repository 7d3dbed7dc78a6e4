package rtp

import (
	"sync"
	"time"
)

// Speaker is somebody who sends a packet every so often. Speak is called on the media clock, must not
// block, and returns false to be called no more. now is the pool's clock.
type Speaker interface {
	Speak(now time.Duration) bool
}

// Paced is what a Speaker may be besides: one who sends at another pace than FrameTime. Pace is asked after
// every Speak, and before the first; it is rounded to a multiple of 5 ms, between 5 and 120 ms.
type Paced interface {
	Pace() time.Duration
}

// FrameTime is the time between two packets of a Speaker.
const FrameTime = 20 * time.Millisecond

// The clock spreads its speakers over phases, so that they do not all burst at once. A clock that
// was held up says what it owes, up to a limit, so that streams keep pace with real time.
const (
	phase    = 5 * time.Millisecond
	phases   = 24 // of a round: the longest pace
	owedMost = 20 // phases
)

// clock is one goroutine that a part of the speakers of a pool share. It runs while there are any.
type clock struct {
	pool *Pool
	done sync.WaitGroup

	mu      sync.Mutex
	joining []speaker
	many    int // speakers, those that join too
	running bool
	closed  bool
	stop    chan struct{}
}

// speaker is one who is on a clock.
type speaker struct {
	Speaker
	paced Paced // nil: every FrameTime
}

// steps is after how many phases it speaks again.
func (s *speaker) steps() int {
	if s.paced == nil {
		return int(FrameTime / phase)
	}
	return min(max(int(s.paced.Pace()/phase), 1), phases)
}

// Speak adds s to the media clock until its Speak returns false. The caller does not add one that
// is still on the clock.
func (p *Pool) Speak(s Speaker) {
	c := p.idlest()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	paced, _ := s.(Paced)
	c.joining = append(c.joining, speaker{s, paced})
	c.many++
	if !c.running {
		c.running = true
		c.stop = make(chan struct{})
		c.done.Add(1)
		go c.run(c.stop)
	}
}

// idlest gives the clock that has the least to do: there is one for each core, as speakers encode and decode.
func (p *Pool) idlest() *clock {
	best, least := &p.clocks[0], -1
	for i := range p.clocks {
		c := &p.clocks[i]
		c.mu.Lock()
		many := c.many
		c.mu.Unlock()
		if least < 0 || many < least {
			best, least = c, many
		}
	}
	return best
}

func (c *clock) run(stop chan struct{}) {
	defer c.done.Done()
	var round [phases][]speaker
	begin := time.Now()
	timer := time.NewTimer(phase)
	defer timer.Stop()
	gone := 0
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
		if !c.admit(&round, n, gone) {
			return
		}
		now := time.Duration(c.pool.now())
		on := round[n%phases]
		round[n%phases] = on[len(on):] // one at the longest pace joins it again behind them
		gone = 0
		for _, s := range on {
			if !s.Speak(now) {
				gone++
				continue
			}
			next := &round[(n+s.steps())%phases]
			*next = append(*next, s)
		}
		if again := round[n%phases]; len(again) == 0 {
			clear(on)
			round[n%phases] = on[:0]
		}
	}
}

// admit gives those who join to the emptiest of the next phases. gone is how many have left since it was last
// asked. It is false when nobody is left.
func (c *clock) admit(round *[phases][]speaker, n, gone int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.many -= gone
	for _, s := range c.joining {
		least := n
		for i := n; i < n+s.steps(); i++ {
			if len(round[i%phases]) < len(round[least%phases]) {
				least = i
			}
		}
		round[least%phases] = append(round[least%phases], s)
	}
	clear(c.joining)
	c.joining = c.joining[:0]
	if c.many > 0 {
		return true
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
