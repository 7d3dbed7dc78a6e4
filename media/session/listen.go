package session

import (
	"slices"
	"sync"

	"santral/media"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/sdp"
)

// How a listener keeps time. A gap waits for this many later packets before it is filled, which
// is 60 ms of reordering; a longer gap than a second or so is a sender that was silent or began anew.
const (
	waitPackets = 3
	fillMost    = 2 * 8000 // samples
	packetMost  = 100 * 8  // samples in one packet
)

// listener turns a peer's packets into frames in their order, with gaps filled by silence, so that
// what is written has the length of what was said. It is called on a reader.
type listener struct {
	mu      sync.Mutex
	sink    media.Sink
	codecs  [128]*pcm.Codec
	begun   bool
	ssrc    uint32
	next    uint32 // timestamp that is due
	waiting []late // in the order of timestamps
	frame   [frameSize]int16
	filled  int
	decoded [packetMost]int16
}

// late is a packet that came before one that is missing.
type late struct {
	timestamp uint32
	codec     *pcm.Codec
	sound     []byte
}

// learn tells the listener what payload numbers mean.
func (e *listener) learn(lists ...[]media.Format) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.codecs = [128]*pcm.Codec{}
	for _, list := range lists {
		for _, f := range list {
			if c, ok := pcm.Lookup(f.Name); ok && !sdp.IsEvents(f) && e.codecs[f.Payload&0x7f] == nil {
				e.codecs[f.Payload&0x7f] = &c
			}
		}
	}
}

// Packet takes one packet.
func (e *listener) Packet(p []byte, h rtp.Header) {
	e.mu.Lock()
	defer e.mu.Unlock()
	codec := e.codecs[h.Payload]
	sound := p[h.Begin:h.End]
	if codec == nil || len(sound) == 0 || len(sound) > packetMost {
		return
	}
	if !e.begun || h.SSRC != e.ssrc {
		e.flushLocked()
		e.begun, e.ssrc, e.next = true, h.SSRC, h.Timestamp
	}
	switch ahead := int32(h.Timestamp - e.next); {
	case ahead == 0:
		e.sayLocked(codec, sound)
		e.catchUpLocked()
	case ahead > fillMost || ahead < -fillMost: // a new start
		e.flushLocked()
		e.next = h.Timestamp
		e.sayLocked(codec, sound)
	case ahead < 0: // said already, or given up
	default:
		e.waitLocked(late{h.Timestamp, codec, sound})
	}
}

// waitLocked keeps a packet until those before it have come, or enough others have.
func (e *listener) waitLocked(l late) {
	at, found := slices.BinarySearchFunc(e.waiting, l.timestamp, func(w late, t uint32) int { return int(int32(w.timestamp - t)) })
	if found {
		return
	}
	l.sound = append([]byte(nil), l.sound...)
	e.waiting = slices.Insert(e.waiting, at, l)
	if len(e.waiting) >= waitPackets {
		e.fillLocked(e.waiting[0].timestamp)
		e.catchUpLocked()
	}
}

// catchUpLocked says what waits and is due now.
func (e *listener) catchUpLocked() {
	for len(e.waiting) > 0 {
		w := e.waiting[0]
		ahead := int32(w.timestamp - e.next)
		if ahead > 0 {
			return
		}
		e.waiting = e.waiting[1:]
		if ahead == 0 {
			e.sayLocked(w.codec, w.sound)
		}
	}
	e.waiting = nil
}

// flushLocked says all that waits, gaps filled.
func (e *listener) flushLocked() {
	for len(e.waiting) > 0 {
		e.fillLocked(e.waiting[0].timestamp)
		e.catchUpLocked()
	}
}

func (e *listener) sayLocked(codec *pcm.Codec, sound []byte) {
	d := e.decoded[:len(sound)]
	codec.Decode(d, sound)
	e.next += uint32(len(sound))
	e.writeLocked(d)
}

// fillLocked writes silence up to a timestamp.
func (e *listener) fillLocked(to uint32) {
	n := int(int32(to - e.next))
	for n > 0 {
		part := min(n, len(e.decoded))
		clear(e.decoded[:part])
		e.writeLocked(e.decoded[:part])
		n -= part
	}
	e.next = to
}

func (e *listener) writeLocked(samples []int16) {
	for len(samples) > 0 {
		n := copy(e.frame[e.filled:], samples)
		samples = samples[n:]
		if e.filled += n; e.filled == frameSize {
			e.sink.Write(e.frame[:])
			e.filled = 0
		}
	}
}

// end writes what is left. A nil listener has nothing.
func (e *listener) end() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flushLocked()
	if e.filled > 0 {
		e.sink.Write(e.frame[:e.filled])
		e.filled = 0
	}
	e.codecs = [128]*pcm.Codec{} // deaf from now on
}
