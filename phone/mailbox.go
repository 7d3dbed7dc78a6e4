package phone

import (
	"context"
	"sync"
)

// mailbox keeps what has happened until somebody asks. Putting never waits; several may take.
type mailbox[T any] struct {
	mu     sync.Mutex // a leaf
	items  []T
	wake   chan struct{} // holds a token while there may be something to take
	closed error         // what take gives once all is taken
}

// most is how much waits for a taker that never comes; older things are forgotten.
const most = 4096

func (m *mailbox[T]) init() { m.wake = make(chan struct{}, 1) }

func (m *mailbox[T]) put(v T) {
	m.mu.Lock()
	if m.closed == nil {
		if len(m.items) == most {
			m.items = m.items[1:]
		}
		m.items = append(m.items, v)
	}
	m.mu.Unlock()
	m.nudge()
}

func (m *mailbox[T]) close(err error) {
	m.mu.Lock()
	if m.closed == nil {
		m.closed = err
	}
	m.mu.Unlock()
	m.nudge()
}

func (m *mailbox[T]) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take waits for the next thing.
func (m *mailbox[T]) take(ctx context.Context) (v T, err error) {
	for {
		m.mu.Lock()
		if len(m.items) > 0 {
			v = m.items[0]
			m.items = m.items[1:]
			more := len(m.items) > 0 || m.closed != nil
			m.mu.Unlock()
			if more {
				m.nudge()
			}
			return v, nil
		}
		err = m.closed
		m.mu.Unlock()
		if err != nil {
			m.nudge()
			return v, err
		}
		select {
		case <-m.wake:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}
