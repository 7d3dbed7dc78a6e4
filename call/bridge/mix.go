package bridge

import (
	"errors"
	"slices"

	"santral/media"
	"santral/media/mixer"
	"santral/media/session"
)

// Whom a visitor is heard by.
const (
	Nobody   = -1 // it listens
	First    = 0  // the first of those that are joined alone hears it
	Second   = 1
	Everyone = 2
)

// ErrNoSound is why nobody can visit two members: what they speak with each other is nothing that we speak.
var ErrNoSound = errors.New("the call's sound can't be mixed")

// mix is a room in which two members are seated because others visit them. The visitors' own legs belong to other
// calls, which seat them; here they are members of the room.
type mix struct {
	room  *mixer.Room
	seats [2]*mixer.Member // nil: it is not joined now, or has no media
	apart bool             // the two don't hear each other
	tunes [2]media.Source  // what each hears then
	guest []*Visitor
}

// Visitor is one who is with the two of a bridge: a member of their room, to be attached to its session by whoever
// brought it.
type Visitor struct {
	*mixer.Member
	heard int
	mute  bool
}

// Visit lets somebody in with the two that are joined, heard by Nobody, First, Second or Everyone. Where the two were
// relayed or transcoded they are mixed from now on. Their streams go on under numbers of ours, which they keep as long
// as the mix lasts.
func (b *Bridge) Visit(name string, heard int) (*Visitor, error) {
	if b.a == nil || b.b == nil {
		return nil, ErrNoSound
	}
	made := b.mix == nil
	if made {
		x, y := b.a.SoundRate(), b.b.SoundRate()
		if x == 0 || y == 0 {
			return nil, ErrNoSound
		}
		b.mix = &mix{room: mixer.New(mixer.Config{Clock: b.a.Pool(), Rate: max(x, y)})}
	}
	m, err := b.mix.room.Join(mixer.Options{Name: name, Mute: heard == Nobody})
	if err != nil {
		if made {
			b.mix = nil
		}
		return nil, err
	}
	v := &Visitor{Member: m, heard: heard}
	b.mix.guest = append(b.mix.guest, v)
	if made {
		b.mix.sit(b.a, b.b)
	}
	b.mix.address()
	return v, nil
}

// Gone ends a visit. After the last one the two are joined as they were before.
func (b *Bridge) Gone(v *Visitor) {
	v.Leave()
	m := b.mix
	if m == nil {
		return
	}
	m.guest = slices.DeleteFunc(m.guest, func(o *Visitor) bool { return o == v })
	if len(m.guest) > 0 {
		return
	}
	b.mix = nil
	apart, tunes := m.apart, m.tunes
	x, y, mode := b.a, b.b, b.mode
	m.rise()
	m.room.Close()
	switch {
	case mode == Relay:
		b.mode = Parted
		b.rejoin(x, y)
	case apart:
		b.Wait(x, y, tunes[0], tunes[1])
	}
}

// rejoin joins two that were mixed, without parting them first: what each is sent changes at one moment.
func (b *Bridge) rejoin(x, y *session.Session) {
	b.mode, b.a, b.b = Relay, x, y
	if x != nil && y != nil {
		x.Join(y)
	}
}

// together has x and y be the two in the room.
func (b *Bridge) together(x, y *session.Session) {
	if b.a == x && b.b == y && (b.mix.seats[0] != nil || b.mix.seats[1] != nil) {
		return
	}
	b.Part()
	b.a, b.b = x, y
	b.mix.sit(x, y)
	b.mix.address()
}

// sit seats two sessions.
func (m *mix) sit(x, y *session.Session) {
	for i, s := range [...]*session.Session{x, y} {
		if s == nil {
			continue
		}
		seat, err := m.room.Join(mixer.Options{})
		if err != nil {
			continue // the room has no limit, and is open as long as somebody visits
		}
		m.seats[i] = seat
		s.Attach(seat, seat)
	}
}

// rise has the two leave the room.
func (m *mix) rise() {
	for i, seat := range m.seats {
		if seat != nil {
			seat.Leave()
			m.seats[i] = nil
		}
	}
	m.apart, m.tunes = false, [2]media.Source{}
	m.address()
}

// address has each visitor be heard by whom it is for.
func (m *mix) address() {
	for _, v := range m.guest {
		if v.heard != First && v.heard != Second {
			continue
		}
		to := m.seats[v.heard]
		v.Mute(to == nil)
		if to != nil {
			v.Address([]*mixer.Member{to})
		}
	}
}

// listen has the two hear each other and their visitors, or, apart, only what each is played.
func (m *mix) listen(apart bool, forA, forB media.Source) {
	m.apart, m.tunes = apart, [...]media.Source{forA, forB}
	for i, src := range m.tunes {
		if seat := m.seats[i]; seat != nil {
			seat.Mute(apart)
			seat.Deaf(apart)
			seat.Play(src, nil)
		}
	}
}
