package control

import (
	"context"
	"slices"
	"time"

	"santral/call"
)

// hunt rings all phones of an account at once, or the one that the caller means: the first answer wins.
func (c *ongoing) hunt() {
	if c.hops <= 0 { // RFC 3261 §16.3
		c.end(exchange, call.TooManyHops)
		return
	}
	targets, exists := c.house.contacts.Contacts(c.dest.Tenant, c.dest.Account)
	switch {
	case !exists:
		c.end(exchange, call.NotFound)
		return
	case len(targets) == 0:
		c.end(exchange, call.NotRegistered)
		return
	}
	if c.device != "" { // RFC 5627 §6.1
		targets = slices.DeleteFunc(slices.Clone(targets), func(t call.Target) bool { return t.Device != c.device })
		if len(targets) == 0 {
			c.end(exchange, call.NotRegistered)
			return
		}
	}
	if _, refusal := c.take(1, call.Taking{Tenant: c.dest.Tenant, Account: c.dest.Account, Dir: call.Out}); refusal != nil {
		c.end(exchange, *refusal)
		return
	}
	if len(targets) > c.breadth {
		c.end(exchange, call.TooNarrow)
		return
	}
	c.setState(Ringing, "dialling")
	share := c.breadth / len(targets)
	c.ready = c.ready && len(targets) == 1 // one caller answers one offer
	for _, t := range targets {
		c.dialPhone(t, share)
	}
	c.inTime(c.house.ringTime, (*ongoing).ringTimeOver)
}

// flowSilence is how long a phone may say nothing at all on one way while there is another to it: more than
// three repetitions of the request over UDP. One that is only slow must not ring by two ways.
const flowSilence = 4 * time.Second

// dialPhone opens a leg to a phone by the first of its ways.
func (c *ongoing) dialPhone(t call.Target, breadth int) {
	silence := flowSilence
	if len(t.Else) == 0 {
		silence = 0
	}
	m := c.dial(t, silence, breadth)
	m.ways, m.breadth = t.Else, breadth
}

// byAnotherWay goes on to the phone's next way when one is dead: its first hop says so, nobody answered, or
// nothing could be sent (RFC 5626 §5.3). Any other answer is the phone's own.
func (c *ongoing) byAnotherWay(m *member, cause call.Cause) bool {
	if !dead(cause) || m.rang || m.progressed || len(m.ways) == 0 {
		return false
	}
	t := m.ways[0]
	t.Else = m.ways[1:]
	c.dialPhone(t, m.breadth)
	return true
}

// dead reports an answer that is the way's, not the phone's.
func dead(cause call.Cause) bool {
	return cause.SIP == 430 || cause.SIP == 408 || cause.Q850 == outOfOrder
}

// dial opens a leg to a target, for the account or by the trunk that the call goes to. silence is how
// long the last of the target's places may leave it without any answer, 0 for no limit of its own. breadth is
// the leg's share of the branches that the call may have (RFC 5393 §5.3.3).
func (c *ongoing) dial(t call.Target, silence time.Duration, breadth int) *member {
	number, whose := called(&c.dest, &t)
	m := &member{id: c.nextID(), dir: call.Out, tenant: whose, account: c.dest.Account, trunk: t.Trunk, number: number, name: c.dest.Name, target: t.URI}
	if n := c.reached.Number; t.Trunk == "" && n != m.account {
		m.presents = n
	}
	m.leg = c.house.dialer.Dial(context.Background(), call.Dial{
		Call:   c.id,
		Leg:    m.id,
		From:   c.shown(c.from, &c.dest, whose, t.Trunk),
		Tenant: whose,
		To:     number,
		Target: t,
		Offer:  c.offer,

		Emergency: c.help(&t),
		Hops:      c.hops - 1,
		Breadth:   breadth,
		Early:     c.ready && c.agreed == nil,
		Timeout:   c.house.ringTime + dialSlack,
		Silence:   silence,
		Traits:    c.traitsFor(whose),
	}, c.seat(m))
	c.add(m)
	c.event(call.Event{Kind: call.LegBegan, Leg: m.id, Detail: m.detail(m.leg.Detail())}, time.Time{})
	c.appear(m, call.Trying)
	return m
}

// called is the number that is called at a target, and whose the target is.
func called(d *call.Destination, t *call.Target) (number, tenant string) {
	switch {
	case t.Trunk != "":
		return t.Number, t.Tenant
	case d.Number != "":
		return d.Number, d.Tenant
	}
	return d.Account, d.Tenant
}

func (c *ongoing) ringTimeOver() {
	if c.state == Ringing {
		c.end(exchange, call.NoAnswer)
	}
}

// progressed is a provisional answer of a leg outwards. The caller hears of the first 180; the first
// leg with early media is heard by the caller, and from then on only that leg's ringing is passed on,
// as any other's would put a ringing tone of the caller's own over it (RFC 3960 §3).
func (c *ongoing) progressed(m *member, e *call.LegEvent) {
	if c.state != Ringing || m.dir != call.Out {
		return
	}
	switch e.Status {
	case 180, 183:
	case 181, 182:
		c.onItsWay(e.Status)
		return
	default:
		return
	}
	first := &m.rang
	if e.Status == 183 {
		first = &m.progressed
	}
	if !*first {
		*first = true
		c.trunkRings(m)
		c.event(call.Event{Kind: call.LegRinging, Leg: m.id, Status: e.Status}, e.At)
		c.appear(m, call.Early)
		if c.caller().shown == call.Trying {
			c.appear(c.caller(), call.Early)
		}
	}
	c.named(m, e)
	desc := e.Desc
	switch {
	case e.Due:
		desc = c.offeredEarly(m, desc)
	case c.offer == nil:
		desc = nil // an unreliable answer can't carry an offer (RFC 3261 §13.2.1)
	}
	if desc != nil {
		m.early = desc
	}
	switch {
	case desc != nil && c.early == nil:
		c.early = m
		c.rang = c.rang || e.Status == 180
		c.caller().leg.Progress(call.Progress{Status: e.Status, Early: desc})
		c.bridge.Join(c.caller().media(), m.media())
	case e.Status == 180 && !c.rang && (c.early == nil || c.early == m):
		c.rang = true
		c.caller().leg.Progress(call.Progress{Status: 180})
	case e.Status == 183 && !c.progress && !c.rang && c.early == nil:
		c.progress = true
		c.caller().leg.Progress(call.Progress{Status: 183})
	}
}

// wasAnswered is the 200 of a leg outwards. The first one wins; the others are cancelled with the
// reason that keeps them from showing a missed call (RFC 3326 §2).
func (c *ongoing) wasAnswered(m *member, e *call.LegEvent) {
	if c.state != Ringing {
		return
	}
	desc := e.Desc
	if desc == nil && (c.offer != nil || m.settled) {
		desc = m.early // the answer came before, in a provisional one
	}
	late := c.offer == nil && (e.Due || !m.settled)
	if desc == nil { // neither answer nor offer: nothing to talk with (RFC 3261 §13.2.1)
		c.hangup(m, call.NotAcceptable)
		c.lost(call.NotAcceptable)
		return
	}
	c.stopTimer()
	c.tried(m, nil)
	a := c.caller()
	if h := c.change; h.from != m && h.to != m {
		c.dropChange()
	}
	if late && c.agreed != nil { // the caller has answered already: the offer of another
		late = false
		m.leg.Accept(c.agreed)
	}
	if !late && !m.settled {
		c.speaks(codecOf(desc), a, m)
	}
	c.named(m, e)
	m.hears(desc, late)
	if p, ok := a.leg.(call.Packager); ok && len(e.Packages) > 0 {
		p.Packages(e.Packages)
	}
	a.leg.Answer(desc)
	c.event(call.Event{Kind: call.LegAnswered, Leg: m.id, Codec: m.codec}, e.At)
	c.event(call.Event{Kind: call.LegAnswered, Leg: a.id, Codec: a.codec}, e.At)
	c.mu.Lock()
	c.callee, c.answered = m, c.last
	m.answered, a.answered = true, true
	m.confirmed = !late
	c.mu.Unlock()
	c.connect()
	c.appear(m, call.Talk)
	c.appear(a, call.Talk)
	for l := range c.rung {
		if l != m && !l.over {
			c.hangup(l, call.AnsweredElsewhere)
		}
	}
	c.house.answered.Add(1)
	c.setState(Talking, "answered")
	if a.early != nil && c.house.music != nil { // whom it holds already waits from now on
		a.hears(a.early, true)
		c.hold(a, holds(a.early), e)
	}
}

// failed is the end of a leg that we opened: refused, timed out or unreachable.
func (c *ongoing) failed(m *member, e *call.LegEvent) {
	if c.state != Ringing || m.dir != call.Out {
		c.legEnded(m, e)
		return
	}
	c.gone(m, e.Cause, e.Detail, e.At)
	c.leftChange(m)
	c.tried(m, &e.Cause)
	if !c.byAnotherWay(m, e.Cause) && !c.withoutPlace(m, e.Cause) {
		c.lost(e.Cause)
	}
}

// lost weighs the refusal of one leg: a global one ends the hunt at once (RFC 3261 §16.7), and so does
// the last one, with the best that came.
func (c *ongoing) lost(cause call.Cause) {
	if c.best.SIP == 0 || rank(cause) < rank(c.best) {
		c.best = cause
	}
	if j := c.joining; j != nil && j.ringing { // who picks the call up has its answer: no phone that rings can refuse now
		return
	}
	if cause.SIP < 600 {
		for l := range c.rung {
			if !l.over {
				c.silence()
				return
			}
		}
	}
	if c.tryAnother(cause) {
		return
	}
	by := callee
	if fromHouse(c.best) {
		by = exchange
	}
	c.end(by, forCaller(c.best))
}

// silence parts the caller from a leg whose early media it heard, when that leg has failed. Another leg
// that has early media takes its place; otherwise, when a device rings, the caller hears that it does:
// its phone was told to listen, so it makes no ringing tone of its own any more.
func (c *ongoing) silence() {
	if c.early == nil || !c.early.over {
		return
	}
	c.early = nil
	c.bridge.Part()
	ringing := false
	for l := range c.rung {
		if l.over {
			continue
		}
		if l.early != nil {
			c.early = l
			c.caller().leg.Progress(call.Progress{Status: 183, Early: l.early})
			c.bridge.Join(c.caller().media(), l.media())
			return
		}
		ringing = ringing || l.rang
	}
	if ringing {
		c.rang = true
		c.caller().leg.Progress(call.Progress{Status: 180})
		c.bridge.Serve(c.caller().media(), c.tones(c.caller()).Ringback().Play(), nil)
	}
}
