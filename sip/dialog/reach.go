package dialog

import (
	"net/netip"
	"strings"

	"santral/sip"
)

// ByFlow decides whether requests to a peer go back along the flow that its own message came by
// (or that ours reached it by), instead of to its Contact. claimed is where the peer says it
// listens: the top Via's sent-by of its request, or the host and port of the binding that we rang.
// symmetric says that it listens where it sends from (rport, RFC 3581).
//
// RFC 3261 §12.2.1.1 sends to the Contact. Phones behind address translation write a Contact that
// nobody outside can reach, so the flow is right for them, and a stream is right for everybody who
// keeps one open (RFC 5626 §5.3 makes that a rule). A peer that deliberately names another place
// than the one it claimed is believed.
//
// A target with ob asks for its flow (RFC 5626 §4.3). One with gr is a GRUU, which means no address but
// whoever gave it: mostly we ourselves, and a request sent there would come back to us (RFC 5627 §3.4).
func ByFlow(target sip.URI, claimed sip.HostPort, symmetric bool, flow sip.Flow) bool {
	if flow.Transport.Stream() || target.Params != "" && (target.Params.Has("ob") || target.Params.Has("gr")) {
		return true
	}
	same := sameHost(target.Host, claimed.Host) && port(target.Port) == port(claimed.Port)
	addr, err := netip.ParseAddr(trimBrackets(target.Host))
	if err != nil {
		return same
	}
	addr, remote := addr.Unmap(), flow.Remote.Addr().Unmap().WithZone("")
	if addr == remote {
		return port(target.Port) == flow.Remote.Port() || same && symmetric
	}
	return same || private(addr) && !private(remote)
}

func port(p uint16) uint16 {
	if p == 0 {
		return 5060
	}
	return p
}

func trimBrackets(host string) string {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}

func sameHost(a, b string) bool { return strings.EqualFold(trimBrackets(a), trimBrackets(b)) }

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// private reports whether an address means nothing outside its own network.
func private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || sharedSpace.Contains(a)
}
