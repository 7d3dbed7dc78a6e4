package session

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"

	"santral/media/sdp"
)

// RelayLocal makes the description for our peer out of the other leg's: the same lines with our
// address, our ports and our own origin, whose version rises only when the text changes
// (RFC 3264 §8). What cannot be relayed (ICE, DTLS, streams over TCP) is taken out, or refused by port 0
// where nothing of the line would be left. It fails when no port is free, and with sdp.ErrNoMatch
// when no line could be kept. answering says that it answers what SetRemote took last; otherwise it is
// an offer.
func (s *Session) RelayLocal(other *sdp.Description, answering bool) (*sdp.Description, error) {
	s.mu.Lock()
	d, err := s.relayLocked(other)
	j := s.joint
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("relay description: %w", err)
	}
	j.route()
	return d, nil
}

func (s *Session) relayLocked(other *sdp.Description) (*sdp.Description, error) {
	if s.closed {
		return nil, errClosed
	}
	d := other.Clone()
	like, addr := s.ourAddr()
	d.Attrs = transferable(d.Attrs)
	kept, lost := 0, 0
	for i := range d.Media {
		m, l := &d.Media[i], s.lineLocked(i)
		switch {
		case m.Port == 0:
			m.Reject()
			l.drop()
			continue
		case !relayable(m.Proto):
			m.Reject()
			l.drop()
			lost++
			continue
		}
		if err := s.openLocked(l, like, wire{}); err != nil {
			return nil, err
		}
		oldHold(m, other)
		l.kind, l.proto = m.Kind, m.Proto
		l.local, l.localMux, l.ptime = m.FormatList(), m.Mux(), m.Ptime()
		m.Attrs = transferable(m.Attrs)
		m.Port, m.Ports, m.Conn = l.stream.Port(), 0, sdp.Conn{}
		m.Lines = withoutConn(m.Lines)
		kept++
	}
	if kept == 0 && lost > 0 {
		return nil, sdp.ErrNoMatch
	}
	for i := len(d.Media); i < len(s.lines); i++ {
		s.lines[i].drop()
	}
	d.Lines = withoutConn(d.Lines)
	s.publishLocked(d, addr)
	return d, nil
}

// relayable reports whether packets of a protocol can be passed on from address to address. Keys
// from a DTLS handshake belong to one path, and TCP is none of ours.
func relayable(proto string) bool {
	p := strings.ToUpper(proto)
	return strings.HasPrefix(p, "RTP/") || p == "UDPTL" || p == "UDP" || p == "UDP/BFCP"
}

// transferable takes what cannot be passed on out of a list that is ours to change.
func transferable(attrs []sdp.Attr) []sdp.Attr {
	keep := attrs[:0]
	for _, a := range attrs {
		if !untransferable(a) {
			keep = append(keep, a)
		}
	}
	return keep
}

// untransferable reports attributes that speak of one path between two hosts: ICE (RFC 8839 §5),
// DTLS (RFC 8122 §5, RFC 4145 §4), bundles (RFC 8843 §7), preconditions (RFC 3312 §4), whose reservations
// are each leg's own, and addresses.
func untransferable(a sdp.Attr) bool {
	switch a.Name {
	case "candidate", "remote-candidates", "end-of-candidates", "ice-ufrag", "ice-pwd", "ice-options",
		"ice-lite", "ice-mismatch", "ice-pacing", "fingerprint", "setup", "tls-id", "connection",
		"rtcp", "bundle-only", "rtcp-mux-only", "curr", "des", "conf":
		return true
	case "group":
		return strings.HasPrefix(a.Value, "BUNDLE")
	}
	return false
}

// oldHold writes the hold of old, an unspecified address (RFC 3264 §8.4), as a direction: our own
// address takes its place.
func oldHold(m *sdp.Media, d *sdp.Description) {
	addr, ok := m.Addr(d)
	if !ok || !addr.Addr().IsUnspecified() {
		return
	}
	m.SetDirection(m.Direction(d).And(sdp.SendOnly))
}

func withoutConn(lines []sdp.Line) []sdp.Line {
	keep := lines[:0]
	for _, line := range lines {
		if line.Type != 'c' {
			keep = append(keep, line)
		}
	}
	return keep
}

// AnswerLocal answers the description given to SetRemote with our own formats, for media that ends
// here. It fails with sdp.ErrNoMatch when there is no format in common: that is a 488.
func (s *Session) AnswerLocal() (*sdp.Description, error) {
	s.mu.Lock()
	d, err := s.answerLocked()
	j := s.joint
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	j.route()
	return d, nil
}

func (s *Session) answerLocked() (*sdp.Description, error) {
	switch {
	case s.closed:
		return nil, errClosed
	case s.remote == nil:
		return nil, fmt.Errorf("no offer")
	case !s.chooseLocked():
		return nil, sdp.ErrNoMatch
	}
	like, addr := s.ourAddr()
	l := s.lineLocked(s.chosen.Line)
	if err := s.openLocked(l, like, wire{}); err != nil {
		return nil, err
	}
	d, chosen, err := sdp.Answer(s.remote, sdp.Local{Addr: addr, Port: l.stream.Port(), Formats: s.formats(), Dir: s.dir})
	if err != nil {
		return nil, err
	}
	s.chosen, s.agreed = chosen, true
	for i, other := range s.lines {
		if i != chosen.Line {
			other.drop()
		}
	}
	s.ownLocked(l, &d.Media[chosen.Line])
	s.publishLocked(d, addr)
	return d, nil
}

// OfferLocal offers our own formats on one audio line, for media that ends here. Further lines that
// were negotiated before are switched off in their places (RFC 3264 §8.2).
func (s *Session) OfferLocal() (*sdp.Description, error) {
	s.mu.Lock()
	d, err := s.offerLocked()
	j := s.joint
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("offer: %w", err)
	}
	j.route()
	return d, nil
}

func (s *Session) offerLocked() (*sdp.Description, error) {
	if s.closed {
		return nil, errClosed
	}
	like, addr := s.ourAddr()
	at := 0
	if s.chooseLocked() {
		at = s.chosen.Line
	} else {
		for at < len(s.lines) && (s.lines[at].kind != "audio" || !plain(s.lines[at].proto)) {
			at++
		}
	}
	l := s.lineLocked(at)
	if err := s.openLocked(l, like, wire{}); err != nil {
		return nil, err
	}
	d := sdp.Offer(sdp.Local{Addr: addr, Port: l.stream.Port(), Formats: s.formats(), Dir: s.dir})
	own := d.Media[0]
	d.Media = make([]sdp.Media, len(s.lines))
	for i, other := range s.lines {
		if i == at {
			d.Media[i] = own
			continue
		}
		other.drop()
		d.Media[i] = sdp.Media{Kind: other.kind, Proto: other.proto, Formats: []string{"0"}}
	}
	l.kind, l.proto = own.Kind, own.Proto
	s.ownLocked(l, &d.Media[at])
	s.publishLocked(d, addr)
	return d, nil
}

// ownLocked takes note of the line that we have written for ourselves.
func (s *Session) ownLocked(l *line, m *sdp.Media) {
	l.local, l.localMux, l.ptime = m.FormatList(), false, 20
}

// Hold changes the direction of our own offers and answers: with hold we want nothing from the
// peer and go on sending (RFC 3264 §8.4). It holds from the next OfferLocal or AnswerLocal on.
func (s *Session) Hold(hold bool) {
	s.mu.Lock()
	s.dir = sdp.SendRecv
	if hold {
		s.dir = sdp.SendOnly
	}
	s.mu.Unlock()
}

// publishLocked gives a description of ours its address, its origin and its version, and brings the
// streams in line with it.
func (s *Session) publishLocked(d *sdp.Description, addr netip.Addr) {
	d.Conn = sdp.NewConn(addr)
	sum := fnv.New64a()
	sum.Write(d.AppendBody(make([]byte, 0, 1024)))
	if body := sum.Sum64(); body != s.body || s.version == 0 {
		s.body = body
		s.version++
	}
	d.Origin = sdp.NewOrigin(s.id, s.version, addr)
	for _, l := range s.lines {
		s.negotiateLocked(l)
	}
	s.applyModeLocked()
}

// ourAddr gives the address that the peer is told, and one of the family that our ports have: the
// family of the peer's media where that was known when the first port was opened, otherwise of its
// signalling.
func (s *Session) ourAddr() (like, addr netip.Addr) {
	pool := s.cfg.Pool
	if !s.like.IsValid() {
		s.like = s.peer
		for _, l := range s.lines {
			if a := l.terms.Remote.Addr(); l.said && a.IsValid() {
				if _, ok := pool.Local(a); ok {
					s.like = a
				}
				break
			}
		}
	}
	like = s.like
	if s.cfg.Advertise != nil {
		to := s.peer
		if to.Is4() != like.Is4() {
			to = like
		}
		addr = s.cfg.Advertise(to).Unmap()
	}
	if !addr.IsValid() {
		addr, _ = pool.Local(like)
	}
	return like, addr
}
