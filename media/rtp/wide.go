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
// element number, 1 to 255. The element ends here: it is cut out of what is relayed, since the number is this leg's
// own. nil ends it.
func (s *Stream) OnWide(number uint8, w Wide) {
	s.mu.Lock()
	s.wide = wide{number, w}
	s.mu.Unlock()
}

// wideLocked tells of a packet's number and cuts it out: it gives what is left, in the same memory.
func (s *Stream) wideLocked(p []byte, h Header, now int64) ([]byte, Header) {
	e := Extension(p, s.wide.number)
	if len(e) < 2 {
		return p, h
	}
	s.wide.to.Arrived(h.SSRC, binary.BigEndian.Uint16(e), time.Duration(now))
	n := len(p)
	p = cut(p, e)
	n -= len(p)
	h.Begin, h.End = h.Begin-n, h.End-n
	return p, h
}

// cut takes an element that [Extension] has found in p out of its header extension, and the extension where nothing
// else is in it. Those behind it move up, so that no padding stands before or between them: baresip 1.0 throws a packet
// away whose extension begins with padding, whatever RFC 8285 §4.1.2 allows.
func cut(p, element []byte) []byte {
	form := HeaderSize + 4*int(p[0]&0x0f)
	begin, end := form+4, form+4+4*int(binary.BigEndian.Uint16(p[form+2:]))
	head := 2
	if binary.BigEndian.Uint16(p[form:]) == 0xbede {
		head = 1
	}
	at := cap(p) - cap(element) // where the content begins
	used := at - head + copy(p[at-head:end], p[at+len(element):end])
	clear(p[used:end])
	used = begin + filled(p[begin:used], head)
	if used == begin { // nothing is left
		p[0] &^= 0x10
		copy(p[end-form:], p[:form])
		return p[end-form:]
	}
	words := (used - begin + 3) / 4
	spare := end - begin - 4*words
	binary.BigEndian.PutUint16(p[form+2:], uint16(words))
	copy(p[spare:], p[:used]) // and the padding of the last word is what was cleared
	return p[spare:]
}

// filled gives where the last element of a list ends, behind which there is only padding. head is how many octets stand
// before an element's content. A list that is no list of elements is filled whole.
func filled(list []byte, head int) (end int) {
	for i := 0; i < len(list); {
		size := 0
		switch {
		case list[i] == 0: // padding
			i++
			continue
		case head == 1 && list[i]>>4 != 0 && list[i]>>4 != 15:
			size = 2 + int(list[i]&0x0f)
		case head == 2 && i+1 < len(list):
			size = 2 + int(list[i+1])
		}
		if i += size; size == 0 || i > len(list) {
			return len(list)
		}
		end = i
	}
	return end
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
