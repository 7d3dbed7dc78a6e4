package control

import (
	"time"

	"santral/call"
	"santral/media"
	"santral/media/codec"
	"santral/media/sdp"
)

// Two legs that were joined without having been offered each other's session come to agree by changes that
// the exchange itself asks for (RFC 3725 §4, §7): one is offered what the other can do, the other what came
// of it.

// mostRounds bounds how often such an answer is offered back. A second one is due where formats were cut
// down; a third is for peers that answer with what they were not offered.
const mostRounds = 4

// hears takes note of what a leg's peer can do: an offer says it all, an answer only what it chose.
func (m *member) hears(d *sdp.Description, offer bool) {
	if d != nil && (offer || m.said == nil) {
		m.said = d
	}
}

// willing is what a leg's peer can do, as an offer to somebody else: no hold of the one that it spoke with
// before is in it, only its own. nil when it is not known.
func (m *member) willing() *sdp.Description {
	if m.said == nil || m.held {
		return m.said
	}
	d := m.said.Clone()
	for i := range d.Media {
		if l := &d.Media[i]; !l.Rejected() {
			l.SetDirection(sdp.SendRecv)
		}
	}
	return d
}

// agrees reports whether what two peers said of themselves fits, so that neither needs to be told more: the
// same lines, directions that are each other's, and on each line encodings of which one passes for the other. Payload
// numbers are each leg's own.
func agrees(a, b *sdp.Description) bool {
	if len(a.Media) != len(b.Media) {
		return false
	}
	for i := range a.Media {
		x, y := &a.Media[i], &b.Media[i]
		if x.Rejected() != y.Rejected() {
			return false
		}
		if x.Rejected() {
			continue
		}
		if x.Kind != y.Kind || x.RTP() != y.RTP() || x.Direction(a) != y.Direction(b).Reverse() {
			return false
		}
		if x.RTP() && !passes(first(x), first(y)) {
			return false
		}
	}
	return true
}

// first is the encoding that a line puts first: in an answer, what is spoken.
func first(m *sdp.Media) media.Format {
	for _, f := range m.FormatList() {
		if !sdp.IsEvents(f) && !sdp.IsNoise(f) && !sdp.IsRed(f) {
			return f
		}
	}
	return media.Format{}
}

// passes reports whether two legs understand each other, one of which speaks f and the other g: by the same encoding, or
// because the joint of their media makes one out of the other.
func passes(f, g media.Format) bool {
	if f.Name == "" || g.Name == "" {
		return false
	}
	if sdp.Same(f, g) {
		return true
	}
	_, ok := codec.Lookup(f)
	_, also := codec.Lookup(g)
	return ok && also
}

// meet has two established legs agree that have never spoken with each other.
func (c *ongoing) meet(from, to *member) {
	c.change = change{from: from, to: to, offer: &call.LegEvent{Desc: from.willing(), At: time.Now()}, own: true, first: true}
	c.change.late = c.change.offer.Desc == nil
	c.changeNow()
}

// propose offers to what from has said. Where somebody asks for a change just now, that settles it.
func (c *ongoing) propose(from, to *member, d *sdp.Description) {
	if c.change.from != nil {
		return
	}
	c.change = change{from: from, to: to, offer: &call.LegEvent{Desc: d, At: time.Now()}, own: true}
	c.changeNow()
}

// proposed is the answer to what the exchange asked for.
func (c *ongoing) proposed(m *member, e *call.LegEvent) {
	h := c.change
	if e.Desc == nil {
		if h.seek {
			c.change = change{}
			return
		}
		c.end(exchange, call.NotAcceptable)
		return
	}
	switch {
	case h.late && m == h.to: // what it can do, which the other is offered before it is answered
		h.to.hears(e.Desc, true)
		c.change.given = true
		h.from.leg.Offer(e.Desc)
		return
	case h.late:
		h.from.hears(e.Desc, false)
		h.to.leg.Accept(e.Desc)
	default:
		h.to.hears(e.Desc, false)
	}
	c.change = change{}
	c.speaks(codecOf(e.Desc), h.from, h.to)
	if !h.late && (h.first || !agrees(h.offer.Desc, e.Desc)) && h.round < mostRounds {
		c.propose(h.to, h.from, e.Desc)
		c.change.round = h.round + 1
	}
}
