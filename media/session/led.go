package session

import (
	"time"

	"santral/media"
)

// soloTime is how long after a tone of ours we go on with an encoding of our own, until the peer's decoder stands where
// those of others do.
const soloTime = 200 * time.Millisecond

// lead is a voice's part in the turns of one who leads (media.Voice). What comes of these turns late, when the voice has gone
// on to another, is not heeded.
type lead struct {
	voice *voice
	of    media.Leader
}

// Take tells what will be said on this turn (media.Voice).
func (l *lead) Take(m *media.Mixed) {
	v := l.voice
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.lead != l || !v.busyLocked() {
		return
	}
	if tones, _ := v.keyWayLocked(); tones && v.keys.any() {
		v.solo = int(soloTime / v.speech.ptime)
	}
	if v.solo > 0 {
		v.own.Sound, v.own.Rate, v.own.Turn = m.Sound, m.Rate, m.Turn
		m = &v.own
	}
	if v.from != m || v.coder.key != v.key {
		v.coder, v.from = coderOf(m, v.key, v.coder), m
	}
}

// Say says what was taken (media.Voice).
func (l *lead) Say(m *media.Mixed, now time.Duration) {
	v := l.voice
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.lead != l:
		return
	case !v.busyLocked():
		if v.left == 0 {
			v.left = now
		}
		return
	case v.from != m && v.from != &v.own || v.coder.key != v.key: // something came in between Take and Say
		return
	}
	v.resumeLocked(now)
	if !v.mute {
		v.tappedLocked(m.Sound, m.Rate)
	}
	many, into := packetsOn(m, v.speech.ptime), v.toneLocked
	if v.solo == 0 {
		into = nil
	}
	if !v.mute || into != nil {
		v.coder.advance(v.from, into)
	}
	for i := range many {
		switch {
		case v.solo > 0:
			v.solo--
		case !v.tonesLocked() && v.keyLocked(nil) == sentEvent:
			v.timestamp += v.step()
			continue
		}
		if !v.mute && i < len(v.coder.said) {
			v.sayLocked(&v.coder.said[i])
		}
		v.timestamp += v.step()
	}
	v.reportLocked(now)
}

// toneLocked puts the key that is under way into the sound.
func (v *voice) toneLocked(f media.Frame) {
	if v.tonesLocked() {
		v.keyLocked(f)
	}
}

// tonesLocked reports whether keys go as tones.
func (v *voice) tonesLocked() bool {
	tones, _ := v.keyWayLocked()
	return tones
}

// Alone has the voice read its source on turns of its own (media.Voice).
func (l *lead) Alone() {
	v := l.voice
	v.mu.Lock()
	mine := v.lead == l
	if mine {
		v.lead = nil
	}
	v.mu.Unlock()
	if mine {
		v.begin()
	}
}

// Hear gives what the peer says next, at the sink's rate (media.Ear). Nothing is heard of a peer that holds us: music
// that it plays then is for us, and not for those whom we speak with.
func (e *receiver) Hear(f media.Frame) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return false
	}
	e.readLocked(f, e.rate)
	switch {
	case e.holds && e.held:
		clear(f)
	case e.holds:
		for i := range f {
			f[i] = int16(int(f[i]) * (len(f) - i) / len(f))
		}
	case e.held:
		for i := range f {
			f[i] = int16(int(f[i]) * i / len(f))
		}
	}
	e.held = e.holds
	return true
}

// Alone has the receiver write to its sink on turns of its own (media.Ear).
func (e *receiver) Alone() { e.pool.Speak(e) }
