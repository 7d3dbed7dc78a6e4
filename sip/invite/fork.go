package invite

import (
	"slices"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// maxBranches bounds the branches of one INVITE that are told apart. A proxy that forks wider still
// gets an answer from us for the first ones.
const maxBranches = 16

// completedElsewhere is what the branches hear that answered too late (RFC 3326 §3).
const completedElsewhere = `SIP;cause=200;text="Call completed elsewhere"`

// branch is one early dialog of an INVITE of ours, and what is known of its peer.
type branch struct {
	dialog  *dialog.Dialog
	can     abilities
	settled bool   // its description answered ours, or ours its, reliably
	ours    string // then: what we offered, or answered
	theirs  uint64 // sum of what the peer did
	rseq    uint32 // of the last provisional answer that was taken, 0 for none that is reliable
	failed  bool   // the PRACK to it reached nobody
	answer  string // what that PRACK carried
}

// branch gives the early dialog that a provisional response makes or shows again
// (RFC 3261 §13.2.2.1), nil where it makes none.
func (s *Session) branch(res *sip.Message) *branch {
	tag := res.ToTag()
	if b := s.find(tag); b != nil || tag == "" || len(s.early) >= maxBranches {
		return b
	}
	d, err := dialog.FromResponse(s.request, res)
	if err != nil {
		return nil
	}
	if s.mark != "" {
		d.SessionID = s.mark
	}
	b := &branch{dialog: d}
	s.early = append(s.early, b)
	return b
}

// find gives the branch whose tag it is.
func (s *Session) find(tag string) *branch {
	for _, b := range s.early {
		if b.dialog.RemoteTag == tag {
			return b
		}
	}
	return nil
}

// forget drops the early dialog of a branch, or nothing.
func (s *Session) forget(tag string) {
	s.owed = slices.DeleteFunc(s.owed, func(b *branch) bool { return b.dialog.RemoteTag == tag })
	for i, b := range s.early {
		if b.dialog.RemoteTag == tag {
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
	if b := s.find(tag); b != nil { // its PRACKs have counted on
		d.LocalSeq = b.dialog.LocalSeq
	}
	p := s.ahead()
	a := &acked{tag: tag, seq: s.number()}
	s.strays = append(s.strays, a)
	s.acknowledge(a, d, p.next(d), "")
	reason := completedElsewhere
	if s.won == nil {
		reason = s.reason
	}
	s.sendBye(d, p.next(d), reason, func(endpoint.ClientEvent) {})
}

// ahead is the way to the branches of our INVITE.
func (s *Session) ahead() path {
	p := s.path
	p.reached(s.request, s.client.Flow())
	return p
}

// toward gives the next hop of a request within d, whose dialog may be early.
func (s *Session) toward(d *dialog.Dialog) endpoint.Next {
	if d == s.dialog {
		return s.next()
	}
	p := s.ahead()
	return p.next(d)
}
