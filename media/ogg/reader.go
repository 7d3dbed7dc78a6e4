package ogg

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// Reader gives the packets of the streams of a file, one stream after another (chained, RFC 3533 §3). Where several
// run beside each other it gives the first. What is damaged is left out: a page whose checksum is wrong, and a packet
// that a part is missing of.
type Reader struct {
	r    *bufio.Reader
	page []byte // the page, of which
	body []byte // these octets are not read yet
	size []byte // and these sizes
	last Place
	read int64 // octets taken from r

	open   bool   // a stream is being read
	others bool   // those that run beside it may still begin
	first  bool   // the next packet is its first
	begins bool   // the last packet given was
	packet []byte // what came of the next packet
	inside bool   // it has begun
	lost   int
	wrong  int // checksums
}

// maxWrong is how many wrong checksums a file may have: a search for the next page costs up to 64 KiB of summing for
// each, which a file of nothing but beginnings of pages would make endless.
const maxWrong = 1000

var errDamaged = errors.New("ogg: too much of the file is damaged")

// ErrNoOgg is the error for a file that has no page of Ogg in it.
var ErrNoOgg = errors.New("ogg: not an Ogg file")

// NewReader reads from r, to which its caller holds on.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, maxPage), page: make([]byte, 0, maxPage)}
}

// Next gives the next packet, which is good until the next call, and its granule position where it is said, or
// NoGranule. The error is io.EOF at the end, also of a file that is cut off, ErrNoOgg, or the underlying reader's.
func (r *Reader) Next() (packet []byte, granule uint64, err error) {
	for {
		for len(r.size) > 0 {
			if !r.inside {
				r.packet, r.inside = r.packet[:0], true
			}
			n := int(r.size[0])
			r.packet = append(r.packet, r.body[:min(n, MaxPacket-len(r.packet))]...)
			r.size, r.body = r.size[1:], r.body[n:]
			if n == 255 {
				continue
			}
			r.inside = false
			r.begins, r.first = r.first, false
			granule = r.last.Granule
			for _, s := range r.size {
				if s < 255 { // another ends here: the page's position is not this one's
					granule = NoGranule
					break
				}
			}
			return r.packet, granule, nil
		}
		if err = r.next(); err != nil {
			return nil, NoGranule, err
		}
	}
}

// Begins reports whether the packet that Next gave last is the first of its stream.
func (r *Reader) Begins() bool { return r.begins }

// Last is the page that the last packet ended on; after io.EOF, the last whole page of the stream.
func (r *Reader) Last() Place { return r.last }

// Lost is how often something was left out because it was damaged or missing.
func (r *Reader) Lost() int { return r.lost }

// next finds the next page of the stream, or the first of the next stream.
func (r *Reader) next() error {
	for {
		if err := r.find(); err != nil {
			if err == io.EOF && !r.open && r.last.End == 0 {
				return ErrNoOgg
			}
			return err
		}
		p := r.page
		flags, serial, number := p[atFlags], binary.LittleEndian.Uint32(p[atSerial:]), binary.LittleEndian.Uint32(p[atNumber:])
		fresh := flags&begins != 0 && (!r.open || !r.others || serial == r.last.Serial)
		r.others = flags&begins != 0 // streams that run beside each other begin before anything else of them (RFC 3533 §4)
		if !fresh && (!r.open || serial != r.last.Serial) {
			continue // of another stream
		}
		if fresh {
			if r.inside {
				r.lost++
			}
			r.first, r.inside = true, false
		} else if number != r.last.Number+1 {
			r.lost++
			r.inside = false
		}
		r.open = flags&ends == 0
		r.last = Place{Serial: serial, Number: number, Granule: binary.LittleEndian.Uint64(p[atGranule:]), End: r.read, Ended: !r.open}
		sizes := int(p[atSegments])
		r.size, r.body = p[headerSize:headerSize+sizes], p[headerSize+sizes:]
		switch goesOn := flags&continued != 0; {
		case goesOn && !r.inside: // its beginning is missing
			for len(r.size) > 0 {
				n := r.size[0]
				r.size, r.body = r.size[1:], r.body[n:]
				if n < 255 {
					break
				}
			}
		case !goesOn && r.inside: // its end is
			r.lost++
			r.inside = false
		}
		if len(r.size) > 0 {
			return nil
		}
	}
}

// find reads the next page whose checksum is right.
func (r *Reader) find() error {
	for {
		head, err := r.r.Peek(headerSize)
		if err != nil {
			return end(err)
		}
		if string(head[:4]) != capture || head[4] != 0 || head[atFlags] > continued|begins|ends {
			r.skip()
			continue
		}
		size := headerSize + int(head[atSegments])
		if head, err = r.r.Peek(size); err != nil {
			if end(err) != io.EOF {
				return err
			}
			r.skip() // shorter ones may be behind it
			continue
		}
		for _, s := range head[headerSize:] {
			size += int(s)
		}
		if head, err = r.r.Peek(size); err != nil {
			if end(err) != io.EOF {
				return err
			}
			r.skip()
			continue
		}
		var zero [4]byte
		sum := crc(crc(crc(0, head[:atSum]), zero[:]), head[atSum+4:])
		if sum != binary.LittleEndian.Uint32(head[atSum:]) {
			if r.wrong++; r.wrong > maxWrong {
				return errDamaged
			}
			r.skip()
			continue
		}
		r.page = append(r.page[:0], head...)
		r.read += int64(size)
		_, err = r.r.Discard(size)
		return err
	}
}

// skip goes on to the next octet with which a page may begin.
func (r *Reader) skip() {
	b, _ := r.r.Peek(max(r.r.Buffered(), 1))
	n := 1
	for n < len(b) && b[n] != capture[0] {
		n++
	}
	n, _ = r.r.Discard(n)
	r.read += int64(n)
}

// end makes io.EOF of an end within a page.
func end(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}
