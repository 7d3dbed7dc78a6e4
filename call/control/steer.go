package control

import (
	"time"

	"santral/call"
)

// What programs do with calls that go on: the wishes are those of telephones (a transfer is a REFER's, a key is as if it were pressed), said
// for a leg whose phone does not know of them.

// steerTime is how long a program waits for a call to take its wish on.
const steerTime = 5 * time.Second

// NoSuchLeg is why a leg can't be steered: it is none of the call, or over.
var NoSuchLeg = call.Cause{Q850: 41, SIP: 481, Text: "there is no such leg in the call"}

// steer has a deed done in a call, for a leg that is there, and gives why it was not; nil when it was.
func (k *Control) steer(id call.ID, leg call.LegID, do func(c *ongoing, m *member) *call.Cause) *call.Cause {
	c := k.find(id)
	if c == nil {
		return &call.NotFound
	}
	reply := make(chan *call.Cause, 1)
	if !c.post(func(c *ongoing) {
		for _, m := range c.members {
			if m.id != leg {
				continue
			}
			if m.over || m.leaving || c.state >= Frozen {
				break
			}
			reply <- do(c, m)
			return
		}
		reply <- &NoSuchLeg
	}) {
		return &call.NotFound
	}
	select {
	case no := <-reply:
		return no
	case <-time.After(steerTime):
		return &call.RequestPending
	}
}

// answerOf gives what comes first of a wish: nil where it is taken on.
func answerOf(first <-chan call.Cause) *call.Cause {
	select {
	case c := <-first:
		if c.SIP >= 300 {
			return &c
		}
	case <-time.After(steerTime): // something else is under way, and the wish waits for it
	}
	return nil
}

// wish is a Referral that a program makes: the first of its news goes to first, and the transferor, whose phone does not know
// that it may go, is let go as soon as somebody has answered.
func (c *ongoing) wish(first chan call.Cause) *call.Referral {
	return &call.Referral{Notify: func(news call.Cause) {
		select {
		case first <- news:
		default:
		}
		if news.SIP >= 200 && news.SIP < 300 {
			c.post(func(c *ongoing) {
				if c.state == Transferring && c.sending != nil && c.sending.done {
					c.end(exchange, call.Transferred)
				}
			})
		}
	}}
}

// Transfer has the other side of a leg go on to a number, as if the leg's phone had sent it there. Where nobody answers, the
// two talk again.
func (k *Control) Transfer(id call.ID, leg call.LegID, number string) *call.Cause {
	first := make(chan call.Cause, 1)
	if no := k.steer(id, leg, func(c *ongoing, m *member) *call.Cause {
		w := c.wish(first)
		w.Number = number
		c.referred(m, w)
		return nil
	}); no != nil {
		return no
	}
	return answerOf(first)
}

// TransferInto has the other side of a leg take the place of another leg of the same account, in a call that it has besides.
func (k *Control) TransferInto(id call.ID, leg call.LegID, into call.ID) *call.Cause {
	o := k.find(into)
	if o == nil || into == id {
		return &call.NotFound
	}
	first := make(chan call.Cause, 1)
	if no := k.steer(id, leg, func(c *ongoing, m *member) *call.Cause {
		takes := o.legOf(m)
		if takes == nil {
			return &NoSuchLeg
		}
		w := c.wish(first)
		w.Takes = takes
		c.referred(m, w)
		return nil
	}); no != nil {
		return no
	}
	return answerOf(first)
}

// legOf gives the inbox of a leg of the same party as m, which is one of another call; nil for none.
func (c *ongoing) legOf(m *member) call.Inbox {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.members {
		if !x.over && x.tenant == m.tenant && x.account == m.account && x.trunk == m.trunk {
			return x.seat
		}
	}
	return nil
}

// Hold has the other side of a leg wait with music, or talk again with it. The leg's phone does not know of it: it hears nothing
// meanwhile, and may hold by itself besides; what its peer says of its session without that changes nothing.
func (k *Control) Hold(id call.ID, leg call.LegID, held bool) *call.Cause {
	return k.steer(id, leg, func(c *ongoing, m *member) *call.Cause {
		switch {
		case c.state != Talking || c.other(m) == nil || !m.answered || !c.other(m).answered:
			return &call.RequestPending
		case !held && m.held && !m.aside().steered: // its phone holds, and knows nothing of who would take it back
			return &call.Declined
		case m.held == held:
			return nil
		}
		m.besides().steered = false
		c.hold(m, held, &call.LegEvent{At: time.Now()})
		m.besides().steered = held
		c.connect()
		return nil
	})
}

// steadied reports that what a leg's description says of holding changes nothing: a program holds for it, and its phone has not
// held by itself.
func (m *member) steadied(held bool) bool {
	if !m.aside().steered {
		return false
	}
	if held { // from now on it is its phone's own
		m.beside.steered = false
	}
	return true
}

// mostTyped bounds the keys of one wish.
const mostTyped = 64

// Press has a leg's phone press keys: whoever it speaks with gets them, a service too. A blank is a pause of half a second.
func (k *Control) Press(id call.ID, leg call.LegID, keys string) *call.Cause {
	if len(keys) > mostTyped {
		keys = keys[:mostTyped]
	}
	return k.steer(id, leg, func(c *ongoing, m *member) *call.Cause {
		switch {
		case m.aside().typing:
			return &call.RequestPending
		case c.state != Talking && c.state != Serving || c.state == Serving && m != c.caller():
			return &call.RequestPending
		}
		m.besides().typing = true
		c.press(m, keys)
		return nil
	})
}

// press presses the first of keys, and the others in their time.
func (c *ongoing) press(m *member, keys string) {
	if keys == "" || m.over || c.state >= Frozen {
		m.besides().typing = false
		return
	}
	wait := sentBlank
	if keys[0] != ' ' {
		wait = sentEvery
		c.pressed(m, &call.LegEvent{Leg: m.id, Kind: call.Pressed, At: time.Now(), Digit: keys[0], Long: sentTime})
	}
	time.AfterFunc(wait, func() { c.post(func(c *ongoing) { c.press(m, keys[1:]) }) })
}
