package session

import (
	"slices"
	"sync"

	"santral/media"
	"santral/media/rtp"
	"santral/media/sdp"
)

// side is what a joint has to know of one of its two sessions.
type side struct {
	n          int
	first      [2]sideLine // of n lines
	more       []sideLine
	speech     speech       // codec nil: nothing that we speak
	sends      media.Format // what its peer sends on that line, as far as it is known
	ptime      int          // that its peer was asked for, 0 when unsaid
	wish       int          // that its peer asks for, 0 when unsaid
	tones      bool         // its keys are tones in the sound
	takesTones bool         // it gets keys as tones
	cleans     bool         // what its peer says is not passed on as it is
}

// sideLine is what a joint has to know of one line.
type sideLine struct {
	stream *rtp.Stream    // nil where it has none
	sound  bool           // its packets are RTP
	shows  bool           // it has pictures, or had
	takes  bool           // its peer wants to receive
	ours   []media.Format // that its peer was told
	agreed []media.Format // at its peer's numbers
}

// line gives line i, one without anything where there is none.
func (d *side) line(i int) sideLine {
	switch {
	case i >= d.n:
		return sideLine{}
	case i < len(d.first):
		return d.first[i]
	}
	return d.more[i-len(d.first)]
}

// sideOf fills in a side of j that is blank; it is false when the session has left it.
func (s *Session) sideOf(j *joint, d *side) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joint != j {
		return false
	}
	for _, l := range s.lines {
		x := sideLine{stream: l.stream, sound: rtpProto(l.proto) && l.kind == "audio", ours: l.local}
		x.shows, x.takes = l.kind == "video" || l.picture != nil, l.stream != nil && l.dir.Receives()
		if x.sound && l.said {
			x.agreed = s.agreedLocked(l)
		}
		if d.n < len(d.first) {
			d.first[d.n] = x
		} else {
			d.more = append(d.more, x)
		}
		d.n++
	}
	d.tones = s.profile.Digits == DigitsInband
	d.takesTones, d.cleans = true, s.cleanLocked().any()
	var ok bool
	if d.speech, ok = s.speechLocked(); ok {
		l := s.lines[d.speech.line]
		d.ptime, d.wish = int(l.ptime), int(l.wish)
		d.takesTones = d.tones || s.profile.Digits != DigitsInfo && d.speech.events.Rate == 0
		d.sends = sends(l, d.line(d.speech.line).agreed)
		if l.stream == nil {
			d.speech.codec = nil
		}
	}
	return true
}

// sends is what a peer sends on a line: what it sent last, where that is agreed on, else the first that it was told
// of all that is.
func sends(l *line, agreed []media.Format) media.Format {
	var last uint8
	begun := false
	if l.stream != nil {
		l.stream.Locked(func() { last, begun = l.meter.Payload, l.meter.Begun })
	}
	first := media.Format{}
	for _, f := range l.local {
		if sdp.IsEvents(f) || sdp.IsNoise(f) || sdp.IsRed(f) || !has(agreed, f) {
			continue
		}
		if begun && f.Payload == last {
			return f
		}
		if first.Rate == 0 {
			first = f
		}
	}
	return first
}

func has(list []media.Format, f media.Format) bool {
	return slices.ContainsFunc(list, func(g media.Format) bool { return sdp.Same(f, g) })
}

// alike reports whether two sides can be relayed to each other: what each sends the other can hear, in packets of
// the length that it asked for, and keys are in the sound on both sides or on neither.
func alike(a, b *side) bool { return hears(a, b) && hears(b, a) && a.tones == b.tones }

// hears reports whether what a's peer sends is good for b's.
func hears(a, b *side) bool {
	agreed := b.line(b.speech.line).agreed
	if !has(agreed, a.sends) {
		return false
	}
	if b.wish > 0 && a.ptime > 0 && b.wish != a.ptime {
		return false
	}
	for _, f := range a.line(a.speech.line).agreed { // what may come between the sound
		if (sdp.IsNoise(f) || sdp.IsRed(f)) && !has(agreed, f) {
			return false
		}
	}
	return true
}

// numbers maps the payload numbers of a's peer to those of b's on line i; nil where they are the same. What b's peer
// does not know does not pass; strange is what of it is sound that could be transcoded.
func numbers(a, b *side, i int) (m *rtp.Numbers, strange rtp.TypeSet) {
	from, agreed := a.line(i), b.line(i).agreed
	if i >= a.n || len(agreed) == 0 {
		return nil, strange
	}
	same := true
	var list rtp.Numbers
	for n := range list {
		list[n] = uint8(n)
	}
	for _, g := range agreed { // a number that means something else there
		if g.Payload != 13 && !slices.ContainsFunc(from.ours, func(f media.Format) bool { return f.Payload == g.Payload }) {
			list[g.Payload&0x7f], same = rtp.NoNumber, false
		}
	}
	for k := len(from.ours) - 1; k >= 0; k-- { // the first of two of one number counts
		f := from.ours[k]
		n := numberOf(f, agreed)
		if n == rtp.NoNumber && from.sound && !sdp.IsEvents(f) {
			strange.Add(f.Payload)
		}
		list[f.Payload&0x7f] = n
		same = same && n == f.Payload
	}
	if !same {
		m = new(rtp.Numbers)
		*m = list
	}
	return m, strange
}

// numberOf finds the number of a format in a list: of two of one name the one with the same parameters, otherwise the
// one with the same number, as a description that crossed kept it.
func numberOf(f media.Format, list []media.Format) uint8 {
	n, best := uint8(rtp.NoNumber), 0
	for _, g := range list {
		if !sdp.Same(f, g) {
			continue
		}
		fits := 1
		if g.Payload == f.Payload {
			fits++
		}
		if g.Params == f.Params {
			fits += 2
		}
		if fits > best {
			n, best = g.Payload&0x7f, fits
		}
	}
	return n
}

// passing gives the payload numbers of a's telephone events that b's peer gets by media.
func passing(a, b *side, way Way) (set rtp.TypeSet) {
	if way != Relayed {
		return set
	}
	for i := range min(a.n, b.n) {
		for _, f := range a.line(i).ours {
			if sdp.IsEvents(f) && has(b.line(i).agreed, f) {
				set.Add(f.Payload)
			}
		}
	}
	return set
}

// tapLocked shows who wants to know what the peer's packets of keys are, and those that can't be relayed.
func (s *Session) tapLocked() {
	if s.tappedLocked() {
		return
	}
	s.ears.forget()
	heard := s.tapsLocked()
	for _, l := range s.lines {
		if l.stream == nil {
			continue
		}
		t := wanted{ears: s.ears}
		if l == heard {
			t.taps = s.taps
		}
		if s.ears != nil && rtpProto(l.proto) {
			t.keys = s.ears.learn(l.local, l.remote)
		}
		types := t.keys
		if s.mode == joined && l.kind == "audio" && s.foreign != (rtp.TypeSet{}) {
			t.joint, t.foreign = s.joint, s.foreign
			types[0] |= s.foreign[0]
			types[1] |= s.foreign[1]
		}
		t.hark, t.tones = s.harkLocked(l)
		types[0] |= t.tones[0]
		types[1] |= t.tones[1]
		if t.taps != nil {
			types = everyType
		}
		if types == (rtp.TypeSet{}) {
			l.tap = nil
			l.stream.Tap(nil, types)
			continue
		}
		if l.tap == nil || l.tap.wanted != t || t.joint != nil {
			l.tap = &tap{wanted: t}
		}
		l.tap.stream, l.tap.remote, l.tap.local = l.stream, first(l.remote), first(l.local)
		l.stream.Tap(l.tap, types)
	}
}

// tappedLocked reports whether all is as it was when the taps were set.
func (s *Session) tappedLocked() bool {
	for _, l := range s.lines {
		if l.stream == nil {
			continue
		}
		t := l.tap
		if t == nil || t.stream != l.stream || s.taps != nil || t.taps != nil || t.ears != s.ears || t.joint != nil || s.foreign != (rtp.TypeSet{}) ||
			t.remote != first(l.remote) || t.local != first(l.local) || (t.hark != nil) == (s.mode == echoing) {
			return false
		}
	}
	return true
}

// first names a list of formats, none of which is ever changed.
func first(list []media.Format) *media.Format {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

// tap looks at packets on their way.
type tap struct {
	wanted
	once sync.Once

	// What held when it was set, under the session's lock.
	stream        *rtp.Stream
	remote, local *media.Format
}

// wanted is who wants which packets.
type wanted struct {
	ears    *ears
	keys    rtp.TypeSet
	hark    *hark // listens to the sound
	tones   rtp.TypeSet
	joint   *joint // is to choose anew when something else comes
	foreign rtp.TypeSet
	taps    *taps // hear all
}

// Packet looks at one (rtp.Handler).
func (t *tap) Packet(p []byte, h rtp.Header) {
	if t.taps != nil {
		for _, r := range t.taps.list {
			r.Packet(p, h)
		}
	}
	if t.tones.Has(h.Payload) {
		t.hark.Packet(p, h)
	}
	if t.keys.Has(h.Payload) {
		t.ears.Packet(p, h)
	} else if t.joint != nil && t.foreign.Has(h.Payload) {
		t.once.Do(func() { go t.joint.route() }) // not on a reader: a lock above the stream's is taken
	}
}
