package invite

import (
	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// path is where our requests within the dialog go.
type path struct {
	flow      sip.Flow     // by which the peer's last message came
	claimed   sip.HostPort // where the peer said it listens, or where we rang it
	symmetric bool         // it listens where it sends from
	to        endpoint.Next
	target    string // the target that to was made for, "" when it must be made anew
}

// learn takes the path from a request of the peer's.
func (p *path) learn(req *sip.Message, flow sip.Flow) {
	if via, err := req.Via(); err == nil {
		p.claimed = via.SentBy()
		p.symmetric = via.Params.Has("rport")
	}
	p.follow(flow)
}

// reached takes the path from an INVITE of ours that was answered.
func (p *path) reached(req *sip.Message, flow sip.Flow) {
	if uri, err := sip.ParseURI(req.RequestURI); err == nil {
		p.claimed = sip.HostPort{Host: uri.Host, Port: uri.Port}
	}
	p.symmetric = true
	p.follow(flow)
}

// follow notes that the peer is heard by another way now.
func (p *path) follow(flow sip.Flow) {
	if flow != p.flow {
		p.flow, p.target = flow, ""
	}
}

// next gives the next hop of a request within the session's dialog. A connection that is gone leaves
// the Contact as the only hope.
func (s *Session) next() endpoint.Next {
	to := s.path.next(s.dialog)
	if to.HasFlow && to.Flow.Transport.Stream() && !s.shard.Alive(to.Flow) {
		to.HasFlow = false
	}
	return to
}

// next gives the next hop of a request within d: the first route, the peer's own flow or its Contact
// (RFC 3261 §12.2.1.1, §18.1.1; see dialog.ByFlow).
func (p *path) next(d *dialog.Dialog) endpoint.Next {
	hop := d.NextHop()
	if p.target == hop {
		return p.to
	}
	uri, err := sip.ParseURI(hop)
	switch {
	case len(d.Routes) == 0 && (err != nil || dialog.ByFlow(uri, p.claimed, p.symmetric, p.flow)):
		p.to = endpoint.Next{Flow: p.flow, HasFlow: true, URI: uri}
	default:
		p.to = endpoint.Next{URI: uri}
	}
	p.target = hop
	return p.to
}
