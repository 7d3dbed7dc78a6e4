package call

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// scan reads JSON (RFC 8259) from front to back, for exactly the shapes that events have. The first
// error stays and ends everything.
type scan struct {
	text string
	at   int
	err  error
}

// deepest is how far values that nobody knows may be nested.
const deepest = 32

func (s *scan) fail(why string) {
	if s.err == nil {
		s.err = fmt.Errorf("event at octet %d: %s", s.at, why)
	}
	s.at = len(s.text)
}

// space passes white space and gives the octet that follows, 0 at the end.
func (s *scan) space() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *scan) take(c byte) bool {
	if s.space() != c {
		return false
	}
	s.at++
	return true
}

// present reports false, and passes it, when the value is null.
func (s *scan) present() bool {
	if s.space() == 'n' {
		s.word("null")
		return false
	}
	return true
}

func (s *scan) word(w string) {
	if !strings.HasPrefix(s.text[s.at:], w) {
		s.fail("unknown word")
		return
	}
	s.at += len(w)
}

// object calls member with every name; member reads the value.
func (s *scan) object(member func(name string)) {
	if !s.take('{') {
		s.fail("no object here")
		return
	}
	if s.take('}') {
		return
	}
	for s.err == nil {
		name := s.text1()
		if !s.take(':') {
			s.fail("no colon after the name")
			return
		}
		member(name)
		if s.take('}') {
			return
		}
		if !s.take(',') {
			s.fail("object without its end")
		}
	}
}

// array calls item for every element; item reads it.
func (s *scan) array(item func()) {
	if !s.present() {
		return
	}
	if !s.take('[') {
		s.fail("no array here")
		return
	}
	if s.take(']') {
		return
	}
	for s.err == nil {
		item()
		if s.take(']') {
			return
		}
		if !s.take(',') {
			s.fail("array without its end")
		}
	}
}

// str reads a string; null is the empty one.
func (s *scan) str() string {
	if !s.present() {
		return ""
	}
	return s.text1()
}

// text1 reads a string. Without escapes it is a view of the text.
func (s *scan) text1() string {
	if !s.take('"') {
		s.fail("no string here")
		return ""
	}
	start, plain := s.at, true
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			v := s.text[start:s.at]
			s.at++
			if !plain {
				return s.unquote(s.text[start-1 : s.at])
			}
			return v
		case c == '\\':
			plain = false
			s.at++
		case c < ' ':
			s.fail("control character in a string")
			return ""
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s.text[s.at:])
			if r == utf8.RuneError && size == 1 {
				s.fail("text is not UTF-8")
				return ""
			}
			s.at += size - 1
		}
		s.at++
	}
	s.fail("string without its end")
	return ""
}

// unquote is the seldom way: a string with escapes.
func (s *scan) unquote(quoted string) string {
	var v string
	if err := json.Unmarshal([]byte(quoted), &v); err != nil {
		s.fail("bad escape")
	}
	return v
}

func (s *scan) bool() bool {
	switch s.space() {
	case 't':
		s.word("true")
		return true
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.fail("no boolean here")
	}
	return false
}

// number reads an integer; nothing that an event holds has a fraction.
func (s *scan) number() (n uint64, negative bool) {
	if !s.present() {
		return 0, false
	}
	negative = s.take('-')
	start := s.at
	for ; s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9'; s.at++ {
		d := uint64(s.text[s.at] - '0')
		if n > (math.MaxUint64-d)/10 {
			s.fail("number too large")
			return 0, false
		}
		n = n*10 + d
	}
	if s.at == start || s.at-start > 1 && s.text[start] == '0' {
		s.fail("no integer here")
	}
	return n, negative
}

func (s *scan) count() uint64 {
	n, negative := s.number()
	if negative && n != 0 {
		s.fail("a count is never negative")
	}
	return n
}

func (s *scan) int() int {
	n, negative := s.number()
	if n > math.MaxInt32 {
		s.fail("number too large")
		return 0
	}
	if negative {
		return -int(n)
	}
	return int(n)
}

func (s *scan) micros() time.Duration {
	n, negative := s.number()
	if n > math.MaxInt64/1000 {
		s.fail("number too large")
		return 0
	}
	d := time.Duration(n) * time.Microsecond
	if negative {
		return -d
	}
	return d
}

// time reads a time as AppendJSON writes it by position, and any other RFC 3339 time the long way.
func (s *scan) time() time.Time {
	text := s.str()
	if s.err != nil || text == "" {
		return time.Time{}
	}
	if len(text) == len("2006-01-02T15:04:05.000000Z") && text[4] == '-' && text[7] == '-' && text[10] == 'T' &&
		text[13] == ':' && text[16] == ':' && text[19] == '.' && text[26] == 'Z' {
		ok := true
		num := func(from, to int) (n int) {
			for _, c := range []byte(text[from:to]) {
				if c < '0' || c > '9' {
					ok = false
				}
				n = n*10 + int(c-'0')
			}
			return n
		}
		year, month, day := num(0, 4), num(5, 7), num(8, 10)
		hour, minute, second, micros := num(11, 13), num(14, 16), num(17, 19), num(20, 26)
		if ok && month >= 1 && month <= 12 && day >= 1 && day <= 28 && hour < 24 && minute < 60 && second < 60 {
			return time.Date(year, time.Month(month), day, hour, minute, second, micros*1000, time.UTC)
		}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		s.fail("no time here")
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// skip passes any value.
func (s *scan) skip(depth int) {
	if depth > deepest {
		s.fail("nested too deeply")
		return
	}
	switch c := s.space(); {
	case c == '{':
		s.object(func(string) { s.skip(depth + 1) })
	case c == '[':
		s.array(func() { s.skip(depth + 1) })
	case c == '"':
		s.text1()
	case c == 't' || c == 'f' || c == 'n':
		s.bool()
	case c == '-' || '0' <= c && c <= '9':
		start := s.at
		for s.at < len(s.text) && strings.IndexByte("+-.eE0123456789", s.text[s.at]) >= 0 {
			s.at++
		}
		if !json.Valid([]byte(s.text[start:s.at])) {
			s.fail("no number here")
		}
	default:
		s.fail("no value here")
	}
}
