package control

import (
	"context"
	"slices"
	"strings"
	"time"

	"santral/call"
)

// A pull brings a call that is talked in from one phone of an account to another: the others ring while the two go on talking,
// and who answers takes the leg's place, as by Replaces (RFC 3891).

// pull is one that is under way.
type pull struct {
	old   *member // whose place is taken
	came  *member // who has answered, until it has the place
	timer *time.Timer
}

// Pull rings the other phones of a leg's account, or the one device that is named, and has the first that answers go on in its
// place.
func (k *Control) Pull(id call.ID, leg call.LegID, device string) *call.Cause {
	return k.steer(id, leg, func(c *ongoing, m *member) *call.Cause {
		switch {
		case m.account == "":
			return &call.Declined
		case !c.quiet() || c.other(m) == nil || m.guest != nil || c.engaged():
			return &call.RequestPending
		}
		targets, _ := c.house.contacts.Contacts(m.tenant, m.account)
		remote := m.leg.Detail().Remote
		targets = slices.DeleteFunc(slices.Clone(targets), func(t call.Target) bool {
			return device != "" && t.Device != device || m.target != "" && t.URI == m.target ||
				remote != "" && (strings.Contains(t.URI, remote) || strings.Contains(t.Flow, remote))
		})
		switch {
		case len(targets) == 0:
			return &call.NotRegistered
		case len(targets) > c.breadth || len(c.members)+len(targets) > mostLegs || c.hops <= 0:
			return &call.TooManyHops
		}
		c.beginPull(m, targets)
		return nil
	})
}

// beginPull rings.
func (c *ongoing) beginPull(old *member, targets []call.Target) {
	p := &pull{old: old}
	c.pulls = p
	other := c.other(old)
	traits := call.Traits{Privacy: c.privacy(other), Session: other.session, Secure: c.traits.Secure}
	for _, t := range targets {
		m := &member{id: c.nextID(), dir: call.Out, tenant: old.tenant, account: old.account, number: old.number, presents: old.presents, name: old.name, target: t.URI}
		m.besides().pull = p
		m.leg = c.house.dialer.Dial(context.Background(), call.Dial{
			Call: c.id, Leg: m.id, From: other.toward(old), Tenant: old.tenant, To: old.account, Target: t, Own: true,
			Hops: c.hops - 1, Breadth: c.breadth / len(targets), Timeout: c.house.ringTime + dialSlack, Traits: traits,
		}, c.seat(m))
		c.add(m)
		c.event(call.Event{Kind: call.LegBegan, Leg: m.id, Detail: m.detail(m.leg.Detail())}, time.Time{})
		c.appear(m, call.Trying)
	}
	p.timer = time.AfterFunc(c.house.ringTime, func() {
		c.post(func(c *ongoing) {
			if c.pulls == p && p.came == nil {
				c.pullOver(p, call.NoAnswer)
			}
		})
	})
}

// pulled is what happens on a leg that rings for a pull, or has answered and waits for its place.
func (c *ongoing) pulled(m *member, e *call.LegEvent) {
	p := m.aside().pull
	switch e.Kind {
	case call.Progressed:
		if e.Due {
			m.leg.Refuse(call.NotAcceptable)
		}
		if !m.rang && (e.Status == 180 || e.Status == 183) {
			m.rang = true
			c.event(call.Event{Kind: call.LegRinging, Leg: m.id, Status: e.Status}, e.At)
			c.appear(m, call.Early)
		}
	case call.Answered:
		if e.Desc == nil || e.Due || c.pulls != p || p.came != nil {
			c.hangup(m, call.NotAcceptable)
			c.pullLost(p)
			return
		}
		p.came = m
		p.timer.Stop()
		c.callsItself(m, e)
		m.hears(e.Desc, false)
		c.speaks(codecOf(e.Desc), m)
		c.mu.Lock()
		m.answered, m.confirmed = true, true
		c.mu.Unlock()
		c.endPulled(p, m, call.AnsweredElsewhere)
		c.whenCalm(func(c *ongoing) { c.takesPlace(p, m) })
	case call.Failed, call.Ended:
		if e.Finish != nil {
			e.Finish() // the call goes on
		}
		c.gone(m, e.Cause, e.Detail, e.At)
		if p.came == m {
			p.came = nil
		}
		c.pullLost(p)
	case call.Offered:
		m.leg.Refuse(call.RequestPending)
	case call.Noticed:
		c.noticed(m, e.News)
	case call.Renamed:
		c.callsItself(m, e)
	case call.Referred:
		e.Refer.Notify(call.Declined)
	}
}

// takesPlace puts who has answered into the place of the old leg, whose channel it goes on with.
func (c *ongoing) takesPlace(p *pull, m *member) {
	if c.pulls != p || m.over {
		return
	}
	if c.state != Talking || p.old.over || p.old.leaving || c.other(p.old) == nil || c.sending != nil || c.joining != nil {
		c.pullOver(p, call.AnsweredElsewhere)
		return
	}
	c.pulls = nil
	m.besides().pull = nil
	c.event(call.Event{Kind: call.LegAnswered, Leg: m.id, Codec: m.codec}, time.Time{})
	at := c.place(p.old)
	channel := c.release[at]
	c.release[at] = nil
	m.counted = p.old.counted
	c.replaced(p.old, m, channel)
}

// endPulled ends the legs of a pull but one.
func (c *ongoing) endPulled(p *pull, but *member, cause call.Cause) {
	for _, m := range slices.Clone(c.members) {
		if m != but && m.aside().pull == p && !m.over {
			c.hangup(m, cause)
		}
	}
}

// pullLost ends a pull whose last leg has gone.
func (c *ongoing) pullLost(p *pull) {
	if !slices.ContainsFunc(c.members, func(m *member) bool { return m.aside().pull == p && !m.over }) {
		c.pullOver(p, call.NoAnswer)
	}
}

// pullOver ends a pull that nobody has come of; the two go on as they are.
func (c *ongoing) pullOver(p *pull, cause call.Cause) {
	p.timer.Stop()
	if c.pulls == p {
		c.pulls = nil
	}
	c.endPulled(p, nil, cause)
}
