package session

import "time"

// watch is the watch over a peer that falls silent.
type watch struct {
	f     func()
	since time.Time // silence before it does not count
	timer *time.Timer
}

// OnDead begins the watch over the peer's packets: f is told once when none came for DeadAfter,
// while the peer is to send (a peer on hold is not watched). Call it when the leg is established.
// f is called on a timer's goroutine; nil ends the watch.
func (s *Session) OnDead(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopWatchLocked()
	if f == nil || s.closed || s.cfg.DeadAfter <= 0 {
		return
	}
	s.watch.f, s.watch.since = f, time.Now()
	s.watch.timer = time.AfterFunc(s.cfg.DeadAfter, s.look)
}

func (s *Session) stopWatchLocked() {
	if s.watch.timer != nil {
		s.watch.timer.Stop()
	}
	s.watch = watch{}
}

// look is the watch's timer: it tells of the silence, or waits for what is left of it.
func (s *Session) look() {
	s.mu.Lock()
	w := &s.watch
	if w.f == nil {
		s.mu.Unlock()
		return
	}
	last, due := w.since, false
	for _, l := range s.lines {
		if l.stream == nil || !rtpProto(l.proto) || l.refused || !l.dir.Sends() || l.held {
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
	if !due { // nothing is to come now: the watch begins anew when something is
		w.since = time.Now()
		last = w.since
	}
	left := s.cfg.DeadAfter - time.Since(last)
	if left > 0 {
		w.timer.Reset(left)
		s.mu.Unlock()
		return
	}
	f := w.f
	s.stopWatchLocked()
	s.mu.Unlock()
	f()
}
