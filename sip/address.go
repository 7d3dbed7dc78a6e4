package sip

import (
	"errors"
	"strings"
)

// Address is the value of From, To, Contact, Route and their like: an optional display name, a URI
// and the field's parameters (RFC 3261 §20.10).
type Address struct {
	Display string // without quotes and backslashes
	URI     URI
	RawURI  string // the URI's text as received; "*" for the Contact that means all bindings
	Params  Params // the header field's parameters, not the URI's
}

var (
	errAddressQuote   = errors.New("unbalanced quotes")
	errAddressDisplay = errors.New("display name that needs quotes")
	errAddressAngle   = errors.New("unbalanced angle brackets")
	errAddressParams  = errors.New("malformed parameter")
	errAddressBare    = errors.New("URI that needs angle brackets")
	errAddressEmpty   = errors.New("empty address")
)

// ParseAddress reads one address: name-addr or addr-spec, with parameters. In the form without
// angle brackets everything after ";" belongs to the field and "?" and "," are not legal
// (RFC 3261 §20.10). "*" gives an Address for which IsStar is true.
func ParseAddress(s string) (Address, error) {
	var a Address
	err := a.parse(s)
	return a, err
}

func (a *Address) parse(s string) error {
	*a = Address{}
	s = trim(s)
	if s == "" {
		return errAddressEmpty
	}
	var rest string
	switch {
	case s[0] == '"':
		n := quotedEnd(s)
		if n < 0 {
			return errAddressQuote
		}
		a.Display = unquote(s[:n])
		if s = trimLeft(s[n:]); s == "" || s[0] != '<' {
			return errAddressAngle
		}
		fallthrough
	case s[0] == '<':
		end := strings.IndexByte(s, '>')
		if end < 0 {
			return errAddressAngle
		}
		a.RawURI, rest = s[1:end], s[end+1:]
	default:
		open := strings.IndexByte(s, '<')
		semi := strings.IndexByte(s, ';')
		if open >= 0 && (semi < 0 || open < semi) {
			a.Display = trim(s[:open])
			if !displayValid(a.Display) {
				return errAddressDisplay
			}
			s = s[open:]
			end := strings.IndexByte(s, '>')
			if end < 0 {
				return errAddressAngle
			}
			a.RawURI, rest = s[1:end], s[end+1:]
			break
		}
		if semi < 0 {
			semi = len(s)
		}
		a.RawURI, rest = trim(s[:semi]), s[semi:]
		if a.RawURI == "*" && rest == "" {
			return nil
		}
		if strings.IndexByte(a.RawURI, '?') >= 0 || strings.IndexByte(a.RawURI, ',') >= 0 {
			return errAddressBare
		}
	}
	if err := a.URI.parse(a.RawURI); err != nil {
		return err
	}
	if rest = trimLeft(rest); rest != "" {
		a.Params = Params(rest)
		if !a.Params.wellFormed() {
			return errAddressParams
		}
	}
	return nil
}

// displayValid checks an unquoted display name: tokens and spaces by RFC 3261 §25.1. Raw UTF-8,
// parentheses and the like are taken as well, since phones write them; what would make the value
// ambiguous is not.
func displayValid(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' && c != '\t', c == 0x7F, c == '"', c == ',', c == ';', c == '>', c == '\\', c == ':':
			return false
		}
	}
	return true
}

// IsStar reports whether the address is the "*" of a REGISTER that removes all bindings.
func (a Address) IsStar() bool { return a.RawURI == "*" }

// Tag gives the tag parameter, "" when there is none.
func (a Address) Tag() string {
	v, _ := a.Params.raw("tag")
	return v
}

// Append prints the address: the display name quoted, control characters in it as spaces, the URI
// in angle brackets. When URI is zero RawURI is printed.
func (a Address) Append(dst []byte) []byte {
	if a.IsStar() {
		return append(dst, '*')
	}
	if a.Display != "" {
		dst = appendQuoted(dst, a.Display)
		dst = append(dst, ' ')
	}
	dst = append(dst, '<')
	if a.URI.IsZero() {
		dst = append(dst, clean(a.RawURI)...)
	} else {
		dst = a.URI.Append(dst)
	}
	dst = append(dst, '>')
	return append(dst, a.Params...)
}

// String prints the address as Append does.
func (a Address) String() string { return string(a.Append(make([]byte, 0, 96))) }
