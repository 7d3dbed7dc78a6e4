// Package bridge joins the members of a call: it chooses the cheapest way that serves them and
// chooses again when they change.
//
// What lives here is the choice and the knowledge of what is joined now. How packets are passed on is
// media/session's and media/rtp's; who the members are is call/control's, whose loop owns the Bridge.
// Two members that speak the same are relayed packet by packet, which costs next to nothing and adds no delay; two
// that don't are transcoded. Their sessions choose, and choose again at every change of a description. One member
// alone is served by the house (a source, its own echo).
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
	House            // one member; the house speaks, listens or echoes
)

// String names the way for logs and lists.
func (m Mode) String() string {
	return [...]string{"unknown", "parted", "relay", "transcode", "house"}[m]
}

// Bridge is what is joined now. The zero value joins nothing. It is owned by one goroutine; a member
// without media (nil) is allowed everywhere and hears nothing.
type Bridge struct {
	mode Mode
	a, b *session.Session
}

// Mode tells how the members are served now.
func (b *Bridge) Mode() Mode {
	switch {
	case b.mode == UnknownMode:
		return Parted
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
	b.Part()
	b.mode, b.a, b.b = Relay, x, y
	if x != nil && y != nil {
		x.Join(y)
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
	if b.mode != House || b.a != x {
		b.Part()
	}
	b.mode, b.a, b.b = House, x, nil
}

// Part ends whatever is joined: nobody hears anything. It may be called again.
func (b *Bridge) Part() {
	if b.a != nil {
		b.a.Part()
	}
	if b.b != nil {
		b.b.Part()
	}
	*b = Bridge{mode: Parted}
}
