package sip

import "strings"

// Character classes of RFC 3261 §25.1.
const (
	classToken  = 1 << iota // token
	classDigit              // DIGIT
	classHex                // HEXDIG, both cases
	classHost               // what a host name or IPv4 address is made of; "_" is not legal and is common
	classUser               // user and password, besides escapes; "#" and raw UTF-8 are not legal and are common
	classParam              // uric-parameter values, besides escapes
	classHeader             // URI header parts, besides escapes
	classValue              // a header parameter's value outside quotes: token, host, IPv6 reference and what phones add
)

var classes = makeClasses()

func makeClasses() (t [256]uint8) {
	add := func(class uint8, chars string) {
		for _, c := range []byte(chars) {
			t[c] |= class
		}
	}
	const digits = "0123456789"
	const alphanum = digits + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const unreserved = alphanum + "-_.!~*'()"
	add(classToken, alphanum+"-.!%*_+`'~")
	add(classDigit, digits)
	add(classHex, digits+"abcdefABCDEF")
	add(classHost, alphanum+"-._")
	add(classUser, unreserved+"&=+$,;?/:#")
	add(classParam, unreserved+"[]/:&+$")
	add(classHeader, unreserved+"[]/?:+$=&")
	add(classValue, alphanum+"-.!%*_+`'~[]:@/?&$()#^{}|=")
	for c := 0x80; c <= 0xFF; c++ {
		t[c] |= classUser | classParam | classValue
	}
	return t
}

func is(c byte, class uint8) bool { return classes[c]&class != 0 }

func all(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func isToken(s string) bool { return s != "" && all(s, classToken) }

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// trim cuts spaces and tabs off both ends.
func trim(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func trimLeft(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// equalFold compares ASCII without regard to case; unlike strings.EqualFold no other letter folds
// into ASCII.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// lowerASCII lowers the ASCII letters of s; it allocates only when there is one to lower.
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// escapesValid reports whether every byte of s is of class, which must not hold "%", or part of a
// "%" HEXDIG HEXDIG.
func escapesValid(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if is(s[i], class) {
			continue
		}
		if s[i] != '%' || i+2 >= len(s) || !is(s[i+1], classHex) || !is(s[i+2], classHex) {
			return false
		}
		i += 2
	}
	return true
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	default:
		return c | 0x20 - 'a' + 10
	}
}

// hasControl reports whether s has a control character: below space, tab included, or DEL.
func hasControl(s string) bool { return hasBelow(s, ' ') }

// hasBelow reports whether s has a character below limit, which is at most 0x80, or DEL.
func hasBelow(s string, limit byte) bool {
	low := uint64(limit) * 0x0101010101010101
	for len(s) >= 8 {
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		const ones, highs = 0x0101010101010101, 0x8080808080808080
		del := w ^ 0x7F*ones
		if ((w-low)&^w|(del-ones)&^del)&highs != 0 {
			return true
		}
		s = s[8:]
	}
	for i := 0; i < len(s); i++ {
		if s[i] < limit || s[i] == 0x7F {
			return true
		}
	}
	return false
}

// clean gives s with every control character except tab turned into a space, so that nothing that
// is put into a message can end its line. The wild reason: header injection through names.
func clean(s string) string {
	if !hasControl(s) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c < ' ' && c != '\t' || c == 0x7F {
			b[i] = ' '
		}
	}
	return string(b)
}

// parseUint reads decimal digits up to max; leading zeros are fine. Empty text, other characters
// and larger numbers are refused.
func parseUint(s string, max uint64) (uint64, bool) {
	if s == "" {
		return 0, false
	}
	var n uint64
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
		if n > max {
			return 0, false
		}
	}
	return n, true
}
