package ogg

import (
	"encoding/binary"
	"errors"
	"io"
)

// Writer writes one stream, a page at a time. It belongs to one goroutine. Nothing is allocated for a packet.
type Writer struct {
	w       io.Writer
	serial  uint32
	number  uint32
	granule uint64 // of the last packet that is whole
	flags   byte   // of the page that is being filled
	whole   bool   // a packet ends on it
	sizes   int    // segments of it
	page    []byte // the page: room for the header and all sizes, then the packets
	err     error
}

const room = headerSize + maxSegments

var errClosed = errors.New("ogg: the stream has ended")

// NewWriter begins a stream. Streams of one file have different serials.
func NewWriter(w io.Writer, serial uint32) *Writer {
	return &Writer{w: w, serial: serial, flags: begins, page: make([]byte, room, maxPage)}
}

// Continue goes on with a stream behind its page at p, as Reader.Last gave it: w appends there.
func Continue(w io.Writer, p Place) *Writer {
	o := NewWriter(w, p.Serial)
	o.flags, o.number = 0, p.Number+1
	if p.Granule != NoGranule {
		o.granule = p.Granule
	}
	return o
}

// WritePacket puts a packet behind the others. Its granule position is that of the stream when the packet is over:
// of Opus, samples at 48 kHz (RFC 7845 §4). A page is written when it is full, and behind this packet if flush is
// true, as headers want it.
func (w *Writer) WritePacket(p []byte, granule uint64, flush bool) error {
	for w.err == nil {
		if w.sizes == maxSegments {
			w.write()
		}
		n := min(len(p), 255)
		w.page[headerSize+w.sizes] = byte(n)
		w.sizes++
		w.page = append(w.page, p[:n]...)
		if p = p[n:]; n < 255 {
			break
		}
		if w.sizes == maxSegments {
			w.write()
			w.flags |= continued
		}
	}
	w.granule, w.whole = granule, true
	if flush {
		return w.Flush()
	}
	return w.err
}

// Flush writes the page as it stands. An empty one is not written.
func (w *Writer) Flush() error {
	if w.sizes > 0 {
		w.write()
	}
	return w.err
}

// Close ends the stream with the page as it stands, which may be empty. It does not close what it writes to.
func (w *Writer) Close() error {
	if w.err == nil {
		w.flags |= ends
		w.whole = true
		w.write()
	}
	err := w.err
	if err == nil {
		w.err = errClosed
	}
	return err
}

// write writes the page and begins the next.
func (w *Writer) write() {
	if w.err != nil {
		return
	}
	// The header and the sizes go right before the packets.
	at := maxSegments - w.sizes
	copy(w.page[at+headerSize:], w.page[headerSize:headerSize+w.sizes])
	p := w.page[at:]
	copy(p, capture)
	p[4], p[atFlags] = 0, w.flags
	granule := NoGranule
	if w.whole {
		granule = w.granule
	}
	binary.LittleEndian.PutUint64(p[atGranule:], granule)
	binary.LittleEndian.PutUint32(p[atSerial:], w.serial)
	binary.LittleEndian.PutUint32(p[atNumber:], w.number)
	binary.LittleEndian.PutUint32(p[atSum:], 0)
	p[atSegments] = byte(w.sizes)
	binary.LittleEndian.PutUint32(p[atSum:], crc(0, p))
	_, w.err = w.w.Write(p)
	w.number++
	w.flags, w.whole, w.sizes, w.page = 0, false, 0, w.page[:room]
}
