// Package rtp holds the ports that media packets come in by, and the step that passes them on: RTP
// and RTCP headers (RFC 3550), the [Rule] that knows whose packets are welcome at a port and how
// many, the [Stream] that a call holds while it uses a pair of ports, and the [Pool] that owns the
// sockets and their reader loops.
//
// What does not live here: session descriptions (media/sdp), what they mean for a leg
// (media/session), codecs, and what a received stream was worth (media/quality, which a Stream
// reaches through the small interface [Meter]).
//
// A pool owns its sockets for as long as it lives: opening four of them costs more than the rest
// of a short call, so a pair that a call gave back rests until late packets have ceased and then
// serves the next one. A stream owns its rules behind a leaf mutex. On Linux packets are read by a
// loop for each core over epoll and raw system calls; elsewhere, and on a virtual network, by a
// goroutine for each socket. Both run the same step, and neither allocates for a packet.
package rtp

import "encoding/binary"

// HeaderSize is the fixed part of an RTP header in octets (RFC 3550 §5.1).
const HeaderSize = 12

// Header is what the relay and the codecs need of an RTP header (RFC 3550 §5.1).
type Header struct {
	Payload   uint8  // payload type, 0 to 127
	Marker    bool   // begins a talk spurt, or ends a picture
	Seq       uint16 // sequence number
	Timestamp uint32 // in units of the format's clock
	SSRC      uint32 // the stream's source
	Begin     int    // where the payload begins in the packet
	End       int    // where it ends: padding is left out
}

// Parse reads the header of one RTP packet, with contributing sources and extension skipped and
// padding cut off. ok is false when the packet is not RTP version 2 or contradicts its own length.
func Parse(p []byte) (h Header, ok bool) {
	if len(p) < HeaderSize || p[0]>>6 != 2 {
		return Header{}, false
	}
	h = Header{
		Payload:   p[1] & 0x7f,
		Marker:    p[1]&0x80 != 0,
		Seq:       binary.BigEndian.Uint16(p[2:]),
		Timestamp: binary.BigEndian.Uint32(p[4:]),
		SSRC:      binary.BigEndian.Uint32(p[8:]),
		Begin:     HeaderSize + 4*int(p[0]&0x0f),
		End:       len(p),
	}
	if p[0]&0x10 != 0 { // extension, RFC 3550 §5.3.1
		if len(p) < h.Begin+4 {
			return Header{}, false
		}
		h.Begin += 4 + 4*int(binary.BigEndian.Uint16(p[h.Begin+2:]))
	}
	if p[0]&0x20 != 0 { // padding; its last octet counts itself
		pad := int(p[len(p)-1])
		if pad == 0 {
			return Header{}, false
		}
		h.End -= pad
	}
	if h.Begin > h.End {
		return Header{}, false
	}
	return h, true
}

// AppendHeader appends a plain header of 12 octets; Begin and End are not looked at.
func AppendHeader(dst []byte, h Header) []byte {
	second := h.Payload & 0x7f
	if h.Marker {
		second |= 0x80
	}
	dst = append(dst, 0x80, second)
	dst = binary.BigEndian.AppendUint16(dst, h.Seq)
	dst = binary.BigEndian.AppendUint32(dst, h.Timestamp)
	return binary.BigEndian.AppendUint32(dst, h.SSRC)
}

// SetSSRC overwrites the source of a packet that Parse has accepted.
func SetSSRC(p []byte, ssrc uint32) { binary.BigEndian.PutUint32(p[8:], ssrc) }

// Renumber overwrites the sequence number and the timestamp of a packet that Parse has accepted.
func Renumber(p []byte, seq uint16, timestamp uint32) {
	binary.BigEndian.PutUint16(p[2:], seq)
	binary.BigEndian.PutUint32(p[4:], timestamp)
}

// Kind is what a datagram looks like by its first octets.
type Kind uint8

// What may arrive at a media port. STUN, DTLS and ZRTP are Other.
const (
	UnknownKind Kind = iota
	RTP
	RTCP
	Other
)

// String names the kind.
func (k Kind) String() string { return [...]string{"unknown", "rtp", "rtcp", "other"}[k] }

// Classify tells RTP from RTCP on one port by the payload type's range (RFC 5761 §4).
func Classify(p []byte) Kind {
	switch {
	case len(p) < 8 || p[0]>>6 != 2:
		return Other
	case p[1] >= 192 && p[1] <= 223:
		return RTCP
	case len(p) < HeaderSize:
		return Other
	}
	return RTP
}
