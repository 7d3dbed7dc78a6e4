package ring

import (
	"context"
	"slices"
	"testing"

	"santral/call"
	"santral/call/calltest"
	"santral/tenant"
)

func groups(list ...tenant.Group) *Story {
	s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Groups: list, Accounts: []tenant.Account{
		{Tenant: "t", Number: "101", Name: "Sara"}, {Tenant: "t", Number: "102", Name: "Ali"}, {Tenant: "t", Number: "103"},
	}}})
	return New(func() *tenant.Snapshot { return s })
}

type fake = calltest.Caller

// asker is a caller whose Dial is kept.
type asker struct {
	fake
	wish call.Wish
}

// Dial keeps what is wished.
func (a *asker) Dial(ctx context.Context, w call.Wish) (call.Party, error) {
	a.wish = w
	return a.fake.Dial(ctx, w)
}

func TestGroups(t *testing.T) {
	nobody := map[string]error{"Dial": &call.Refusal{Cause: call.NoAnswer}}
	members := []string{"101", "102", "999", "103"}
	for name, x := range map[string]struct {
		group tenant.Group
		fails map[string]error
		verbs []string
		cause call.Cause
	}{
		"somebody answers": {tenant.Group{Members: members}, nil, []string{`Dial ["102" "103"]`, "Join"}, call.NormalClearing},
		"nobody answers":   {tenant.Group{Members: members}, nobody, []string{`Dial ["102" "103"]`}, call.NoAnswer},
		"caller has gone":  {tenant.Group{Members: members}, map[string]error{"Dial": call.ErrEnded}, []string{`Dial ["102" "103"]`}, call.NormalClearing},
		"no members":       {tenant.Group{Members: []string{"101"}}, nil, nil, call.NotRegistered},
		"to an account":    {tenant.Group{Members: members, Overflow: tenant.Target{Kind: tenant.ToAccount, Name: "103"}}, nobody, []string{`Dial ["102" "103"]`, "Go t 103 103"}, call.NormalClearing},
		"to a room":        {tenant.Group{Members: members, Overflow: tenant.Target{Kind: tenant.ToRoom, Name: "8001"}}, nobody, []string{`Dial ["102" "103"]`, "Go t conference 8001"}, call.NormalClearing},
		"to a group":       {tenant.Group{Overflow: tenant.Target{Kind: tenant.ToGroup, Name: "night"}}, nil, []string{"Go t groupnight 500"}, call.NormalClearing},
		"to a PBX":         {tenant.Group{Overflow: tenant.Target{Kind: tenant.ToTrunk, Name: "branch"}}, nil, []string{"Go t  500"}, call.NormalClearing},
		"refused":          {tenant.Group{Overflow: tenant.Target{Kind: tenant.ToRefusalFor, Name: "busy"}}, nil, nil, call.Busy},
		"goes nowhere": {tenant.Group{Overflow: tenant.Target{Kind: tenant.ToAccount, Name: "103"}}, map[string]error{"Go": &call.Refusal{Cause: call.TooManyHops}},
			[]string{"Go t 103 103"}, call.NotRegistered},
	} {
		x.group.ID, x.group.Name, x.group.Number = "desk", "Concierge", "500"
		c := &asker{fake: fake{Party: call.Party{Tenant: "t", Account: "101", Number: "101", Name: "Sara"}, Code: "500", Thing: "desk", Errors: x.fails}}
		got := groups(x.group).Serve(context.Background(), c)
		if got != x.cause || !slices.Equal(c.Verbs(), x.verbs) {
			t.Errorf("%s: %v, %q", name, got, c.Verbs())
		}
		if len(c.wish.Members) > 0 && (c.wish.From.Name != "Concierge: Sara" || c.wish.From.Number != "101") {
			t.Errorf("%s: members see %+v", name, c.wish.From)
		}
	}
}

// A group without an id is found by its number; one that is gone is nobody's.
func TestGroupsByNumber(t *testing.T) {
	g := tenant.Group{ID: "desk", Number: "500", Members: []string{"102"}, InTurn: true, Whole: 45}
	c := &asker{fake: fake{Party: call.Party{Tenant: "t", Account: "101"}, Code: "500"}}
	groups(g).Serve(context.Background(), c)
	if w := c.wish; !w.InTurn || w.Each.Seconds() != tenant.DefaultGroupEach || w.Whole.Seconds() != 45 || w.From.Name != "desk" {
		t.Errorf("rung as %+v", w)
	}
	c = &asker{fake: fake{Party: call.Party{Tenant: "t", Account: "101"}, Code: "501"}}
	if got := groups(g).Serve(context.Background(), c); got != call.NotFound {
		t.Errorf("a number of no group: %v", got)
	}
}
