package sip

import (
	"iter"
	"strings"
)

// Params is a raw run of parameters, ";name=value;name", as it stood in a header field or URI. The
// zero value is no parameters. Names are compared without regard to case (RFC 3261 §7.3.1).
type Params string

// cutParam splits off the first parameter of s, which begins at a semicolon. Spaces around ";" and
// "=" are skipped (wide reading of RFC 3261 §25.1 SEMI and EQUAL). The value keeps its quotes. ok
// is false when there is no well-formed parameter.
func cutParam(s string) (name, value, rest string, ok bool) {
	s = trimLeft(s)
	if s == "" || s[0] != ';' {
		return "", "", "", false
	}
	s = trimLeft(s[1:])
	i := 0
	for i < len(s) && s[i] != ';' && s[i] != '=' && !isSpace(s[i]) {
		i++
	}
	name = s[:i]
	if i == len(s) || s[i] == ';' {
		return name, "", s[i:], name != ""
	}
	if isSpace(s[i]) {
		s = trimLeft(s[i:])
		if s == "" || s[0] == ';' {
			return name, "", s, name != ""
		}
		if s[0] != '=' {
			return "", "", "", false
		}
		i = 0
	}
	s = trimLeft(s[i+1:])
	if s != "" && s[0] == '"' {
		n := quotedEnd(s)
		if n < 0 {
			return "", "", "", false
		}
		value, rest = s[:n], trimLeft(s[n:])
		return name, value, rest, name != "" && (rest == "" || rest[0] == ';')
	}
	if i = strings.IndexByte(s, ';'); i < 0 {
		i = len(s)
	}
	return name, trim(s[:i]), s[i:], name != ""
}

// quotedEnd gives the length of the quoted string that s begins with, quotes included, or -1.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// unquote takes the quotes and backslashes off a quoted string; other text is given back as it is.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// Quote puts s into a quoted string (RFC 3261 §25.1): quotes and backslashes are escaped, control
// characters become spaces.
func Quote(s string) string { return string(appendQuoted(make([]byte, 0, len(s)+2), s)) }

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c == 0x7F:
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// raw finds a parameter and gives its value as it stands, quotes included.
func (p Params) raw(name string) (value string, ok bool) {
	for s := string(p); s != ""; {
		n, v, rest, good := cutParam(s)
		if !good {
			return "", false
		}
		if len(n) == len(name) && equalFold(n, name) {
			return v, true
		}
		s = rest
	}
	return "", false
}

// Get gives the value of the first parameter of that name without its quotes; ok tells whether the
// parameter is there at all, with or without a value.
func (p Params) Get(name string) (value string, ok bool) {
	value, ok = p.raw(name)
	return unquote(value), ok
}

// Has reports whether a parameter of that name is there.
func (p Params) Has(name string) bool {
	_, ok := p.raw(name)
	return ok
}

// All walks the parameters in their order, values without quotes, up to the first malformed one.
func (p Params) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for s := string(p); s != ""; {
			n, v, rest, ok := cutParam(s)
			if !ok || !yield(n, unquote(v)) {
				return
			}
			s = rest
		}
	}
}

// Without gives the parameters except those of that name.
func (p Params) Without(name string) Params {
	if !p.Has(name) {
		return p
	}
	b := make([]byte, 0, len(p))
	for s := string(p); s != ""; {
		n, v, rest, ok := cutParam(s)
		if !ok {
			break
		}
		if !equalFold(n, name) {
			b = appendRawParam(b, n, v)
		}
		s = rest
	}
	return Params(b)
}

// With gives the parameters with name set to value: replaced where it stands, else added at the
// end. An empty value gives a parameter without "=". A value that is neither a token nor an address
// is quoted; a name that is no token changes nothing.
func (p Params) With(name, value string) Params {
	if !isToken(name) {
		return p
	}
	value = paramValue(value)
	b := make([]byte, 0, len(p)+len(name)+len(value)+2)
	done := false
	for s := string(p); s != ""; {
		n, v, rest, ok := cutParam(s)
		if !ok {
			break
		}
		if equalFold(n, name) {
			if !done {
				b = appendRawParam(b, n, value)
			}
			done = true
		} else {
			b = appendRawParam(b, n, v)
		}
		s = rest
	}
	if !done {
		b = appendRawParam(b, name, value)
	}
	return Params(b)
}

// paramValue is value as it may stand in a parameter.
func paramValue(value string) string {
	for i := 0; i < len(value); i++ {
		if !is(value[i], classToken) && value[i] != ':' && value[i] != '[' && value[i] != ']' {
			return Quote(value)
		}
	}
	return value
}

func appendRawParam(b []byte, name, value string) []byte {
	b = append(b, ';')
	b = append(b, name...)
	if value != "" {
		b = append(b, '=')
		b = append(b, value...)
	}
	return b
}

// wellFormed checks every parameter: a token for a name, and for a value a quoted string or text of
// classValue.
func (p Params) wellFormed() bool {
	s := string(p)
	for i := 0; i < len(s); {
		if i = skipSpace(s, i); i == len(s) {
			return true
		}
		if s[i] != ';' {
			return false
		}
		i = skipSpace(s, i+1)
		start := i
		for i < len(s) && is(s[i], classToken) {
			i++
		}
		if i == start {
			return false
		}
		if i = skipSpace(s, i); i == len(s) || s[i] != '=' {
			continue
		}
		if i = skipSpace(s, i+1); i < len(s) && s[i] == '"' {
			n := quotedEnd(s[i:])
			if n < 0 {
				return false
			}
			i += n
			continue
		}
		for i < len(s) && is(s[i], classValue) {
			i++
		}
	}
	return true
}

func skipSpace(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}
