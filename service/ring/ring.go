// Package ring rings the telephones of a group for whoever calls its number: all at once, or one after another, and sends a
// call on that nobody takes.
//
// What lives here is the story of one call. How telephones are rung and joined is the call's (call.Control).
package ring

import (
	"context"
	"errors"
	"time"

	"santral/call"
	"santral/tenant"
)

// Name is the story, as a Destination's Service says it; Of is the group's id.
const Name = "group"

// Story rings groups. It is safe for concurrent use.
type Story struct {
	current func() *tenant.Snapshot
}

// New makes the story; it reads groups in the snapshot of now.
func New(current func() *tenant.Snapshot) *Story { return &Story{current} }

// Serve tells the story (call.Story).
func (s *Story) Serve(ctx context.Context, c call.Control) call.Cause {
	now := s.current()
	g := group(now, c.Tenant(), c.Of(), c.Number())
	if g == nil {
		return call.NotFound
	}
	no := call.NotRegistered // of a group with no members
	if w := wish(now, c, g); len(w.Members) > 0 {
		_, err := c.Dial(ctx, w)
		if err == nil {
			return s.talk(ctx, c)
		}
		refusal := (*call.Refusal)(nil)
		if !errors.As(err, &refusal) {
			return call.NormalClearing // the caller has gone
		}
		no = refusal.Cause
	}
	to, refuse := overflow(now, c, g)
	if refuse != nil {
		return *refuse
	}
	if to.Kind == call.UnknownDestination {
		return no
	}
	if err := c.Go(ctx, to); errors.As(err, new(*call.Refusal)) {
		return no
	}
	return call.NormalClearing
}

// talk joins the caller with who has answered, until one of them goes.
func (s *Story) talk(ctx context.Context, c call.Control) call.Cause {
	for {
		otherLeft, err := c.Join(ctx)
		if otherLeft || err != nil {
			return call.NormalClearing
		}
	}
}

// group finds a group by its id, or by its number.
func group(s *tenant.Snapshot, tenantID, id, number string) *tenant.Group {
	t := s.Tenant(tenantID)
	if t == nil {
		return nil
	}
	for i := range t.Groups {
		if g := &t.Groups[i]; id != "" && g.ID == id || id == "" && g.Number == number && number != "" {
			return g
		}
	}
	return nil
}

// most bounds the members that are rung for one call.
const most = 32

// wish is who is rung, and how long. Members are shown that the call is for the group.
func wish(s *tenant.Snapshot, c call.Control, g *tenant.Group) call.Wish {
	from := c.Caller()
	w := call.Wish{InTurn: g.InTurn, Each: time.Duration(g.Each) * time.Second, Whole: time.Duration(g.Whole) * time.Second}
	switch {
	case g.InTurn && w.Each == 0:
		w.Each = tenant.DefaultGroupEach * time.Second
	case !g.InTurn && w.Whole > 0:
		w.Each = w.Whole
	}
	for _, number := range g.Members {
		a := s.Account(c.Tenant(), number)
		itself := from.Tenant == c.Tenant() && from.Account == number
		if a == nil || itself || len(w.Members) >= most {
			continue
		}
		w.Members = append(w.Members, call.Party{Tenant: a.Tenant, Account: a.Number, Name: a.Name, Number: a.Number})
	}
	shown := g.Name
	if shown == "" {
		shown = g.ID
	}
	if from.Name != "" {
		shown += ": " + from.Name
	}
	from.Name = shown
	w.From = &from
	return w
}

// overflow is where a call goes that nobody took. An unknown destination is nowhere; refuse is that it is refused.
func overflow(s *tenant.Snapshot, c call.Control, g *tenant.Group) (to call.Destination, refuse *call.Cause) {
	t := &g.Overflow
	to = call.Destination{Tenant: c.Tenant(), Number: t.Name}
	switch t.Kind {
	case tenant.ToAccount:
		to.Kind, to.Account = call.ToAccount, t.Name
		if a := s.Account(c.Tenant(), t.Name); a != nil {
			to.Name = a.Name
		}
	case tenant.ToRoom:
		to.Kind, to.Service = call.ToService, "conference"
	case tenant.ToGroup:
		to.Kind, to.Service, to.Of, to.Number = call.ToService, Name, t.Name, c.Number()
	case tenant.ToTrunk:
		to.Kind, to.Number = call.ToTrunks, c.Number()
		to.Ways = []call.Way{{Tenant: c.Tenant(), Trunk: t.Name}}
	case tenant.ToRefusalFor:
		return to, because(t.Name)
	}
	return to, nil
}

// because is the cause of a word of a document.
func because(word string) *call.Cause {
	switch word {
	case "busy":
		return &call.Busy
	case "gone":
		return &call.NotFound
	}
	return &call.Declined
}
