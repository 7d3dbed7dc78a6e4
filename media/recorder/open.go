package recorder

import (
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// Plain is a recording as players know it: its octets can be read at any place. It is not safe for concurrent use but
// by ReadAt.
type Plain struct {
	*io.SectionReader
	torn bool
}

// Torn reports whether its end is missing: the exchange stopped within the recording, or somebody has cut the file.
func (p *Plain) Torn() bool { return p.torn }

// Open gives the plain file of a recording of so many octets, which is opened by the first of identities that can; one
// that is not sealed needs none. What was changed in a sealed file since it was written is an error, here or where it is
// read. The head of a WAV file says what is there, even where a crash, or the seal, has kept it from that.
func Open(r io.ReaderAt, size int64, identities ...age.Identity) (*Plain, error) {
	p, err := open(r, size, identities)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return p, nil
}

func open(r io.ReaderAt, size int64, identities []age.Identity) (*Plain, error) {
	h, err := headOf(r, size)
	if err != nil {
		return nil, err
	}
	torn := false
	if h != nil {
		aead, err := h.key(identities)
		if err != nil {
			return nil, err
		}
		b, err := h.index(r, size, aead)
		if err != nil {
			return nil, err
		}
		if torn = b == nil; torn {
			b, _ = h.scan(r, size, aead)
			if n := len(b.at); n > 0 && b.open(n-1) != nil { // the last of them may not have reached the disk whole
				b.at, b.ends = b.at[:n-1], b.ends[:n-1]
			}
		}
		r, size = b, b.size()
	}
	head := make([]byte, min(size, start))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, err
	}
	if w, err := wavOf(head); err == nil {
		whole := start + w.written(size)*w.width()
		m := &mended{of: r, size: whole, head: w.mend(whole)}
		if h == nil {
			torn = string(head) != string(m.head)
		}
		return &Plain{io.NewSectionReader(m, 0, whole), torn}, nil
	}
	if len(head) >= 4 && string(head[:4]) == "OggS" {
		return &Plain{io.NewSectionReader(r, 0, size), torn}, nil
	}
	if h != nil && size == 0 { // cut before there was anything
		return &Plain{io.NewSectionReader(r, 0, 0), torn}, nil
	}
	return nil, errors.New("neither WAV nor Ogg")
}

// mended is a file with another head.
type mended struct {
	of   io.ReaderAt
	size int64
	head []byte
}

// ReadAt reads it (io.ReaderAt).
func (m *mended) ReadAt(b []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, errors.New("recorder: before the beginning")
	}
	if at >= m.size {
		return 0, io.EOF
	}
	short := int64(len(b)) > m.size-at
	if short {
		b = b[:m.size-at]
	}
	if at < int64(len(m.head)) {
		n = copy(b, m.head[at:])
	}
	if n < len(b) {
		k, err := m.of.ReadAt(b[n:], at+int64(n))
		if n += k; n < len(b) {
			return n, err
		}
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}
