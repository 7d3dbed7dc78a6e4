// Package bridge joins the members of a call: it chooses the cheapest way that serves them and
// chooses again when they change.
//
// What lives here is the choice and the knowledge of what is joined now. How packets are passed on is
// media/session's and media/rtp's; who the members are is call/control's, whose loop owns the Bridge.
// Two members that speak the same are relayed packet by packet, which costs next to nothing and adds no delay; two
// that don't are transcoded. Their sessions choose, and choose again at every change of a description. A third one, who
// listens or speaks with them, makes it a mix: all are seated in a room, until the last visitor has gone and the two are
// joined as before. A recorder is none of them: it taps the sessions of members, whichever way these are served, and
// does not need a mix. One member alone is served by the house (a source, its own echo, a room).
package bridge

import (
	"santral/media"
	"santral/media/session"
)

// Mode is the way in which a bridge serves its members.
type Mode uint8

// The ways, cheapest first.
const (
	UnknownMode Mode = iota
	Parted           // nobody hears anything
	Relay            // two members, packets passed on untouched
	Transcode        // two members, sound decoded and encoded anew
	Mix              // two members and visitors, in a room
	House            // one member; the house speaks, listens or echoes. Or two, who wait and don't hear each other
)

// String names the way for logs and lists.
func (m Mode) String() string {
	return [...]string{"unknown", "parted", "relay", "transcode", "mix", "house"}[m]
}

// Bridge is what is joined now. The zero value joins nothing. It is owned by one goroutine; a member
// without media (nil) is allowed everywhere and hears nothing.
type Bridge struct {
	mode Mode
	a, b *session.Session
	mix  *mix // nil: nobody visits
}

// Mode tells how the members are served now.
func (b *Bridge) Mode() Mode {
	switch {
	case b.mode == UnknownMode:
		return Parted
	case b.mix != nil && b.mode == Relay:
		return Mix
	case b.mode == Relay && b.a != nil && b.a.Way() == session.Transcoded:
		return Transcode
	}
	return b.mode
}

// Join has two members hear each other, both ways. What either did before ends. Joining the pair that is
// joined already changes nothing, so that early media goes on into the conversation without a gap.
func (b *Bridge) Join(x, y *session.Session) {
	if b.mode == Relay && b.a == x && b.b == y {
		return
	}
	if b.mix != nil {
		b.together(x, y)
		b.mix.listen(false, nil, nil)
		b.mode = Relay
		return
	}
	b.Part()
	b.mode, b.a, b.b = Relay, x, y
	if x != nil && y != nil {
		x.Join(y)
	}
}

// Wait has two members not hear each other: x hears forX, y hears forY, and who has nil hears nothing and is sent
// nothing. So one of them is on hold.
func (b *Bridge) Wait(x, y *session.Session, forX, forY media.Source) {
	if b.mix != nil {
		b.together(x, y)
		b.mix.listen(true, forX, forY)
		b.mode = House
		return
	}
	b.Part()
	b.mode, b.a, b.b = House, x, y
	if x != nil && forX != nil {
		x.Attach(forX, nil)
	}
	if y != nil && forY != nil {
		y.Attach(forY, nil)
	}
}

// Serve gives one member to the house: it hears src, and sink hears it. Either may be nil.
func (b *Bridge) Serve(x *session.Session, src media.Source, sink media.Sink) {
	b.alone(x)
	if x != nil {
		x.Attach(src, sink)
	}
}

// Echo gives one member its own sound back.
func (b *Bridge) Echo(x *session.Session) {
	b.alone(x)
	if x != nil {
		x.Echo()
	}
}

// alone makes x the only member; one who was alone before needs no parting, as what follows replaces it.
func (b *Bridge) alone(x *session.Session) {
	if b.mode != House || b.a != x || b.b != nil {
		b.Part()
	}
	b.mode, b.a, b.b = House, x, nil
}

// Part ends whatever is joined: nobody hears anything. It may be called again. Visitors stay, and hear whoever is
// joined next.
func (b *Bridge) Part() {
	if b.mix != nil {
		b.mix.rise()
	}
	if b.a != nil {
		b.a.Part()
	}
	if b.b != nil {
		b.b.Part()
	}
	b.mode, b.a, b.b = Parted, nil, nil
}
