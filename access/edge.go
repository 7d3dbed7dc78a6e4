package access

import (
	"net/netip"

	"santral/sip"
)

// maxEdges bounds the proxies of ours that one request passes.
const maxEdges = 8

// Origin is who a request really comes from, for limits and bans: its source, or, where that is a proxy of
// the operator's own, what the proxy wrote of the source into the Via below its own (RFC 3261 §18.2.1,
// RFC 3581 §4). Many phones share a proxy's address, and one that guesses must not silence the others.
// The zero AddrPort is somebody behind a proxy that does not say who it is; nothing is counted of it.
func (d *Door) Origin(req *sip.Message, flow sip.Flow) netip.AddrPort {
	edge := d.cfg.Edges
	if edge == nil || !edge(flow.Remote.Addr()) || req == nil {
		return flow.Remote
	}
	n := 0
	for via := range req.Vias() {
		if n++; n == 1 {
			continue // the proxy's own
		}
		addr, ok := via.Received()
		if !ok {
			if addr, ok = via.SentBy().Addr(); !ok {
				break
			}
		}
		if n <= maxEdges && edge(addr) {
			continue
		}
		port, _ := via.RPort()
		if port == 0 {
			port = via.Port
		}
		if port == 0 {
			port = 5060
		}
		return netip.AddrPortFrom(addr.Unmap(), port)
	}
	return netip.AddrPort{}
}
