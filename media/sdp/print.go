package sdp

import (
	"strconv"
	"strings"
)

// The order of lines in a section (RFC 8866 §9). A letter that is not listed comes after the
// attributes; t= and r= lines belong together and keep their order.
const (
	sessionOrder = "iuepcbtzk"
	mediaOrder   = "icbk"
)

// rank is the place of a line in its section.
func rank(kind byte, order string) int {
	if kind == 'r' {
		kind = 't'
	}
	if i := strings.IndexByte(order, kind); i >= 0 {
		return i
	}
	return len(order)
}

// sortLines puts lines into the order of their section; it is stable, and nothing is done to a list
// that is already right. Lists are short: insertion beats anything cleverer.
func sortLines(lines []Line, order string) {
	for i := 1; i < len(lines); i++ {
		l, j := lines[i], i
		for r := rank(l.Type, order); j > 0 && rank(lines[j-1].Type, order) > r; j-- {
			lines[j] = lines[j-1]
		}
		lines[j] = l
	}
}

// Append prints the description with CRLF line ends and gives the longer slice. Octets that would
// end a line early (CR, LF, NUL) in a field are printed as spaces, so that nothing put into a
// description can add a line to it.
func (d *Description) Append(dst []byte) []byte {
	dst = append(dst, "v=0\r\no="...)
	o := &d.Origin
	for _, field := range [...]string{o.User, o.ID, o.Version, o.Net, o.Type} {
		dst = append(appendClean(dst, field), ' ')
	}
	dst = append(appendClean(dst, o.Addr), "\r\ns="...)
	dst = append(appendClean(dst, d.Name), "\r\n"...)
	return appendSections(dst, d)
}

// String prints the description.
func (d *Description) String() string { return string(d.Append(make([]byte, 0, 1024))) }

// AppendBody prints all but the v=, o= and s= lines: what must be equal for two descriptions to
// mean the same, whatever their versions.
func (d *Description) AppendBody(dst []byte) []byte { return appendSections(dst, d) }

func appendSections(dst []byte, d *Description) []byte {
	timed := false
	for i := range d.Lines {
		timed = timed || d.Lines[i].Type == 't'
	}
	lines := d.Lines
	if !timed {
		lines = append(append([]Line(nil), lines...), Line{Type: 't', Value: "0 0"})
	}
	dst = appendSection(dst, d.Conn, lines, d.Attrs, sessionOrder)
	for i := range d.Media {
		dst = d.Media[i].append(dst)
	}
	return dst
}

// appendSection prints what follows the head of a session or of a media line.
func appendSection(dst []byte, c Conn, lines []Line, attrs []Attr, order string) []byte {
	at := strings.IndexByte(order, 'c')
	for r := range len(order) {
		if r == at && !c.IsZero() {
			dst = append(dst, "c="...)
			dst = append(appendClean(dst, c.Net), ' ')
			dst = append(appendClean(dst, c.Type), ' ')
			dst = append(appendClean(dst, c.Addr), "\r\n"...)
		}
		if len(lines) > 0 {
			dst = appendRank(dst, lines, order, r)
		}
	}
	for i := range attrs {
		a := &attrs[i]
		dst = appendClean(append(dst, "a="...), a.Name)
		if a.Value != "" {
			dst = appendClean(append(dst, ':'), a.Value)
		}
		dst = append(dst, "\r\n"...)
	}
	if len(lines) > 0 {
		dst = appendRank(dst, lines, order, len(order))
	}
	return dst
}

// appendRank prints the lines of one place in the order.
func appendRank(dst []byte, lines []Line, order string, r int) []byte {
	for i := range lines {
		if l := &lines[i]; rank(l.Type, order) == r {
			dst = appendClean(append(dst, l.Type, '='), l.Value)
			dst = append(dst, "\r\n"...)
		}
	}
	return dst
}

func (m *Media) append(dst []byte) []byte {
	dst = append(appendClean(append(dst, "m="...), m.Kind), ' ')
	dst = strconv.AppendUint(dst, uint64(m.Port), 10)
	if m.Ports > 0 {
		dst = strconv.AppendUint(append(dst, '/'), uint64(m.Ports), 10)
	}
	dst = appendClean(append(dst, ' '), m.Proto)
	for _, f := range m.Formats {
		dst = appendClean(append(dst, ' '), f)
	}
	dst = append(dst, "\r\n"...)
	return appendSection(dst, m.Conn, m.Lines, m.Attrs, mediaOrder)
}

func appendClean(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c == '\r' || c == '\n' || c == 0 {
			n := len(dst)
			dst = append(dst, s...)
			for j := n + i; j < len(dst); j++ {
				if c := dst[j]; c == '\r' || c == '\n' || c == 0 {
					dst[j] = ' '
				}
			}
			return dst
		}
	}
	return append(dst, s...)
}
