package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"santral/call"
	"santral/media/sdp"
)

// ErrNotQuiet is why a call can't be written out now: it is not (or no longer) two established legs, or one that a
// service speaks with, with no change of the session under way. It may be asked again a moment later.
var ErrNotQuiet = errors.New("the call is not established and quiet")

// Handover is a live call, written out: all that another Control needs to go on with it. It has two legs, or one
// and a story.
type Handover struct {
	ID       call.ID          `json:"id"`
	From     call.Party       `json:"from"`
	Dialled  string           `json:"dialled"`
	To       call.Destination `json:"to"`
	Began    time.Time        `json:"began"`
	Answered time.Time        `json:"answered"`
	Last     time.Time        `json:"last"`    // time of the last event in the ledger
	Hops     int              `json:"hops"`    // how often it may still be sent on
	Breadth  int              `json:"breadth"` // branches that it may have at once
	Traits   call.Traits      `json:"traits"`
	Lead     call.LegID       `json:"lead,omitempty"` // who stands in the caller's place; "" for the first leg
	Legs     []HandoverLeg    `json:"legs"`           // all that were, so that names of legs are not used again
	Story    *HandoverStory   `json:"story,omitempty"`
	Tape     *HandoverTape    `json:"tape,omitempty"`
}

// HandoverLeg is one leg of it. State is the door's own, null for a leg that is over.
type HandoverLeg struct {
	ID        call.LegID      `json:"id"`
	Direction call.Direction  `json:"direction"`
	Tenant    string          `json:"tenant"`
	Account   string          `json:"account"`
	Trunk     string          `json:"trunk,omitempty"`
	Number    string          `json:"number,omitempty"`
	Presents  string          `json:"presents,omitempty"` // that others outside of its tenant know it by
	Target    string          `json:"target,omitempty"`
	Held      bool            `json:"held,omitempty"`
	Steered   bool            `json:"steered,omitempty"` // a program holds for it
	Codec     string          `json:"codec,omitempty"`
	Who       *call.Party     `json:"who,omitempty"`     // who its peer is to others, null for a leg that is over
	Privacy   call.Privacy    `json:"privacy,omitempty"` // what its peer wants withheld, of one that did not begin the call
	Session   string          `json:"session,omitempty"` // its peer's half of the Session-ID
	Said      string          `json:"said,omitempty"`    // what its peer can do, as a session description
	Notices   []call.Notice   `json:"notices,omitempty"` // what was noticed of its media so far
	State     json.RawMessage `json:"state,omitempty"`
}

// leg gives a leg by its name.
func (h *Handover) leg(id call.LegID) *HandoverLeg {
	for i := range h.Legs {
		if h.Legs[i].ID == id {
			return &h.Legs[i]
		}
	}
	return nil
}

// Freeze writes a live call out and lets go of it, its story ends with ErrEnded: no event, no message to anybody, no port closed. Its
// channels are free here, and taken again where it is thawed. The wire should be at rest, as what
// arrives during Freeze is left to the peers' retransmissions. back is the door that thaws a leg again
// when the other could not be frozen; then the call goes on as it was, and so it does with ErrNotQuiet.
func (k *Control) Freeze(ctx context.Context, id call.ID, back call.Thawer) (*Handover, error) {
	c := k.find(id)
	if c == nil {
		return nil, fmt.Errorf("freeze call %s: %w", id, call.ErrEnded)
	}
	type moment struct {
		h   *Handover
		err error
	}
	ready := make(chan moment, 1)
	verdict := make(chan func(*ongoing), 1)
	asked := c.post(func(c *ongoing) {
		if c.engaged() || !c.quiet() && !c.told() {
			ready <- moment{err: ErrNotQuiet}
			return
		}
		ready <- moment{h: c.handover()}
		(<-verdict)(c) // the one moment in which a loop waits: everything of this call stands still
	})
	if !asked {
		return nil, fmt.Errorf("freeze call %s: %w", id, call.ErrEnded)
	}
	var now moment
	select {
	case now = <-ready:
	case <-ctx.Done():
		verdict <- func(*ongoing) {} // whenever the loop gets there, it goes on
		return nil, fmt.Errorf("freeze call %s: %w", id, ctx.Err())
	}
	if now.err != nil {
		return nil, fmt.Errorf("freeze call %s: %w", id, now.err)
	}
	frozen, err := c.freezeLegs(now.h)
	if err == nil {
		gone := make(chan struct{})
		verdict <- func(c *ongoing) {
			c.giveBack()
			c.reel.end()
			if c.story != nil {
				c.leaveRoom()
				c.story.cancel(call.ErrMoved)
			}
			c.setState(Frozen, "handed over")
			close(gone)
		}
		<-gone
		k.settled()
		return now.h, nil
	}
	if frozen == nil {
		verdict <- func(*ongoing) {}
		return nil, fmt.Errorf("freeze call %s: %w", id, err)
	}
	if old := frozen.media(); old != nil {
		old.Close() // its ports are wanted again
	}
	leg, failed := back.Thaw(id, now.h.leg(frozen.id).State, frozen.seat)
	verdict <- func(c *ongoing) {
		if failed != nil {
			c.end(exchange, call.Interrupted)
			return
		}
		c.mu.Lock()
		frozen.leg = leg
		c.mu.Unlock()
		c.bridge.Part()
		c.goOn()
	}
	return nil, fmt.Errorf("freeze call %s: %w", id, errors.Join(err, failed))
}

// freezeLegs writes out both legs of a call whose loop stands still: the caller's first. When the
// second can't be, it gives the member that already was.
func (c *ongoing) freezeLegs(h *Handover) (*member, error) {
	var done *member
	for i, m := range c.members {
		if m != c.caller() && m != c.callee {
			continue
		}
		f, ok := m.leg.(call.Freezer)
		if !ok {
			return done, fmt.Errorf("leg %s: %w", m.id, errors.ErrUnsupported)
		}
		state, err := f.Freeze()
		if err != nil {
			return done, fmt.Errorf("leg %s: %w", m.id, err)
		}
		h.Legs[i].State = state
		done = m
	}
	return nil, nil
}

// handover is the call's own part of what is written out.
func (c *ongoing) handover() *Handover {
	h := &Handover{ID: c.id, From: c.from, Dialled: c.dialled, To: c.dest, Began: c.arrived, Answered: c.answered, Last: c.last, Hops: c.hops, Breadth: c.breadth, Traits: c.traits, Tape: c.reel.write()}
	if c.lead != nil {
		h.Lead = c.lead.id
	}
	if c.story != nil {
		h.Story = c.story.write()
		h.Story.Joined = c.state == Talking
	}
	for _, m := range c.members {
		var who *call.Party
		said := ""
		if !m.over {
			party := m.party()
			if who = &party; m.said != nil {
				said = m.said.String()
			}
		}
		h.Legs = append(h.Legs, HandoverLeg{ID: m.id, Direction: m.dir, Tenant: m.tenant, Account: m.account, Trunk: m.trunk,
			Number: m.number, Presents: m.presents, Target: m.target, Held: m.held, Steered: m.aside().steered, Codec: m.codec, Who: who, Privacy: m.privacy, Session: m.session, Said: said, Notices: m.notices})
	}
	return h
}

// Thaw goes on with a call that another Control has written out: its legs are made again by door, its
// channels taken (a call that lives is never refused one), its media joined. When a leg can't be made
// the other is hung up, and the call's record is closed as interrupted.
func (k *Control) Thaw(h *Handover, door call.Thawer) error {
	c := &ongoing{
		house: k, id: h.ID, from: h.From, dialled: h.Dialled, arrived: h.Began,
		dest: h.To, answered: h.Answered, last: h.Last, hops: h.Hops, breadth: max(h.Breadth, 1), traits: h.Traits, reel: h.Tape.read(),
	}
	if !k.enter(c, nil) {
		return fmt.Errorf("thaw call %s: %w", h.ID, errTaken)
	}
	var broken error
	for i := range h.Legs {
		l := &h.Legs[i]
		m := &member{id: l.ID, dir: l.Direction, tenant: l.Tenant, account: l.Account, trunk: l.Trunk, number: l.Number, presents: l.Presents,
			target: l.Target, held: l.Held, codec: l.Codec, who: l.Who, privacy: l.Privacy, session: l.Session, notices: l.Notices, answered: true, confirmed: true}
		if l.Steered {
			m.besides().steered = true
		}
		if l.State == nil {
			m.over, m.leg = true, departed{l.ID}
		} else if leg, err := door.Thaw(h.ID, l.State, c.seat(m)); err != nil {
			broken = errors.Join(broken, fmt.Errorf("leg %s: %w", l.ID, err))
			m.leg = departed{l.ID}
		} else {
			m.leg = leg
		}
		if l.Said != "" {
			m.said, _ = sdp.Parse(l.Said) // without it the peer is asked when it matters
		}
		c.add(m)
		switch {
		case l.ID == h.Lead:
			c.lead, c.moved = m, true
		case l.State != nil && (i > 0 || h.Lead != ""):
			c.callee = m
		}
	}
	go c.run(func(c *ongoing) {
		if h.Story != nil && broken == nil {
			c.servesOn(h.Story)
			return
		}
		c.setState(Talking, "taken over")
		if broken != nil || c.callee == nil {
			c.end(exchange, call.Interrupted)
			return
		}
		c.takeAgain()
		c.reappears()
		c.connect()
	})
	if broken != nil {
		return fmt.Errorf("thaw call %s: %w", h.ID, broken)
	}
	return nil
}

// takeAgain takes what the call had where it was written out: it lives, and nothing of it is refused.
func (c *ongoing) takeAgain() {
	a := c.caller()
	c.take(0, call.Taking{Tenant: a.tenant, Account: a.account, Trunk: a.trunk, Dir: call.In, Lives: true})
	if b := c.callee; b != nil {
		c.take(1, call.Taking{Tenant: b.tenant, Account: b.account, Trunk: b.trunk, Dir: call.Out, Lives: true})
	}
	_ = c.goOutside(c.right(), true) // it is not refused
}

// reappears tells how the legs stand that were thawed.
func (c *ongoing) reappears() {
	for _, m := range c.members {
		if m.held {
			c.tellHeld(m)
		}
		if !m.over {
			c.appear(m, call.Talk)
		}
	}
}

// told reports a story that speaks with a caller who has nothing else under way.
func (c *ongoing) told() bool {
	a := c.caller()
	return c.state == Serving && a.answered && a.confirmed && a.own == nothing && a.guest == nil && (c.callee == nil || c.callee.own == nothing) && c.refer == nil && c.joining == nil && len(c.later) == 0
}

// servesOn has a story told on that another Control has written out.
func (c *ongoing) servesOn(h *HandoverStory) {
	tale := c.house.stories[c.dest.Service]
	state := Serving
	if h.Joined && c.callee != nil {
		state = Talking
	}
	c.setState(state, "taken over")
	if tale == nil {
		c.end(exchange, call.Interrupted)
		return
	}
	a := c.caller()
	c.takeAgain()
	c.reappears()
	c.story = newStory(c)
	c.story.read(h)
	c.story.held, c.story.company.kept = a.held, c.callee != nil
	c.goOn()
	go c.story.serve(tale)
}

// errTaken is why a call can't be thawed where it lives already, or where there are too many.
var errTaken = errors.New("its id is taken, or there is no room")
