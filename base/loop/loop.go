// Package loop holds the inbox of everything in the house that owns state: producers post and never
// wait, one consumer takes all that waits.
//
// What lives here is the queue alone; the loops live with their state. The queue is unbounded on
// purpose (loops that wait for loops stop each other) and counted on purpose: whoever owns one watches
// [Queue.Len] and [Queue.High] and refuses new work at its own border. The queue owns what is in it
// until Take hands it over.
package loop

import "sync"

// Queue is an inbox with many producers and one consumer. The zero value is ready for use; it must
// not be copied. What one producer puts is taken in the order in which it was put.
type Queue[T any] struct {
	mu     sync.Mutex
	cond   sync.Cond
	items  []T
	high   int
	idle   bool // the consumer waits
	closed bool
}

// keep is the greatest capacity that an emptied buffer may hold on to: after a burst the memory goes back.
const keep = 4096

// Put adds v and never waits. It reports false, and drops v, after Close.
func (q *Queue[T]) Put(v T) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.items = append(q.items, v)
	if len(q.items) > q.high {
		q.high = len(q.items)
	}
	wake := q.idle
	q.idle = false
	q.mu.Unlock()
	if wake {
		q.cond.Signal()
	}
	return true
}

// Take waits until something is there and returns all of it. buf is what the last Take returned (nil
// at first): its elements are cleared and its memory is used again. After Close it returns what was
// still waiting, and then nil. Only one goroutine may call it.
func (q *Queue[T]) Take(buf []T) []T {
	buf = recycle(buf)
	q.mu.Lock()
	q.cond.L = &q.mu
	for len(q.items) == 0 {
		if q.closed {
			q.mu.Unlock()
			return nil
		}
		q.idle = true
		q.cond.Wait()
		q.idle = false
	}
	out := q.items
	q.items = buf
	q.mu.Unlock()
	return out
}

// recycle empties buf for its next use, or lets it go when a burst has made it large.
func recycle[T any](buf []T) []T {
	if cap(buf) > keep {
		return nil
	}
	clear(buf)
	return buf[:0]
}

// Len is how many items wait.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// High is the most that ever waited at once.
func (q *Queue[T]) High() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.high
}

// Close ends the queue: Put refuses, and Take returns what is left and then nil. Closing twice is fine.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.cond.Broadcast()
}
