package rtp

import "time"

// packet is the whole way of one packet from its port: judged, measured, and passed on. now is the
// pool's clock.
func (p *port) packet(b []byte, src Addr, now int64) {
	s := p.stream.Load()
	if s == nil {
		p.strays.Add(1)
		p.heard.Store(now)
		return
	}
	s.arrive(b, src, now, p.control)
}

// arrive takes a packet that came to the transport of s, on its RTCP port when control is set.
func (s *Stream) arrive(b []byte, src Addr, now int64, control bool) {
	if o := s.other.Load(); o != nil && !control && foreign(b) {
		s.arriveOther(o, b, src, now)
		return
	}
	s.mu.Lock()
	r := &s.rtp
	if control {
		r = &s.rtcp
	}
	var v Verdict
	alarm := NoAlarm
	if s.opening == nil || s.opening.in == nil {
		v = r.Step(b, src, now)
	} else {
		b, v, alarm = s.openLocked(r, b, src, now)
	}
	if v > Learned {
		if v == TooFast {
			alarm = s.floodLocked(now)
		}
		tell := s.alarm
		s.mu.Unlock()
		if alarm != NoAlarm && tell != nil {
			tell(alarm)
		}
		return
	}
	if v == Learned {
		if !control {
			s.nearControl()
		}
		s.aimLocked()
	}
	control = control || r.Carries == RTP && r.Mux && Classify(b) == RTCP
	if s.bundle != nil {
		s.distribute(r, b, now, control, v) // gives the lock back
		return
	}
	s.pass(b, now, control)
}

// distribute passes a packet to whichever stream of a bundle it is for. It is called with the lock of the one that
// has the transport, and gives it back.
func (s *Stream) distribute(r *Rule, b []byte, now int64, control bool, v Verdict) {
	var room [8]*Stream
	to := room[:0]
	if control {
		to = s.bundle.concerned(b, to)
	} else if h, ok := Parse(b); ok {
		if m := s.bundle.whose(b, h, s.extension); m != nil {
			to = append(to, m)
		}
	}
	// A rule counts what is for its own stream; what is nobody's is not what the transport carries.
	r.Counts[v]--
	r.Octets -= uint64(len(b))
	if len(to) == 0 {
		r.Counts[Malformed]++
	}
	s.mu.Unlock()
	for i, m := range to {
		p := b
		if i+1 < len(to) { // a relay may change it
			p = append([]byte(nil), b...)
		}
		m.mu.Lock()
		if m.gone {
			m.mu.Unlock()
			continue
		}
		if !m.rtp.limit(b, now) {
			m.rtp.Counts[TooFast]++
			alarm, tell := m.floodLocked(now), m.alarm
			m.mu.Unlock()
			if alarm != NoAlarm && tell != nil {
				tell(alarm)
			}
			continue
		}
		m.heard = now
		m.rtp.Heard = now
		m.rtp.Counts[v]++
		m.rtp.Octets += uint64(len(b))
		m.pass(p, now, control)
	}
}

// pass measures a packet that is welcome, and sends it on its way. It is called with the lock, and gives it back.
func (s *Stream) pass(b []byte, now int64, control bool) {
	if control {
		s.controlLocked(b, now)
		to := s.route
		s.mu.Unlock()
		if to != nil {
			to.SendControl(b)
		}
		return
	}
	var tap Handler
	var h Header
	handler, to := s.handler, s.route
	if s.rtp.Carries == RTP {
		var ok bool
		if h, ok = Parse(b); ok {
			s.spoke = now
			if s.meter != nil {
				s.meter.Packet(h, h.End-h.Begin, time.Duration(now))
			}
			if s.tap != nil && s.tapTypes.Has(h.Payload) {
				tap = s.tap
			}
			if s.wide.to != nil {
				b, h = s.wideLocked(b, h, now)
			}
		} else {
			handler = nil
		}
	}
	numbers := s.numbers
	s.mu.Unlock()
	if tap != nil {
		tap.Packet(b, h)
	}
	switch {
	case to != nil:
		if numbers != nil && len(b) >= HeaderSize {
			n := numbers[b[1]&0x7f]
			if n == NoNumber {
				return
			}
			b[1] = b[1]&0x80 | n&0x7f
		}
		to.Send(b)
	case handler != nil:
		handler.Packet(b, h)
	}
}

// Send sends an RTP packet to the peer. It reports whether it went out: there must be a place to
// send to.
func (s *Stream) Send(b []byte) bool {
	to, c := s.dest.Load(), s
	if s.base != nil || s.shared.Load() {
		s.saying(b)
		c, to = s.along(to)
	}
	if to == nil || !c.transmit(b, to, false, false) {
		s.unsent.Add(1)
		return false
	}
	s.sent.Add(1)
	return true
}

// along gives who has the transport of a stream that shares it, and where the peer is; nil for nowhere. to is the
// stream's own target.
func (s *Stream) along(to *target) (*Stream, *target) {
	c := s.carrier()
	if s.ended.Load() || to == nil {
		return c, nil
	}
	if c.path == nil {
		to = c.dest.Load()
	}
	return c, to
}

// SendControl sends an RTCP packet to the peer, to the RTP port where they share it.
func (s *Stream) SendControl(b []byte) bool {
	s.mu.Lock()
	mux := s.rtp.Mux
	if Classify(b) == RTCP && b[1] == SenderReport && len(b) >= 16 {
		s.told[1] = s.told[0]
		s.told[0] = told{s.pool.now(), uint32(b[10])<<24 | uint32(b[11])<<16 | uint32(b[12])<<8 | uint32(b[13])}
	}
	s.mu.Unlock()
	c, to := s.along(s.dest.Load())
	if !mux {
		to = s.destControl.Load()
	}
	return to != nil && c.transmit(b, to, true, !mux)
}

// transmit seals a packet where that is agreed on, and sends it over the stream's own transport, from the RTCP port
// when apart is set.
func (s *Stream) transmit(b []byte, to *target, control, apart bool) bool {
	seal := s.sealing.Load()
	if seal == nil {
		return s.emit(b, to, apart)
	}
	room := rooms.Get().(*[]byte)
	seal.mu.Lock()
	var out []byte
	var err error
	if control {
		out, err = seal.out.SealControl((*room)[:0], b)
	} else {
		out, err = seal.out.Seal((*room)[:0], b)
	}
	seal.mu.Unlock()
	ok := err == nil && s.emit(out, to, apart)
	*room = out[:0]
	rooms.Put(room)
	return ok
}

func (s *Stream) emit(b []byte, to *target, apart bool) bool {
	switch {
	case s.path != nil:
		return s.path.Send(b)
	case apart:
		return s.pair.rtcp.socket.send(b, to)
	}
	return s.pair.rtp.socket.send(b, to)
}
