package invite

import (
	"encoding/json"
	"testing"
	"time"

	"santral/sip"
)

// handsOver writes our session out, and has another go on with it.
func (s *scene) handsOver(x *Session) {
	s.Helper()
	st, err := x.Freeze()
	if err != nil {
		s.Fatal(err)
	}
	text, err := json.Marshal(st)
	if err != nil {
		s.Fatal(err)
	}
	var back Frozen
	if err := json.Unmarshal(text, &back); err != nil {
		s.Fatal(err)
	}
	if s.session, err = Thaw(&s.cfg, x.Shard(), back, s); err != nil {
		s.Fatal(err)
	}
}

// TestThawedAcknowledges has the ACKs lost before a session is written out, to the INVITE and to a
// re-INVITE: the copies of both 200s get the same ACKs again from the session that was read back
// (RFC 3261 §13.2.2.4), as long as such copies may come.
func TestThawedAcknowledges(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.drop = func(m *sip.Message) bool { return m.Method == sip.ACK }
		req := s.call("offer")
		s.answer(req, 200, "peer", "answer")
		s.we(func(x *Session) { x.Modify("hold") })
		change := s.take(sip.INVITE)
		s.answer(change, 200, "", "held")
		s.none(500 * time.Millisecond)
		s.drop = nil
		s.we(s.handsOver)
		for _, r := range []*sip.Message{req, change} {
			s.answer(r, 200, "peer", "again")
			ack := s.take(sip.ACK)
			want, _ := r.CSeq()
			if seq, _ := ack.CSeq(); seq.Seq != want.Seq || ack.ToTag() != "peer" {
				t.Errorf("the ACK to %d is\n%s", want.Seq, ack)
			}
		}
		s.none(32 * time.Second)
		s.answer(req, 200, "peer", "again")
		s.none(time.Second)
		s.we(func(x *Session) { x.Hangup("") })
		s.answer(s.take(sip.BYE), 200, "", "")
	})
}
