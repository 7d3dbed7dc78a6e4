package session

import (
	"errors"
	"sync"
	"time"

	"santral/media"
	"santral/media/dtmf"
	"santral/media/rtp"
	"santral/media/sdp"
)

// ErrNoDigits says that a digit cannot be sent: there is no such key, the peer has no way to take it, or media
// does not end here and can't be made to.
var ErrNoDigits = errors.New("the peer takes no digits by media")

const (
	keyPause = 100 * time.Millisecond // between two keys
	keysMost = 64                     // that wait; more are somebody's flood
)

// keys are those on their way to a peer, the first of them being sent.
type keys struct {
	list  []key
	began bool // the first is being sent
	tones bool // as tones
	rate  int  // of the clock that it is told by, or of the sound that it is in
	press dtmf.Press
	tone  dtmf.Tones
	at    uint32        // timestamp of its beginning
	pause time.Duration // until the next
}

type key struct {
	key  byte
	long time.Duration
}

func (k *keys) any() bool { return len(k.list) > 0 }

// sending says what the key did to a packet of the voice.
type sending uint8

const (
	noKey     sending = iota
	sentEvent         // the packet was the key's
	mixedTone         // the key is in the sound
)

// keyLocked sends the next packet of a key as an event (RFC 4733 §2.5), or puts it into the sound as tones.
func (v *voice) keyLocked(sound media.Frame) sending {
	k := &v.keys
	if k.pause > 0 {
		k.pause -= v.speech.ptime
		return noKey
	}
	if len(k.list) == 0 {
		return noKey
	}
	if tones, rate := v.keyWayLocked(); k.tones != tones || k.rate != rate { // the peer is spoken with in another way since
		k.began = false
	}
	if !k.began && !v.beginKeyLocked() {
		k.list = k.list[1:]
		return noKey
	}
	if k.tones {
		if !k.tone.Next(sound) {
			v.endKeyLocked()
		}
		return mixedTone
	}
	events := &v.speech.events
	e, ok := k.press.Next(uint32(samplesIn(events.Rate, v.speech.ptime)))
	if ok && !v.mute {
		at := k.at + uint32(int64(e.Begin)*int64(v.rate)/int64(events.Rate))
		v.packet = v.headerLocked(events.Payload, e.Marker, at)
		v.packet = append(v.packet, e.Payload[:]...)
		v.sendLocked(v.packet)
	}
	if !ok || e.Last {
		v.endKeyLocked()
	}
	return sentEvent
}

// keyWayLocked is how keys go to the peer now: as tones in sound of a rate, or as events at a clock.
func (v *voice) keyWayLocked() (tones bool, rate int) {
	if v.inband || v.speech.events.Rate == 0 {
		return true, v.speech.codec.Rate
	}
	return false, v.speech.events.Rate
}

// beginKeyLocked begins the first key in the peer's way; it is false where the peer has none for it.
func (v *voice) beginKeyLocked() (ok bool) {
	k := &v.keys
	first := k.list[0]
	if k.tones, k.rate = v.keyWayLocked(); k.tones {
		k.tone, ok = dtmf.NewTones(first.key, first.long, k.rate)
	} else {
		k.press, ok = dtmf.NewPress(first.key, first.long, k.rate)
	}
	k.at, k.began = v.timestamp, ok
	return ok
}

func (v *voice) endKeyLocked() {
	k := &v.keys
	k.list, k.began, k.pause = k.list[1:], false, keyPause
	v.marker = true
}

// SendDigit sends one key ('0'–'9', '*', '#', 'A'–'D', '!' for a hook-flash) of ms milliseconds, after those still
// to be sent: as RFC 4733 events where the peer takes them, otherwise as two tones in the sound, which a hook-flash
// is not. A stream that is relayed is transcoded from then on, as nothing can be put into it. It fails with ErrNoDigits
// when d is no key or there is no way for it.
func (s *Session) SendDigit(d byte, ms int) error {
	s.mu.Lock()
	j := s.joint
	s.mu.Unlock()
	if j != nil && !j.speakUp() {
		return ErrNoDigits
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.mode == echoing || s.joint != nil && !s.across {
		return ErrNoDigits
	}
	v := s.voiceLocked()
	s.applyModeLocked()
	v.mu.Lock()
	_, ok := dtmf.CodeOf(d)
	tones := v.inband || v.speech.events.Rate == 0
	if v.stream == nil || v.key.codec == nil || !ok || tones && d == dtmf.Flash || len(v.keys.list) >= keysMost {
		v.mu.Unlock()
		return ErrNoDigits
	}
	v.keys.list = append(v.keys.list, key{d, time.Duration(ms) * time.Millisecond})
	v.mu.Unlock()
	v.begin()
	return nil
}

// Digits is how the peer gets keys by media now: DigitsEvents where they were agreed on, else DigitsInband.
func (s *Session) Digits() DigitMode {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.profile.Digits == DigitsInband {
		return DigitsInband
	}
	if sp, ok := s.speechLocked(); ok {
		if sp.events.Rate != 0 {
			return DigitsEvents
		}
		return DigitsInband
	}
	for _, l := range s.lines { // of a format that we don't speak
		if l.kind == "audio" && l.said && !l.refused {
			for _, f := range s.agreedLocked(l) {
				if sdp.IsEvents(f) {
					return DigitsEvents
				}
			}
		}
	}
	return DigitsInband
}

// Digit is a key of the peer's.
type Digit struct {
	Key    byte          // '0'–'9', '*', '#', 'A'–'D', '!' for a hook-flash
	Long   time.Duration // how long it was down, 0 when unknown
	Passed bool          // the other side, which this session is joined with, gets it by media
}

// ears hear the digits of a peer.
type ears struct {
	mu      sync.Mutex
	f       func(Digit)
	hearing dtmf.Hearing
	ssrc    uint32
	passed  bool        // what is sounding, or was heard last, reaches the other side
	rates   []eventRate // of telephone events
	room    [2]eventRate
	passes  rtp.TypeSet // payload numbers of events that the other side gets
	timer   *time.Timer // to the end of a key whose packets cease
	keys    []dtmf.Heard
}

// eventRate is the clock of the telephone events of a payload number.
type eventRate struct {
	payload uint8
	rate    uint16 // in units of 250 Hz
}

// OnDigit has f told of every digit from the peer when it is over, once each, whether the session is joined or
// not. f is called on a media loop or a timer's goroutine; it must not block, and call nothing of a session. nil ends it.
func (s *Session) OnDigit(f func(Digit)) {
	s.mu.Lock()
	switch {
	case f == nil:
		s.ears.stop()
		s.ears = nil
	case s.ears == nil:
		s.ears = &ears{f: f}
	default:
		s.ears.mu.Lock()
		s.ears.f = f
		s.ears.mu.Unlock()
	}
	s.applyModeLocked()
	j := s.joint
	s.mu.Unlock()
	j.route()
}

// stop ends the hearing. Ears that are nil hear nothing anyhow.
func (e *ears) stop() {
	if e == nil {
		return
	}
	e.mu.Lock()
	e.f = nil
	if e.timer != nil {
		e.timer.Stop()
	}
	e.mu.Unlock()
}

// forget has payload numbers mean nothing.
func (e *ears) forget() {
	if e == nil {
		return
	}
	e.mu.Lock()
	e.rates = e.rates[:0]
	e.mu.Unlock()
}

// learn tells what payload numbers of a line mean, and gives those of events.
func (e *ears) learn(lists ...[]media.Format) (set rtp.TypeSet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, list := range lists {
		for i := range list {
			f := &list[i]
			if !sdp.IsEvents(*f) {
				continue
			}
			if set.Add(f.Payload); e.rateLocked(f.Payload) == 0 {
				if e.rates == nil {
					e.rates = e.room[:0]
				}
				e.rates = append(e.rates, eventRate{f.Payload, uint16(min(f.Rate/250, 1<<16-1))})
			}
		}
	}
	return set
}

// rateLocked is the clock of a payload number's events in units of 250 Hz, 0 for unknown.
func (e *ears) rateLocked(payload uint8) uint16 {
	for _, r := range e.rates {
		if r.payload == payload {
			return r.rate
		}
	}
	return 0
}

// pass tells which payload numbers the other side gets.
func (e *ears) pass(set rtp.TypeSet) {
	if e == nil {
		return
	}
	e.mu.Lock()
	e.passes = set
	e.mu.Unlock()
}

// Packet hears one packet of telephone events.
func (e *ears) Packet(p []byte, h rtp.Header) {
	e.mu.Lock()
	if h.SSRC != e.ssrc {
		e.keys = e.hearing.Lapse(e.keys[:0])
		e.ssrc, e.hearing = h.SSRC, dtmf.Hearing{}
	} else {
		e.keys = e.keys[:0]
	}
	passes := e.passes.Has(h.Payload)
	if !e.hearing.Sounds() {
		e.passed = passes
	}
	e.keys = e.hearing.Hear(e.keys, h.Timestamp, int(e.rateLocked(h.Payload))*250, p[h.Begin:h.End])
	switch {
	case !e.hearing.Sounds():
		if e.timer != nil {
			e.timer.Stop()
		}
	case e.timer == nil:
		e.timer = time.AfterFunc(dtmf.Patience, e.lapse)
	default:
		e.timer.Reset(dtmf.Patience)
	}
	e.tell(passes)
}

// await ends a key that was down when the session was written out, if nothing more of it comes.
func (e *ears) await() {
	if e == nil {
		return
	}
	e.mu.Lock()
	if e.hearing.Sounds() && e.timer == nil {
		e.timer = time.AfterFunc(dtmf.Patience, e.lapse)
	}
	e.mu.Unlock()
}

// lapse is the timer: nothing more came of a key.
func (e *ears) lapse() {
	e.mu.Lock()
	e.keys = e.hearing.Lapse(e.keys[:0])
	e.tell(e.passed)
}

// heard tells of a key that was heard as tones. It is called on the media clock.
func (e *ears) heard(d Digit) {
	e.mu.Lock()
	f := e.f
	e.mu.Unlock()
	if f != nil {
		f(d)
	}
}

// tell tells of the keys that are over, and gives the lock back.
func (e *ears) tell(passed bool) {
	var heard [10]dtmf.Heard
	f, list := e.f, heard[:copy(heard[:], e.keys)]
	e.mu.Unlock()
	if f == nil {
		return
	}
	for _, k := range list {
		f(Digit{Key: k.Key, Long: k.Long, Passed: passed})
	}
}
