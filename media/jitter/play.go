package jitter

import (
	"time"

	"santral/media"
	"santral/media/pcm"
)

// Times of playing, in microseconds.
const (
	fadeAfter = 120_000 // what is said for packets that don't come has faded away; the stream pauses
	gapMost   = 400_000 // a longer hole is a pause
	bridged   = 60_000  // of a hole at most is filled from both sides
	smudge    = 5_000   // timestamps may be wrong by so much where numbers are not
	slackTime = 4_000   // by which waves are moved to fit at a seam
	behind    = 250_000 // a clock later than this has paused
	tooFar    = 300_000 // more waits than is wanted by so much: the oldest is thrown away
)

// play is the state of the side that reads.
type play struct {
	rate  int
	frame int // that is read now
	buf   media.Frame
	at    int // what was played is before it, the newest 30 ms of it at least

	reads  int64  // samples that were read, ever
	anchor lowest // of the clock less reads
	time   int64  // of this read, on the packets' clock, in samples

	playing bool
	era     uint32
	next    int64         // the place of the next sample to be decoded
	packet  int64         // how long a packet is
	beyond  int64         // what was said while nothing came, of which nothing is known
	lag     int           // the period of what is said instead
	gone    int64         // how long that goes on
	seam    bool          // what comes next begins elsewhere than the sound ends
	noise   media.Decoder // says what silence sounds like
	last    media.Decoder // spoke last
	rest    int           // samples until waves may be stretched again
	quiet   quiet
	stiff   bool // time is not moved

	delta Stats // since the lock was held last
}

// Read fills the frame with what is to be heard now. It never fails and never ends; n is always the whole
// frame. It is called by one media loop, at the pace of its clock, with frames of any length up to
// media.MostSound.
func (b *Buffer) Read(f media.Frame) (n int, err error) {
	if len(f) == 0 {
		return 0, nil
	}
	if !b.reading.CompareAndSwap(false, true) { // two readers are a mistake, but no reason to fall
		clear(f)
		return len(f), nil
	}
	defer b.reading.Store(false)
	p := &b.play
	for done := 0; done < len(f); {
		part := f[done:min(len(f), done+p.rate*int(media.MostSound/time.Millisecond)/1000)]
		b.frame(part)
		done += len(part)
	}
	return len(f), nil
}

func (b *Buffer) frame(f media.Frame) {
	p := &b.play
	p.frame = len(f)
	p.tell(b.samples(b.clock()))
	p.shift()
	for len(p.buf)-p.at < len(f) {
		b.step()
	}
	b.adapt()
	copy(f, p.buf[p.at:])
	p.at += len(f)
	p.delta.Played += uint64(len(f))
	p.rest = max(p.rest-len(f), 0)
}

// tell takes the clock. A loop that is held up reads late and then often; its frames are for the times
// that they should have been read at.
func (p *play) tell(now int64) {
	off := now - p.reads
	if p.anchor.any && off-p.anchor.get() > int64(p.rate)*behind/1_000_000 {
		p.anchor = lowest{}
	}
	p.anchor.add(off, p.reads/int64(p.rate/4))
	p.time = p.reads + p.anchor.get()
	p.reads += int64(p.frame)
}

// shift forgets what was played long ago.
func (p *play) shift() {
	if keep := 2 * pcm.Longest(p.rate); p.at > 3*keep { // not every time
		n := copy(p.buf, p.buf[p.at-keep:])
		p.buf, p.at = p.buf[:n], keep
	}
}

// waits gives how long the packet at place media has waited when it is needed, from when the fastest
// packet would have come; of several that one read needs, the last.
func (b *Buffer) waits(media int64) int64 {
	p := &b.play
	frame := int64(p.frame)
	have := int64(len(p.buf) - p.at)
	e := p.time + have/frame*frame - media - b.delay.base.get()
	if p.packet > 0 {
		e -= (frame - 1 - have%frame) / p.packet * p.packet
	}
	return e
}

// What a step does.
const (
	doSilence = iota // nobody speaks
	doExtend         // something is missing, and may still come
	doConceal        // something is missing for good
	doDecode         // a packet, and what it knows of the one before it
)

type deed struct {
	what    int
	n       int   // samples of silence, or instead of what is missing
	recover int64 // samples before the packet that it may know,
	per     int64 // of a packet as long as this
	s       slot
}

// step brings more sound, at least a sample of it after at most a few steps.
func (b *Buffer) step() {
	b.mu.Lock()
	d := b.decideLocked(max(1, b.play.frame-(len(b.play.buf)-b.play.at)))
	b.flushLocked()
	b.mu.Unlock()
	switch d.what {
	case doSilence:
		b.silence(d.n)
	case doExtend:
		b.extend(d.n)
	case doConceal:
		b.conceal(d.n)
	case doDecode:
		b.decode(d)
	}
}

func (b *Buffer) flushLocked() {
	s, d := &b.stats, &b.play.delta
	s.Played += d.Played
	s.Concealed += d.Concealed
	s.Comfort += d.Comfort
	s.Shortened += d.Shortened
	s.Stretched += d.Stretched
	s.Recovered += d.Recovered
	*d = Stats{}
}

func (b *Buffer) popLocked() slot {
	s := b.queue.pop()
	b.held -= len(*s.sound)
	b.in.played = max(b.in.played, s.seq)
	return s
}

// decideLocked says what the next need samples are.
func (b *Buffer) decideLocked(need int) deed {
	p := &b.play
	b.in.packet = p.packet
	fixed := b.delay.fixed > 0
	p.stiff = fixed
	us := func(t int64) int64 { return t * int64(p.rate) / 1_000_000 }
	for {
		s := b.queue.head()
		switch {
		case s == nil:
			if !p.playing {
				return deed{what: doSilence, n: need}
			}
			if p.beyond == 0 {
				b.stats.Underruns++
			}
			p.beyond += int64(need)
			if p.beyond > us(fadeAfter) {
				p.pause()
				continue
			}
			if fixed {
				p.next += int64(need) // time goes on, whatever comes
			}
			return deed{what: doExtend, n: need}
		case !s.f.sound: // telephone events, say: the speaker pauses
			free(b.popLocked().sound)
			p.pause()
			continue
		case s.f.noise:
			return deed{what: doDecode, s: b.popLocked()}
		}
		if s.era != p.era { // what was before can't be compared
			p.era, p.next = s.era, s.media
			b.in.played = s.seq - 1
			p.beyond, p.seam = 0, true
			if s.era == b.in.era {
				p.pause()
			}
		}
		wait := b.waits(s.media)
		if s.era == b.in.era {
			b.delay.now = wait
		} else {
			wait = b.delay.target
		}
		if !p.playing {
			if b.delay.steady {
				if early := b.early(s.media); early > 0 {
					return deed{what: doSilence, n: int(min(early, int64(need)))}
				}
			} else if wait < b.delay.target {
				return deed{what: doSilence, n: need}
			}
			p.playing, p.seam, p.next = true, true, s.media
			b.in.played = s.seq - 1
			p.beyond = 0
		}
		if last := b.queue.slots[len(b.queue.slots)-1]; last.era == s.era && last.media-s.media > b.delay.target+us(tooFar) {
			b.stats.Resyncs++
			for s.media < last.media-b.delay.target {
				free(b.popLocked().sound)
				s = b.queue.head()
			}
			p.next, p.beyond, p.seam = s.media, 0, true
			b.in.played = s.seq - 1
			continue
		}
		lost, gap := s.seq-b.in.played-1, s.media-p.next
		if fixed && gap < 0 && s.media+max(p.packet, 1) <= p.next {
			b.stats.Late++
			free(b.popLocked().sound)
			continue
		}
		if lost > 0 || s.spare {
			b.delay.lose(p.time)
		}
		if lost == 0 {
			if gap > us(smudge) && !fixed || gap > us(gapMost) {
				p.pause()
				continue
			}
			if fixed && gap > us(smudge) {
				p.next += min(gap, int64(need))
				return deed{what: doSilence, n: int(min(gap, int64(need)))}
			}
			p.beyond = 0
			return deed{what: doDecode, s: b.popLocked()}
		}
		if gap > us(gapMost) {
			p.pause()
			continue
		}
		per := max(gap/lost, 1)
		_, finds := s.f.decoder.(media.Recoverer)
		if !fixed && !(finds && wait+per <= b.delay.target+us(smudge)) { // else it may be found, and the delay is to grow
			p.next += min(max(gap, 0), p.beyond) // that time was filled already
			gap = s.media - p.next
		}
		p.beyond = 0
		if gap <= 0 {
			return deed{what: doDecode, s: b.popLocked()}
		}
		knows := int64(0)
		if finds {
			knows = per
			b.delay.copies = max(b.delay.copies, 1)
		}
		// Both sides of a hole are needed to fill it, and that none of it comes any more.
		hole := max(gap-knows, 0)
		if hole <= per || hole <= us(bridged) && wait+per > b.delay.target {
			return deed{what: doDecode, n: int(hole), recover: gap - hole, per: per, s: b.popLocked()}
		}
		n := min(gap-knows, max(per, us(smudge)))
		p.next += n
		b.in.played = max(b.in.played, s.seq-1-(gap-n+per-1)/per)
		return deed{what: doConceal, n: int(n)}
	}
}

// pause has the stream stand still until a packet's time has come.
func (p *play) pause() {
	if p.playing {
		p.playing, p.seam, p.beyond = false, true, 0
	}
}

// decode plays a packet.
func (b *Buffer) decode(d deed) {
	p := &b.play
	f := borrow(p.rate * int(media.MostSound/time.Millisecond) / 1000)
	defer scratch.Put(f)
	defer free(d.s.sound)
	if r, ok := d.s.f.decoder.(media.Recoverer); ok && d.n+int(d.recover) > 0 {
		if d.n > 0 { // for the decoder's state: both sides know more of the sound than one does
			d.s.f.decoder.Conceal((*f)[:min(d.n, len(*f))])
		}
		lost := (*f)[:min(int(d.per), len(*f))]
		switch {
		case d.recover == 0:
		case r.Recover(lost, *d.s.sound):
			p.fill(d.n, lost[max(0, len(lost)-int(d.recover)):])
			d.n = 0
			p.delta.Recovered++
		default:
			d.s.f.decoder.Conceal(lost)
			d.n += int(d.recover)
		}
	}
	n, err := d.s.f.decoder.Decode(*f, *d.s.sound)
	switch {
	case d.s.f.noise || err == nil && n == 0:
		p.noise = d.s.f.decoder
		p.pause()
		return
	case err != nil || n <= 0:
		p.next = d.s.media + p.packet
		b.conceal(int(p.packet))
		return
	}
	if d.s.spare {
		p.delta.Recovered++
	}
	sound := (*f)[:min(n, len(*f))]
	skip := 0
	if p.stiff && d.n == 0 && d.recover == 0 { // the time of its beginning is over
		skip = int(min(max(p.next-d.s.media, 0), int64(len(sound))))
	}
	p.noise = nil
	p.packet = int64(len(sound))
	p.next = d.s.media + p.packet
	p.quiet.learn(sound)
	p.fill(d.n, sound[skip:])
	p.last = d.s.f.decoder
}

// append adds sound, with a seam where it doesn't go on from what was before.
func (p *play) append(sound media.Frame) {
	if !p.seam {
		p.buf = append(p.buf, sound...)
		return
	}
	p.seam = false
	if p.gone == 0 {
		p.lag, _ = pcm.Pitch(p.buf, p.rate)
	}
	p.gone = 0
	p.buf, _ = pcm.Join(p.buf, sound, p.lag, p.rate, p.slack())
}

// slack is by how many samples a seam may move time.
func (p *play) slack() int {
	if p.stiff {
		return 0
	}
	return p.rate * slackTime / 1_000_000
}

// extend goes on with what was heard last, which fades away.
func (b *Buffer) extend(n int) {
	p := &b.play
	p.delta.Concealed += uint64(n)
	p.seam = true
	if p.gone == 0 {
		p.lag, _ = pcm.Pitch(p.buf, p.rate)
	}
	p.gone += int64(n)
	fade := 1.0
	if p.gone > int64(p.rate/50) {
		fade = 1 - 2/float64(p.rate/10) // e to the -2 in 100 ms
	}
	p.buf = pcm.Extend(p.buf, n, p.lag, p.rate, fade)
}

// fill appends sound that comes n samples after what was heard last, and fills what is between.
func (p *play) fill(n int, sound media.Frame) {
	if n == 0 {
		p.append(sound)
		return
	}
	if p.gone == 0 {
		p.lag = 0
	}
	p.gone, p.seam = 0, false
	p.delta.Concealed += uint64(n)
	fade := 1.0
	if n > p.rate/40 {
		fade = 1 - 1/float64(p.rate/10) // less: the other side is as loud
	}
	p.buf, _ = pcm.Bridge(p.buf, n, sound, p.lag, p.rate, p.slack(), fade)
	p.buf = append(p.buf, sound...)
}

// conceal fills the place of a packet that is lost.
func (b *Buffer) conceal(n int) {
	p := &b.play
	if _, ok := p.last.(media.Recoverer); !ok || p.gone > 0 { // what goes on goes on
		b.extend(n)
		return
	}
	p.delta.Concealed += uint64(n)
	f := borrow(n)
	p.last.Conceal(*f)
	p.buf = append(p.buf, *f...)
	scratch.Put(f)
	p.seam = true
}

// silence is what is heard while nobody speaks.
func (b *Buffer) silence(n int) {
	p := &b.play
	p.delta.Comfort += uint64(n)
	end := len(p.buf)
	if p.noise != nil {
		f := borrow(n)
		p.noise.Conceal(*f)
		p.append(*f)
		scratch.Put(f)
		for len(p.buf) < end+n {
			p.buf = append(p.buf, 0)
		}
		return
	}
	f := borrow(n)
	if b.delay.steady {
		clear(*f) // what nobody said is not written down
	} else {
		p.quiet.fill(*f)
	}
	p.append(*f)
	scratch.Put(f)
}

// adapt makes what is to be played shorter or longer by a period.
func (b *Buffer) adapt() {
	p := &b.play
	if !p.playing || p.rest > 0 || p.seam {
		return
	}
	b.mu.Lock()
	if b.delay.steady {
		early := b.early(p.next)
		ready := b.queue.head() != nil && b.queue.head().seq == b.in.played+1 && b.queue.head().f.sound
		b.mu.Unlock()
		b.pace(early, ready)
		return
	}
	fixed := b.delay.fixed > 0
	over := b.waits(p.next) - b.delay.target
	ready := b.queue.head() != nil && b.queue.head().seq == b.in.played+1 && b.queue.head().f.sound
	b.mu.Unlock()
	if fixed {
		return
	}
	edge := int64(p.rate) * smudge / 1_000_000
	least := 0.9
	if over > int64(p.rate/10) || -over > int64(p.rate/50) {
		least = 0.6
	}
	switch {
	case over > int64(p.frame)+edge:
		if !ready && len(p.buf)-p.at < p.frame+pcm.Longest(p.rate) {
			return
		}
		if len(p.buf)-p.at < p.frame+pcm.Longest(p.rate) {
			b.step()
		}
		x := p.buf[p.at:]
		if p.quiet.is(x) {
			least = -1
		}
		n := pcm.Shrink(x, p.rate, least)
		p.at += n
		p.delta.Shortened += uint64(n)
		if n > 0 && least > 0 {
			p.rest = p.rate / 33
		}
		for len(p.buf)-p.at < p.frame {
			b.step()
		}
	case over < -edge:
		if p.quiet.is(p.buf[p.at:]) {
			least = -1
		}
		var n int
		p.buf, n = pcm.Grow(p.buf, p.at, p.rate, least)
		p.delta.Stretched += uint64(n)
		if n > 0 && least > 0 {
			p.rest = p.rate / 33
		}
	}
}
