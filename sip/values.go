package sip

import (
	"errors"
	"iter"
	"strconv"
	"strings"
)

// cutValue splits the first value off a comma-separated list, minding quotes and angle brackets.
// The value comes trimmed; ok is false at the end of the list. Empty elements are skipped.
func cutValue(s string) (value, rest string, ok bool) {
	for {
		s = trimLeft(s)
		if s == "" {
			return "", "", false
		}
		if s[0] != ',' {
			break
		}
		s = s[1:]
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ',':
			return trim(s[:i]), s[i+1:], true
		case '"':
			n := quotedEnd(s[i:])
			if n < 0 {
				return trim(s), "", true
			}
			i += n - 1
		case '<':
			n := strings.IndexByte(s[i:], '>')
			if n < 0 {
				return trim(s), "", true
			}
			i += n
		}
	}
	return trim(s), "", true
}

// splitValues walks a comma-separated list.
func splitValues(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			v, rest, ok := cutValue(s)
			if !ok || !yield(v) {
				return
			}
			s = rest
		}
	}
}

// CSeq is the value of the CSeq header field (RFC 3261 §20.16).
type CSeq struct {
	Seq    uint32
	Method Method
}

var errCSeq = errors.New("bad CSeq")

// ParseCSeq reads "314159 INVITE".
func ParseCSeq(s string) (CSeq, error) {
	i := 0
	for i < len(s) && is(s[i], classDigit) {
		i++
	}
	n, ok := parseUint(s[:i], 1<<32-1)
	method := trimLeft(s[i:])
	if !ok || len(method) == len(s)-i || !isToken(method) {
		return CSeq{}, errCSeq
	}
	return CSeq{uint32(n), Method(method)}, nil
}

// Append prints the value.
func (c CSeq) Append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, uint64(c.Seq), 10)
	dst = append(dst, ' ')
	return append(dst, c.Method...)
}

// String prints the value.
func (c CSeq) String() string { return string(c.Append(make([]byte, 0, 24))) }

// Reason is one value of the Reason header field (RFC 3326 §2).
type Reason struct {
	Protocol string // "Q.850" or "SIP"
	Cause    int    // 0 when not given
	Text     string
}

var errReason = errors.New("bad Reason")

// ParseReason reads one Reason value.
func ParseReason(s string) (Reason, error) {
	s = trim(s)
	semi := strings.IndexByte(s, ';')
	if semi < 0 {
		semi = len(s)
	}
	r := Reason{Protocol: trim(s[:semi])}
	p := Params(s[semi:])
	if !isToken(r.Protocol) || !p.wellFormed() {
		return Reason{}, errReason
	}
	if v, ok := p.raw("cause"); ok {
		n, good := parseUint(v, 9999)
		if !good {
			return Reason{}, errReason
		}
		r.Cause = int(n)
	}
	r.Text, _ = p.Get("text")
	return r, nil
}

// String prints `Q.850;cause=16;text="…"`.
func (r Reason) String() string {
	b := append(make([]byte, 0, 64), r.Protocol...)
	if r.Cause != 0 {
		b = append(b, ";cause="...)
		b = strconv.AppendInt(b, int64(r.Cause), 10)
	}
	if r.Text != "" {
		b = append(b, ";text="...)
		b = appendQuoted(b, r.Text)
	}
	return string(b)
}

// Warning is one value of the Warning header field (RFC 3261 §20.43).
type Warning struct {
	Code  int    // three digits, such as 305 for an incompatible media format
	Agent string // host or name of who warns
	Text  string
}

var errWarning = errors.New("bad Warning")

// ParseWarning reads one Warning value.
func ParseWarning(s string) (Warning, error) {
	s = trim(s)
	if len(s) < 4 || !isSpace(s[3]) {
		return Warning{}, errWarning
	}
	code, ok := parseUint(s[:3], 999)
	s = trimLeft(s[3:])
	i := strings.IndexByte(s, ' ')
	if !ok || code < 100 || i < 0 {
		return Warning{}, errWarning
	}
	text := trimLeft(s[i:])
	if len(text) < 2 || text[0] != '"' || quotedEnd(text) != len(text) {
		return Warning{}, errWarning
	}
	return Warning{int(code), s[:i], unquote(text)}, nil
}

// String prints `305 host "text"`.
func (w Warning) String() string {
	b := strconv.AppendInt(make([]byte, 0, 64), int64(w.Code), 10)
	b = append(b, ' ')
	b = append(b, clean(w.Agent)...)
	b = append(b, ' ')
	return string(appendQuoted(b, w.Text))
}
