package control

import (
	"context"
	"time"

	"santral/call"
	"santral/media/tone"
)

// Request is a call that a program asks for (click-to-dial, RFC 3725 §4): the account's phones are rung
// first, and who answers is connected to the number as if it had dialled it.
type Request struct {
	From  call.Party    // the account
	To    string        // number, as the account would dial it
	Alert call.Alert    // how its phones are to ring or answer
	Ring  time.Duration // how long its phones ring; 0 for as long as any
}

// summons is the first half of such a call: phones ring that are to be the caller's.
type summons struct {
	alert call.Alert
	ring  time.Duration
}

// explainTime is how long a guest that can't be connected, and has nobody to go back to, hears that it is
// so.
const explainTime = 3 * time.Second

// Dial begins a call that a program asks for, and gives its id. It is refused at once where the number or the
// account leads nowhere, or no more calls are taken.
func (k *Control) Dial(r Request) (call.ID, *call.Cause) {
	if k.closed() || k.ledger.Full() {
		return "", &call.Unavailable
	}
	now := time.Now()
	if dest := k.router.Route(r.From, r.To, now); dest.Kind == call.ToRefusal || dest.Kind == call.UnknownDestination {
		no := call.NotFound
		if dest.Refuse.SIP != 0 {
			no = dest.Refuse
		}
		return "", &no
	}
	targets, exists := k.contacts.Contacts(r.From.Tenant, r.From.Account)
	switch {
	case !exists:
		return "", &call.NotFound
	case len(targets) == 0:
		return "", &call.NotRegistered
	}
	c := &ongoing{
		house: k, id: k.newID(), from: r.From, dialled: r.To, hops: defaultHops, breadth: call.DefaultBreadth, arrived: now,
		maker: "api", summons: &summons{r.Alert, r.Ring},
	}
	if !k.enter(c, nil) {
		return "", &call.Unavailable
	}
	k.began.Add(1)
	go c.run(func(c *ongoing) { c.summon(targets) })
	return c.id, nil
}

// defaultHops is what a call that no phone began may be sent on (RFC 3261 §8.1.1.6).
const defaultHops = 70

// summon rings the phones that are to be the caller's. They are offered media that ends here, and shown whom
// they will speak with.
func (c *ongoing) summon(targets []call.Target) {
	c.setState(Routing, "a program asked for it")
	from := c.from
	c.event(call.Event{Kind: call.Began, From: &from, Dialled: c.dialled, By: c.maker}, c.arrived)
	c.lookUp()
	if _, refusal := c.take(0, call.Taking{Tenant: c.from.Tenant, Account: c.from.Account, Dir: call.In}); refusal != nil {
		c.end(exchange, *refusal)
		return
	}
	ring := c.summons.ring
	if ring <= 0 {
		ring = c.house.ringTime
	}
	for _, t := range targets {
		m := &member{id: c.nextID(), dir: call.Out, tenant: c.from.Tenant, account: c.from.Account, number: c.from.Number, name: c.from.Name, target: t.URI}
		m.leg = c.house.dialer.Dial(context.Background(), call.Dial{
			Call: c.id, Leg: m.id, From: call.Party{Tenant: c.from.Tenant, Number: c.dialled}, To: c.from.Account, Target: t, Own: true,
			Hops: c.hops - 1, Breadth: c.breadth / len(targets), Timeout: ring + dialSlack, Traits: call.Traits{Alert: c.summons.alert},
		}, c.seat(m))
		c.add(m)
		c.event(call.Event{Kind: call.LegBegan, Leg: m.id, Detail: m.detail(m.leg.Detail())}, time.Time{})
		c.appear(m, call.Trying)
	}
	c.inTime(ring, func(c *ongoing) { c.end(exchange, call.NoAnswer) })
}

// summoned is what happens on the phones that are to be the caller's: the first that answers is.
func (c *ongoing) summoned(m *member, e *call.LegEvent) {
	switch e.Kind {
	case call.Progressed:
		if !m.rang && (e.Status == 180 || e.Status == 183) {
			m.rang = true
			c.event(call.Event{Kind: call.LegRinging, Leg: m.id, Status: e.Status}, e.At)
			c.appear(m, call.Early)
		}
	case call.Answered:
		if e.Desc == nil {
			c.hangup(m, call.NotAcceptable)
			c.unanswered(call.NotAcceptable)
			return
		}
		c.summons = nil
		c.stopTimer()
		m.hears(e.Desc, false)
		c.mu.Lock()
		c.lead = m
		m.answered, m.confirmed = true, true
		c.mu.Unlock()
		for _, l := range c.members {
			if l != m && !l.over {
				c.hangup(l, call.AnsweredElsewhere)
			}
		}
		if m != c.members[0] {
			c.event(call.Event{Kind: call.LegLeads, Leg: m.id}, e.At)
		}
		c.offer = m.willing()
		c.best = call.Cause{}
		c.host(m, nil, nil)
		c.route()
	case call.Failed, call.Ended:
		if e.Finish != nil {
			c.finish(e.Finish)
		}
		c.gone(m, e.Cause, e.Detail, e.At)
		c.unanswered(e.Cause)
	case call.Offered:
		m.leg.Refuse(call.RequestPending)
	case call.Referred:
		e.Refer.Notify(call.Declined)
	}
}

// unanswered weighs the refusal of a phone that was to be the caller's; the last one ends the call.
func (c *ongoing) unanswered(cause call.Cause) {
	if c.best.SIP == 0 || rank(cause) < rank(c.best) {
		c.best = cause
	}
	for _, l := range c.members {
		if !l.over {
			return
		}
	}
	c.end(caller, forCaller(c.best))
}

// tones are those of the country that a leg's tenant is in.
func (c *ongoing) tones(m *member) tone.Set { return c.house.tones(m.tenant) }

// explain has a guest that nobody wants hear a tone before its call ends: it did not dial, or not this. It
// reports whether that is under way.
func (c *ongoing) explain(g *guest, by string, cause call.Cause) bool {
	if g.told {
		return false
	}
	g.told = true
	c.dismiss(cause)
	set := c.tones(g.m)
	t := set.Congestion()
	switch cause.Q850 {
	case call.Busy.Q850:
		t = set.Busy()
	case call.NotFound.Q850, call.BadNumber.Q850:
		t = set.Special()
	}
	c.bridge.Serve(g.m.media(), t.Play(), nil)
	c.inTime(explainTime, func(c *ongoing) { c.end(by, cause) })
	return true
}
