package sipleg

import (
	"strings"

	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/sip/invite"
)

// nilUUID stands for a side that is not known yet (RFC 7989 §4.1).
const nilUUID = "00000000000000000000000000000000"

const uuidLength = len(nilUUID)

// sessions are the two halves of a leg's Session-ID (RFC 7989 §5) as the exchange keeps them: each side's
// own passes to the other as it is, and one is made for a side that says none (RFC 7989 §7).
type sessions struct {
	peer  string // of the leg's peer
	other string // of whom the peer speaks with, "" while nobody knows
	value string // what we send
}

// readSessionID gives the sender's half of a Session-ID: "" when there is none that can be read. A peer of
// RFC 7329 writes no remote half, which is all the same here (RFC 7989 §11).
func readSessionID(value string) string {
	own, _, _ := strings.Cut(value, ";")
	own = strings.TrimSpace(own)
	if len(own) != uuidLength || own == nilUUID {
		return ""
	}
	for i := range uuidLength {
		switch c := own[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
		case 'A' <= c && c <= 'F':
			return readSessionID(strings.ToLower(value))
		default:
			return ""
		}
	}
	return own
}

// newSessionID makes a side's half: a random UUID in the form of RFC 7989 §4.1.
func newSessionID(random *id.Source) string {
	var raw [uuidLength / 2]byte
	random.Bytes(raw[:])
	raw[6] = raw[6]&0x0F | 0x40
	raw[8] = raw[8]&0x3F | 0x80
	var text [uuidLength]byte
	for i, b := range raw {
		text[2*i], text[2*i+1] = lowerHex[b>>4], lowerHex[b&15]
	}
	return string(text[:])
}

const lowerHex = "0123456789abcdef"

// mark makes the value of what we send: the other side's half first, as if it had sent it.
func (s *sessions) mark() {
	own := s.other
	if own == "" {
		own = nilUUID
	}
	remote := s.peer
	if remote == "" {
		remote = nilUUID
	}
	s.value = own + ";remote=" + remote
}

// hearSession follows what the peer says of its own half. A peer that says none has the one that was
// made for it (RFC 7989 §7).
func (l *Leg) hearSession(m *sip.Message) {
	own := readSessionID(m.Get(sip.SessionID))
	switch {
	case own == "" && l.ids.peer != "", own != "" && own == l.ids.peer:
		return
	case own == "":
		own = newSessionID(l.agent.cfg.Random)
	}
	was := l.ids.peer
	l.ids.peer = own
	l.markSession()
	if was != "" && l.session.State() == invite.Established {
		l.post(call.LegEvent{Kind: call.Renamed, Session: own})
	}
}

// follow has a leg follow what its peer says of itself in any message (invite.Config).
func follow(s *invite.Session, m *sip.Message) {
	if l, ok := s.Handler().(*Leg); ok && l.session != nil {
		l.hearSession(m)
		l.hearName(m)
	}
}

// joinSession is told of the other side's half; "" has one made for the exchange itself, which speaks, where
// nobody else is known.
func (l *Leg) joinSession(other string) {
	if other == "" {
		if l.ids.other != "" {
			return
		}
		other = newSessionID(l.agent.cfg.Random)
	}
	if other != l.ids.other {
		l.ids.other = other
		l.markSession()
	}
}

func (l *Leg) markSession() {
	l.ids.mark()
	if l.session != nil {
		l.session.Mark(l.ids.value)
	}
	l.mu.Lock()
	l.detail.SessionID = l.ids.value
	l.mu.Unlock()
}
