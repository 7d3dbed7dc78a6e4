package sipleg

import (
	"strings"

	"santral/sip"
	"santral/sip/endpoint"
)

// secured reports whether a URI asks for TLS on every hop (RFC 3261 §19.1.1).
func secured(uri string) bool {
	return len(uri) > 5 && strings.EqualFold(uri[:5], "sips:")
}

// secure makes a way out of a call to a sips URI one that TLS protects, and reports whether it can be:
// a phone is reached over the connection that it registered by, when that is over TLS; anybody else by
// a sips URI in turn (RFC 3261 §26.2.2, RFC 5630 §4). Each leg has its own scheme: the phone knows itself
// by the URI that it gave us.
func secure(uri *string, to *endpoint.Next) bool {
	if to.HasFlow {
		return to.Flow.Transport.Secure()
	}
	u, err := sip.ParseURI(*uri)
	if err != nil || !u.IsSIP() || !to.URI.IsSIP() {
		return false
	}
	u.Scheme, to.URI.Scheme = "sips", "sips"
	*uri = u.String()
	return true
}
