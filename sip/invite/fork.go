package invite

import (
	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// maxBranches bounds the branches of one INVITE that are told apart. A proxy that forks wider still
// gets an answer from us for the first ones.
const maxBranches = 16

// completedElsewhere is what the branches hear that answered too late (RFC 3326 §3).
const completedElsewhere = `SIP;cause=200;text="Call completed elsewhere"`

// branch notes the early dialog that a provisional response makes or shows again (RFC 3261 §13.2.2.1).
func (s *Session) branch(res *sip.Message) {
	tag := res.ToTag()
	if tag == "" || s.find(tag) != nil || len(s.early) >= maxBranches {
		return
	}
	if d, err := dialog.FromResponse(s.request, res); err == nil {
		if s.mark != "" {
			d.SessionID = s.mark
		}
		s.early = append(s.early, d)
	}
}

// find gives the early dialog of a branch.
func (s *Session) find(tag string) *dialog.Dialog {
	for _, d := range s.early {
		if d.RemoteTag == tag {
			return d
		}
	}
	return nil
}

// forget drops the early dialog of a branch, or nothing.
func (s *Session) forget(tag string) {
	for i, d := range s.early {
		if d.RemoteTag == tag {
			s.early = append(s.early[:i], s.early[i+1:]...)
			return
		}
	}
}

// stray acknowledges a 2xx that nobody waits for any more, and ends its dialog with a BYE.
func (s *Session) stray(res *sip.Message, tag string) {
	for _, a := range s.strays {
		if a.tag == tag {
			s.again(a)
			return
		}
	}
	s.forked = true
	d, err := dialog.FromResponse(s.request, res)
	if err != nil || len(s.strays) >= maxBranches {
		return
	}
	p := s.path
	p.reached(s.request, s.client.Flow())
	a := &acked{tag: tag, seq: d.LocalSeq}
	s.strays = append(s.strays, a)
	s.acknowledge(a, d, p.next(d), "")
	reason := completedElsewhere
	if s.won == nil {
		reason = s.reason
	}
	s.sendBye(d, p.next(d), reason, func(endpoint.ClientEvent) {})
}
