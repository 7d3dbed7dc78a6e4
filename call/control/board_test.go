package control_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
)

// board writes down what it is shown: leg, account, state, other end, and "held".
type board struct {
	mu    sync.Mutex
	lines []string
}

// Lamp implements call.Board.
func (b *board) Lamp(string, string) call.Lamp { return b }

// Show implements call.Lamp.
func (b *board) Show(a call.Appearance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	line := fmt.Sprintf("%s %s %s %s %s", a.Leg, a.Account, a.Direction, a.State, a.Number)
	if a.Other.Account != "" {
		line += " account " + a.Other.Account
	}
	if a.Held {
		line += " held"
	}
	b.lines = append(b.lines, line)
}

func (b *board) want(t *testing.T, want ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.lines, want) {
		t.Errorf("the board was shown\n%q\nwant\n%q", b.lines, want)
	}
	b.lines = nil
}

// watched is a stage whose calls a board is shown.
func watched(t *testing.T, stories map[string]call.Story) (*stage, *board) {
	s, b := newStage(t, nil), &board{}
	s.k = control.New(control.Config{Router: s, Contacts: s, Channels: s, Ledger: s, Dialer: s, Stories: stories, Board: b, RingTime: 20 * time.Second})
	return s, b
}

func TestBoard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := watched(t, nil)
		a := s.dial("103")
		s.leg("b").Ring()
		s.leg("c").Ring()
		b.want(t, "a 101 in trying 103", "b 103 out trying 101 account 101", "c 103 out trying 101 account 101",
			"b 103 out early 101 account 101", "a 101 in early 103 account 103", "c 103 out early 101 account 101")
		s.leg("c").Pickup(answer)
		a.Ack(nil)
		b.want(t, "c 103 out confirmed 101 account 101", "a 101 in confirmed 103 account 103", "b 103 out terminated 101 account 101")
		a.Reinvite(hold)
		s.leg("c").Agree(onHold)
		b.want(t, "a 101 in confirmed 103 account 103 held")
		a.Bye()
		b.want(t, "a 101 in terminated 103 account 103 held", "c 103 out terminated 101 account 101")
		s.Check(t)
	})
}

// A call that comes to nothing, one to a service, and one that a fault of ours ends leave no lamp lit.
func TestBoardIsDarkAfterwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := watched(t, told(echoes))
		s.Service("*1", "story")
		s.dial("104")
		b.want(t, "a 101 in trying 104", "a 101 in terminated 104 account 104")
		a := s.Call(s.k, "2", "101", "*1", offer)
		a.Ack(nil)
		a.Bye()
		b.want(t, "a 101 in trying *1", "a 101 in confirmed *1", "a 101 in terminated *1")
		s.k.Incoming(brittle{}, call.Arrival{Call: "3", From: calltest.Party("102"), Dialled: "103", Offer: offer, Hops: 70})
		synctest.Wait()
		s.Leg("3", "b").Ring()
		b.mu.Lock()
		last := map[string]string{}
		for _, l := range b.lines {
			last[l[:1]] = l
		}
		b.mu.Unlock()
		for leg, l := range last {
			if !slices.Contains([]string{"a 102 in terminated 103 account 103", "b 103 out terminated 102 account 102", "c 103 out terminated 102 account 102"}, l) {
				t.Errorf("leg %s of a call that failed is shown as %q", leg, l)
			}
		}
	})
}

// private is a control whose callers all want to stay unknown.
type private struct{ *control.Control }

// Incoming adds the wish.
func (p private) Incoming(leg call.Leg, a call.Arrival) call.Inbox {
	a.Traits.Privacy = call.PrivateID
	return p.Control.Incoming(leg, a)
}

// Whom a private caller calls is not told by the board who that is.
func TestBoardKeepsPrivacy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, b := watched(t, nil)
		a := s.Call(private{s.k}, "1", "101", "102", offer)
		b.want(t, "a 101 in trying 102", "b 102 out trying ")
		a.Cancel()
		b.want(t, "a 101 in terminated 102 account 102", "b 102 out terminated ")
		s.Check(t)
	})
}
