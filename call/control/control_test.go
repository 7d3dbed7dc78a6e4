package control_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media/session"
)

// A callee's refusal is told to the caller with this status and code.
func TestRefusals(t *testing.T) {
	t.Parallel()
	redirected := call.FromStatus(302)
	glass := call.Cause{SIP: 480, Q850: 27, Text: "destination out of order"}
	for _, test := range []struct {
		name   string
		causes []call.Cause
		sip    int
		q850   int
		by     string
	}{
		{"busy", []call.Cause{call.Busy}, 486, 17, "callee"},
		{"busy everywhere", []call.Cause{call.FromStatus(600)}, 600, 17, "callee"},
		{"declined", []call.Cause{call.Declined}, 603, 21, "callee"},
		{"no response", []call.Cause{call.NoResponse}, 408, 18, "exchange"},
		{"out of order", []call.Cause{glass}, 480, 27, "exchange"},
		{"codec", []call.Cause{call.NotAcceptable}, 488, 88, "callee"},
		{"no such user there", []call.Cause{call.NotFound}, 404, 1, "callee"},
		{"asks for credentials", []call.Cause{call.FromStatus(401)}, 403, 21, "callee"},
		{"asks for proxy credentials", []call.Cause{call.FromStatus(407)}, 403, 21, "callee"},
		{"wants an extension", []call.Cause{call.FromStatus(421)}, 500, 127, "callee"},
		{"lost its dialog", []call.Cause{call.LostDialog}, 500, 111, "callee"},
		{"ended by itself", []call.Cause{call.Cancelled}, 500, 16, "callee"},
		{"redirects", []call.Cause{redirected}, 480, 23, "callee"},
		{"overloaded", []call.Cause{call.FromStatus(503)}, 500, 41, "exchange"},
		{"fails", []call.Cause{call.Failure}, 500, 41, "exchange"},
		{"only a status", []call.Cause{{SIP: 486, After: 30, Text: "Do Not Disturb"}}, 486, 17, "callee"},
		{"nothing at all", []call.Cause{{}}, 480, 20, "callee"},

		{"busy and no response", []call.Cause{call.NoResponse, call.Busy}, 486, 17, "callee"},
		{"busy and codec", []call.Cause{call.NotAcceptable, call.Busy}, 486, 17, "callee"},
		{"unavailable and codec", []call.Cause{call.NotAcceptable, call.FromStatus(480)}, 480, 18, "callee"},
		{"no response and failure", []call.Cause{call.NoResponse, call.Failure}, 408, 18, "exchange"},
		{"redirection and failure", []call.Cause{call.Failure, redirected}, 480, 23, "callee"},
		{"out of order and busy", []call.Cause{glass, call.Busy}, 486, 17, "callee"},
		{"not allowed and no response", []call.Cause{call.NoResponse, call.FromStatus(403)}, 403, 21, "callee"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, nil)
				s.dial([]string{"", "102", "103"}[len(test.causes)])
				for i, c := range test.causes {
					s.leg(call.LegID("bc"[i : i+1])).Fail(c)
				}
				s.Check(t)
				events := s.Events()
				end := events[len(events)-1]
				if end.Kind != call.EndedCall || end.Cause.SIP != test.sip || end.Cause.Q850 != test.q850 || end.By != test.by {
					t.Errorf("the call ended with %s", calltest.Line(end))
				}
				if test.name == "only a status" && (end.Cause.After != 30 || end.Cause.Text != "Do Not Disturb") {
					t.Errorf("what the callee said is lost: %+v", end.Cause)
				}
			})
		})
	}
}

// What a call leaves in the ledger for the record.
func TestRecordIsWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		start := time.Now()
		s.pass(time.Second)
		a := s.dial("102")
		s.pass(time.Second)
		s.leg("b").Ring()
		s.pass(time.Second)
		s.leg("b").Pickup(answer)
		a.Ack(nil)
		s.pass(time.Second)
		a.Bye()
		s.Check(t)
		type mark struct {
			kind call.EventKind
			leg  call.LegID
			at   time.Duration
		}
		var marks []mark
		for _, e := range s.Events() {
			marks = append(marks, mark{e.Kind, e.Leg, e.At.Sub(start)})
			switch {
			case e.Call != "1" || e.At.Location() != time.UTC:
				t.Errorf("an event of call %q at %v", e.Call, e.At)
			case e.Kind == call.Began && (*e.From != calltest.Party("101") || e.Dialled != "102"):
				t.Errorf("began as %+v", e)
			case e.Kind == call.LegBegan || e.Kind == call.LegEnded:
				want := call.LegDetail{Direction: call.In, Tenant: calltest.Tenant, Account: "101", Number: "101",
					SIPCallID: "1/a@calltest", Transport: "UDP", UserAgent: "scripted"}
				if e.Leg == "b" {
					want.Direction, want.Account, want.Number = call.Out, "102", "102"
					want.SIPCallID, want.Target = "1/b@calltest", "sip:102@192.0.2.2"
				}
				got := *e.Detail
				if got.Quality = nil; got.Direction != want.Direction || got.Account != want.Account || got.Number != want.Number ||
					got.Tenant != want.Tenant || got.SIPCallID != want.SIPCallID || got.Target != want.Target || got.UserAgent != want.UserAgent {
					t.Errorf("leg %s is told as %+v", e.Leg, got)
				}
			}
		}
		if want := []mark{
			{call.Began, "", time.Second}, {call.LegBegan, "a", time.Second}, {call.Routed, "", time.Second},
			{call.LegBegan, "b", time.Second}, {call.LegRinging, "b", 2 * time.Second},
			{call.LegAnswered, "b", 3 * time.Second}, {call.LegAnswered, "a", 3 * time.Second},
			{call.LegEnded, "a", 4 * time.Second}, {call.LegEnded, "b", 4 * time.Second}, {call.EndedCall, "", 4 * time.Second},
		}; !slices.Equal(marks, want) {
			t.Errorf("the ledger holds %v", marks)
		}
	})
}

func TestListing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		if n := len(s.k.Calls("")); n != 0 {
			t.Errorf("%d calls in an empty house", n)
		}
		a := s.dial("103")
		s.pass(time.Second)
		b := s.Call(s.k, "2", "102", "101", offer)
		s.leg("c").Ring()
		s.leg("c").Pickup(answer)
		a.Ack(nil)
		a.Reinvite(hold)
		s.leg("c").Agree(onHold)
		list := s.k.Calls(calltest.Tenant)
		if len(list) != 1 || len(s.k.Calls("other")) != 0 {
			t.Fatalf("listed are %+v", list)
		}
		l := list[0]
		if l.ID != "1" || l.State != control.Talking || l.To != "103" || l.Dialled != "103" || l.From.Account != "101" ||
			l.Answered.Sub(l.Began) != time.Second {
			t.Errorf("the call is listed as %+v", l)
		}
		want := []control.LiveLeg{{ID: "a", Answered: true, Held: true, Codec: "PCMA"}, {ID: "b", Over: true}, {ID: "c", Answered: true, Codec: "PCMA"}}
		for i, leg := range l.Legs {
			if leg.Detail.Target = ""; leg.ID != want[i].ID || leg.Answered != want[i].Answered || leg.Over != want[i].Over ||
				leg.Held != want[i].Held || leg.Codec != want[i].Codec || leg.Detail.Account == "" {
				t.Errorf("leg %d is listed as %+v", i, leg)
			}
		}
		if _, ok := s.k.Call("2"); ok || !b.Over() {
			t.Error("a call that was refused is listed")
		}
		if l, ok := s.k.Call("1"); !ok || l.State.String() != "talking" {
			t.Errorf("the call is shown as %+v", l)
		}
		a.Bye()
		s.Check(t)
	})
}

func TestRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.k = control.New(control.Config{Router: s, Contacts: s, Channels: s, Ledger: s, Dialer: s, Most: 1, RingTime: 5 * time.Second})
		a := s.dial("102")
		if in := s.k.Incoming(s.Call(s.k, "2", "103", "101", offer), call.Arrival{Call: "1", From: calltest.Party("103"), Dialled: "101", Offer: offer, Hops: 70}); in != nil {
			t.Error("an id was taken twice")
		}
		if n := s.k.Stats(); n.Refused != 2 || n.Live != 1 || n.Began != 1 {
			t.Errorf("control says %+v", n)
		}
		s.pass(5 * time.Second)
		if !a.Over() {
			t.Error("it rings longer than it may")
		}
		s.k.Drain(t.Context()) // nothing to wait for
	})
}

// A BYE that comes when its call is over is answered all the same, but not before the record is safe.
func TestLateBye(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.Slow(time.Second)
		keep := &keeper{k: s.k}
		a := s.Invite(keep, "1", calltest.Party("101"), "102", offer, 70)
		a.Cancel()
		var answered atomic.Int32
		bye := call.LegEvent{Leg: "a", Kind: call.Ended, Finish: func() { answered.Add(1) }}
		keep.inbox.Post(bye)
		keep.inbox.Post(call.LegEvent{Leg: "a", Kind: call.Informed})
		synctest.Wait()
		if answered.Load() != 0 {
			t.Error("a BYE was answered before the record was safe")
		}
		s.pass(time.Second)
		if answered.Load() != 1 {
			t.Errorf("the BYE was answered %d times", answered.Load())
		}
		keep.inbox.Post(bye)
		if answered.Load() != 2 {
			t.Error("a BYE after everything was not answered")
		}
		s.Check(t)
	})
}

// keeper remembers the inbox that a control gave.
type keeper struct {
	k     *control.Control
	inbox call.Inbox
}

// Incoming passes the leg on.
func (k *keeper) Incoming(leg call.Leg, a call.Arrival) call.Inbox {
	k.inbox = k.k.Incoming(leg, a)
	return k.inbox
}

// A fault of ours in one call, or in one story, ends that call and no other.
func TestFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.k = control.New(control.Config{Router: faulty{s.House}, Contacts: s, Channels: s, Ledger: s, Dialer: s,
			Stories: told(func(context.Context, call.Control) call.Cause { panic("a fault of the story") })})
		s.Service("*1", "story")
		a := s.Call(s.k, "1", "101", "102", offer)
		s.Call(s.k, "2", "103", "*1", offer)
		s.Call(s.k, "3", "103", "666", offer)
		s.leg("b").Pickup(answer)
		a.Ack(nil)
		if n := s.k.Stats(); n.Panics != 2 || n.Live != 1 || n.Answered != 1 || n.Ended != 2 {
			t.Errorf("control says %+v", n)
		}
		a.Bye()
		s.Check(t)
	})
}

// Legs that fail when they are told to end leave no call behind.
func TestFaultyLeg(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, told(echoes))
		s.Service("*1", "story")
		taken := s.InUse()
		in := s.k.Incoming(brittle{}, call.Arrival{Call: "1", From: calltest.Party("101"), Dialled: "*1", Offer: offer, Hops: 70})
		synctest.Wait()
		if in == nil {
			t.Fatal("the call was not taken")
		}
		events := s.Events()
		if n := s.k.Stats(); n.Panics == 0 || n.Live != 0 || n.Open != 0 || s.InUse() != taken || events[len(events)-1].Kind != call.EndedCall {
			t.Errorf("control says %+v, and the ledger\n%s", n, s.Ladder())
		}
	})
}

// brittle is a leg that fails at the first command.
type brittle struct{ call.Leg }

// ID is the caller's.
func (brittle) ID() call.LegID { return "a" }

// Media is none.
func (brittle) Media() *session.Session { return nil }

// Detail is empty.
func (brittle) Detail() call.LegDetail { return call.LegDetail{} }

// faulty is a router that falls over one number.
type faulty struct{ *calltest.House }

// Route panics for 666.
func (f faulty) Route(from call.Party, dialled string, at time.Time) call.Destination {
	if dialled == "666" {
		panic("a fault of the router")
	}
	return f.House.Route(from, dialled, at)
}
