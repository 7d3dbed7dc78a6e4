package server

import (
	"slices"
	"strings"
	"time"

	"santral/api"
	"santral/call"
	"santral/tenant"
)

// toldCall is what is known of a call whose news are told. The bus's goroutine owns it.
type toldCall struct {
	id       call.ID
	from     call.Party
	dialled  string
	number   string // as it was understood
	routed   bool
	to       string // account, service or trunks
	toTenant string
	trunks   bool // to are trunks
	shown    string
	hidden   bool // nobody beyond the caller's tenant may know who calls
	asked    bool // the calls were asked for shown and hidden
	began    time.Time
	answered time.Time
	legs     map[call.LegID]toldLeg
	views    []string // the tenants that hear of it
}

type toldLeg struct{ tenant, account, trunk string }

// lookAt finds out of a live call what its events have said already.
func (s *server) lookAt(id call.ID) *toldCall {
	l, ok := s.control.Call(id)
	if !ok {
		return nil
	}
	c := &toldCall{
		id: l.ID, from: l.From, dialled: l.Dialled, to: l.To, toTenant: l.ToTenant, routed: l.To != "", shown: l.Presents, hidden: l.Withheld, asked: l.To != "",
		began: l.Began, answered: l.Answered, legs: map[call.LegID]toldLeg{},
	}
	c.aim(s)
	c.seenBy(l.From.Tenant)
	c.seenBy(l.ToTenant)
	for _, leg := range l.Legs {
		c.legs[leg.ID] = toldLeg{leg.Detail.Tenant, leg.Detail.Account, leg.Detail.Trunk}
		c.seenBy(leg.Detail.Tenant)
	}
	return c
}

// aim finds out what the call goes to.
func (c *toldCall) aim(s *server) {
	first, _, _ := strings.Cut(c.to, ",")
	c.trunks = c.to != "" && (s.current.Load().Trunk(c.toTenant, strings.TrimSpace(first)) != nil || c.toTenant == tenant.OperatorID)
}

// seenBy has a tenant hear of the call; fresh is that it did not before.
func (c *toldCall) seenBy(tenantID string) (fresh bool) {
	if tenantID == "" || slices.Contains(c.views, tenantID) {
		return false
	}
	c.views = append(c.views, tenantID)
	return true
}

// happened makes events of what was written down of a call.
func (n *news) happened(s *server, e *call.Event) {
	if e.Kind == call.Taped {
		n.taped(s, e)
		return
	}
	c := n.calls[e.Call]
	if e.Kind == call.Began {
		c = &toldCall{id: e.Call, dialled: e.Dialled, began: e.At, legs: map[call.LegID]toldLeg{}}
		if e.From != nil {
			c.from = *e.From
		}
		n.calls[e.Call] = c
		if len(n.calls) > 1000+2*s.control.Stats().Live { // the ends of some were lost
			n.lookAtCalls(s)
			n.calls[e.Call] = c
		}
	}
	if c == nil { // it began in another process, or before anybody listened
		if c = s.lookAt(e.Call); c == nil {
			return
		}
		n.calls[e.Call] = c
	}
	switch e.Kind {
	case call.Began:
		c.seenBy(c.from.Tenant)
		c.tell(s, api.CallCreated, e)
	case call.Routed:
		c.routed, c.to, c.toTenant, c.number = true, e.To, e.Tenant, e.Number
		c.aim(s)
		if c.seenBy(c.toTenant) {
			c.tellOne(s, api.CallCreated, e, c.toTenant)
		}
	case call.LegBegan:
		if d := e.Detail; d != nil {
			c.legs[e.Leg] = toldLeg{d.Tenant, d.Account, d.Trunk}
			if c.seenBy(d.Tenant) {
				c.tellOne(s, api.CallCreated, e, d.Tenant)
			}
		}
	case call.LegRinging:
		c.tell(s, api.CallRinging, e)
	case call.LegAnswered:
		if c.routed && c.answered.IsZero() {
			c.answered = e.At
			c.tell(s, api.CallAnswered, e)
		}
	case call.LegHeld:
		c.tell(s, api.CallHeld, e)
	case call.LegResumed:
		c.tell(s, api.CallResumed, e)
	case call.Transfer:
		c.tell(s, api.CallTransferred, e)
	case call.EndedCall:
		c.tell(s, api.CallEnded, e)
		delete(n.calls, e.Call)
	}
}

// taped tells that a recording is there.
func (n *news) taped(s *server, e *call.Event) {
	if e.From == nil || e.Tape == nil {
		return
	}
	s.bus.Tell(api.Event{Type: api.RecordingReady, Time: e.At, Tenant: e.From.Tenant, Places: s.placed(nil, e.From.Tenant, e.From.Account), Data: api.RecordingEvent{
		Recording: e.Tape.Name, Call: string(e.Call), Account: e.From.Account, Seconds: e.Tape.Long.Seconds(),
	}})
}

// tell tells everybody who hears of a call, each what that one may know.
func (c *toldCall) tell(s *server, kind string, e *call.Event) {
	for _, t := range c.views {
		c.tellOne(s, kind, e, t)
	}
}

func (c *toldCall) tellOne(s *server, kind string, e *call.Event, tenantID string) {
	d := c.view(s, tenantID)
	if leg, ok := c.legs[e.Leg]; ok && e.Leg != "" {
		d.Leg = string(e.Leg)
		if leg.tenant == tenantID {
			d.Account = leg.account
		}
	}
	switch kind {
	case api.CallTransferred:
		d.Into = string(e.Other)
	case api.CallEnded:
		d.EndedBy = e.By
		if e.Cause != nil {
			d.SIP, d.Q850, d.Cause = e.Cause.SIP, e.Cause.Q850, e.Cause.Text
		}
		if !c.answered.IsZero() {
			d.Seconds = max(0, e.At.Sub(c.answered).Seconds())
		}
	}
	event := api.Event{Type: kind, Time: e.At, Tenant: tenantID, Data: d}
	if tenantID == c.from.Tenant {
		event.Places = s.placed(event.Places, tenantID, c.from.Account)
	}
	if tenantID == c.toTenant && !c.trunks {
		event.Places = s.placed(event.Places, tenantID, c.to)
	}
	for _, leg := range c.legs {
		if leg.tenant == tenantID {
			event.Places = s.placed(event.Places, tenantID, leg.account)
		}
	}
	s.bus.Tell(event)
}

// view is a call as one of its tenants sees it: of the other side, what is told to a telephone there and no more.
func (c *toldCall) view(s *server, tenantID string) api.CallEvent {
	ours, theirs := tenantID == c.from.Tenant, tenantID == c.toTenant
	d := api.CallEvent{Call: string(c.id), Began: c.began, Direction: "in", Dialled: c.dialled}
	if !c.answered.IsZero() {
		at := c.answered
		d.Answered = &at
	}
	switch {
	case ours:
		if d.From, d.Name = c.from.Number, c.from.Name; d.From == "" {
			d.From = c.from.Account
		}
		switch {
		case c.from.Trunk != "":
			d.Trunk = c.from.Trunk
		case c.routed && (!theirs || c.trunks):
			d.Direction = "out"
		default:
			d.Direction = "internal"
		}
	default:
		c.ask(s)
		if !c.hidden {
			if d.From = c.shown; d.From == "" {
				d.From = c.from.Number
			}
		}
		if c.number != "" {
			d.Dialled = c.number
		}
		if theirs && c.trunks {
			d.Direction = "out"
		}
	}
	if theirs {
		if c.trunks {
			d.Trunk = c.to
		} else {
			d.To = c.to
		}
	}
	return d
}

// ask finds out who is shown as the caller to others. A call that is over tells nothing any more: then nobody is.
func (c *toldCall) ask(s *server) {
	if c.asked || !c.routed {
		return
	}
	c.asked = true
	if l, ok := s.control.Call(c.id); ok {
		c.shown, c.hidden = l.Presents, l.Withheld
	} else {
		c.hidden = true
	}
}
