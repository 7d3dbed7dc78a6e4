// Package udptl carries the packets of a fax over datagrams (ITU-T T.38 §9.1): it reads and prints
// them, puts a stream of them back in order with what was lost made up from their redundancy or
// parity, and sends a stream with redundancy of our own.
//
// What lives here are pure steps over octets and given times. Ports, timers and what was negotiated
// belong to the session; what a packet means for the fax (ITU-T T.38 §7) is the phones' and is not read.
package udptl

import "errors"

// Bounds of what is taken from a network.
const (
	MaxPacket   = 1400 // octets of a datagram
	MaxRepaired = 16   // earlier packets, or parities, that one datagram is read for
	maxSpan     = 32   // packets that one parity covers and we can keep
)

// ErrMalformed is what a datagram gives that is none of UDPTL.
var ErrMalformed = errors.New("udptl: malformed datagram")

// Packet is one datagram as it was read. Its slices are parts of the datagram.
type Packet struct {
	Seq     uint16 // of the primary packet
	Primary []byte // an IFP packet, ITU-T T.38 §7

	// Earlier are the packets before it, the nearest first; some may be empty. Those beyond MaxRepaired
	// were left out.
	Earlier [MaxRepaired][]byte
	Count   int // of Earlier

	// Parity has the exclusive or of Span packets each, that are Parities apart: the last of those that
	// Parity[m] covers is Seq − Parities + m.
	Parity   [MaxRepaired][]byte
	Parities int
	Span     int
}

// Read reads a datagram. p is overwritten; after an error it holds nothing of use.
func (p *Packet) Read(b []byte) error {
	p.Count, p.Parities, p.Span = 0, 0, 0
	if len(b) < 5 || len(b) > MaxPacket {
		return ErrMalformed
	}
	p.Seq = uint16(b[0])<<8 | uint16(b[1])
	r := reader{b: b[2:]}
	if p.Primary = r.open(); r.bad || len(p.Primary) == 0 {
		return ErrMalformed
	}
	if r.octet()&0x80 == 0 {
		n := r.length()
		for i := range n {
			e := r.open()
			if r.bad {
				return ErrMalformed
			}
			if i < MaxRepaired {
				p.Earlier[i], p.Count = e, i+1
			}
		}
	} else {
		// The span is an integer without bounds, as a length and its octets.
		if r.octet() != 1 {
			return ErrMalformed
		}
		p.Span = int(r.octet())
		n := r.length()
		if r.bad || n > MaxRepaired || n*p.Span > maxSpan {
			return ErrMalformed
		}
		for i := range n {
			p.Parity[i] = r.open()
		}
		if p.Parities = n; p.Span == 0 { // a stream's first packets have nothing to protect
			p.Parities = 0
		}
	}
	if r.bad {
		return ErrMalformed
	}
	return nil
}

// reader reads the aligned packed encoding (ITU-T X.691) as far as UDPTL uses it.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) octet() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	o := r.b[0]
	r.b = r.b[1:]
	return o
}

// length reads a length in one or two octets (ITU-T X.691 §11.9); longer ones are fragments, which
// need more than a datagram has.
func (r *reader) length() int {
	o := int(r.octet())
	switch {
	case o < 0x80:
		return o
	case o < 0xc0:
		return o&0x3f<<8 | int(r.octet())
	}
	r.bad = true
	return 0
}

func (r *reader) open() []byte {
	n := r.length()
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	o := r.b[:n:n]
	r.b = r.b[n:]
	return o
}

// Append prints the packet: with its parities where it has a span, otherwise with what is earlier.
func (p *Packet) Append(dst []byte) []byte {
	dst = append(dst, byte(p.Seq>>8), byte(p.Seq))
	dst = appendOpen(dst, p.Primary)
	if p.Span > 0 {
		dst = append(dst, 0x80, 1, byte(p.Span))
		dst = appendLength(dst, p.Parities)
		for _, e := range p.Parity[:p.Parities] {
			dst = appendOpen(dst, e)
		}
		return dst
	}
	dst = append(dst, 0)
	dst = appendLength(dst, p.Count)
	for _, e := range p.Earlier[:p.Count] {
		dst = appendOpen(dst, e)
	}
	return dst
}

func appendLength(dst []byte, n int) []byte {
	if n < 0x80 {
		return append(dst, byte(n))
	}
	return append(dst, 0x80|byte(n>>8), byte(n))
}

func appendOpen(dst, o []byte) []byte { return append(appendLength(dst, len(o)), o...) }

// openSize is how many octets appendOpen adds for n.
func openSize(n int) int {
	if n < 0x80 {
		return n + 1
	}
	return n + 2
}
