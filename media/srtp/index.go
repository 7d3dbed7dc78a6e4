package srtp

import "santral/media/rtp"

// How much is remembered of sources. A source is known once a packet of it was authentic, so only somebody who
// has the key makes us remember.
const (
	opened = 32  // sources of a peer; the one that was silent longest gives way
	sealed = 256 // sources that we send; a further one is refused, because an index must never be used twice
)

// window is what was seen of one source's packets: the highest index, and the rtp.ReplayWindow below it
// (RFC 3711 §3.3.2). The zero value has seen nothing.
type window struct {
	begun bool
	top   uint64
	seen  [rtp.ReplayWindow / 64]uint64 // bit i%64 of word i/64: top-i was seen
}

// guess gives the index that a sequence number most likely means (RFC 3711 §3.3.1); ok is false when that would be
// before the first or after the last one that a key serves.
func (w *window) guess(seq uint16) (index uint64, ok bool) {
	roc, last := w.top>>16, uint16(w.top)
	switch {
	case last < 1<<15 && int(seq)-int(last) > 1<<15:
		if roc == 0 {
			return 0, false
		}
		roc--
	case last >= 1<<15 && int(last)-int(seq) > 1<<15:
		if roc++; roc > 1<<32-1 {
			return 0, false
		}
	}
	return roc<<16 | uint64(seq), true
}

// fresh reports whether an index was not seen yet and is not too old to tell.
func (w *window) fresh(index uint64) bool {
	if !w.begun || index > w.top {
		return true
	}
	back := w.top - index
	return back < rtp.ReplayWindow && w.seen[back/64]>>(back%64)&1 == 0
}

// mark notes that an index was seen.
func (w *window) mark(index uint64) {
	switch {
	case !w.begun:
		w.begun, w.top = true, index
	case index > w.top:
		w.shift(index - w.top)
		w.top = index
	}
	if back := w.top - index; back < rtp.ReplayWindow {
		w.seen[back/64] |= 1 << (back % 64)
	}
}

// shift moves what was seen n places back.
func (w *window) shift(n uint64) {
	for ; n >= 64; n -= 64 {
		copy(w.seen[1:], w.seen[:])
		if w.seen[0] = 0; w.seen == [len(w.seen)]uint64{} {
			return
		}
	}
	if n == 0 {
		return
	}
	for i := len(w.seen) - 1; i > 0; i-- {
		w.seen[i] = w.seen[i]<<n | w.seen[i-1]>>(64-n)
	}
	w.seen[0] <<= n
}

// source is what is remembered of one source (RFC 3711 §3.2.1).
type source struct {
	ssrc    uint32
	used    uint64 // when, on the table's count
	rtp     window
	control window // of SRTCP indices; of those that we send only the top counts
}

// table is the sources of one machine.
type table struct {
	list  []source
	last  int // where the last one was found
	count uint64
}

// find gives what is remembered of a source, nil for nothing. The pointer holds until the next add.
func (t *table) find(ssrc uint32) *source {
	if t.last < len(t.list) && t.list[t.last].ssrc == ssrc {
		return &t.list[t.last]
	}
	for i := range t.list {
		if t.list[i].ssrc == ssrc {
			t.last = i
			return &t.list[i]
		}
	}
	return nil
}

// touch notes that a source was heard.
func (t *table) touch(s *source) {
	t.count++
	s.used = t.count
}

// add makes room for a source. Of limit sources the one that was silent longest goes.
func (t *table) add(ssrc uint32, limit int) *source {
	if len(t.list) < limit {
		t.list = append(t.list, source{ssrc: ssrc})
		t.last = len(t.list) - 1
		return &t.list[t.last]
	}
	t.last = 0
	for i := range t.list {
		if t.list[i].used < t.list[t.last].used {
			t.last = i
		}
	}
	t.list[t.last] = source{ssrc: ssrc}
	return &t.list[t.last]
}

// freeze writes the table out, the longest silent first.
func (t *table) freeze() []rtp.SourceState {
	list := make([]rtp.SourceState, 0, len(t.list))
	for range t.list {
		var next *source
		for i := range t.list {
			s := &t.list[i]
			if next == nil || s.used < next.used {
				next = s
			}
		}
		list = append(list, rtp.SourceState{
			SSRC: next.ssrc, Begun: next.rtp.begun, Top: next.rtp.top, Seen: next.rtp.seen,
			ControlBegun: next.control.begun, ControlTop: next.control.top, ControlSeen: next.control.seen,
		})
		next.used += 1 << 62
	}
	for i := range t.list {
		t.list[i].used -= 1 << 62
	}
	return list
}

// thaw reads back what freeze wrote.
func (t *table) thaw(list []rtp.SourceState, limit int) {
	for _, st := range list {
		s := t.add(st.SSRC, limit)
		s.rtp = window{begun: st.Begun, top: st.Top & (1<<48 - 1), seen: st.Seen}
		s.control = window{begun: st.ControlBegun, top: st.ControlTop & lastControl, seen: st.ControlSeen}
		t.touch(s)
	}
}
