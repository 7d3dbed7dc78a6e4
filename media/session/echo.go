package session

import "santral/media/rtp"

// echo sends packets back to where they came from. In sound it goes on with the numbers of what was said before, and
// what is said afterwards goes on with its numbers: to the peer it is one stream (RFC 3550 §5.1). It is called by one
// reader at a time.
type echo struct {
	stream  *rtp.Stream
	voice   *voice
	follows bool // the voice speaks on this line

	begun bool
	seq   uint16 // added to the peer's
	time  uint32
}

// Packet sends p back.
func (e *echo) Packet(p []byte, h rtp.Header) {
	v := e.voice
	v.mu.Lock()
	if e.follows {
		if !e.begun {
			if e.begun = true; v.packets == 0 { // nothing to go on with
				v.seq, v.timestamp = h.Seq, h.Timestamp
			}
			e.seq, e.time = v.seq-h.Seq, v.timestamp-h.Timestamp
		}
		h.Seq, h.Timestamp = h.Seq+e.seq, h.Timestamp+e.time
		rtp.Renumber(p, h.Seq, h.Timestamp)
		if next := h.Seq + 1; int16(next-v.seq) > 0 {
			v.seq, v.timestamp = next, h.Timestamp+v.step()
		}
		v.packets++
		v.octets += uint32(h.End - h.Begin)
	}
	ssrc := v.ssrc
	v.mu.Unlock()
	rtp.SetSSRC(p, ssrc)
	e.stream.Send(p)
}
