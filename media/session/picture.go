package session

import (
	"time"

	"santral/media/rtp"
	"santral/media/sdp"
)

// Pictures are relayed as they are, and so is what their receivers say of them (RFC 4585): losses, whole pictures that
// are wanted, how much can be received. What the exchange adds is its own requests for a whole picture: a side that
// begins to be seen by somebody new sends one, and a side that takes no feedback is asked in signalling.

// picture is what is known of the requests that a line's peer takes.
type picture struct {
	pli, fir bool  // RFC 4585 §6.3.1, RFC 5104 §4.3.1
	count    uint8 // of our commands (RFC 5104 §4.3.1.1)
	flows    bool  // the other side sees the peer
	asked    int64 // when the peer was asked last, on the pool's clock; 0 for never
}

// askEvery is the least time between two requests to a peer: who gets a picture in the meantime has one.
const askEvery = 300 * time.Millisecond

// pictures is what is known of a line's, made when it is first needed.
func (l *line) pictures() *picture {
	if l.picture == nil {
		l.picture = new(picture)
	}
	return l.picture
}

// learnPicture reads which requests the peer takes.
func (l *line) learnPicture(m *sdp.Media) {
	if m.Kind != "video" && l.picture == nil {
		return
	}
	p := l.pictures()
	p.pli, p.fir = false, false
	if m.Kind != "video" {
		return
	}
	for i := range m.Attrs {
		if a := &m.Attrs[i]; a.Name == "rtcp-fb" {
			switch _, kind := sdp.Feedback(a.Value); kind {
			case "nack pli":
				p.pli = true
			case "ccm fir":
				p.fir = true
			}
		}
	}
}

// AskPicture asks the peer for a whole picture on each line of pictures that it sends. One that takes no such requests
// is to be asked in signalling: News tells it, KeyFrame.
func (s *Session) AskPicture() { s.askPicture(false) }

// askPicture asks, but not a peer that has not been heard when begun is set: it begins with a whole picture.
func (s *Session) askPicture(begun bool) {
	var quiet []int
	s.mu.Lock()
	for i, l := range s.lines {
		if !s.closed && l.kind == "video" && l.stream != nil && l.dir.Sends() && !l.pictures().ask(s, l, begun) {
			quiet = append(quiet, i)
		}
	}
	s.mu.Unlock()
	for _, i := range quiet {
		s.tell(News{Kind: KeyFrame, Line: i})
	}
}

// ask sends a request to the peer of a line; false when it takes none.
func (p *picture) ask(s *Session, l *line, begun bool) bool {
	now := int64(s.cfg.Pool.Clock())
	if p.asked != 0 && now-p.asked < int64(askEvery) {
		return true
	}
	var source uint32
	heard := false
	l.stream.Locked(func() { source, heard = l.meter.SSRC, l.meter.Begun })
	signalled := !p.pli && !p.fir
	if !heard && (begun || !signalled) { // a request names the source that it is for
		return true
	}
	p.asked = now
	if signalled {
		return false
	}
	own := s.voiceLocked().ssrc
	var room [64]byte
	out := rtp.AppendReport(room[:0], own, nil) // RFC 4585 §3.1: a compound packet begins with a report
	if p.pli {
		out = rtp.AppendPLI(out, own, source)
	} else {
		p.count++
		out = rtp.AppendFIR(out, own, source, p.count)
	}
	l.stream.SendControl(out)
	return true
}

// wanted has the other side's peer asked in signalling for what this one wants, where it takes no feedback. One that
// does takes the request itself, which is relayed.
func (s *Session) wanted(i int) {
	other := s.partner()
	if other == nil {
		return
	}
	other.mu.Lock()
	ask := false
	if i < len(other.lines) {
		l := other.lines[i]
		ask = l.stream != nil && l.dir.Sends() && (l.picture == nil || !l.picture.pli && !l.picture.fir)
	}
	other.mu.Unlock()
	if ask {
		other.tell(News{Kind: KeyFrame, Line: i})
	}
}

// partner is who this session is joined with, nil for nobody.
func (s *Session) partner() *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch j := s.joint; {
	case j == nil:
		return nil
	case j.a == s:
		return j.b
	default:
		return j.a
	}
}

// seen has a line's peer asked for a whole picture when somebody begins to see it. It is called with no session's lock.
func (s *Session) seen(i int, sees bool) {
	s.mu.Lock()
	begins := false
	if i < len(s.lines) {
		l := s.lines[i]
		flows := l.kind == "video" && l.stream != nil && l.dir.Sends() && sees
		if flows || l.picture != nil {
			p := l.pictures()
			begins = flows && !p.flows
			p.flows = flows
		}
	}
	s.mu.Unlock()
	if begins {
		s.askPicture(true)
	}
}

// shown has the other side asked for a whole picture when this one can be sent to, after its way or its keys were found.
func (s *Session) shown() {
	if other := s.partner(); other != nil {
		other.askPicture(true)
	}
}
