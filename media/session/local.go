package session

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"santral/media"
	"santral/media/sdp"
)

// RelayLocal makes the description for our peer out of what the other side of the call said: as an answer to what
// SetRemote took last, or as an offer. Nothing of the other side's own path is in it, neither addresses nor keys: transport,
// protocol, payload numbers and our origin are this leg's, formats are the other side's as far as the profile lets them
// pass, and what can be made out of them. The origin's version rises only when the text changes (RFC 3264 §8). It fails when
// no port is free, and with sdp.ErrNoMatch when no line could be kept.
func (s *Session) RelayLocal(other *sdp.Description, answering bool) (*sdp.Description, error) {
	s.mu.Lock()
	d, err := s.relayLocked(other, answering && s.remote != nil)
	if err == nil {
		if s.local, s.other = d, other; answering { // the offer is settled
			s.before = nil
		}
	}
	j := s.joint
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("relay description: %w", err)
	}
	j.route()
	return d, nil
}

func (s *Session) relayLocked(other *sdp.Description, answering bool) (d *sdp.Description, err error) {
	if s.closed {
		return nil, errClosed
	}
	if answering && s.settled { // nothing is left to answer: what is said now is said again, or is an offer by and by
		if s.local != nil && s.other != nil && sameBody(s.other, other) {
			return s.local, nil
		}
		answering = false
	}
	w := s.profile.wish()
	if answering {
		w.Refused = s.untaken()
		d, err = sdp.Back(s.remote, other, &w)
	} else {
		s.noteLocked()
		w.NoFax = w.NoFax || !s.passesFaxLocked()
		w.Proto, w.Pictures = s.protos()
		w.Lines = s.pastLocked()
		d, err = sdp.Onward(other, &w)
	}
	if err == nil {
		err = s.finishLocked(d, answering)
	}
	if err != nil && !answering { // nobody has heard of it
		s.withdrawLocked()
	}
	return d, err
}

// sameBody reports whether two descriptions differ in nothing but their origin and name.
func sameBody(a, b *sdp.Description) bool {
	return a == b || bytes.Equal(a.AppendBody(nil), b.AppendBody(nil))
}

// pastLocked is what was said on each line. A line that is new goes the way of those that the peer has taken.
func (s *Session) pastLocked() []sdp.Past {
	if len(s.lines) == 0 {
		return nil
	}
	past := make([]sdp.Past, len(s.lines))
	common := ""
	for i, l := range s.lines {
		past[i] = sdp.Past{Kind: l.kind, Last: l.proto, Proto: l.spoken, MID: l.mid, Formats: l.past}
		if l.stream != nil && l.said && !l.refused && l.spoken != "" && common == "" {
			common = l.spoken
		}
	}
	for i := range past {
		if past[i].Proto == "" {
			past[i].Proto = common
		}
	}
	return past
}

// finishLocked gives a description of ours what is this leg's own.
func (s *Session) finishLocked(d *sdp.Description, answering bool) error {
	if err := s.placeLocked(d, answering); err != nil {
		return err
	}
	_, addr := s.ourAddr()
	s.publishLocked(d, addr)
	return nil
}

// AnswerLocal answers the description given to SetRemote with our own formats, for media that ends
// here. It fails with sdp.ErrNoMatch when there is no format in common: that is a 488.
func (s *Session) AnswerLocal() (*sdp.Description, error) {
	s.mu.Lock()
	d, err := s.answerLocked()
	if err == nil {
		s.local, s.other, s.before = d, nil, nil
	}
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
	}
	p := &s.profile
	d, chosen, err := sdp.Answer(s.remote, sdp.Local{
		Formats: s.formats(), Dir: s.dir, Ptime: p.Ptime, Noise: p.Noise, Red: p.Red, Refused: s.untaken(),
	})
	if err != nil {
		return nil, err
	}
	s.chosen, s.stale = &chosen, false
	return d, s.finishLocked(d, true)
}

// OfferLocal offers our own formats on one audio line, for media that ends here. Further lines that
// were negotiated before are switched off in their places (RFC 3264 §8.2).
func (s *Session) OfferLocal() (*sdp.Description, error) {
	s.mu.Lock()
	d, err := s.offerLocked()
	if err == nil {
		s.local, s.other = d, nil
	}
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
	s.noteLocked()
	at := 0
	if s.remote != nil && s.chooseLocked() {
		at = s.chosen.Line
	} else {
		for at < len(s.lines) && (s.lines[at].kind != "audio" || !sdp.RTP(s.lines[at].proto)) {
			at++
		}
	}
	s.lineLocked(at)
	own := sdp.Offer(sdp.Local{Formats: s.offerable(), Dir: s.dir, Ptime: s.profile.Ptime})
	all := &sdp.Description{Name: own.Name, Lines: own.Lines, Media: make([]sdp.Media, len(s.lines))}
	for i, l := range s.lines {
		all.Media[i] = sdp.Media{Kind: l.kind, Proto: l.proto, Formats: []string{"0"}}
	}
	all.Media[at] = own.Media[0]
	w := s.profile.wish()
	w.Proto, w.Pictures = s.protos()
	w.Lines, w.Codecs, w.Alone = s.pastLocked(), nil, true
	w.NoEvents = w.NoEvents || !slices.ContainsFunc(s.formats(), sdp.IsEvents)
	d, err := sdp.Onward(all, &w)
	if err == nil {
		err = s.finishLocked(d, false)
	}
	if err != nil {
		s.withdrawLocked()
	}
	return d, err
}

// offerable is what we speak ourselves but for uncompressed sound, which is for who asks for it.
func (s *Session) offerable() []media.Format {
	list := s.formats()
	if s.cfg.Formats != nil || s.profile.Codecs != nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(f media.Format) bool { return f.Name == "L16" })
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
	d.Origin = d.Conn.Origin(s.id, s.version)
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
