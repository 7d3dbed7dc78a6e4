package sip

import (
	"errors"
	"net/netip"
	"strings"
)

// URI is a parsed SIP, SIPS or tel URI (RFC 3261 §19.1, RFC 3966), or any other absolute URI of
// which only scheme and rest are known. Fields are substrings of the text, still escaped as
// received. The zero value is no URI.
type URI struct {
	Scheme   string // as received; compare with IsSIP and IsTel
	User     string // "" when there is none; for tel the number
	Password string
	Host     string // without the brackets of an IPv6 address; "" for tel and unknown schemes
	Port     uint16 // 0 when not given
	Params   Params // sip, sips and tel
	Headers  string // what follows "?", without it
	Opaque   string // unknown schemes: everything after the colon
}

var (
	errURIScheme = errors.New("URI without a scheme")
	errURIChars  = errors.New("character that a URI may not hold")
	errURIHost   = errors.New("bad host in URI")
	errURIPort   = errors.New("bad port in URI")
	errURIUser   = errors.New("bad user part in URI")
	errURIParams = errors.New("bad URI parameter")
	errURIHeader = errors.New("bad header part in URI")
	errURINumber = errors.New("bad tel number in URI")
)

// ParseURI reads a URI. Unknown schemes are accepted with their rest in Opaque, since only who uses
// a URI can refuse its scheme (RFC 3261 §8.2.2.1: 416). It allocates nothing.
func ParseURI(s string) (URI, error) {
	var u URI
	err := u.parse(s)
	return u, err
}

// parse fills u, which must be zero.
func (u *URI) parse(s string) error {
	if len(s) > 4 && s[3] == ':' && s[0]|0x20 == 's' && s[1]|0x20 == 'i' && s[2]|0x20 == 'p' {
		u.Scheme = s[:3]
		return u.parseSIP(s[4:])
	}
	colon := strings.IndexByte(s, ':')
	if colon <= 0 || !validScheme(s[:colon]) {
		return errURIScheme
	}
	u.Scheme = s[:colon]
	rest := s[colon+1:]
	switch {
	case equalFold(u.Scheme, "sips"):
		return u.parseSIP(rest)
	case equalFold(u.Scheme, "tel"):
		return u.parseTel(rest)
	}
	for i := 0; i < len(rest); i++ {
		if c := rest[i]; c <= ' ' || c == 0x7F || c == '<' || c == '>' || c == '"' {
			return errURIChars
		}
	}
	if rest == "" {
		return errURIChars
	}
	u.Opaque = rest
	return nil
}

func validScheme(s string) bool {
	if c := s[0] | 0x20; c < 'a' || c > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && !is(s[i], classDigit) && s[i] != '+' && s[i] != '-' && s[i] != '.' {
			return false
		}
	}
	return true
}

func (u *URI) parseSIP(s string) error {
	// One walk tells whether there is a user part: an unescaped "@" is legal once, as its end
	// (RFC 3261 §25.1). Everything that may stand before a host may stand in a user part as well.
	colon := -1
	for i := 0; i < len(s); i++ {
		c := s[i]
		if is(c, classUser) {
			if c == ':' && colon < 0 {
				colon = i
			}
			continue
		}
		if c == '%' {
			if !isEscape(s[i:]) {
				return errURIUser
			}
			i += 2
			continue
		}
		if c != '@' {
			break
		}
		u.User = s[:i]
		if colon >= 0 {
			u.User, u.Password = s[:colon], s[colon+1:i]
		}
		if u.User == "" {
			return errURIUser
		}
		s = s[i+1:]
		break
	}
	host, port, rest, ok := cutHostPort(s)
	if !ok {
		return errURIHost
	}
	if port < 0 {
		return errURIPort
	}
	u.Host, u.Port = host, uint16(port)
	if rest == "" {
		return nil
	}
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		u.Headers = rest[i+1:]
		rest = rest[:i]
		if u.Headers == "" || !escapesValid(u.Headers, classHeader) {
			return errURIHeader
		}
	}
	if rest == "" {
		return nil
	}
	if rest[0] != ';' || !uriParamsValid(rest) {
		return errURIParams
	}
	u.Params = Params(rest)
	return nil
}

// uriParamsValid checks ";name=value;name" of a URI, where no space and no quote is legal.
func uriParamsValid(s string) bool {
	for i := 0; ; {
		if i >= len(s) || s[i] != ';' {
			return i > 0 && i == len(s)
		}
		i++
		start := i
		for i < len(s) && (is(s[i], classParam) || s[i] == '%') && (s[i] != '%' || isEscape(s[i:])) {
			i++
		}
		if i == start {
			return false
		}
		if i < len(s) && s[i] == '=' {
			i++
			for i < len(s) && (is(s[i], classParam) || s[i] == '%') && (s[i] != '%' || isEscape(s[i:])) {
				i++
			}
		}
	}
}

// isEscape reports whether s begins with "%" HEXDIG HEXDIG.
func isEscape(s string) bool {
	return len(s) > 2 && s[0] == '%' && is(s[1], classHex) && is(s[2], classHex)
}

func (u *URI) parseTel(s string) error {
	if i := strings.IndexByte(s, ';'); i >= 0 {
		if !uriParamsValid(s[i:]) {
			return errURIParams
		}
		u.Params = Params(s[i:])
		s = s[:i]
	}
	u.User = s
	s = strings.TrimPrefix(s, "+")
	digits := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case is(c, classHex) || c == '*' || c == '#':
			digits = true
		case c == '-' || c == '.' || c == '(' || c == ')':
		default:
			return errURINumber
		}
	}
	if !digits {
		return errURINumber
	}
	return nil
}

// cutHostPort splits "host[:port]" off the front of s. The host comes without brackets; a port that
// is not there gives 0, a bad one -1.
func cutHostPort(s string) (host string, port int, rest string, ok bool) {
	if s != "" && s[0] == '[' {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, "", false
		}
		if host, ok = ipv6Host(s[1:end]); !ok {
			return "", 0, "", false
		}
		rest = s[end+1:]
	} else {
		i := 0
		for i < len(s) && is(s[i], classHost) {
			i++
		}
		if i == 0 {
			return "", 0, "", false
		}
		host, rest = s[:i], s[i:]
	}
	if rest == "" || rest[0] != ':' {
		return host, 0, rest, true
	}
	i := 1
	for i < len(rest) && '0' <= rest[i] && rest[i] <= '9' && port <= 65535 {
		port = port*10 + int(rest[i]-'0')
		i++
	}
	if i == 1 {
		port = -1
	} else if port > 65535 {
		port = -2
	}
	return host, port, rest[i:], true
}

// ipv6Host checks the inside of an IPv6 reference. Three colons before an embedded IPv4 address are
// taken, and given back, as two: the grammar of RFC 3261 §25.1 made people write them, and RFC 5118
// §4.10 asks for mercy.
func ipv6Host(s string) (string, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		before, after, found := strings.Cut(s, ":::")
		if !found {
			return "", false
		}
		if v4, err := netip.ParseAddr(after); err != nil || !v4.Is4() {
			return "", false
		}
		s = before + "::" + after
		a, err = netip.ParseAddr(s)
		if err != nil {
			return "", false
		}
	}
	return s, a.Is6() && a.Zone() == ""
}

// IsSIP reports whether the scheme is sip or sips.
func (u URI) IsSIP() bool { return equalFold(u.Scheme, "sip") || u.IsSecure() }

// IsSecure reports whether the scheme is sips.
func (u URI) IsSecure() bool { return equalFold(u.Scheme, "sips") }

// IsTel reports whether the scheme is tel; User is then the number.
func (u URI) IsTel() bool { return equalFold(u.Scheme, "tel") }

// IsZero reports whether u is no URI at all.
func (u URI) IsZero() bool { return u.Scheme == "" }

// HostPort gives the host and the port as written; the port is 0 when none was given.
func (u URI) HostPort() HostPort { return HostPort{u.Host, u.Port} }

// Username gives the user part with its escapes decoded.
func (u URI) Username() string { return Unescape(u.User) }

// Number gives the telephone number that the URI names: a tel URI's without its visual separators, or the
// user part, escapes decoded, without what a telephone-subscriber says beside the number
// (RFC 3261 §19.1.6).
func (u URI) Number() string {
	if u.IsTel() {
		return strings.TrimPrefix(u.AOR(), "tel:")
	}
	number, _, _ := strings.Cut(u.Username(), ";")
	return number
}

// Transport reads the transport parameter: UnknownTransport when it is missing or none of ours.
func (u URI) Transport() Transport {
	v, _ := u.Params.raw("transport")
	return ParseTransport(v)
}

// WithParam gives the URI with a parameter set, its value escaped as a URI needs it.
func (u URI) WithParam(name, value string) URI {
	if isToken(name) {
		u.Params = Params(appendRawParam([]byte(u.Params.Without(name)), name, escape(value, classParam)))
	}
	return u
}

// Append prints the URI.
func (u URI) Append(dst []byte) []byte {
	dst = append(dst, u.Scheme...)
	dst = append(dst, ':')
	if u.Opaque != "" {
		return append(dst, u.Opaque...)
	}
	if u.User != "" {
		dst = append(dst, u.User...)
		if u.Password != "" {
			dst = append(dst, ':')
			dst = append(dst, u.Password...)
		}
		if !u.IsTel() {
			dst = append(dst, '@')
		}
	}
	if u.Host != "" {
		dst = HostPort{u.Host, u.Port}.Append(dst)
	}
	dst = append(dst, u.Params...)
	if u.Headers != "" {
		dst = append(dst, '?')
		dst = append(dst, u.Headers...)
	}
	return dst
}

// String prints the URI; a zero URI gives "".
func (u URI) String() string {
	if u.IsZero() {
		return ""
	}
	return string(u.Append(make([]byte, 0, 64)))
}
