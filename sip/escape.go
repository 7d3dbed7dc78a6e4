package sip

import "strings"

// Unescape decodes the "%" escapes of s; malformed ones stay as they are.
func Unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && is(s[i+1], classHex) && is(s[i+2], classHex) {
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// EscapeUser writes any text as the user part of a URI.
func EscapeUser(s string) string { return escape(s, classUser) }

const upperHex = "0123456789ABCDEF"

func escape(s string, class uint8) string {
	need := false
	for i := 0; i < len(s) && !need; i++ {
		need = mustEscape(s[i], class)
	}
	if !need {
		return s
	}
	b := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); i++ {
		b = appendEscaped(b, s[i], class)
	}
	return string(b)
}

// mustEscape is stricter than the classes by which we read: what the wild writes raw is escaped
// when we write it, and ":" would begin a password.
func mustEscape(c byte, class uint8) bool {
	return !is(c, class) || c >= 0x80 || c == '#' || c == ':' && class == classUser
}

func appendEscaped(b []byte, c byte, class uint8) []byte {
	if mustEscape(c, class) {
		return append(b, '%', upperHex[c>>4], upperHex[c&15])
	}
	return append(b, c)
}

// appendNormal prints s with each escape decoded where the character may stand raw, and written in
// upper case where it may not.
func appendNormal(b []byte, s string, class uint8) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && is(s[i+1], classHex) && is(s[i+2], classHex) {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		b = appendEscaped(b, c, class)
	}
	return b
}

func equalEscaped(a, b string, class uint8) bool {
	if a == b {
		return true
	}
	if strings.IndexByte(a, '%') < 0 && strings.IndexByte(b, '%') < 0 {
		return false
	}
	return string(appendNormal(nil, a, class)) == string(appendNormal(nil, b, class))
}

func equalFoldEscaped(a, b string) bool {
	return equalFold(a, b) || equalFold(Unescape(a), Unescape(b))
}
