package control

import (
	"time"

	"santral/call"
)

// confirmTime is how long somebody who has answered may take to say that a person has, when nothing else is asked.
const confirmTime = 20 * time.Second

// askConfirm has who answered hear that a key is asked for. Until then it has not answered: a mailbox presses none.
func (c *ongoing) askConfirm(m *member, ask *call.Confirm) {
	within := ask.Within
	if within <= 0 {
		within = confirmTime
	}
	time.AfterFunc(within, func() {
		c.post(func(c *ongoing) {
			if m.aside().branch != nil && !m.over {
				c.declines(m, call.NoAnswer)
			}
		})
	})
	speech := c.house.speech
	if speech == nil || len(ask.Prompt) == 0 {
		return
	}
	who := m.party()
	go func() { // it may read files
		src, err := speech.Say(who.Tenant, speech.Language(who), ask.Prompt...)
		if err != nil {
			c.house.log.Error("no prompt asks for confirmation", "call", c.id, "tenant", c.from.Tenant, "error", err)
			return
		}
		c.post(func(c *ongoing) {
			if m.aside().branch != nil && !m.over {
				c.puts(m, src)
			}
		})
	}()
}

// confirms is a key of somebody who has answered.
func (c *ongoing) confirms(m *member, key byte) {
	ask := m.aside().branch.of.wish.Confirm
	switch {
	case ask == nil || !m.answered:
	case key == ask.Key:
		c.puts(m, nil)
		c.reachedOther(m, time.Time{})
	default:
		c.declines(m, call.Declined)
	}
}

// declines ends a leg that has answered and does not want the call; the others go on ringing.
func (c *ongoing) declines(m *member, why call.Cause) {
	c.hangup(m, call.NormalClearing)
	why.SIP = call.NoAnswer.SIP // it speaks for itself, not for all phones of its number (RFC 3261 §21.6)
	c.leftBranch(m, why)
}
