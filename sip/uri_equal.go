package sip

import (
	"net/netip"
	"strings"
)

// AOR gives the canonical address-of-record "sip:user@host": escapes normalised, host in lower
// case, no password, port, parameters or headers (RFC 3261 §10.3 step 5). sips gives sip as well,
// since both name the same account; tel gives "tel:number" without visual separators.
func (u URI) AOR() string {
	b := make([]byte, 0, 64)
	switch {
	case u.IsTel():
		b = append(b, "tel:"...)
		for i := 0; i < len(u.User); i++ {
			if c := u.User[i]; c != '-' && c != '.' && c != '(' && c != ')' {
				b = append(b, c)
			}
		}
		return string(b)
	case !u.IsSIP():
		b = append(b, lowerASCII(u.Scheme)...)
		b = append(b, ':')
		return string(append(b, u.Opaque...))
	}
	b = append(b, "sip:"...)
	if u.User != "" {
		b = appendNormal(b, u.User, classUser)
		b = append(b, '@')
	}
	return string(HostPort{lowerASCII(u.Host), 0}.Append(b))
}

// Equal compares two URIs as RFC 3261 §19.1.4 says. Other schemes are equal when their texts are.
func (u URI) Equal(v URI) bool {
	if !equalFold(u.Scheme, v.Scheme) {
		return false
	}
	if u.IsTel() {
		return equalFold(u.AOR(), v.AOR()) && paramsEqual(u.Params, v.Params, true)
	}
	if !u.IsSIP() {
		return u.Opaque == v.Opaque
	}
	return equalEscaped(u.User, v.User, classUser) && equalEscaped(u.Password, v.Password, classUser) &&
		sameHost(u.Host, v.Host) && u.Port == v.Port &&
		paramsEqual(u.Params, v.Params, false) && headersEqual(u.Headers, v.Headers)
}

// sameHost compares hosts without regard to case, IPv6 addresses by what they mean.
func sameHost(a, b string) bool {
	if equalFold(a, b) {
		return true
	}
	if strings.IndexByte(a, ':') < 0 || strings.IndexByte(b, ':') < 0 {
		return false
	}
	x, err := netip.ParseAddr(a)
	if err != nil {
		return false
	}
	y, err := netip.ParseAddr(b)
	return err == nil && x == y
}

// paramsEqual compares parameters by name and value; when not strict, only those of RFC 3261
// §19.1.4 must be in both, others matter only where both have them.
func paramsEqual(a, b Params, strict bool) bool {
	one := func(a, b Params) bool {
		for s := string(a); s != ""; {
			n, _, rest, ok := cutParam(s)
			if !ok {
				return false
			}
			s = rest
			v, _ := a.raw(n) // of two with one name the first counts
			w, has := b.raw(n)
			if has && !equalFoldEscaped(v, w) {
				return false
			}
			if !has && (strict || equalFold(n, "user") || equalFold(n, "ttl") || equalFold(n, "method") ||
				equalFold(n, "maddr") || equalFold(n, "transport")) {
				return false
			}
		}
		return true
	}
	return one(a, b) && one(b, a)
}

func headersEqual(a, b string) bool {
	if a == b {
		return true
	}
	one := func(a, b string) bool {
		for a != "" {
			var h string
			h, a, _ = strings.Cut(a, "&")
			name, value, _ := strings.Cut(h, "=")
			found := false
			for rest := b; rest != "" && !found; {
				h, rest, _ = strings.Cut(rest, "&")
				n, v, _ := strings.Cut(h, "=")
				found = equalFold(n, name) && equalEscaped(v, value, classHeader)
			}
			if !found {
				return false
			}
		}
		return true
	}
	return one(a, b) && one(b, a)
}
