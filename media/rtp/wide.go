package rtp

import (
	"encoding/binary"
	"time"
)

// Wide takes the arrival of packets that carry a transport-wide sequence number, at the pool's clock. It is called
// under the stream's lock, takes nanoseconds and calls nobody.
type Wide interface {
	Arrived(ssrc uint32, seq uint16, at time.Duration)
}

// wide is whose arrivals are told, and by which header extension element.
type wide struct {
	number uint8
	to     Wide
}

// OnWide has w told of every packet of the peer's that carries a transport-wide sequence number in header extension
// element number, 1 to 255. The element ends here: it is blanked in what is relayed, since the number is this leg's
// own. nil ends it.
func (s *Stream) OnWide(number uint8, w Wide) {
	s.mu.Lock()
	s.wide = wide{number, w}
	s.mu.Unlock()
}

// wideLocked tells of a packet's number and blanks it.
func (s *Stream) wideLocked(p []byte, h Header, now int64) {
	e := Extension(p, s.wide.number)
	if len(e) < 2 {
		return
	}
	s.wide.to.Arrived(h.SSRC, binary.BigEndian.Uint16(e), time.Duration(now))
	blank(p, e)
}

// blank makes padding of an element that [Extension] has found in p (RFC 8285 §4.1.2): its content and what stands
// before it, which is one octet in the short form and two in the other.
func blank(p, element []byte) {
	at := cap(p) - cap(element) // where the content begins
	head := 1
	if form := HeaderSize + 4*int(p[0]&0x0f); binary.BigEndian.Uint16(p[form:]) != 0xbede {
		head = 2
	}
	clear(p[at-head : at+len(element)])
}

// AppendPLI appends a request for a whole picture (RFC 4585 §6.3.1): sender is our own source, media the one that is
// to send it.
func AppendPLI(dst []byte, sender, media uint32) []byte {
	dst = append(dst, 0x81, PayloadFeedback, 0, 2)
	dst = binary.BigEndian.AppendUint32(dst, sender)
	return binary.BigEndian.AppendUint32(dst, media)
}

// AppendFIR appends a command for a whole picture (RFC 5104 §4.3.1). count changes with every new command, and stays
// when one is repeated.
func AppendFIR(dst []byte, sender, media uint32, count uint8) []byte {
	dst = append(dst, 0x84, PayloadFeedback, 0, 4)
	dst = binary.BigEndian.AppendUint32(dst, sender)
	dst = binary.BigEndian.AppendUint32(dst, 0) // RFC 5104 §4.3.1.2
	dst = binary.BigEndian.AppendUint32(dst, media)
	return append(dst, count, 0, 0, 0)
}

// AsksPicture reports whether an RTCP packet asks for a whole picture: PLI (RFC 4585 §6.3.1) or FIR (RFC 5104 §4.3.1).
// p is the packet that NextControl read c from, or a compound one that begins with it.
func AsksPicture(p []byte, c *Control) bool {
	form := p[0] & 0x1f
	return c.Type == PayloadFeedback && (form == 1 || form == 4)
}
