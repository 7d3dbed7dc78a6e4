package digest

import "strings"

// fields are the directives of a challenge or of credentials, still in the memory of the header
// field; quoted values without their quotes.
type fields struct {
	username, realm, nonce, uri, response string
	algorithm, cnonce, nc, qop, opaque    string
	stale                                 string
	has                                   uint16 // bit for each directive that was there
}

const (
	hasUsername = 1 << iota
	hasRealm
	hasNonce
	hasURI
	hasResponse
	hasAlgorithm
	hasCnonce
	hasNC
	hasQop
	hasOpaque
	hasStale
)

// parseFields reads "Digest name=value, name="value"". ok is false for another scheme; bad is true
// when the scheme is digest but the rest is malformed or names a directive twice.
func parseFields(s string, f *fields) (ok, bad bool) {
	s = strings.TrimLeft(s, " \t")
	const scheme = "Digest"
	if len(s) <= len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) || s[len(scheme)] != ' ' && s[len(scheme)] != '\t' {
		return false, false
	}
	s = s[len(scheme)+1:]
	for {
		for s != "" && (s[0] == ' ' || s[0] == '\t' || s[0] == ',') {
			s = s[1:]
		}
		if s == "" {
			return true, false
		}
		eq := strings.IndexByte(s, '=')
		if eq <= 0 {
			return true, true
		}
		name := strings.TrimRight(s[:eq], " \t")
		s = strings.TrimLeft(s[eq+1:], " \t")
		var value string
		if s != "" && s[0] == '"' {
			end := 1
			escaped := false
			for end < len(s) && s[end] != '"' {
				if s[end] == '\\' {
					escaped = true
					end++
				}
				end++
			}
			if end >= len(s) {
				return true, true
			}
			value, s = s[1:end], s[end+1:]
			if escaped {
				value = unescape(value)
			}
			if s = strings.TrimLeft(s, " \t"); s != "" && s[0] != ',' {
				return true, true
			}
		} else {
			end := strings.IndexByte(s, ',')
			if end < 0 {
				end = len(s)
			}
			value, s = strings.TrimRight(s[:end], " \t"), s[end:]
		}
		if !f.set(name, value) {
			return true, true
		}
	}
}

// set stores a directive; unknown ones are skipped (RFC 7616 §3.4). A second one of the same name is
// refused: two readers could take different ones.
func (f *fields) set(name, value string) bool {
	var bit uint16
	var to *string
	switch len(name) {
	case 2:
		if strings.EqualFold(name, "nc") {
			bit, to = hasNC, &f.nc
		}
	case 3:
		if strings.EqualFold(name, "uri") {
			bit, to = hasURI, &f.uri
		} else if strings.EqualFold(name, "qop") {
			bit, to = hasQop, &f.qop
		}
	case 5:
		if strings.EqualFold(name, "realm") {
			bit, to = hasRealm, &f.realm
		} else if strings.EqualFold(name, "nonce") {
			bit, to = hasNonce, &f.nonce
		} else if strings.EqualFold(name, "stale") {
			bit, to = hasStale, &f.stale
		}
	case 6:
		if strings.EqualFold(name, "cnonce") {
			bit, to = hasCnonce, &f.cnonce
		} else if strings.EqualFold(name, "opaque") {
			bit, to = hasOpaque, &f.opaque
		}
	case 8:
		if strings.EqualFold(name, "username") {
			bit, to = hasUsername, &f.username
		} else if strings.EqualFold(name, "response") {
			bit, to = hasResponse, &f.response
		}
	case 9:
		if strings.EqualFold(name, "algorithm") {
			bit, to = hasAlgorithm, &f.algorithm
		}
	}
	if to == nil {
		return true
	}
	if f.has&bit != 0 {
		return false
	}
	f.has |= bit
	*to = value
	return true
}

func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

func isHex(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return s != ""
}
