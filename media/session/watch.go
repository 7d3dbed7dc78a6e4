package session

import (
	"fmt"
	"net/netip"
	"time"

	"santral/media/quality"
	"santral/media/rtp"
)

// The watch tells silence that a peer wants from silence that the network makes. A peer is to send while its
// description says so and neither side holds the other. It is called one-way when packets go to it, and
//
//   - none ever came from it, for 2.8 s since both began; unless its reports say that it sends none (it is muted);
//   - or packets came and then none for 2.8 s, and its sender reports say that it goes on sending: 25 packets from
//     one to the next, of which none arrived;
//   - or packets came and then none for 2.8 s, its reports came before and have ceased as well, for two of the longest
//     times between them and 12.5 s at least (RFC 3550 §6.2: they come every 5 s or so, whether it speaks or not);
//   - or packets came for 30 s without a pause of its own making or comfort noise, then none for 2.8 s, and it never sent
//     a report: a peer that neither reports nor ever was silent does not fall silent in the midst of a word.
//
// A peer that suppresses silence, or is muted, shows it by reports, by comfort noise (RFC 3389) or by pauses after which
// its sequence numbers go on, and is left alone; if nothing at all comes of it any more it is dead after DeadAfter.
const (
	oneWayAfter = 2800 * time.Millisecond // and a beat later it is told: within 3 s
	steadyLong  = 30 * time.Second
	reportLate  = 12500 * time.Millisecond // two reports, each at the longest time of RFC 3550 §6.3.1
	flowLeast   = 25                       // packets to the peer, of which some would have been answered
)

// watch is the watch over a peer that falls silent.
type watch struct {
	on    bool
	f     func()    // nil: nobody wants to know of a dead peer
	since time.Time // silence before it does not count
	dead  bool      // f was told, and nothing came since
	looks int
}

// vigil is the same for one line.
type vigil struct {
	began   time.Time // since when the peer is to send
	sent    uint64    // packets to the peer, at the last look
	first   uint64    // and when they began to flow
	flowing time.Time // since when they go to it without a pause; zero while none do
	seen    time.Time // when they were last seen going
	looked  time.Time
	told    time.Time // one-way; zero while it is not
}

// OnDead begins the watch over the peer's packets: f is told when none came for DeadAfter, while the peer is to
// send (a peer on hold is not watched), and again only after some came. Call it when the leg is established: from
// then on the session is looked after every second, and its five seconds are sampled. f is called on a
// timer's goroutine; nil ends the watch.
func (s *Session) OnDead(f func()) {
	s.mu.Lock()
	s.watch = watch{on: f != nil && !s.closed, f: f, since: time.Now()}
	for _, l := range s.lines {
		l.vigil = nil
	}
	if r := s.cfg.look(); s.watch.on { // under the lock: a Close meanwhile leaves after it
		r.join(s)
		r.rejuvenate(s)
	} else {
		r.leave(s)
	}
	s.mu.Unlock()
}

// Heard tells when a packet last came from the peer, on any line on which it is to send, zero for never. due is
// false when there is none.
func (s *Session) Heard() (last time.Time, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if !l.listens() {
			continue
		}
		due = true
		last = later(last, l.stream.Facts().Heard)
	}
	return last, due
}

// Target is where packets for the peer go, of the first line that has a place; invalid when none has.
func (s *Session) Target() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.stream != nil && !l.refused {
			f := l.stream.Facts()
			if to := l.target(&f); to.IsValid() {
				return to
			}
		}
	}
	return netip.AddrPort{}
}

// listens reports whether packets of the peer are to come on a line.
func (l *line) listens() bool {
	return l.stream != nil && rtpProto(l.proto) && !l.refused && l.dir.Sends() && !l.held
}

// heardLocked gives when the peer was last heard, or last negotiated with; due is false when nothing is to come.
func (s *Session) heardLocked() (last time.Time, due bool) {
	last = s.watch.since
	for _, l := range s.lines {
		if !l.listens() {
			continue
		}
		due = true
		f := l.stream.Facts()
		if f.Heard.After(last) {
			last = f.Heard
		}
		if f.Opened.After(last) {
			last = f.Opened
		}
	}
	return last, due
}

// target is where packets for the peer go on a line.
func (l *line) target(f *rtp.Facts) netip.AddrPort {
	switch {
	case l.path != nil && l.path.agent != nil:
		return l.path.agent.Remote()
	case f.Target.IsValid():
		return f.Target
	}
	return f.Signalled
}

// look looks after the session; whole says that its second is over, otherwise only what is new is looked at. It
// reports whether it wants to be looked at in the next beat already.
func (s *Session) look(now time.Time, whole bool) (young bool) {
	var news []News
	s.mu.Lock()
	w := &s.watch
	if !w.on || s.closed {
		s.mu.Unlock()
		return false
	}
	for i, l := range s.lines {
		n, soon := l.look(now)
		if n.Kind != UnknownNews {
			n.Line = i
			news = append(news, n)
		}
		young = young || soon
	}
	var dead func()
	if whole {
		dead = s.lookDeadLocked(now)
		if w.looks++; w.looks%int(quality.Step/time.Second) == 0 {
			s.sampleLocked()
		}
	}
	s.mu.Unlock()
	for _, n := range news {
		s.tell(n)
	}
	if dead != nil {
		dead()
	}
	return young
}

func (s *Session) lookDeadLocked(now time.Time) func() {
	w := &s.watch
	last, due := s.heardLocked()
	switch {
	case !due: // nothing is to come now: the watch begins anew when something is
		w.since, w.dead = now, false
	case s.cfg.DeadAfter <= 0:
	case now.Sub(last) < s.cfg.DeadAfter:
		w.dead = false
	case !w.dead:
		w.dead = true
		return w.f
	}
	return nil
}

func (s *Session) sampleLocked() {
	for _, l := range s.lines {
		if l.stream == nil || l.kind != "audio" {
			continue
		}
		q, took, heard := l.quality(true)
		if f := s.cfg.OnSample; f != nil {
			if took {
				f(false, q.Now)
			}
			if heard {
				f(true, q.Heard.Now)
			}
		}
	}
}

// look looks at one line. soon says that it may be told of within less than a second.
func (l *line) look(now time.Time) (n News, soon bool) {
	if l.kind != "audio" || !l.listens() {
		l.vigil = nil
		return News{}, false
	}
	f := l.stream.Facts()
	if l.vigil == nil {
		l.vigil = &vigil{began: now, sent: f.Sent, looked: now}
	}
	v := l.vigil
	before := v.looked
	v.looked = now
	switch {
	case f.Sent != v.sent:
		if v.flowing.IsZero() {
			v.flowing, v.first = before, v.sent
		}
		v.sent, v.seen = f.Sent, now
	case now.Sub(v.seen) > time.Second:
		v.flowing = time.Time{}
	}
	if !v.told.IsZero() {
		if f.Spoke.After(v.told) {
			v.told = time.Time{}
			return News{Kind: TwoWay}, false
		}
		return News{}, false
	}
	if v.flowing.IsZero() || v.sent-v.first < flowLeast {
		return News{}, f.Packets == 0 && now.Sub(v.began) < 2*oneWayAfter
	}
	why, soon := l.oneWay(now, &f)
	if why == "" {
		return News{}, soon
	}
	v.told = now
	return News{Kind: OneWay, Addr: l.target(&f), Text: why}, false
}

// oneWay tells by which of the rules the peer does not get through; "" for none.
func (l *line) oneWay(now time.Time, f *rtp.Facts) (why string, soon bool) {
	var h habits
	l.stream.Locked(func() { h = l.meter.habits })
	clock := l.stream.Clock()
	began := later(l.vigil.began, l.vigil.flowing)
	if f.Packets == 0 && h.reports > 0 && h.claims && h.claimed > leastUnsaid {
		h.unheard = true
	}
	switch {
	case f.Packets == 0:
		if now.Sub(began) < oneWayAfter {
			return "", true
		}
		switch {
		case h.reports == 0:
			return "nothing came from it" + strangers(f), false
		case h.unheard:
			return fmt.Sprintf("nothing came of the %d packets that it says it sent", h.claimed) + strangers(f), false
		}
		return "", false
	case f.Spoke.IsZero(): // heard before, and taken over from another process
		return "", false
	}
	quiet := now.Sub(later(f.Spoke, l.vigil.began))
	if quiet < oneWayAfter {
		return "", quiet > time.Second
	}
	switch {
	case h.unheard:
		return "nothing comes of what it says it sends" + strangers(f), false
	case h.reports >= 2:
		if clock-h.control >= max(reportLate, 2*h.longest) {
			return "its packets and its reports have ceased" + strangers(f), false
		}
	case h.reports == 0 && !h.pauses && h.at-h.steady >= steadyLong:
		return "its packets have ceased" + strangers(f), false
	}
	return "", false
}

// strangers says what came from elsewhere meanwhile, which may be the peer's.
func strangers(f *rtp.Facts) string {
	if n := f.Counts[rtp.Stranger]; n > 0 {
		return fmt.Sprintf("; %d packets from elsewhere were not taken", n)
	}
	return ""
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

var _ rtp.Reporter = (*meter)(nil)
