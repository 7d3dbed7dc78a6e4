package calltest

import (
	"net/netip"

	"santral/media/sdp"
	"santral/media/session"
)

// open gives the leg a session of the house's media, with the peer's offer where it made one.
func (l *Leg) open(offer *sdp.Description) {
	if l.house.Media == nil {
		return
	}
	l.sound = session.New(l.house.Media, netip.MustParseAddr("192.0.2.1"), session.Profile{})
	if offer != nil {
		l.remote(offer)
	}
}

// remote has the session take what the phone said.
func (l *Leg) remote(d *sdp.Description) {
	if l.sound == nil {
		return
	}
	if err := l.sound.SetRemote(d); err != nil {
		panic(err)
	}
}

// local makes what the phone is told out of the other leg's description; where own is allowed and d is
// nil, the session speaks for itself.
func (l *Leg) local(d *sdp.Description, own bool) {
	if l.sound == nil || d == nil && !own {
		return
	}
	var err error
	switch {
	case d != nil:
		l.heard, err = l.sound.RelayLocal(d, l.offered && !l.wants)
	case l.offered && !l.wants:
		l.heard, err = l.sound.AnswerLocal()
	default:
		l.heard, err = l.sound.OfferLocal()
	}
	if err != nil {
		panic(err)
	}
}

// own has the phone be offered what the session speaks itself.
func (l *Leg) own() {
	if l.sound == nil {
		return
	}
	var err error
	if l.heard, err = l.sound.OfferLocal(); err != nil {
		panic(err)
	}
}

// Heard is the description that the phone was told last; nil in a house without media.
func (l *Leg) Heard() *sdp.Description {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	return l.heard
}

func (l *Leg) close() {
	if l.sound != nil {
		l.sound.Close()
	}
}
