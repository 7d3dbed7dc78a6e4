package invite

import (
	"strings"
	"testing"
	"time"

	"santral/sip"
)

// elsewhere has the peer be known at another flow from the moment that it is closed.
func (s *scene) elsewhere() (gone chan struct{}) {
	gone = make(chan struct{})
	told := false
	s.cfg.Moved = func(*Session) (sip.Flow, bool) {
		select {
		case <-gone:
			if !told {
				told = true
				return otherFlow, true
			}
		default:
		}
		return sip.Flow{}, false
	}
	return gone
}

// TestPeerMoved: the peer has registered from elsewhere. What we send goes there at once, though its Contact
// names the old place, and after the session was written out too.
func TestPeerMoved(t *testing.T) {
	ladderTest(t, func(s *scene) {
		gone := s.elsewhere()
		s.established()
		close(gone)
		s.we(func(x *Session) { x.Inform("", "application/dtmf-relay", "Signal=1") })
		s.we(s.handsOver)
		s.we(func(x *Session) { x.Modify("hold") })
		s.none(10 * time.Millisecond)
	})
}

// TestPeerMovedUnheard: nobody answers, and the peer comes back from elsewhere meanwhile: the request is sent
// there anew, with a number of its own, and then given up as any other.
func TestPeerMovedUnheard(t *testing.T) {
	ladderTest(t, func(s *scene) {
		gone := s.elsewhere()
		s.established()
		s.drop = func(*sip.Message) bool { return true }
		s.we(func(x *Session) { x.Modify("hold") })
		s.none(20 * time.Second)
		close(gone)
		s.none(45 * time.Second)
	})
}

// TestByeFollows is the same for our BYE.
func TestByeFollows(t *testing.T) {
	ladderTest(t, func(s *scene) {
		gone := s.elsewhere()
		s.established()
		s.drop = func(*sip.Message) bool { return true }
		s.we(func(x *Session) { x.Hangup("") })
		s.none(20 * time.Second)
		close(gone)
		s.none(time.Minute)
		if s.state() != Ended {
			t.Errorf("the session is %s", s.state())
		}
	})
}

// TestOKFollows: the ACK was lost with the way that the INVITE came by. The 200 is repeated where the peer is
// by then, which acknowledges it from there.
func TestOKFollows(t *testing.T) {
	ladderTest(t, func(s *scene) {
		gone := s.elsewhere()
		req := s.calls("offer")
		s.we(func(x *Session) { x.Accept("answer") })
		res := s.status(200)
		s.none(time.Second / 4)
		close(gone)
		s.none(time.Second)
		ack := sip.NewRequest(sip.ACK, "sip:us@192.0.2.1:5060")
		for _, k := range []sip.Kind{sip.ViaKind, sip.From, sip.CallID} {
			ack.Set(k, req.Get(k))
		}
		ack.Set(sip.ViaKind, s.via())
		ack.Set(sip.To, res.Get(sip.To))
		ack.Set(sip.CSeqKind, strings.Replace(req.Get(sip.CSeqKind), "INVITE", "ACK", 1))
		s.put(ack, otherFlow)
		if s.state() != Established {
			t.Errorf("the session is %s", s.state())
		}
		s.none(time.Minute)
	})
}

// TestOKFollowsAConnection: the peer's connection has ended before it is answered, and it has another one.
func TestOKFollowsAConnection(t *testing.T) {
	ladderTest(t, func(s *scene) {
		gone := s.elsewhere()
		s.by = sip.Flow{Transport: sip.TCP, Local: ourFlow.Local, Remote: ourFlow.Remote, Conn: 7}
		s.calls("offer")
		s.dead = true
		close(gone)
		s.we(func(x *Session) { x.Accept("answer") })
		s.none(time.Second / 4)
	})
}
