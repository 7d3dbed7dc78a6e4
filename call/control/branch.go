package control

import (
	"context"
	"slices"
	"time"

	"santral/call"
)

// branch is one number of a story's Dial, from the place that it leads to until somebody there has answered, or nobody does.
type branch struct {
	of       *outward
	member   *call.Party // of the service's tenant, who is meant whatever the caller would dial; nil for a number
	dest     call.Destination
	channel  func() // of whom it rings; nil for none
	outside  func() // that it counts as a call with the outside; nil for none
	ways     []call.Target
	way      *call.Target
	timer    *time.Timer
	patience time.Time
	breadth  int // its share of the branches that the call may have
	legs     int // that are not over
	over     bool
}

// ringBranch finds where a number leads, and rings there; what stands against that is given back.
func (c *ongoing) ringBranch(b *branch, number string) *call.Cause {
	if c.hops <= 1 || len(c.members) >= mostLegs || len(b.of.rings) > mostNumbers {
		return &call.TooManyHops
	}
	if b.member != nil {
		p := b.member
		b.dest = call.Destination{Kind: call.ToAccount, Tenant: c.dest.Tenant, Account: p.Account, Number: p.Account, Name: p.Name}
	} else {
		b.dest = c.house.router.Route(c.caller().party(), number, time.Now())
	}
	if b.dest.Limited && !c.from.Trusted {
		taken := c.house.channels.TakeOutside(c.id, c.caller().party(), &b.dest, false)
		if b.outside = taken.Release; taken.Refusal != nil {
			return taken.Refusal
		}
	}
	switch b.dest.Kind {
	case call.ToAccount:
		return c.ringAccount(b)
	case call.ToTrunks:
		var down []call.Target
		b.ways, down = c.house.places(&b.dest)
		for _, t := range down {
			c.passedOver(t, call.NoTrunk)
		}
		if b.breadth = c.share(b.of, 1); b.breadth == 0 {
			return &call.TooNarrow
		}
		b.patience = time.Now().Add(c.each(b.of))
		return c.ringPlace(b)
	case call.ToRefusal:
		return &b.dest.Refuse
	}
	return &call.NotFound // a service is nobody who is rung
}

// ringAccount rings all phones of an account.
func (c *ongoing) ringAccount(b *branch) *call.Cause {
	targets, exists := c.house.contacts.Contacts(b.dest.Tenant, b.dest.Account)
	switch {
	case !exists:
		return &call.NotFound
	case len(targets) == 0:
		return &call.NotRegistered
	}
	if b.breadth = c.share(b.of, len(targets)); b.breadth == 0 {
		return &call.TooNarrow
	}
	taken := c.ask(call.Taking{Tenant: b.dest.Tenant, Account: b.dest.Account, Dir: call.Out, Emergency: b.dest.Emergency != nil})
	if taken.Refusal != nil {
		return taken.Refusal
	}
	b.channel = taken.Release
	for _, t := range targets {
		c.ringPhone(b, t, b.breadth/len(targets))
	}
	c.branchTimer(b, c.each(b.of))
	return nil
}

// ringPhone opens a leg to a phone by the first of its ways.
func (c *ongoing) ringPhone(b *branch, t call.Target, breadth int) {
	silence := flowSilence
	if len(t.Else) == 0 {
		silence = 0
	}
	m := c.ring(b, t, silence, breadth)
	m.ways, m.breadth = t.Else, breadth
}

// ringPlace opens a leg to the next place of a trunk that has a free channel; nil when one is on its way.
func (c *ongoing) ringPlace(b *branch) *call.Cause {
	no := call.NoTrunk
	for len(b.ways) > 0 {
		t := b.ways[0]
		b.ways = b.ways[1:]
		if b.way == nil || !sameTrunk(&t, b.way) || b.channel == nil {
			b.free()
			taken := c.ask(call.Taking{Tenant: t.Tenant, Trunk: t.Trunk, Dir: call.Out, Emergency: b.dest.Emergency != nil})
			if taken.Refusal != nil {
				b.ways = slices.DeleteFunc(slices.Clone(b.ways), func(o call.Target) bool { return sameTrunk(&o, &t) })
				no = *taken.Refusal
				c.passedOver(t, no)
				continue
			}
			b.channel = taken.Release
		}
		b.way = &t
		silence := trunkSilence
		switch {
		case len(t.Else) > 0:
			silence = flowSilence
		case len(b.ways) == 0:
			silence = 0
		}
		m := c.ring(b, t, silence, b.breadth)
		m.ways, m.breadth = t.Else, b.breadth
		wait := time.Until(b.patience)
		if d := t.Patience; d > 0 && len(b.ways) > 0 {
			wait = min(wait, d)
		}
		c.branchTimer(b, wait)
		return nil
	}
	return &no
}

// ring opens one leg of a branch.
func (c *ongoing) ring(b *branch, t call.Target, silence time.Duration, breadth int) *member {
	o := b.of
	number, whose := called(&b.dest, &t)
	m := &member{id: c.nextID(), dir: call.Out, tenant: whose, account: b.dest.Account, trunk: t.Trunk, number: number, name: b.dest.Name, target: t.URI, beside: &beside{branch: b}}
	traits := call.Traits{Alert: o.wish.Alert, Privacy: hides(c.privacy(c.caller()), b.dest.Hidden), Session: c.caller().session, Secure: c.traits.Secure}
	if c.caller() == c.members[0] {
		traits.Fields, traits.Diversions = c.traits.Fields, c.traits.Diversions
	}
	m.leg = c.house.dialer.Dial(context.Background(), call.Dial{
		Call: c.id, Leg: m.id, From: c.shown(o.from, &b.dest, whose, t.Trunk), Tenant: whose, To: number, Target: t, Offer: o.offer, Own: o.offer == nil, Hops: c.hops - 1, Breadth: breadth,
		Timeout: c.each(o) + dialSlack, Silence: silence, Traits: traits,
	}, c.seat(m))
	if o.offer != nil {
		m.besides().knows = c.caller()
	}
	b.legs++
	c.add(m)
	c.event(call.Event{Kind: call.LegBegan, Leg: m.id, Detail: m.detail(m.leg.Detail())}, time.Time{})
	c.appear(m, call.Trying)
	return m
}

// branchTimer gives up a branch's legs that have not answered after d.
func (c *ongoing) branchTimer(b *branch, d time.Duration) {
	if b.timer != nil {
		b.timer.Stop()
	}
	b.timer = time.AfterFunc(d, func() {
		c.post(func(c *ongoing) {
			if !b.over && c.outward() == b.of {
				c.branchTooLong(b)
			}
		})
	})
}

// branchTooLong ends the legs of a branch that ring too long. Who has answered and was asked for a key has time.
func (c *ongoing) branchTooLong(b *branch) {
	cause := call.NoAnswer
	if b.way != nil && time.Until(b.patience) > 0 {
		cause = call.NoResponse // the place has taken the call and does not ring
	}
	for _, m := range slices.Clone(c.members) {
		if m.aside().branch == b && !m.over && !m.answered {
			c.hangup(m, cause)
			c.triedFor(b, m, &cause)
			c.leftBranch(m, cause)
		}
	}
}

// rungFor is what happens on a leg of a branch.
func (c *ongoing) rungFor(m *member, e *call.LegEvent) {
	b := m.aside().branch
	switch e.Kind {
	case call.Progressed:
		c.branchRings(b, m, e)
	case call.Answered:
		c.branchAnswered(b, m, e)
	case call.Failed, call.Ended:
		if e.Finish != nil {
			e.Finish() // the call goes on
		}
		c.gone(m, e.Cause, e.Detail, e.At)
		c.triedFor(b, m, &e.Cause)
		if !m.answered && c.branchByAnotherWay(b, m, e.Cause) {
			return
		}
		c.leftBranch(m, asRefusal(e.Cause))
	case call.Offered:
		if m.answered {
			m.leg.Accept(nil) // the media ends here
			m.besides().knows = nil
			m.hears(e.Desc, true)
		} else {
			m.leg.Refuse(call.RequestPending)
		}
	case call.Pressed, call.Informed:
		if e.Digit != 0 && !m.doubled(e.Digit, e.Long, e.Kind == call.Informed, e.At) {
			c.confirms(m, e.Digit)
		}
	case call.Noticed:
		c.noticed(m, e.News)
	case call.Renamed:
		c.callsItself(m, e)
	case call.Referred:
		e.Refer.Notify(call.Declined)
	}
}

// callsItself keeps what a leg's peer is said to be.
func (c *ongoing) callsItself(m *member, e *call.LegEvent) {
	if e.Session != "" {
		m.session = e.Session
	}
	if e.Who != nil || e.Privacy != 0 {
		m.privacy = e.Privacy
	}
	if e.Who != nil {
		m.who = e.Who
	}
}

func (c *ongoing) branchRings(b *branch, m *member, e *call.LegEvent) {
	if e.Due { // early media has no part in it
		m.leg.Refuse(call.NotAcceptable)
	} else if e.Desc != nil {
		m.early = e.Desc
	}
	first := &m.rang
	switch e.Status {
	case 180:
	case 183:
		first = &m.progressed
	default:
		return
	}
	c.callsItself(m, e)
	if *first {
		return
	}
	*first = true
	if m.trunk != "" {
		c.triedFor(b, m, nil)
		c.branchTimer(b, time.Until(b.patience))
	}
	c.event(call.Event{Kind: call.LegRinging, Leg: m.id, Status: e.Status}, e.At)
	c.appear(m, call.Early)
}

// triedFor tells how an attempt by a trunk came out, nil for well.
func (c *ongoing) triedFor(b *branch, m *member, refusal *call.Cause) {
	if m.trunk != "" && b.way != nil && !m.answered && (refusal != nil || !m.well) {
		m.well = refusal == nil
		c.house.trunks.Tried(*b.way, refusal)
	}
}

// branchByAnotherWay goes on to a phone's next way when one is dead, as byAnotherWay does.
func (c *ongoing) branchByAnotherWay(b *branch, m *member, cause call.Cause) bool {
	if !dead(cause) || m.rang || m.progressed || len(m.ways) == 0 || len(c.members) >= mostLegs {
		return false
	}
	t := m.ways[0]
	t.Else = m.ways[1:]
	b.legs--
	m.besides().branch = nil
	c.ringPhone(b, t, m.breadth)
	return true
}

// branchAnswered is the answer of a leg: it is the other from now on, or is asked whether it wants to be.
func (c *ongoing) branchAnswered(b *branch, m *member, e *call.LegEvent) {
	desc := e.Desc
	if desc == nil {
		desc = m.early
	}
	if desc == nil || e.Due {
		c.hangup(m, call.NotAcceptable)
		c.leftBranch(m, call.NotAcceptable)
		return
	}
	c.triedFor(b, m, nil)
	c.callsItself(m, e)
	m.hears(desc, false)
	c.speaks(codecOf(desc), m)
	c.mu.Lock()
	m.answered, m.confirmed = true, true
	c.mu.Unlock()
	c.appear(m, call.Talk)
	c.puts(m, nil)
	if b.of.wish.Confirm != nil {
		c.askConfirm(m, b.of.wish.Confirm)
		return
	}
	c.reachedOther(m, e.At)
}

// leftBranch is the end of one leg of a branch.
func (c *ongoing) leftBranch(m *member, cause call.Cause) {
	b := m.aside().branch
	m.besides().branch = nil
	if b.over {
		return
	}
	if b.of.best.SIP == 0 || rank(cause) < rank(b.of.best) {
		b.of.best = cause
	}
	next := false
	if b.dest.Kind == call.ToTrunks {
		b.ways, next = mayGoOn(&b.dest, b.way, b.ways, cause)
	}
	if b.legs--; cause.SIP >= 600 && !next {
		c.branchLost(b, cause)
		return
	}
	if b.legs > 0 {
		return
	}
	if next && time.Until(b.patience) > 0 {
		if c.ringPlace(b) == nil {
			return
		}
	}
	c.branchLost(b, cause)
}

// branchLost ends a branch, and the Dial with the last one.
func (c *ongoing) branchLost(b *branch, cause call.Cause) {
	o := b.of
	if o.best.SIP == 0 || rank(cause) < rank(o.best) {
		o.best = cause
	}
	c.endBranch(b, cause)
	for o.wish.InTurn && c.outward() == o && !o.living() && o.next < len(o.wish.To) {
		c.ringNext(o)
	}
	if c.outward() == o && !o.living() && o.next == len(o.wish.To) {
		c.outwardLost(o, o.best)
	}
}

func (b *branch) free() {
	if b.channel != nil {
		b.channel()
		b.channel = nil
	}
}

// endBranch ends all that rings on a branch.
func (c *ongoing) endBranch(b *branch, cause call.Cause) {
	b.over = true
	if b.timer != nil {
		b.timer.Stop()
	}
	b.free()
	if b.outside != nil {
		b.outside()
		b.outside = nil
	}
	for _, m := range c.members {
		if m.aside().branch == b {
			m.besides().branch = nil
			if !m.over {
				c.hangup(m, cause)
			}
		}
	}
}
