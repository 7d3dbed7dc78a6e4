package control

import (
	"time"

	"santral/call"
)

// legEnded is a leg that its peer ended, or that is gone: the call ends with it.
func (c *ongoing) legEnded(m *member, e *call.LegEvent) {
	switch {
	case e.Finish == nil:
	case c.storysOther(m):
		defer e.Finish() // the call goes on
	default:
		c.finish(e.Finish)
	}
	if c.joining != nil && m == c.joining.m {
		c.gone(m, e.Cause, e.Detail, e.At)
		c.joinOver(e.Cause)
		return
	}
	if m.dir == call.Out && c.callee == nil && m != c.caller() { // one of a fork
		c.gone(m, e.Cause, e.Detail, e.At)
		c.leftChange(m)
		c.lost(asRefusal(e.Cause))
		return
	}
	by := callee
	if m == c.caller() {
		by = caller
	}
	if e.Finish == nil && vanished(e.Cause) {
		by = exchange
	}
	c.gone(m, e.Cause, e.Detail, e.At)
	if s := c.sending; s != nil && m == s.by && !s.away { // the other side is on its way already
		s.left = &departure{by, e.Cause}
		return
	}
	if c.hasty(m, departure{by, e.Cause}) {
		return
	}
	if c.storyGoesOn(m) {
		return
	}
	c.end(by, e.Cause)
}

// stop ends the call from outside, whatever its legs were sent for.
func (c *ongoing) stop(cause call.Cause) {
	c.stopped = true
	c.end(exchange, cause)
}

// vanished reports an end that no person chose: the peer fell silent, and it was us who gave up.
func vanished(c call.Cause) bool {
	return c.SIP == call.LostAck.SIP || c.SIP == call.LostDialog.SIP || c.SIP >= 500 && c.SIP < 600
}

// end ends the call, whatever its state, by one of its parties or the exchange: everybody who is still
// there is told, the channels are free, and the last event goes to the ledger. Who hung up gets its
// answer when that event is on disk.
func (c *ongoing) end(by string, cause call.Cause) {
	if c.state >= Frozen || c.handBack(by, cause) {
		return
	}
	c.stopTimer()
	if c.story != nil {
		c.story.stop()
	}
	c.bridge.Part()
	c.disperse(cause)
	c.giveBack() // before any phone hears that it is free, so that it can call again at once
	for _, m := range c.members {
		if !m.over {
			c.hangup(m, cause)
		}
	}
	c.close(by, cause)
}

// close is the last thing that a call does: its last event goes to the ledger, and the loop ends.
func (c *ongoing) close(by string, cause call.Cause) {
	c.disperse(cause)
	c.reel.end()
	c.giveBack()
	c.change = change{}
	c.referOver(cause)
	c.setState(Over, cause.Text)
	c.house.ended.Add(1)
	for _, m := range c.members {
		if m.shown != call.UnknownAppearing {
			c.appear(m, call.Gone) // after a fault it may not have been said yet
		}
	}
	told := cause
	c.house.ledger.Commit(call.Event{Call: c.id, Kind: call.EndedCall, At: c.stamp(time.Time{}), Cause: &told, By: by}, c.committed)
}

// hangup ends one leg from our side, in the way that its state wants, and writes it down. What the
// leg still has to say about its end is its door's affair.
func (c *ongoing) hangup(m *member, cause call.Cause) {
	if m.dir == call.In && !m.answered {
		cause = asRefusal(cause)
	}
	detail := m.leg.Detail()
	if m.dir == call.In && !m.answered {
		m.leg.Reject(cause)
	} else {
		m.leg.Hangup(cause)
	}
	c.gone(m, cause, &detail, time.Time{})
}

// gone writes down the end of a leg, once.
func (c *ongoing) gone(m *member, cause call.Cause, detail *call.LegDetail, at time.Time) {
	if detail == nil {
		detail = &call.LegDetail{} // a leg that fails does not always say what it was
	}
	c.mu.Lock()
	m.over = true
	c.mu.Unlock()
	if m.missing != nil {
		m.missing.timer.Stop()
		m.missing = nil
	}
	if s := m.media(); m.codec == "" && s != nil && m.answered {
		c.speaks(s.Codec(), m)
	}
	c.sounded(m, detail)
	c.event(call.Event{Kind: call.LegEnded, Leg: m.id, Cause: &cause, Codec: m.codec, Detail: m.detail(*detail)}, at)
	c.appear(m, call.Gone)
}

// finish has the answer to a BYE sent when the call's last event is on disk, or now if it is.
func (c *ongoing) finish(answer func()) {
	c.mu.Lock()
	if !c.onDisk {
		c.waiting = append(c.waiting, answer)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	answer()
}

// committed is called by the ledger when the last event is on disk.
func (c *ongoing) committed() {
	c.mu.Lock()
	c.onDisk = true
	waiting := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	for _, answer := range waiting {
		answer()
	}
	c.house.settled()
}
