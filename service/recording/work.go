package recording

import (
	"context"
	"sync"
	"time"
)

// jobs is what is to be done, in order; several hands take from it. What waits to be tried again counts too.
type jobs struct {
	mu     sync.Mutex // a leaf
	wake   sync.Cond
	list   []func()
	undone int           // listed, being done, or waiting to be tried again
	quiet  chan struct{} // closed when nothing is undone; nil while nobody waits for it
	closed bool
}

// later has a hand do something; false when no hand will, and the spool keeps it.
func (j *jobs) later(do func()) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	j.undone++
	j.list = append(j.list, do)
	j.wake.Signal()
	return true
}

// after is later, after a pause. It keeps the archive from ending no longer than the context of its Close lasts.
func (a *Archive) after(j *jobs, pause time.Duration, do func()) {
	j.begin()
	a.workers.Add(1)
	go func() {
		defer a.workers.Done()
		defer j.done()
		t := time.NewTimer(pause)
		defer t.Stop()
		select {
		case <-t.C:
			j.later(do)
		case <-a.ctx.Done():
		}
	}()
}

func (j *jobs) begin() {
	j.mu.Lock()
	j.undone++
	j.mu.Unlock()
}

func (j *jobs) done() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.undone--; j.undone == 0 && j.quiet != nil {
		close(j.quiet)
		j.quiet = nil
	}
}

func (j *jobs) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.undone
}

// idle waits until nothing is to be done.
func (j *jobs) idle(ctx context.Context) error {
	j.mu.Lock()
	if j.undone == 0 {
		j.mu.Unlock()
		return nil
	}
	if j.quiet == nil {
		j.quiet = make(chan struct{})
	}
	quiet := j.quiet
	j.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *jobs) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	j.wake.Broadcast()
}

// work is one of the hands.
func (a *Archive) work(j *jobs) {
	defer a.workers.Done()
	for {
		j.mu.Lock()
		for len(j.list) == 0 && !j.closed {
			j.wake.Wait()
		}
		if j.closed {
			j.mu.Unlock()
			return
		}
		do := j.list[0]
		j.list[0] = nil
		if j.list = j.list[1:]; len(j.list) == 0 {
			j.list = nil
		}
		j.mu.Unlock()
		do()
		j.done()
	}
}

// clerk writes notes of recordings that are going on. Of one whose note changes often, the last is written.
type clerk struct {
	mu     sync.Mutex // a leaf
	wake   sync.Cond
	list   []*tape
	listed map[*tape]bool
	closed bool
}

func (c *clerk) write(t *tape) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.listed[t] {
		return
	}
	if c.listed == nil {
		c.listed = map[*tape]bool{}
	}
	c.listed[t] = true
	c.list = append(c.list, t)
	c.wake.Signal()
}

func (c *clerk) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.wake.Broadcast()
}

func (c *clerk) run(a *Archive) {
	defer a.workers.Done()
	for {
		c.mu.Lock()
		for len(c.list) == 0 && !c.closed {
			c.wake.Wait()
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		t := c.list[0]
		c.list = c.list[1:]
		delete(c.listed, t)
		c.mu.Unlock()
		t.writing.Lock()
		if n, closed := t.known(); !closed { // whoever finishes it writes the rest
			if err := a.keep(&n); err != nil {
				a.alarm(BadDisk, err)
			}
		}
		t.writing.Unlock()
	}
}
