package sipleg

import (
	"strings"

	"santral/call"
	"santral/sip"
)

// maxTel bounds a parameter of a tel URI that is kept.
const maxTel = 64

// numberOf gives the number that a URI names. ok is false, and there is no number, for one with control
// characters.
func numberOf(uri sip.URI) (number string, ok bool) {
	number = uri.Number()
	if !uri.IsTel() && clean(number) != number {
		return "", false
	}
	return number, true
}

// telOf gives what a URI tells beside its number: a tel URI's parameters, or those of the
// telephone-subscriber in a user part (RFC 3966 §3, RFC 4694 §4, RFC 3261 §19.1.6). A value that is no number or
// name of a network is left out.
func telOf(uri sip.URI) (t call.Tel) {
	params := uri.Params
	if !uri.IsTel() {
		semi := strings.IndexByte(uri.User, ';')
		if semi < 0 {
			return t
		}
		params = sip.Params(uri.User[semi:])
	}
	t.Context = telParam(params, "phone-context")
	t.Route = telParam(params, "rn")
	t.RouteIn = telParam(params, "rn-context")
	t.Carrier = telParam(params, "cic")
	t.Dipped = params.Has("npdi")
	return t
}

func telParam(params sip.Params, name string) string {
	v, _ := params.Get(name)
	v = sip.Unescape(v)
	if len(v) > maxTel || strings.ContainsFunc(v, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("+-.*#()", r))
	}) {
		return ""
	}
	return v
}

// withTel puts what a dialled number was told with into the user part of a SIP URI that leads to a trunk
// (RFC 3261 §19.1.6). A URI that has such parameters already stays.
func withTel(uri sip.URI, t call.Tel) sip.URI {
	if t == (call.Tel{}) || !uri.IsSIP() || uri.User == "" || strings.IndexByte(uri.User, ';') >= 0 {
		return uri
	}
	var b strings.Builder
	b.WriteString(uri.User)
	for _, p := range [...]struct{ name, value string }{
		{"cic", t.Carrier}, {"rn", t.Route}, {"rn-context", t.RouteIn}, {"phone-context", t.Context},
	} {
		if p.value != "" {
			b.WriteString(";" + p.name + "=" + sip.EscapeUser(p.value))
		}
	}
	if t.Dipped {
		b.WriteString(";npdi")
	}
	uri.User = b.String()
	if !uri.Params.Has("user") {
		uri = uri.WithParam("user", "phone")
	}
	return uri
}
