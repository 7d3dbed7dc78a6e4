package control_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/golden"
	"santral/base/id"
	"santral/base/vnet"
	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
)

// stage is one house with a control in it, in virtual time.
type stage struct {
	*calltest.House
	t    *testing.T
	k    *control.Control
	host vnet.Net // of the exchange, where there is media

	stories map[string]call.Story
}

func newStage(t *testing.T, stories map[string]call.Story) *stage {
	h := calltest.New()
	h.Settle = synctest.Wait
	h.Account("101", 1, "sip:101@192.0.2.1")
	h.Account("102", 1, "sip:102@192.0.2.2")
	h.Account("103", 2, "sip:103@192.0.2.3", "sip:103@192.0.2.33")
	h.Account("104", 1)
	h.Account("105", 2, "sip:105@192.0.2.5")
	return &stage{House: h, t: t, k: newControl(h, stories), stories: stories}
}

func newControl(h *calltest.House, stories map[string]call.Story) *control.Control {
	return control.New(control.Config{Router: h, Contacts: h, Trunks: h, Channels: h, Ledger: h, Dialer: h, Stories: stories, Speech: keySpeech{}, Archive: h.Tapes, Random: id.New([32]byte{1})})
}

// newControlWith has a right of picking up.
func newControlWith(h *calltest.House, pickup func(call.Party, string) bool) *control.Control {
	return control.New(control.Config{Router: h, Contacts: h, Channels: h, Ledger: h, Dialer: h, Random: id.New([32]byte{1}), Pickup: pickup})
}

// dial begins call 1: 101 calls a number with an offer.
func (s *stage) dial(to string) *calltest.Leg { return s.Call(s.k, "1", "101", to, offer) }

// leg is a leg of call 1, which must be there.
func (s *stage) leg(id call.LegID) *calltest.Leg {
	s.t.Helper()
	l := s.Leg("1", id)
	if l == nil {
		s.t.Fatalf("there is no leg %s:\n%s", id, s.Ladder())
	}
	return l
}

// talk brings 101 and 102 into a conversation.
func (s *stage) talk() (a, b *calltest.Leg) {
	a = s.dial("102")
	b = s.leg("b")
	b.Ring()
	b.Pickup(answer)
	a.Ack(nil)
	return a, b
}

// pass lets time go by.
func (s *stage) pass(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

var (
	offer  = calltest.Describe("", "PCMA", "PCMU", "telephone-event")
	answer = calltest.Describe("", "PCMA", "telephone-event")
	other  = calltest.Describe("", "PCMU")
	hold   = calltest.Describe("sendonly", "PCMA", "PCMU", "telephone-event")
	onHold = calltest.Describe("recvonly", "PCMA", "telephone-event")
)

// tale is a service in one function.
type tale func(ctx context.Context, c call.Control) call.Cause

// Serve tells it.
func (f tale) Serve(ctx context.Context, c call.Control) call.Cause { return f(ctx, c) }

// perform plays a scene and compares its ladder with the golden one.
func perform(t *testing.T, name string, stories map[string]call.Story, scene func(s *stage)) {
	performed(t, name, stories, scene, (*calltest.House).Ladder)
}

// together is perform for scenes of several calls that have to do with each other.
func together(t *testing.T, name string, stories map[string]call.Story, scene func(s *stage)) {
	performed(t, name, stories, scene, (*calltest.House).Settled)
}

func performed(t *testing.T, name string, stories map[string]call.Story, scene func(s *stage), ladder func(*calltest.House) string) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, stories)
			scene(s)
			s.pass(time.Minute)
			s.Check(t)
			if n := s.k.Stats(); n.Live != 0 || n.Open != 0 || n.Panics != 0 {
				t.Errorf("control is left with %+v", n)
			}
			if ladder != nil { // nil: two calls race, and either may win
				golden.Compare(t, name+".txt", ladder(s.House))
			}
		})
	})
}

// RFC 3665 §3 as a control sees it: what is hops and retransmissions there is the door's here.
func TestCalls(t *testing.T) {
	t.Parallel()
	perform(t, "answered-caller-hangs-up", nil, func(s *stage) { // §3.1, §3.2
		a, _ := s.talk()
		s.pass(3 * time.Second)
		a.Bye()
	})
	perform(t, "answered-callee-hangs-up", nil, func(s *stage) {
		_, b := s.talk()
		s.pass(3 * time.Second)
		b.Bye()
	})
	perform(t, "no-offer-in-invite", nil, func(s *stage) { // §3.4 has the late offer
		a := s.Call(s.k, "1", "101", "102", nil)
		b := s.leg("b")
		b.Ring()
		b.Pickup(offer)
		a.Ack(answer)
		a.Bye()
	})
	perform(t, "cancelled", nil, func(s *stage) { // §3.8
		a := s.dial("102")
		s.leg("b").Ring()
		s.pass(4 * time.Second)
		a.Cancel()
	})
	perform(t, "busy", nil, func(s *stage) { // §3.9
		s.dial("102")
		s.leg("b").Fail(call.Busy)
	})
	perform(t, "no-response", nil, func(s *stage) { // §3.10
		s.dial("102")
		s.pass(32 * time.Second)
		s.leg("b").Fail(call.NoResponse)
	})
	perform(t, "unavailable", nil, func(s *stage) { // §3.11
		s.dial("102")
		s.leg("b").Ring()
		s.leg("b").Fail(call.FromStatus(480))
	})
	perform(t, "rejected", nil, func(s *stage) {
		s.dial("102")
		s.leg("b").Ring()
		s.leg("b").Fail(call.Declined)
	})
	perform(t, "no-answer", nil, func(s *stage) {
		s.dial("102")
		s.leg("b").Ring()
		s.pass(time.Minute)
	})
	perform(t, "not-registered", nil, func(s *stage) { s.dial("104") })
	perform(t, "unknown-number", nil, func(s *stage) { s.dial("999") })
	perform(t, "too-many-hops", nil, func(s *stage) {
		s.Invite(s.k, "1", calltest.Party("101"), "102", offer, 0)
	})
	perform(t, "early-media", nil, func(s *stage) {
		a := s.dial("102")
		b := s.leg("b")
		b.Ring()
		b.Progressing(answer)
		b.Ring()
		b.Pickup(nil) // the answer stood in the 183
		a.Ack(nil)
		b.Bye()
	})
	perform(t, "callee-wants-credentials", nil, func(s *stage) {
		s.dial("102")
		s.leg("b").Fail(call.FromStatus(407))
	})
	perform(t, "callee-redirects", nil, func(s *stage) {
		s.dial("102")
		s.leg("b").Fail(call.FromStatus(302))
	})
	perform(t, "callee-overloaded", nil, func(s *stage) {
		s.dial("102")
		s.leg("b").Fail(call.FromStatus(503))
	})
	perform(t, "answer-without-description", nil, func(s *stage) {
		s.dial("102")
		s.leg("b").Pickup(nil)
	})
	perform(t, "ack-never-came", nil, func(s *stage) {
		a := s.dial("102")
		s.leg("b").Pickup(answer)
		s.pass(32 * time.Second)
		a.Vanish(call.LostAck)
	})
	perform(t, "ack-without-the-answer", nil, func(s *stage) {
		a := s.Call(s.k, "1", "101", "102", nil)
		s.leg("b").Pickup(offer)
		a.Ack(nil)
	})
	perform(t, "dead-media", nil, func(s *stage) {
		_, b := s.talk()
		s.pass(30 * time.Second)
		b.Silent()
		b.Agree(answer)
	})
	perform(t, "dead-media-and-no-answer", nil, func(s *stage) {
		a, _ := s.talk()
		s.pass(30 * time.Second)
		a.Silent()
		a.Disagree(call.RequestPending)
	})
	perform(t, "dead-media-of-both", nil, func(s *stage) {
		a, b := s.talk()
		s.pass(30 * time.Second)
		a.Silent()
		b.Silent()
		a.Agree(answer)
		b.Agree(answer)
		a.Bye()
	})
	perform(t, "dead-media-while-it-changes", nil, func(s *stage) {
		a, b := s.talk()
		a.Reinvite(calltest.Describe("", "PCMA", "telephone-event"))
		b.Silent()
		b.Agree(answer)
	})
	perform(t, "callee-lost-the-dialog", nil, func(s *stage) {
		_, b := s.talk()
		b.Vanish(call.LostDialog)
	})
	perform(t, "operator-hangs-up", nil, func(s *stage) {
		s.talk()
		if !s.k.Hangup("1", call.NormalClearing) {
			s.t.Error("the call was not found")
		}
		if s.k.Hangup("2", call.NormalClearing) {
			s.t.Error("a call that never was got hung up")
		}
	})
}

func TestLines(t *testing.T) {
	t.Parallel()
	perform(t, "second-call-in-is-busy", nil, func(s *stage) {
		a, _ := s.talk()
		s.Call(s.k, "2", "103", "102", offer)
		a.Bye()
		s.Call(s.k, "3", "103", "102", offer).Cancel()
	})
	perform(t, "second-call-out-is-refused", nil, func(s *stage) {
		a := s.dial("102")
		s.Call(s.k, "2", "101", "103", offer)
		a.Cancel()
		s.Call(s.k, "3", "101", "103", offer).Cancel()
	})
	perform(t, "calls-itself", nil, func(s *stage) { s.dial("101") })
	perform(t, "trusted-source-has-no-limit", nil, func(s *stage) {
		from := calltest.Party("101")
		from.Trusted = true
		a := s.Invite(s.k, "1", from, "102", offer, 70)
		b := s.Invite(s.k, "2", from, "102", offer, 70)
		a.Cancel()
		b.Cancel()
	})
}

func TestForks(t *testing.T) {
	t.Parallel()
	perform(t, "fork-first-answer-wins", nil, func(s *stage) {
		a := s.dial("103")
		b, c := s.leg("b"), s.leg("c")
		b.Ring()
		c.Ring()
		c.Pickup(answer)
		a.Ack(nil)
		c.Bye()
	})
	perform(t, "fork-two-answers-at-once", nil, func(s *stage) {
		a := s.dial("103")
		b, c := s.leg("b"), s.leg("c")
		s.Together(func() { b.Pickup(answer) }, func() { c.Pickup(answer) })
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "fork-best-refusal", nil, func(s *stage) {
		s.dial("103")
		s.leg("b").Fail(call.Busy)
		s.leg("c").Fail(call.NoResponse)
	})
	perform(t, "fork-one-busy-one-answers", nil, func(s *stage) {
		a := s.dial("103")
		s.leg("b").Fail(call.Busy)
		s.leg("c").Ring()
		s.leg("c").Pickup(answer)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "fork-declined-for-all", nil, func(s *stage) {
		s.dial("103")
		s.leg("b").Ring()
		s.leg("c").Ring()
		s.leg("b").Fail(call.Declined)
	})
	perform(t, "fork-caller-gives-up", nil, func(s *stage) {
		a := s.dial("103")
		s.leg("b").Ring()
		a.Cancel()
	})
	perform(t, "fork-early-media-of-two", nil, func(s *stage) {
		a := s.dial("103")
		b, c := s.leg("b"), s.leg("c")
		b.Progressing(answer)
		c.Progressing(other)
		c.Ring()
		b.Fail(call.Busy)
		c.Pickup(other)
		a.Ack(nil)
		a.Bye()
	})
	perform(t, "fork-no-answer", nil, func(s *stage) {
		s.dial("103")
		s.leg("b").Ring()
		s.pass(time.Minute)
	})
}

func TestRaces(t *testing.T) {
	t.Parallel()
	perform(t, "answer-before-cancel", nil, func(s *stage) {
		a := s.dial("102")
		b := s.leg("b")
		b.Ring()
		s.Together(func() { b.Pickup(answer) }, func() { a.Cancel() })
	})
	perform(t, "cancel-before-answer", nil, func(s *stage) {
		a := s.dial("102")
		b := s.leg("b")
		b.Ring()
		s.Together(func() { a.Cancel() }, func() { b.Pickup(answer) })
	})
	perform(t, "both-hang-up", nil, func(s *stage) {
		a, b := s.talk()
		s.Together(func() { a.Bye() }, func() { b.Bye() })
	})
	perform(t, "caller-gone-while-dialling", nil, func(s *stage) {
		s.Together(func() { s.dial("103").Cancel() })
	})
	perform(t, "slow-ledger-holds-only-the-answer-to-bye", nil, func(s *stage) {
		s.Slow(200 * time.Millisecond)
		a, b := s.talk()
		a.Bye()
		b.Bye() // too late: it was told
		s.Call(s.k, "2", "101", "102", offer).Cancel()
	})
	perform(t, "full-ledger-refuses-new-calls", nil, func(s *stage) {
		a, _ := s.talk()
		s.Fill(true)
		s.Call(s.k, "2", "103", "104", offer)
		a.Bye()
		s.Fill(false)
		s.Call(s.k, "3", "103", "104", offer)
	})
	perform(t, "drained", nil, func(s *stage) {
		s.talk()
		ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
		defer cancel()
		go func() {
			s.k.Drain(ctx)
			s.Note("drained")
		}()
		s.pass(time.Second)
		s.Call(s.k, "2", "103", "104", offer)
		s.pass(10 * time.Second)
	})
}

func TestChanges(t *testing.T) {
	t.Parallel()
	perform(t, "hold-and-resume", nil, func(s *stage) {
		a, b := s.talk()
		b.Reinvite(hold)
		a.Agree(onHold)
		s.pass(5 * time.Second)
		b.Reinvite(offer)
		a.Agree(answer)
		a.Bye()
	})
	perform(t, "both-hold", nil, func(s *stage) {
		a, b := s.talk()
		a.Reinvite(hold)
		b.Agree(onHold)
		b.Reinvite(calltest.Describe("inactive", "PCMA"))
		a.Agree(calltest.Describe("inactive", "PCMA"))
		a.Bye()
	})
	perform(t, "change-refused", nil, func(s *stage) {
		a, b := s.talk()
		a.Reinvite(calltest.Describe("", "opus"))
		b.Disagree(call.NotAcceptable)
		a.Bye()
	})
	perform(t, "change-asks-for-an-offer", nil, func(s *stage) {
		a, b := s.talk()
		a.Reinvite(nil)
		b.Agree(offer)
		a.AckAnswer(other)
		a.Bye()
	})
	perform(t, "glare", nil, func(s *stage) {
		a, b := s.talk()
		s.Together(func() { a.Reinvite(hold) }, func() { b.Reinvite(other) })
		a.Agree(other)
		a.Reinvite(hold)
		b.Agree(onHold)
		a.Bye()
	})
	perform(t, "change-before-the-ack", nil, func(s *stage) {
		a := s.dial("102")
		b := s.leg("b")
		b.Pickup(answer)
		b.Reinvite(other)
		a.Ack(nil)
		a.Agree(other)
		a.Bye()
	})
	perform(t, "change-cut-short", nil, func(s *stage) {
		a, b := s.talk()
		a.Reinvite(hold)
		b.Bye()
	})
	perform(t, "info-passes-through", nil, func(s *stage) {
		a, b := s.talk()
		a.Info("application/vnd.example", "Signal=5")
		b.Info("application/media_control+xml", "<picture_fast_update/>")
		b.Press('7', 0, true)
		a.Bye()
	})
}
