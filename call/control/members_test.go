package control_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
)

// members are accounts of the service's tenant.
func members(numbers ...string) (list []call.Party) {
	for _, n := range numbers {
		list = append(list, call.Party{Tenant: calltest.Tenant, Account: n, Number: n, Name: "Phone " + n})
	}
	return list
}

// group is what a story of a group does: it rings members, joins the caller with who answers, and goes on otherwise.
func group(w call.Wish, overflow call.Destination) map[string]call.Story {
	return told(func(ctx context.Context, c call.Control) call.Cause {
		if _, err := c.Dial(ctx, w); err == nil {
			_, _ = c.Join(ctx)
			return call.NormalClearing
		} else if refused(err).SIP == 0 || overflow.Kind == call.UnknownDestination {
			return refused(err)
		}
		if err := c.Go(ctx, overflow); !errors.Is(err, call.ErrEnded) {
			return call.Failure
		}
		return call.NormalClearing
	})
}

// Members of a group are accounts of the service's tenant, whoever calls; who is not registered is passed over.
func TestMembersOfGroups(t *testing.T) {
	t.Parallel()
	nowhere := call.Destination{}
	perform(t, "group-at-once", group(call.Wish{Members: members("102", "103", "104")}, nowhere), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		s.leg("b").Ring()
		s.leg("d").Ring()
		s.leg("c").Pickup(answer)
		a.Ack(nil)
		s.settle(a, s.leg("c"))
		a.Bye()
	})
	perform(t, "group-in-turn-overflows", group(call.Wish{Members: members("102", "104", "103"), InTurn: true, Each: 20 * time.Second},
		call.Destination{Kind: call.ToAccount, Tenant: calltest.Tenant, Account: "105", Number: "105"}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		s.leg("b").Fail(call.Busy)
		s.leg("c").Ring()
		s.pass(20 * time.Second)
		e := s.leg("e")
		e.Pickup(answer)
		a.Ack(nil)
		e.Bye()
	})
	perform(t, "group-nobody", group(call.Wish{Members: members("104")}, nowhere), func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1")
	})
	perform(t, "group-of-another-tenant", told(func(ctx context.Context, c call.Control) call.Cause { // by a carrier of the operator
		if c.Tenant() != calltest.Tenant || c.Caller().Tenant != "operator" {
			t.Errorf("a service of %s serves a caller of %s", c.Tenant(), c.Caller().Tenant)
		}
		if _, err := c.Dial(ctx, call.Wish{Members: members("102")}); err == nil {
			_, _ = c.Join(ctx)
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.Invite(s.k, "1", call.Party{Tenant: "operator", Trunk: "carrier", Number: "+982188880000"}, "*1", offer, 70)
		b := s.leg("b")
		b.Pickup(answer)
		a.Ack(nil)
		s.settle(a, b)
		b.Bye()
	})
}

// Whoever has proved itself goes on to what it dialled, in the same call. A transfer proves nothing for who has made it.
func TestProvedCallersGoOn(t *testing.T) {
	t.Parallel()
	asks := told(func(ctx context.Context, c call.Control) call.Cause {
		if c.Caller().Proved {
			t.Error("a caller that has proved itself is asked again")
		}
		if err := c.Answer(ctx); err != nil {
			return call.NormalClearing
		}
		if err := c.Proceed(ctx); !errors.Is(err, call.ErrEnded) {
			return call.Failure
		}
		return call.NormalClearing
	})
	out := call.Destination{Kind: call.ToTrunks, Tenant: calltest.Tenant, Number: "0044", Ways: []call.Way{{Tenant: calltest.Tenant, Trunk: "one"}}}
	perform(t, "pin-goes-on", asks, func(s *stage) {
		s.Trunk("one", 0, "a.example")
		s.Guarded("0044", "story", out)
		a := s.dial("0044")
		a.Ack(answer)
		b := s.leg("b")
		b.Ring()
		b.Pickup(answer)
		s.settle(a)
		b.Bye()
	})
	together(t, "pin-of-who-was-sent", asks, func(s *stage) {
		s.Trunk("one", 0, "a.example")
		s.Guarded("0044", "story", out)
		a, b := s.talk()
		b.Refer("0044")
		s.pass(time.Second)
		s.settle(a, b)
		s.pass(5 * time.Second)
	})
}
