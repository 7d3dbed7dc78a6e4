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

// Open gives the plain file of a recording of so many octets, which is opened by the first of identities that can. A file
// that is not sealed needs none. The head of a WAV file says what is there, even where a crash has kept it from that.
func Open(r io.ReaderAt, size int64, identities ...age.Identity) (*Plain, error) {
	head := make([]byte, min(size, start))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	w, err := wavOf(head)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	whole := start + w.written(size)*w.width()
	m := &mended{of: r, size: whole, head: w.mend(whole)}
	return &Plain{SectionReader: io.NewSectionReader(m, 0, whole), torn: string(head) != string(m.head)}, nil
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
		if n += k; err != nil && (n < len(b) || !errors.Is(err, io.EOF)) {
			return n, err
		}
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}
