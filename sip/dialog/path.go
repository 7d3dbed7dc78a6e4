package dialog

import "santral/sip"

// Path is what is known of the way to a dialog's peer besides the dialog itself.
type Path struct {
	Flow      sip.Flow     // by which the peer's last message came
	Claimed   sip.HostPort // where the peer said it listens, or where we reached it
	Symmetric bool         // it listens where it sends from
	Moved     bool         // it is known to be at Flow now, whatever its Contact says
}

// Move notes that the peer has gone to another flow, as its registration tells.
func (p *Path) Move(flow sip.Flow) { p.Flow, p.Moved = flow, true }

// Learn takes the path from a request of the peer's.
func (p *Path) Learn(req *sip.Message, flow sip.Flow) {
	if via, err := req.Via(); err == nil {
		p.Claimed = via.SentBy()
		p.Symmetric = via.Params.Has("rport")
	}
	p.Flow, p.Moved = flow, false
}

// Reached takes the path from a request of ours that was answered.
func (p *Path) Reached(req *sip.Message, flow sip.Flow) {
	if uri, err := sip.ParseURI(req.RequestURI); err == nil {
		p.Claimed = sip.HostPort{Host: uri.Host, Port: uri.Port}
	}
	p.Symmetric = true
	p.Flow = flow
}

// Next gives the next hop of a request within d: the first route, the peer's own flow (byFlow) or its
// Contact (RFC 3261 §12.2.1.1, §18.1.1; see ByFlow). uri is given with a flow too, for when that is gone.
func (p *Path) Next(d *Dialog) (uri sip.URI, byFlow bool) {
	uri, err := sip.ParseURI(d.NextHop())
	return uri, len(d.Routes) == 0 && (err != nil || p.Moved || ByFlow(uri, p.Claimed, p.Symmetric, p.Flow))
}

// Near reports whether a next hop is at the host that the peer's last message came from. What a peer names
// elsewhere has not asked for anything.
func (p *Path) Near(uri sip.URI) bool {
	addr, ok := uri.HostPort().Addr()
	return ok && addr.Unmap().WithZone("") == p.Flow.Remote.Addr().Unmap().WithZone("")
}

// Strange reports whether a request by flow came from somewhere else than what the peer sent before.
// Ports tell something of datagrams alone: a connection that is opened anew has another one.
func (p *Path) Strange(flow sip.Flow) bool {
	if flow.Transport.Stream() || p.Flow.Transport.Stream() {
		return flow.Remote.Addr() != p.Flow.Remote.Addr()
	}
	return flow.Remote != p.Flow.Remote
}

// Contact is a Contact value of ours for a peer: what it can reach (RFC 3261 §8.1.1.8), with the user that
// it knows us by, escaped already. secure is for a dialog that a sips URI began: it stays a sips URI's
// (RFC 3261 §12.1.1).
func Contact(at sip.HostPort, t sip.Transport, user string, secure bool) string {
	uri := sip.URI{Scheme: "sip", User: user, Host: at.Host, Port: at.Port, Params: t.Param()}
	if secure {
		uri.Scheme = "sips"
		if t == sip.TLS { // RFC 3261 §26.2.2: the scheme says it
			uri.Params = ""
		}
	}
	return "<" + uri.String() + ">"
}
