package sip

import "strings"

// Parse reads one whole message, as a datagram holds it, into m, which may be used again and again.
// An everyday message costs no allocation. Octets after the body that Content-Length tells of are
// not part of the message; without Content-Length the body reaches to the end (RFC 3261 §18.3).
//
// What cannot be accepted gives a *ParseError with the status it deserves; m then holds all that
// could be read, so that a request can be answered.
func Parse(text string, m *Message) error { return ParseLimited(text, m, &DefaultLimits) }

// ParseMessage is Parse into a new Message.
func ParseMessage(text string) (*Message, error) {
	m := new(Message)
	err := Parse(text, m)
	return m, err
}

// ParseLimited is Parse with other limits.
func ParseLimited(text string, m *Message, lim *Limits) error {
	if len(text) > lim.Message {
		text = text[:lim.Message]
		p := parser{m: m, lim: lim}
		p.head(text)
		return p.verdict(&ParseError{513, "Message Too Large"})
	}
	p := parser{m: m, lim: lim}
	rest := p.head(text)
	n, has, bad := p.contentLength()
	switch {
	case bad != nil:
		p.fail(bad)
	case !has:
		n = len(rest)
	case n > len(rest):
		p.fail(errShortBody)
		n = len(rest)
	}
	if n > lim.Body {
		p.fail(errBodySize)
	}
	m.Body = rest[:n]
	return p.verdict(p.err)
}

// ParseHead reads start line and header fields of a message from a stream, where text ends with the
// empty line, into m. It gives the length of the body that follows; on a stream a message without a
// Content-Length is refused like one with a bad or a second one (RFC 3261 §18.3), because nobody
// could tell where the next message begins. The caller sets m.Body.
func ParseHead(text string, m *Message, lim *Limits) (body int, err error) {
	p := parser{m: m, lim: lim}
	if len(text) > lim.Message {
		p.fail(&ParseError{513, "Message Too Large"})
		text = text[:lim.Message]
	}
	p.head(text)
	n, has, bad := p.contentLength()
	switch {
	case bad != nil:
		p.fail(bad)
	case !has:
		p.fail(errNoLength)
	case n > lim.Body:
		p.fail(errBodySize)
	}
	return n, p.verdict(p.err)
}

// The refusals of Parse. Each text is the reason phrase of the answer.
var (
	errJunk       = &ParseError{0, "Not a SIP Message"}
	errStartLine  = &ParseError{400, "Bad Request-Line"}
	errStatusLine = &ParseError{0, "Bad Status-Line"}
	errVersion    = &ParseError{505, "Version Not Supported"}
	errRequestURI = &ParseError{400, "Bad Request-URI"}
	errLongURI    = &ParseError{414, "Request-URI Too Long"}
	errLineEnd    = &ParseError{400, "Bad Line End"}
	errHeaderLine = &ParseError{400, "Bad Header Field"}
	errLongLine   = &ParseError{513, "Header Field Too Long"}
	errManyLines  = &ParseError{513, "Too Many Header Fields"}
	errHeadEnd    = &ParseError{400, "Header Fields Without End"}
	errShortBody  = &ParseError{400, "Content-Length Beyond the Message"}
	errBodySize   = &ParseError{413, "Request Entity Too Large"}
	errLength     = &ParseError{400, "Bad Content-Length"}
	errTwoLengths = &ParseError{400, "Several Content-Length Fields"}
	errNoLength   = &ParseError{400, "Missing Content-Length"}
	errNoVia      = &ParseError{400, "Missing Via"}
	errBadVia     = &ParseError{400, "Bad Via"}
	errNoFrom     = &ParseError{400, "Missing From"}
	errBadFrom    = &ParseError{400, "Bad From"}
	errTwoFrom    = &ParseError{400, "Several From Fields"}
	errNoTo       = &ParseError{400, "Missing To"}
	errBadTo      = &ParseError{400, "Bad To"}
	errTwoTo      = &ParseError{400, "Several To Fields"}
	errNoCallID   = &ParseError{400, "Missing Call-ID"}
	errBadCallID  = &ParseError{400, "Bad Call-ID"}
	errTwoCallID  = &ParseError{400, "Several Call-ID Fields"}
	errNoCSeq     = &ParseError{400, "Missing CSeq"}
	errBadCSeq    = &ParseError{400, "Bad CSeq"}
	errTwoCSeq    = &ParseError{400, "Several CSeq Fields"}
	errCSeqMethod = &ParseError{400, "CSeq Method Does Not Match"}
	errHops       = &ParseError{400, "Bad Max-Forwards"}
	errTwoHops    = &ParseError{400, "Several Max-Forwards Fields"}
	errBadContact = &ParseError{400, "Bad Contact"}
	errBadRoute   = &ParseError{400, "Bad Route"}
)

// parser walks a text once. The first fault is kept; reading goes on, so that the answer can be
// built.
type parser struct {
	m   *Message
	lim *Limits
	err *ParseError
}

func (p *parser) fail(e *ParseError) {
	if p.err == nil || e.Status == 505 {
		p.err = e
	}
}

// verdict turns the first fault into Parse's error.
func (p *parser) verdict(e *ParseError) error {
	if e == nil {
		return nil
	}
	switch {
	case e.Status == 0:
		return e
	case !p.m.IsRequest(), p.m.Method == ACK: // neither is ever answered (RFC 3261 §17)
	case e == errStartLine && !p.m.Has(ViaKind): // nothing of it is SIP
	default:
		return e
	}
	return &ParseError{0, e.Text}
}

// head reads start line and header fields and gives what follows the empty line.
func (p *parser) head(text string) (rest string) {
	m := p.m
	m.Reset()
	// Empty lines before the start line are keep-alives or a habit (RFC 3261 §7.5).
	for len(text) >= 2 && text[0] == '\r' && text[1] == '\n' {
		text = text[2:]
	}
	line, rest, ok := p.line(text)
	if !ok || line == "" {
		p.err = errJunk
		return ""
	}
	p.startLine(line)
	if !m.IsRequest() && m.Status == 0 {
		return ""
	}
	lines := 1
	seen := uint64(0)
	headers := m.Headers
	for {
		if line, rest, ok = p.line(rest); !ok {
			if rest != "" { // a datagram that only lacks its empty line is forgiven
				p.fail(errHeadEnd)
			}
			break
		}
		lines++
		if line == "" {
			break
		}
		if rest != "" && isSpace(rest[0]) {
			n := 0
			line, rest, n = p.unfold(line, rest)
			lines += n
		}
		if len(line) > p.lim.Line {
			p.fail(errLongLine)
			continue
		}
		if len(headers) >= p.lim.Headers {
			p.fail(errManyLines)
			continue
		}
		colon := strings.IndexByte(line, ':')
		if colon <= 0 {
			p.fail(errHeaderLine)
			continue
		}
		name, value := line[:colon], trim(line[colon+1:])
		k := commonKind(name)
		if k == UnknownKind {
			if name = trim(name); name == "" {
				p.fail(errHeaderLine)
				continue
			}
			if k = KindOf(name); k == UnknownKind && !isToken(name) {
				p.fail(errHeaderLine)
				continue
			}
		}
		if n := len(headers); n < cap(headers) { // filled in place: append would build the value twice
			headers = headers[:n+1]
			h := &headers[n]
			h.Kind, h.Name, h.Value = k, name, value
		} else {
			headers = append(headers, Header{k, name, value})
		}
		if k <= RecordRoute && k != UnknownKind {
			bit := uint64(1) << k
			p.check(k, value, seen&bit != 0)
			seen |= bit
		}
	}
	m.Headers = headers
	// Every LF must have ended a line: one alone is where two readers could come to differ.
	if strings.Count(text[:len(text)-len(rest)], "\n") != lines {
		p.fail(errLineEnd)
	}
	p.complete(seen)
	return rest
}

// line cuts the next line off, without its CRLF. Both characters are needed (RFC 3261 §7).
func (p *parser) line(s string) (line, rest string, ok bool) {
	i := strings.IndexByte(s, '\r')
	if uint(i) < uint(len(s)-1) && s[i+1] == '\n' {
		return s[:i], s[i+2:], true
	}
	return p.oddLine(s)
}

// oddLine is line for a text without the CRLF that it should have.
func (p *parser) oddLine(s string) (line, rest string, ok bool) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return "", s, false
	}
	p.fail(errLineEnd)
	return strings.ReplaceAll(s[:i], "\r", " "), s[i+1:], true
}

// unfold joins continuation lines with single spaces (RFC 3261 §7.3.1). Only folded fields pay for
// a copy.
func (p *parser) unfold(line, rest string) (whole, after string, lines int) {
	b := append(make([]byte, 0, len(line)+128), line...)
	for rest != "" && isSpace(rest[0]) {
		next, after, ok := p.line(rest)
		if !ok {
			break
		}
		rest = after
		lines++
		if len(b) <= p.lim.Line {
			b = append(b, ' ')
			b = append(b, trim(next)...)
		}
	}
	return string(b), rest, lines
}

// startLine reads a Request-Line or Status-Line (RFC 3261 §7.1, §7.2).
func (p *parser) startLine(line string) {
	m := p.m
	if len(line) > 8 && equalFold(line[:4], "SIP/") && strings.IndexByte(line[:8], ' ') != 0 {
		if space := strings.IndexByte(line, ' '); space > 0 && strings.IndexByte(line[:space], '/') == 3 {
			p.statusLine(line, space)
			return
		}
	}
	// A line that is nearly a Request-Line is read as one, so that its sender gets its 400.
	method, rest, _ := strings.Cut(line, " ")
	if !isToken(method) {
		p.fail(errJunk)
		return
	}
	m.Method = Method(method)
	if rest != "" && rest[len(rest)-1] == ' ' {
		p.fail(errStartLine)
		rest = trim(rest)
	}
	last := strings.LastIndexByte(rest, ' ')
	if last < 0 {
		p.fail(errStartLine)
		return
	}
	version := rest[last+1:]
	m.RequestURI = rest[:last]
	if version != "SIP/2.0" && !equalFold(version, "SIP/2.0") {
		if !sipVersion(version) {
			p.fail(errStartLine)
			return
		}
		p.fail(errVersion)
	}
	if len(m.RequestURI) > p.lim.URI {
		p.fail(errLongURI)
		return
	}
	u, err := ParseURI(m.RequestURI)
	switch {
	case err != nil:
		p.fail(errRequestURI)
	case u.Headers != "": // RFC 3261 §19.1.1: not in a Request-URI
		p.fail(errRequestURI)
	}
}

func sipVersion(s string) bool {
	if len(s) < 7 || !equalFold(s[:4], "SIP/") {
		return false
	}
	major, minor, ok := strings.Cut(s[4:], ".")
	return ok && major != "" && minor != "" && all(major, classDigit) && all(minor, classDigit)
}

func (p *parser) statusLine(line string, space int) {
	version, rest := line[:space], line[space+1:]
	if !sipVersion(version) {
		p.fail(errJunk)
		return
	}
	if !equalFold(version, "SIP/2.0") {
		p.fail(errStatusLine)
	}
	code, reason, _ := strings.Cut(rest, " ")
	n, ok := parseUint(code, 699)
	if !ok || len(code) != 3 || n < 100 {
		p.fail(errStatusLine)
		return
	}
	p.m.Status, p.m.Reason = int(n), reason
}

// check looks into the fields up to RecordRoute.
func (p *parser) check(k Kind, value string, again bool) {
	switch k {
	case ViaKind:
		var v Via
		if strings.IndexByte(value, ',') < 0 {
			if v.parse(value) != nil {
				p.fail(errBadVia)
			}
			return
		}
		for s := value; ; {
			e, rest, ok := nextElement(s)
			if !ok || v.parse(e) != nil {
				p.fail(errBadVia)
				return
			}
			if s = rest; s == "" {
				return
			}
		}
	case From:
		p.checkAddress(value, again, errBadFrom, errTwoFrom)
	case To:
		p.checkAddress(value, again, errBadTo, errTwoTo)
	case CallID:
		if again {
			p.fail(errTwoCallID)
		}
		if !callIDValid(value) {
			p.fail(errBadCallID)
		}
	case CSeqKind:
		if again {
			p.fail(errTwoCSeq)
		}
		c, err := ParseCSeq(value)
		switch {
		case err != nil:
			p.fail(errBadCSeq)
		case p.m.IsRequest() && c.Method != p.m.Method:
			p.fail(errCSeqMethod)
		}
	case MaxForwards:
		if again {
			p.fail(errTwoHops)
		}
		if _, ok := parseUint(value, 255); !ok {
			p.fail(errHops)
		}
	case Contact:
		p.checkList(value, errBadContact)
	case Route, RecordRoute:
		p.checkList(value, errBadRoute)
	}
}

func (p *parser) checkAddress(value string, again bool, bad, two *ParseError) {
	if again {
		p.fail(two)
	}
	var a Address
	if a.parse(value) != nil || a.IsStar() {
		p.fail(bad)
	}
}

func (p *parser) checkList(value string, bad *ParseError) {
	var a Address
	if strings.IndexByte(value, ',') < 0 {
		if a.parse(value) != nil {
			p.fail(bad)
		}
		return
	}
	for s := value; ; {
		e, rest, ok := nextElement(s)
		if !ok || a.parse(e) != nil {
			p.fail(bad)
			return
		}
		if s = rest; s == "" {
			return
		}
	}
}

// nextElement is cutValue that refuses empty elements.
func nextElement(s string) (value, rest string, ok bool) {
	if s = trimLeft(s); s == "" || s[0] == ',' {
		return "", "", false
	}
	value, rest, ok = cutValue(s)
	if rest == "" && len(s) > 0 && s[len(s)-1] == ',' && len(value) < len(s) {
		return "", "", false
	}
	return value, rest, ok
}

// callIDValid checks word [ "@" word ] (RFC 3261 §25.1), loosely: no spaces and no control
// characters.
func callIDValid(s string) bool { return s != "" && !hasBelow(s, ' '+1) }

// complete asks for the fields without which nothing can be answered (RFC 3261 §8.1.1). A missing
// Max-Forwards is forgiven: elements of RFC 2543 do not send it.
func (p *parser) complete(seen uint64) {
	const need = 1<<ViaKind | 1<<From | 1<<To | 1<<CallID | 1<<CSeqKind
	if seen&need == need {
		return
	}
	switch {
	case seen&(1<<ViaKind) == 0:
		p.fail(errNoVia)
	case seen&(1<<From) == 0:
		p.fail(errNoFrom)
	case seen&(1<<To) == 0:
		p.fail(errNoTo)
	case seen&(1<<CallID) == 0:
		p.fail(errNoCallID)
	default:
		p.fail(errNoCSeq)
	}
}

// contentLength reads the one Content-Length field.
func (p *parser) contentLength() (n int, has bool, bad *ParseError) {
	for i := range p.m.Headers {
		if p.m.Headers[i].Kind != ContentLength {
			continue
		}
		if has {
			return 0, true, errTwoLengths
		}
		v, ok := parseUint(p.m.Headers[i].Value, 1<<31-1)
		if !ok {
			return 0, true, errLength
		}
		n, has = int(v), true
	}
	return n, has, nil
}
