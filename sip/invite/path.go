package invite

import (
	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// path is where our requests within the dialog go. What a next hop was made of is kept with it.
type path struct {
	dialog.Path
	to     endpoint.Next
	target string // the target that to was made for, "" when it must be made anew
}

// learn takes the path from a request of the peer's.
func (p *path) learn(req *sip.Message, flow sip.Flow) {
	p.Learn(req, flow)
	p.target = ""
}

// reached takes the path from an INVITE of ours that was answered.
func (p *path) reached(req *sip.Message, flow sip.Flow) {
	p.Reached(req, flow)
	p.target = ""
}

// follow notes that the peer is heard by another way now.
func (p *path) follow(flow sip.Flow) {
	if flow != p.Flow {
		p.Flow, p.Moved, p.target = flow, false, ""
	}
}

// moved asks whether the peer is elsewhere now, and follows it there. Behind proxies it is theirs to find.
func (s *Session) moved() bool {
	if s.cfg.Moved == nil || s.dialog == nil || len(s.dialog.Routes) > 0 {
		return false
	}
	to, moved := s.cfg.Moved(s)
	if moved {
		s.path.Move(to)
		s.path.target = ""
	}
	return moved
}

// next gives the next hop of a request within the session's dialog. A connection that is gone leaves
// the Contact as the only hope, unless the peer has another one by now.
func (s *Session) next() endpoint.Next {
	s.moved()
	to := s.path.next(s.dialog)
	if to.HasFlow && to.Flow.Transport.Stream() && !s.shard.Alive(to.Flow) {
		to.HasFlow = false
	}
	return to
}

// next gives the next hop of a request within d.
func (p *path) next(d *dialog.Dialog) endpoint.Next {
	hop := d.NextHop()
	if p.target == hop {
		return p.to
	}
	uri, byFlow := p.Next(d)
	p.to = endpoint.Next{URI: uri}
	if byFlow {
		p.to.Flow, p.to.HasFlow = p.Flow, true
	}
	p.target = hop
	return p.to
}
