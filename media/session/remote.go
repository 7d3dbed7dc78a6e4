package session

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"santral/media/rtp"
	"santral/media/sdp"
)

// Restrict takes out of a description of the peer's, before anybody has seen it, what the profile does not let it have:
// codecs, pictures, fax. Where no codec would be left on a line they stay, for SetRemote to refuse.
func (s *Session) Restrict(d *sdp.Description) {
	w := s.profile.wish()
	w.Restrict(d)
}

// SetRemote takes what the peer offered: addresses, formats, directions, keys. Latches are armed anew where an address
// changed (RFC 3264 §8.3.1), and ports of refused lines are given back. The description is kept and must not be changed
// afterwards. A refused change of the session is undone by Revert. The error is sdp.ErrNoMatch when nothing of it can be taken
// as the profile is; then all stays as it was.
func (s *Session) SetRemote(d *sdp.Description) error { return s.setRemote(d, false) }

// SetAnswer takes what the peer answered to an offer of ours, likewise. It fails when a line that was offered with
// keys alone is answered without one (RFC 4568 §5.1.3).
func (s *Session) SetAnswer(d *sdp.Description) error { return s.setRemote(d, true) }

func (s *Session) setRemote(d *sdp.Description, answer bool) error {
	if d == nil {
		return errors.New("set remote media: no description")
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	if answer && s.weakens(d) {
		s.mu.Unlock()
		return errKeyless
	}
	s.before, s.wasSettled = s.remote, s.settled
	s.remote, s.settled, s.offered = d, answer, nil
	s.applyRemoteLocked(d)
	var err error
	switch {
	case answer && s.keylessLocked():
		err = errKeyless
	case !answer && s.hopelessLocked():
		if err = sdp.ErrNoMatch; s.before != nil {
			s.revertLocked()
		}
	}
	j := s.joint
	s.mu.Unlock()
	j.route()
	return err
}

// hopelessLocked reports whether the peer offers something, and none of it can be taken.
func (s *Session) hopelessLocked() bool {
	living := false
	for i := range s.remote.Media {
		if s.remote.Media[i].Rejected() {
			continue
		}
		if _, ok := s.takenWire(i); ok {
			return false
		}
		living = true
	}
	return living
}

var errKeyless = errors.New("set remote media: the answer has no key for a line that was offered with keys alone")

// weakens reports an answer that takes a line in the clear that was offered with keys alone.
func (s *Session) weakens(d *sdp.Description) bool {
	for i := range d.Media {
		if m := &d.Media[i]; m.Port != 0 && i < len(s.lines) && sealed(s.lines[i].spoken) && sdp.RTP(m.Proto) && !sealed(m.Proto) && !s.guessed(s.lines[i]) {
			return true
		}
	}
	return false
}

// guessed reports a line whose keys were offered because the peer seemed to be a browser, and not because anybody wants
// them: what it answers in the clear is its own wish.
func (s *Session) guessed(l *line) bool {
	p := &s.profile
	return p.Web && !p.DTLS && p.Secure == SecureOptional && overTLS(l.spoken) && (l.path == nil || !l.path.agreed)
}

// keylessLocked reports whether the peer's answer leaves out a key that the line can't do without.
func (s *Session) keylessLocked() bool {
	for _, l := range s.lines {
		if l.said && !l.refused && l.stream != nil && !l.wire.DTLS && sdp.RTP(l.proto) && (sealed(l.proto) || s.profile.Secure == SecureRequired) {
			if _, _, ok := l.keys.agreed(); !ok {
				return true
			}
		}
	}
	return false
}

// Revert makes the peer's description before the last one hold again: the offer that SetRemote took
// was refused, and the session goes on as it was (RFC 3264 §8). Without an earlier one it does nothing.
func (s *Session) Revert() {
	s.mu.Lock()
	if s.closed || s.before == nil {
		s.mu.Unlock()
		return
	}
	s.revertLocked()
	j := s.joint
	s.mu.Unlock()
	j.route()
}

func (s *Session) revertLocked() {
	s.remote, s.before, s.settled = s.before, nil, s.wasSettled
	s.applyRemoteLocked(s.remote)
}

var errClosed = errors.New("the media session is closed")

// applyRemoteLocked makes lines and streams what d says.
func (s *Session) applyRemoteLocked(d *sdp.Description) {
	for i := range d.Media {
		l := s.lineLocked(i)
		m := &d.Media[i]
		l.kind, l.proto = m.Kind, m.Proto
		l.refused = m.Rejected()
		l.remote = formatsOf(m, l.remote, l.local)
		l.remember(l.remote)
		if mid, ok := m.Attr("mid"); ok {
			l.mid = mid
		}
		l.dir = m.Direction(d)
		l.wants = extensionsOf(d, m)
		l.learnPicture(m)
		l.peerWide = wideNumber(m)
		l.held = m.Held(d)
		l.wish, l.longest = uint16(m.Ptime()), uint16(min(longest(m), 1<<16-1))
		l.terms, l.said = s.terms(d, m, l), true
		l.hearFax(m)
		if l.refused {
			s.dropLocked(l)
			continue
		}
		if sdp.RTP(m.Proto) {
			l.spoken = m.Proto
			l.hearKeys(d, m)
		}
		s.pathRemoteLocked(l, d, m)
		s.negotiateLocked(l)
	}
	for _, l := range s.lines[min(len(d.Media), len(s.lines)):] { // which the peer must not leave out (RFC 3264 §6, §8)
		l.refused = true
		s.dropLocked(l)
	}
	s.stale = true
	s.applyModeLocked()
}

// chooseLocked finds what media that ends here can speak with the peer: the first audio line
// with a format of ours. It is false when there is none.
func (s *Session) chooseLocked() bool {
	if !s.stale {
		return s.chosen != nil
	}
	s.stale, s.chosen = false, nil
	for i := range s.remote.Media {
		m := &s.remote.Media[i]
		if m.Kind != "audio" || m.Rejected() {
			continue
		}
		if _, ok := s.takenWire(i); !ok {
			continue
		}
		if c, ok := sdp.Choose(m, s.formats()); ok {
			c.Line = i
			s.chosen = &c
			break
		}
	}
	return s.chosen != nil
}

// negotiateLocked hands a line's terms to its stream, if it has one.
func (s *Session) negotiateLocked(l *line) {
	if l.stream == nil || !l.said || l.refused {
		return
	}
	t := l.terms
	for i := range l.past {
		t.Types.Add(l.past[i].Payload)
	}
	t.Types.Add(13) // comfort noise needs no name (RFC 3389 §4)
	t.Mux = t.Mux && l.localMux
	l.stream.Locked(func() {
		l.meter.learn(l.remote, l.local)
		l.meter.Wants = l.wants
		l.meter.asks = nil
		if l.kind == "video" {
			i := s.indexOf(l)
			l.meter.asks = &asks{tell: func() { s.wanted(i) }}
		}
	})
	l.stream.SetMeter(&l.meter)
	s.heed(l)
	s.secureLocked(l) // before the stream is open: nothing is to pass in the clear meanwhile
	l.stream.Negotiate(t)
	s.reportLocked(l)
}

// terms reads what d says of a line.
func (s *Session) terms(d *sdp.Description, m *sdp.Media, l *line) rtp.Terms {
	t := rtp.Terms{
		Peer:  s.peer,
		Raw:   !rtpProto(m.Proto),
		Mux:   m.Mux(),
		Quiet: !l.dir.Sends(),
	}
	if addr, ok := m.Addr(d); ok {
		switch {
		case m.Addressless(d):
			t.Mute = true
		case usable(addr.Addr()):
			t.Remote = addr
			t.Open = mayOpen(addr.Addr(), s.peer)
			if control, ok := m.RTCP(d); ok && usable(control.Addr()) && mayOpen(control.Addr(), s.peer) == t.Open {
				t.Control = control
			}
		}
	}
	t.Packets, t.Octets = rates(m, l)
	if m.Kind == "video" {
		t.DSCP = s.cfg.Pictures
	}
	return t
}

// usable reports whether an address can be one phone's: neither a group nor everybody.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// mayOpen reports whether a signalled address may be sent to before anything came from it. A
// description may name any address, so one that is only local to somebody (private, loopback,
// link-local) is believed only of a peer that is local itself; otherwise the peer sits behind a
// translator, or is after our own network, and must speak first.
func mayOpen(a, peer netip.Addr) bool {
	a = a.Unmap()
	switch {
	case a == peer:
		return true
	case !usable(a), a.IsLinkLocalUnicast():
		return false
	case a.IsLoopback():
		return peer.IsLoopback()
	case private(a):
		return private(peer) || peer.IsLoopback()
	}
	return true
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598 §7

func private(a netip.Addr) bool { return a.IsPrivate() || sharedSpace.Contains(a) }

// What a stream is taken to need when its description doesn't say: octets of payload a second. The
// guard leaves several times as much.
const (
	voiceOctets = 16_000 // Opus at 128 kbit/s; the codecs of telephony need less
	videoOctets = 250_000
	header      = 40 // RTP header with extensions, and SRTP's tag

	// mostBits is what a description may claim a second: a peer is not to lift its own guard. Pictures of 4K need less.
	mostBits = 40_000_000
)

// rates gives the packets and octets a second that a line is good for; 0 packets where only octets
// are known.
func rates(m *sdp.Media, l *line) (packets, octets int) {
	if isT38(m.Kind, m.Proto) {
		return faxPackets, faxOctets
	}
	if !rtpProto(m.Proto) {
		return 0, videoOctets
	}
	if bits := bandwidth(m.Lines); bits > 0 {
		octets = bits / 8
	}
	if m.Kind != "audio" {
		return 0, max(octets, videoOctets)
	}
	packets = 50
	for _, ptime := range [...]int{m.Ptime(), int(l.ptime)} {
		if ptime >= 1 && ptime < 20 {
			packets = max(packets, 1000/ptime)
		}
	}
	octets = max(octets, voiceOctets)
	for _, f := range l.remote {
		if f.Name == "L16" {
			octets = max(octets, 2*min(f.Rate, 48000)*min(max(f.Channels, 1), 2))
		}
	}
	return packets, octets + packets*header
}

// bandwidth reads b=AS or b=TIAS in bits a second (RFC 8866 §5.8, RFC 3890 §6.2), 0 when unsaid.
func bandwidth(lines []sdp.Line) int {
	for _, line := range lines {
		if line.Type != 'b' {
			continue
		}
		kind, value, _ := strings.Cut(line.Value, ":")
		n, err := strconv.Atoi(value)
		switch {
		case err != nil || n < 0:
		case kind == "TIAS":
			return min(n, mostBits)
		case kind == "AS":
			return min(n, mostBits/1000) * 1000
		}
	}
	return 0
}
