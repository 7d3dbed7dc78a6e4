package sdp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// errEmpty is what an empty body deserves.
var errEmpty = errors.New("sdp: no description")

// Parse reads a description (RFC 8866 §9). It is strict where a mistake could be read in two ways,
// and lenient where phones are careless: lines may end in LF alone, empty lines are skipped, and
// the order of lines within a section is free; a missing s= or t= line is put in. An error names
// the line that is wrong.
func Parse(text string) (*Description, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("sdp: description of %d octets, at most %d are read", len(text), MaxSize)
	}
	p := parser{d: new(Description)}
	if err := p.measure(text); err != nil {
		return nil, err
	}
	for n := 1; text != ""; n++ {
		var line string
		line, text = cutLine(text)
		if line == "" {
			continue
		}
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("sdp: line %d: %w", n, err)
		}
	}
	return p.finish()
}

// parser fills a description. Attributes and formats of all sections lie in one array each, and
// every section keeps its part of them.
type parser struct {
	d       *Description
	media   *Media // nil while in the session part
	attrs   []Attr
	formats []string
	begin   int // where the section's attributes begin
	version bool
	origin  bool
	time    bool
}

// cutLine splits off the first line, without its end.
func cutLine(text string) (line, rest string) {
	line = text
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		line, rest = text[:i], text[i+1:]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, rest
}

// measure counts lines so that the arrays are made once, and refuses what no line may contain.
func (p *parser) measure(text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return errors.New("sdp: a zero octet")
	}
	var lines, attrs, media, formats int
	for text != "" {
		var line string
		line, text = cutLine(text)
		if strings.IndexByte(line, '\r') >= 0 {
			return errors.New("sdp: a carriage return within a line")
		}
		if len(line) < 2 {
			continue
		}
		lines++
		switch line[0] {
		case 'a':
			attrs++
		case 'm':
			media++
			formats += strings.Count(line, " ")
		}
	}
	switch {
	case lines == 0:
		return errEmpty
	case lines > MaxLines:
		return fmt.Errorf("sdp: %d lines, at most %d are read", lines, MaxLines)
	case media > MaxMedia:
		return fmt.Errorf("sdp: %d media lines, at most %d are read", media, MaxMedia)
	}
	p.attrs = make([]Attr, 0, attrs)
	if media > 0 {
		p.d.Media = make([]Media, 0, media)
		p.formats = make([]string, 0, min(formats, MaxMedia*MaxFormats))
	}
	return nil
}

// line takes one line that is not empty.
func (p *parser) line(line string) error {
	if len(line) < 2 || line[1] != '=' {
		return fmt.Errorf("%q is not a type letter with an equals sign", short(line))
	}
	kind, value := line[0], line[2:]
	if !p.version {
		if kind != 'v' {
			return errors.New("a description begins with v=")
		}
		if strings.TrimRight(value, " ") != "0" {
			return fmt.Errorf("version %q, only 0 is known", short(value))
		}
		p.version = true
		return nil
	}
	switch kind {
	case 'a':
		name, content, _ := strings.Cut(value, ":")
		if name == "" {
			return errors.New("an attribute without a name")
		}
		p.attrs = append(p.attrs, Attr{Name: name, Value: content})
		return nil
	case 'm':
		return p.mediaLine(value)
	case 'c':
		return p.conn(value)
	}
	if p.media != nil {
		if kind == 'v' || kind == 'o' || kind == 's' || kind == 't' {
			return fmt.Errorf("%c= belongs before the first media line", kind)
		}
		p.media.Lines = append(p.media.Lines, Line{Type: kind, Value: value})
		return nil
	}
	switch kind {
	case 'v':
		return errors.New("a second v= line")
	case 'o':
		return p.originLine(value)
	case 's':
		if p.d.Name != "" {
			return errors.New("a second s= line")
		}
		p.d.Name = value
		if value == "" {
			p.d.Name = "-" // RFC 8866 §5.3
		}
		return nil
	case 't':
		p.time = true
	}
	p.d.Lines = append(p.d.Lines, Line{Type: kind, Value: value})
	return nil
}

// originLine reads o= (RFC 8866 §5.2).
func (p *parser) originLine(value string) error {
	if p.origin {
		return errors.New("a second o= line")
	}
	o := &p.d.Origin
	rest := value
	for _, field := range [...]*string{&o.User, &o.ID, &o.Version, &o.Net, &o.Type, &o.Addr} {
		if *field, rest = cutField(rest); *field == "" {
			return fmt.Errorf("origin %q wants user, number, version, network, address type and address", short(value))
		}
	}
	if strings.Trim(rest, " ") != "" || !digits(o.ID) || !digits(o.Version) {
		return fmt.Errorf("origin %q: number and version are digits, and nothing follows the address", short(value))
	}
	p.origin = true
	return nil
}

// conn reads c= (RFC 8866 §5.7); a media line may have several, of which the first is the one.
func (p *parser) conn(value string) error {
	var c Conn
	rest := value
	c.Net, rest = cutField(rest)
	c.Type, rest = cutField(rest)
	c.Addr, rest = cutField(rest)
	if c.Addr == "" || strings.Trim(rest, " ") != "" {
		return fmt.Errorf("connection %q wants network, address type and address", short(value))
	}
	at, lines := &p.d.Conn, &p.d.Lines
	if p.media != nil {
		at, lines = &p.media.Conn, &p.media.Lines
	}
	if !at.IsZero() {
		*lines = append(*lines, Line{Type: 'c', Value: value})
		return nil
	}
	*at = c
	return nil
}

// mediaLine reads m= (RFC 8866 §5.14) and begins its section.
func (p *parser) mediaLine(value string) error {
	p.endSection()
	var m Media
	var port string
	m.Kind, value = cutField(value)
	port, value = cutField(value)
	m.Proto, value = cutField(value)
	if m.Proto == "" {
		return errors.New("a media line wants kind, port, protocol and formats")
	}
	port, count, many := strings.Cut(port, "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || !digits(port) {
		return fmt.Errorf("port %q", short(port))
	}
	m.Port = uint16(n)
	if many {
		if n, err = strconv.ParseUint(count, 10, 16); err != nil || n == 0 || !digits(count) {
			return fmt.Errorf("number of ports %q", short(count))
		}
		m.Ports = uint16(n)
	}
	begin := len(p.formats)
	for {
		var format string
		if format, value = cutField(value); format == "" {
			break
		}
		if len(p.formats)-begin == MaxFormats {
			return fmt.Errorf("more than %d formats", MaxFormats)
		}
		p.formats = append(p.formats, format)
	}
	if len(p.formats) == begin {
		return errors.New("a media line without a format")
	}
	m.Formats = p.formats[begin:len(p.formats):len(p.formats)]
	p.d.Media = append(p.d.Media, m)
	p.media = &p.d.Media[len(p.d.Media)-1]
	return nil
}

// endSection gives the attributes since the last media line to their section.
func (p *parser) endSection() {
	part := p.attrs[p.begin:len(p.attrs):len(p.attrs)]
	p.begin = len(p.attrs)
	if len(part) == 0 {
		return
	}
	if p.media != nil {
		p.media.Attrs = part
	} else {
		p.d.Attrs = part
	}
}

// finish checks what only the whole can show.
func (p *parser) finish() (*Description, error) {
	p.endSection()
	switch {
	case !p.version:
		return nil, errEmpty
	case !p.origin:
		return nil, errors.New("sdp: no o= line")
	}
	if p.d.Name == "" {
		p.d.Name = "-"
	}
	if !p.time {
		p.d.Lines = append(p.d.Lines, Line{Type: 't', Value: "0 0"})
	}
	sortLines(p.d.Lines, sessionOrder)
	for i := range p.d.Media {
		sortLines(p.d.Media[i].Lines, mediaOrder)
	}
	return p.d, nil
}

// cutField splits off the next word; spaces before it are skipped.
func cutField(s string) (field, rest string) {
	for len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// short keeps an error readable when the text is hostile.
func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
