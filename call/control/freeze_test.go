package control_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media/session"
)

// onPaper writes call 1 out, of which nothing is left here, and reads the text that would lie between two processes.
func (s *stage) onPaper() *control.Handover {
	s.t.Helper()
	h, err := s.k.Freeze(s.t.Context(), "1", s)
	if err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
	if n := s.k.Stats(); n.Live != 0 || n.Open != 0 || s.InUse() != 0 {
		s.t.Errorf("the old control is left with %+v, channels %d", n, s.InUse())
	}
	text, err := json.Marshal(h)
	if err != nil {
		s.t.Fatal(err)
	}
	again := new(control.Handover)
	if err := json.Unmarshal(text, again); err != nil {
		s.t.Fatal(err)
	}
	return again
}

// handOver moves call 1 into another control, through the text that would lie between two processes;
// change is what happens in between.
func (s *stage) handOver(change func()) *control.Control {
	s.t.Helper()
	again := s.onPaper()
	change()
	k := newControl(s.House, s.stories)
	if err := k.Thaw(again, s); err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
	return k
}

func TestHandover(t *testing.T) {
	t.Parallel()
	perform(t, "handed-over", nil, func(s *stage) {
		a := s.dial("103")
		s.leg("b").Ring()
		s.leg("c").Pickup(answer)
		a.Ack(nil)
		a.Reinvite(hold)
		s.leg("c").Agree(onHold)
		s.pass(time.Second)
		k := s.handOver(func() {})
		if live := k.Calls(""); len(live) != 1 || live[0].State != control.Talking || len(live[0].Legs) != 3 ||
			live[0].To != "103" || !live[0].Legs[0].Held || live[0].Legs[2].Codec != "PCMA" || !live[0].Legs[1].Over {
			s.t.Errorf("after the hand-over the call is %+v", live)
		}
		if n := s.InUse(); n != 2 {
			s.t.Errorf("%d channels are taken", n)
		}
		a, c := s.leg("a"), s.leg("c")
		a.Reinvite(offer)
		c.Agree(answer)
		c.Info("application/dtmf-relay", "Signal=1")
		s.pass(time.Second)
		c.Bye()
		if n := k.Stats(); n.Live != 0 || n.Open != 0 {
			s.t.Errorf("the new control is left with %+v", n)
		}
	})
	together(t, "handed-over-and-transferred", nil, func(s *stage) { // who is who is written out too
		s.talk()
		s.leg("b").Say("news", call.LegEvent{Kind: call.Noticed, News: session.News{Kind: session.OneWay, Text: "nothing came from it"}})
		before := s.k.Calls("")[0].Legs[1].Notices
		k := s.handOver(func() {})
		if after := k.Calls("")[0].Legs[1].Notices; len(after) != 1 || !cmp.Equal(after, before, cmpopts.EquateComparable(netip.AddrPort{})) {
			s.t.Errorf("what was noticed was %+v and is %+v", before, after)
		}
		a, b := s.leg("a"), s.leg("b")
		b.Refer("105")
		for _, l := range k.Calls("") {
			if l.From != calltest.Party("101") {
				s.t.Errorf("after the hand-over the caller is %+v", l.From)
			}
		}
		s.rung(0).Fail(call.Busy)
		a.Bye()
		if n := k.Stats(); n.Live != 0 || n.Open != 0 {
			s.t.Errorf("the new control is left with %+v", n)
		}
	})
	perform(t, "handed-over-only-when-quiet", nil, func(s *stage) {
		quiet := func() bool {
			_, err := s.k.Freeze(s.t.Context(), "1", s)
			if err != nil && !errors.Is(err, control.ErrNotQuiet) {
				s.t.Error(err)
			}
			return err == nil
		}
		a := s.dial("102")
		b := s.leg("b")
		if quiet() {
			s.t.Error("a ringing call was written out")
		}
		b.Pickup(answer)
		if quiet() {
			s.t.Error("a call without its ACK was written out")
		}
		a.Ack(nil)
		a.Reinvite(hold)
		if quiet() {
			s.t.Error("a call in a change was written out")
		}
		b.Agree(onHold)
		a.Bye()
		if _, err := s.k.Freeze(s.t.Context(), "1", s); !errors.Is(err, call.ErrEnded) {
			s.t.Errorf("freezing a call that is over: %v", err)
		}
	})
	perform(t, "handed-over-leg-lost", nil, func(s *stage) {
		s.talk()
		h, err := s.k.Freeze(s.t.Context(), "1", s)
		if err != nil {
			s.t.Fatal(err)
		}
		h.Legs[1].State = json.RawMessage(`"spoilt"`)
		if err := newControl(s.House, nil).Thaw(h, s); err == nil {
			s.t.Error("a spoilt leg was thawed")
		}
	})
	perform(t, "hand-over-fails-and-the-call-goes-on", nil, func(s *stage) {
		_, b := s.talk()
		b.Stiffen()
		if _, err := s.k.Freeze(s.t.Context(), "1", s); err == nil {
			s.t.Error("a leg that can't be written out was")
		}
		synctest.Wait()
		s.leg("a").Bye()
	})
}
