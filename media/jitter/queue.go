package jitter

import (
	"sync"

	"santral/media"
)

// slot is a packet that waits.
type slot struct {
	seq   int64 // with its wraps counted
	media int64 // where it stands in the stream, in samples of the output; of its era
	era   uint32
	f     format
	spare bool
	sound *[]byte
}

// queue holds the packets that wait, in their order.
type queue struct{ slots []slot }

// octets are the payloads of packets that wait, of all buffers.
var octets = sync.Pool{New: func() any { b := make([]byte, 0, 256); return &b }}

// put puts s in its place, and gives back a payload that is not kept: that of s when one of the same number
// is there already, or of the other if that is a copy and s the packet itself.
func (q *queue) put(s slot) (no *[]byte) {
	i := len(q.slots)
	for i > 0 && q.slots[i-1].seq > s.seq {
		i--
	}
	if i > 0 && q.slots[i-1].seq == s.seq {
		if old := &q.slots[i-1]; old.spare && !s.spare {
			no, *old = old.sound, s
			return no
		}
		return s.sound
	}
	q.slots = append(q.slots, slot{})
	copy(q.slots[i+1:], q.slots[i:])
	q.slots[i] = s
	return nil
}

func (q *queue) head() *slot {
	if len(q.slots) == 0 {
		return nil
	}
	return &q.slots[0]
}

// pop takes the first one out. Its payload belongs to the caller, who frees it.
func (q *queue) pop() slot {
	s := q.slots[0]
	n := copy(q.slots, q.slots[1:])
	q.slots[n] = slot{}
	q.slots = q.slots[:n]
	return s
}

func (q *queue) clear() {
	for i := range q.slots {
		free(q.slots[i].sound)
	}
	clear(q.slots)
	q.slots = q.slots[:0]
}

// keep copies a payload into one of the pool.
func keep(b []byte) *[]byte {
	p := octets.Get().(*[]byte)
	*p = append((*p)[:0], b...)
	return p
}

func free(p *[]byte) {
	if p != nil {
		octets.Put(p)
	}
}

// scratch are the frames that decoders write to, of all buffers: one is borrowed for each read.
var scratch = sync.Pool{New: func() any { return new(media.Frame) }}

func borrow(n int) *media.Frame {
	f := scratch.Get().(*media.Frame)
	if cap(*f) < n {
		*f = make(media.Frame, n)
	}
	*f = (*f)[:n]
	return f
}
