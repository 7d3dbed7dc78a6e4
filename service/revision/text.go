package revision

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"santral/store"
)

// A stream is several documents one after another. Each begins behind a line of its own, which says whose it is and whether the
// one before ended without the end of a line, so that every octet comes back.
const (
	streamMark = "--- # santral document "
	streamTorn = ", the one before ends without a new line"
)

// stream joins documents.
func stream(documents []Document) string {
	var b strings.Builder
	torn := false
	for i := range documents {
		if torn {
			b.WriteByte('\n')
		}
		b.WriteString(streamMark + documents[i].Tenant)
		if torn {
			b.WriteString(streamTorn)
		}
		b.WriteByte('\n')
		b.WriteString(documents[i].Text)
		torn = !strings.HasSuffix(documents[i].Text, "\n")
	}
	return b.String()
}

// part is one document of a stream, which begins behind so many lines.
type part struct {
	text  string
	after int
}

// split takes a stream apart: at its marks, or, where others wrote it, at lines of three dashes. What is one document alone
// stays whole, with the dashes that it begins with.
func split(text string) []part {
	ours := strings.HasPrefix(text, streamMark) || strings.Contains(text, "\n"+streamMark)
	var parts []part
	begin, line, first := 0, 0, 0
	end := func(at int, torn bool) {
		one := text[begin:at]
		if torn {
			one = strings.TrimSuffix(strings.TrimSuffix(one, "\n"), "\r")
		}
		if strings.TrimSpace(one) != "" || ours && begin > 0 {
			parts = append(parts, part{one, first})
		}
	}
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		said := strings.TrimRight(text[at:next], "\r\n")
		mark := ours && strings.HasPrefix(said, streamMark) || !ours && (said == "---" || strings.HasPrefix(said, "--- #"))
		line++
		if mark {
			end(at, strings.HasSuffix(said, streamTorn))
			begin, first = next, line
		}
		at = next
	}
	end(len(text), false)
	if !ours && len(parts) == 1 {
		return []part{{text, 0}}
	}
	return parts
}

// delta says how a text is made of the one before: octets copied, and octets of its own.
func delta(old, text string) []byte {
	head := 0
	for head < min(len(old), len(text)) && old[head] == text[head] {
		head++
	}
	tail := 0
	for tail < min(len(old), len(text))-head && old[len(old)-1-tail] == text[len(text)-1-tail] {
		tail++
	}
	var d []byte
	keep := func(at, n int) {
		if n > 0 {
			d = binary.AppendUvarint(d, uint64(n)<<1)
			d = binary.AppendUvarint(d, uint64(at))
		}
	}
	add := func(s string) {
		if s != "" {
			d = binary.AppendUvarint(d, uint64(len(s))<<1|1)
			d = append(d, s...)
		}
	}
	keep(0, head)
	was, is := old[head:len(old)-tail], text[head:len(text)-tail]
	if len(is) < 4096 || was == "" {
		add(is)
	} else {
		lines := map[string]int{}
		for at := 0; at < len(was); {
			next := at + lineLen(was[at:])
			if _, there := lines[was[at:next]]; !there {
				lines[was[at:next]] = at
			}
			at = next
		}
		mine := 0 // where octets of the text's own begin
		for at := 0; at < len(is); {
			from, there := lines[is[at:at+lineLen(is[at:])]]
			if !there {
				at += lineLen(is[at:])
				continue
			}
			n := 0
			for at+n < len(is) && from+n < len(was) && is[at+n] == was[from+n] {
				n++
			}
			if n < 16 { // a copy is written no shorter
				at += lineLen(is[at:])
				continue
			}
			add(is[mine:at])
			keep(head+from, n)
			at += n
			mine = at
		}
		add(is[mine:])
	}
	keep(len(old)-tail, tail)
	return d
}

func lineLen(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i + 1
	}
	return len(s)
}

var errTorn = errors.New("a text of the book is damaged: bring the database back from a backup")

// follow makes a text of the one before and a delta.
func follow(old string, d []byte) (string, error) {
	var b strings.Builder
	for len(d) > 0 {
		n, k := binary.Uvarint(d)
		if k <= 0 {
			return "", errTorn
		}
		d = d[k:]
		if n&1 == 1 {
			if n >>= 1; n > uint64(len(d)) {
				return "", errTorn
			}
			b.Write(d[:n])
			d = d[n:]
			continue
		}
		at, k := binary.Uvarint(d)
		if n >>= 1; k <= 0 || at > uint64(len(old)) || n > uint64(len(old))-at {
			return "", errTorn
		}
		d = d[k:]
		b.WriteString(old[at : at+n])
	}
	return b.String(), nil
}

func deflate(text []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed)
	w.Write(text)
	w.Close()
	return b.Bytes()
}

func inflate(octets []byte) (string, error) {
	var b strings.Builder
	if _, err := io.Copy(&b, flate.NewReader(bytes.NewReader(octets))); err != nil {
		return "", fmt.Errorf("%w (%w)", errTorn, err)
	}
	return b.String(), nil
}

// kept is how a document's text is kept since its last whole one.
type kept struct {
	whole  int // octets of that
	deltas int // octets of all that followed
	count  int
}

// Bounds of a chain of deltas: what is read at a start.
const maxDeltas = 128

// keep gives how a text is kept that follows another, and what its chain is then.
func keep(old, text string, k kept) (store.RevisionText, kept) {
	if k.whole > 0 && k.count < maxDeltas {
		octets := deflate(delta(old, text))
		if k.deltas+len(octets) < k.whole/2+1024 {
			return store.RevisionText{Octets: octets}, kept{k.whole, k.deltas + len(octets), k.count + 1}
		}
	}
	octets := deflate([]byte(text))
	return store.RevisionText{Whole: true, Octets: octets}, kept{whole: len(octets)}
}

// restore makes the text of a document as it is kept.
func restore(texts []store.RevisionText) (text string, k kept, err error) {
	for i := range texts {
		octets, err := inflate(texts[i].Octets)
		if err != nil {
			return "", k, err
		}
		if texts[i].Whole {
			text, k = octets, kept{whole: len(texts[i].Octets)}
			continue
		}
		if text, err = follow(text, []byte(octets)); err != nil {
			return "", k, err
		}
		k.deltas, k.count = k.deltas+len(texts[i].Octets), k.count+1
	}
	return text, k, nil
}
