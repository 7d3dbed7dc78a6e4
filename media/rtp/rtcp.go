package rtp

import "encoding/binary"

// Types of RTCP packets (RFC 3550 §12.1, RFC 4585 §6.1, RFC 3611 §2).
const (
	SenderReport      = 200
	ReceiverReport    = 201
	SourceDescription = 202
	Goodbye           = 203
	TransportFeedback = 205
	PayloadFeedback   = 206
)

// Report is one reception report block (RFC 3550 §6.4.1).
type Report struct {
	SSRC     uint32 // whose packets it is about
	Fraction uint8  // lost since the last report, in 1/256
	Lost     int32  // lost in all; 24 bits, negative by duplicates
	Highest  uint32 // extended highest sequence number
	Jitter   uint32 // in units of the format's clock
	LastSR   uint32 // middle 32 bits of the last sender report's NTP time, 0 for none
	Delay    uint32 // since that report, in 1/65536 s
}

// Sender is the sender's part of a report (RFC 3550 §6.4.1).
type Sender struct {
	NTP       uint64 // wall clock in NTP's format
	Timestamp uint32 // the same moment on the format's clock
	Packets   uint32
	Octets    uint32
}

// Control is one packet of a compound RTCP packet, as EachControl gives it.
type Control struct {
	Type   uint8
	SSRC   uint32 // who speaks; 0 when the packet is too short to say
	Sender Sender // Type SenderReport
	body   []byte // report blocks
	count  int
}

// Reports gives the number of report blocks that are really there.
func (c *Control) Reports() int { return c.count }

// Report gives block i, from 0.
func (c *Control) Report(i int) Report {
	b := c.body[24*i:]
	lost := int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8
	return Report{
		SSRC:     binary.BigEndian.Uint32(b),
		Fraction: b[4],
		Lost:     lost,
		Highest:  binary.BigEndian.Uint32(b[8:]),
		Jitter:   binary.BigEndian.Uint32(b[12:]),
		LastSR:   binary.BigEndian.Uint32(b[16:]),
		Delay:    binary.BigEndian.Uint32(b[20:]),
	}
}

// NextControl reads the first packet of a compound RTCP packet and gives what follows it. ok is
// false at the end and at the first packet that contradicts its length (RFC 3550 §A.2).
func NextControl(p []byte) (c Control, rest []byte, ok bool) {
	if len(p) < 4 || p[0]>>6 != 2 {
		return Control{}, nil, false
	}
	size := 4 * (int(binary.BigEndian.Uint16(p[2:])) + 1)
	if size > len(p) {
		return Control{}, nil, false
	}
	c, rest = Control{Type: p[1]}, p[size:]
	p = p[:size]
	if size >= 8 {
		c.SSRC = binary.BigEndian.Uint32(p[4:])
	}
	count := int(p[0] & 0x1f)
	switch c.Type {
	case SenderReport:
		if size < 28 {
			return Control{}, nil, false
		}
		c.Sender = Sender{
			NTP:       binary.BigEndian.Uint64(p[8:]),
			Timestamp: binary.BigEndian.Uint32(p[16:]),
			Packets:   binary.BigEndian.Uint32(p[20:]),
			Octets:    binary.BigEndian.Uint32(p[24:]),
		}
		c.body = p[28:]
	case ReceiverReport:
		if size < 8 {
			return Control{}, nil, false
		}
		c.body = p[8:]
	case ExtendedReport:
		c.body = p[min(8, size):]
		return c, rest, true
	default:
		return c, rest, true
	}
	c.count = min(count, len(c.body)/24)
	return c, rest, true
}

// ValidControl reports whether p is a compound RTCP packet whose lengths add up (RFC 3550 §A.2).
// A reduced-size packet, that does not begin with a report, is welcome too (RFC 5506 §4.2).
func ValidControl(p []byte) bool {
	if Classify(p) != RTCP || len(p)%4 != 0 {
		return false
	}
	for len(p) > 0 {
		_, rest, ok := NextControl(p)
		if !ok {
			return false
		}
		p = rest
	}
	return true
}

// AppendReport appends a sender report, or a receiver report when s is nil, about at most 31
// blocks (RFC 3550 §6.4).
func AppendReport(dst []byte, ssrc uint32, s *Sender, blocks ...Report) []byte {
	kind, words := byte(ReceiverReport), 1+6*len(blocks)
	if s != nil {
		kind, words = SenderReport, words+5
	}
	dst = append(dst, 0x80|byte(len(blocks)&0x1f), kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(words))
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	if s != nil {
		dst = binary.BigEndian.AppendUint64(dst, s.NTP)
		dst = binary.BigEndian.AppendUint32(dst, s.Timestamp)
		dst = binary.BigEndian.AppendUint32(dst, s.Packets)
		dst = binary.BigEndian.AppendUint32(dst, s.Octets)
	}
	for _, b := range blocks {
		dst = binary.BigEndian.AppendUint32(dst, b.SSRC)
		dst = binary.BigEndian.AppendUint32(dst, uint32(b.Fraction)<<24|uint32(b.Lost)&0xffffff)
		dst = binary.BigEndian.AppendUint32(dst, b.Highest)
		dst = binary.BigEndian.AppendUint32(dst, b.Jitter)
		dst = binary.BigEndian.AppendUint32(dst, b.LastSR)
		dst = binary.BigEndian.AppendUint32(dst, b.Delay)
	}
	return dst
}

// AppendName appends a source description with a CNAME (RFC 3550 §6.5.1) of at most 255 octets.
func AppendName(dst []byte, ssrc uint32, cname string) []byte {
	cname = cname[:min(len(cname), 255)]
	words := 2 + (2+len(cname)+1+3)/4 // one zero octet at least ends the items
	begin := len(dst)
	dst = append(dst, 0x81, SourceDescription)
	dst = binary.BigEndian.AppendUint16(dst, uint16(words-1))
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, 1, byte(len(cname)))
	dst = append(dst, cname...)
	for len(dst)-begin < 4*words {
		dst = append(dst, 0)
	}
	return dst
}

// AppendGoodbye appends a BYE for one source (RFC 3550 §6.6).
func AppendGoodbye(dst []byte, ssrc uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0x81, Goodbye, 0, 1), ssrc)
}
