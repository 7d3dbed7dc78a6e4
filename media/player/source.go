package player

import (
	"io"
	"sync"
	"time"

	"santral/media"
	"santral/media/pcm"
)

// Part is a piece of what is played: a *Sound or a Silence.
type Part interface{ part() }

// Silence is a pause between sounds.
type Silence time.Duration

func (*Sound) part()  {}
func (Silence) part() {}

// Chance is where a shuffled list takes its order from (base/id.Source).
type Chance interface{ Uint64() uint64 }

// Playlist is what a playing is made of: its parts follow each other without a gap.
type Playlist struct {
	Parts   []Part
	Loop    bool   // at the end it begins again, until it is stopped
	Shuffle Chance // the parts are in an order of chance, another in each round; nil: in theirs
}

// Source is a playing. One media loop reads it; commands may come from anywhere. Where sound is cut off or taken up by
// a command, it fades within fadeTime.
type Source struct {
	mu      sync.Mutex
	items   []item
	rate    int
	most    int // the rate to begin with
	loop    bool
	shuffle Chance

	item, at int  // the next sample
	again    bool // it has begun again at least once
	speed    float64
	tempo    *pcm.Tempo
	pull     func(media.Frame) int
	paused   bool
	hushed   bool    // has faded away since
	old      []int16 // what goes on from before a seek, while it fades away
	faded    int     // of it
}

// item is a part at the rate of the playing.
type item struct {
	sound   *Sound
	silence time.Duration
	version *version // nil for silence
	n       int      // samples
}

// fadeTime is how long sound takes to go where it is cut off.
const fadeTime = 5 * time.Millisecond

var (
	_ media.Rated      = (*Source)(nil)
	_ media.Adjustable = (*Source)(nil)
)

// Sequence begins a playing of parts, one after another. It decodes what isn't yet.
func Sequence(parts ...Part) *Source { return Playlist{Parts: parts}.Play() }

// Play begins a playing. It decodes what isn't yet.
func (l Playlist) Play() *Source {
	p := &Source{items: make([]item, len(l.Parts)), loop: l.Loop, shuffle: l.Shuffle, speed: 1}
	for i, part := range l.Parts {
		switch part := part.(type) {
		case *Sound:
			p.items[i].sound = part
			p.most = max(p.most, part.rate)
		case Silence:
			p.items[i].silence = max(time.Duration(part), 0)
		}
	}
	if p.most == 0 {
		p.most = 8000
	}
	for _, it := range p.items {
		if it.sound != nil && it.sound.rate != p.most { // the sounds have unlike rates: one of voices that holds them all
			for _, r := range voiceRates {
				if r >= p.most {
					p.most = r
					break
				}
			}
			break
		}
	}
	p.setRate(p.most)
	p.mix()
	p.skipEmpty()
	return p
}

// Rate is that of the sound, the highest of several, in Hz: the rate of Read until SetRate.
func (p *Source) Rate() int { return p.most }

// SetRate has Read give sound at another rate from now on, at the same place (media.Adjustable). It can be the
// sound's own, or 8, 16 or 48 kHz.
func (p *Source) SetRate(rate int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.setRate(rate)
}

func (p *Source) setRate(rate int) bool {
	if rate == p.rate {
		return true
	}
	for _, it := range p.items {
		if it.sound != nil && it.sound.at(rate) == nil {
			return false
		}
	}
	was := p.rate
	if was != 0 {
		p.settle()
	}
	p.rate = rate
	for i := range p.items {
		it := &p.items[i]
		if it.sound == nil {
			it.n = samplesIn(it.silence, rate)
			continue
		}
		it.version = it.sound.at(rate)
		it.n = len(it.version.x)
	}
	if was != 0 && p.item < len(p.items) {
		p.at = min(int(int64(p.at)*int64(rate)/int64(was)), p.items[p.item].n)
	}
	p.old, p.tempo = nil, nil
	return true
}

// Duration is how long one round of it plays, at its own speed.
func (p *Source) Duration() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return lasts(p.total(), p.rate)
}

func (p *Source) total() (n int) {
	for i := range p.items {
		n += p.items[i].n
	}
	return n
}

// Position is where it is, in time of the sound, whatever speed that is played at; in a loop, of the round.
func (p *Source) Position() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.at
	for i := range p.items[:p.item] {
		at += p.items[i].n
	}
	if p.tempo != nil {
		if at -= p.tempo.Ahead(); at < 0 && p.loop && p.again {
			at += p.total()
		}
	}
	return lasts(max(at, 0), p.rate)
}

// Seek goes to a position: the sample that is heard there, or the end where it is beyond.
func (p *Source) Seek(to time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave()
	at := samplesIn(max(to, 0), p.rate)
	for p.item = 0; p.item < len(p.items) && at >= p.items[p.item].n; p.item++ {
		at -= p.items[p.item].n
	}
	if p.at = at; p.item == len(p.items) {
		p.at = 0
		p.round()
	}
}

// Skip goes to the beginning of the part that is n further on in the list, or back; 0 is the beginning of the one that
// plays.
func (p *Source) Skip(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave()
	p.item, p.at = min(max(p.item+n, 0), len(p.items)), 0
	p.skipEmpty()
}

// Pause has it be silent where it is, or go on from there.
func (p *Source) Pause(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused && !on && p.hushed {
		p.old, p.faded = make([]int16, samplesIn(fadeTime, p.rate)), 0 // from silence
	}
	p.paused = on
	if !on {
		p.hushed = false
	}
}

// Speed is how fast it plays, from 0.5 to 2, at the same pitch.
func (p *Source) Speed(factor float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.speed = min(max(factor, pcm.Slowest), pcm.Fastest)
	if p.speed != 1 {
		p.ready()
	}
}

// ready has a stretcher be there.
func (p *Source) ready() {
	if p.tempo == nil {
		p.tempo = pcm.NewTempo(p.rate)
	}
	if p.pull == nil {
		p.pull = p.play
	}
}

// leave has what plays now go on for fadeTime while it fades away, and gives its place up.
func (p *Source) leave() {
	if p.hushed || !p.again && p.item == 0 && p.at == 0 {
		p.settle()
		return
	}
	old := make([]int16, samplesIn(fadeTime, p.rate))
	p.sound(old)
	p.old, p.faded = old, 0
	if p.tempo != nil {
		p.tempo.Reset()
	}
}

// settle gives up what a stretcher has taken ahead, and goes back to where it is.
func (p *Source) settle() {
	if p.tempo == nil {
		return
	}
	for ahead := p.tempo.Ahead(); ahead > 0; {
		if p.at >= ahead {
			p.at -= ahead
			break
		}
		ahead -= p.at
		if p.at = 0; p.item == 0 {
			break
		}
		p.item--
		p.at = p.items[p.item].n
	}
	p.tempo.Reset()
}

// Read fills the frame, and gives io.EOF with the last samples.
func (p *Source) Read(f media.Frame) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hushed {
		clear(f)
		return len(f), nil
	}
	if p.paused {
		p.hush(f)
		return len(f), nil
	}
	n := p.sound(f)
	if p.old != nil {
		n = p.fade(f, n)
	}
	if p.over() {
		return n, io.EOF
	}
	return n, nil
}

// over reports whether all has been played.
func (p *Source) over() bool {
	return p.item == len(p.items) && p.old == nil && (p.tempo == nil || p.tempo.Ahead() == 0 && !p.tempo.Pending())
}

// hush fills f with sound that fades away, and comes back to where it was.
func (p *Source) hush(f media.Frame) {
	at, place := p.at, p.item
	n := p.sound(f)
	if p.old != nil {
		n = p.fade(f, n)
		p.old = nil
	}
	if p.tempo == nil && (p.item > place || p.item == place && p.at >= at) { // no round began meanwhile
		p.at, p.item = at, place
	}
	long := min(samplesIn(fadeTime, p.rate), len(f))
	n = min(n, long)
	for i, v := range f[:n] {
		f[i] = int16(int(v) * (long - i) / long)
	}
	clear(f[n:])
	p.hushed = true
}

// fade lays what was played before over the first n samples of f.
func (p *Source) fade(f media.Frame, n int) int {
	old := p.old[p.faded:]
	long := min(len(old), len(f))
	clear(f[n:max(n, long)])
	for i, v := range old[:long] {
		w := p.faded + i
		f[i] = int16((int(f[i])*w + int(v)*(len(p.old)-w)) / len(p.old))
	}
	if p.faded += long; p.faded == len(p.old) {
		p.old = nil
	}
	return max(n, long)
}

// sound gives the next samples at the speed.
func (p *Source) sound(f media.Frame) int {
	if p.tempo == nil && p.speed == 1 {
		return p.play(f)
	}
	p.ready()
	n := p.tempo.Read(f, p.speed, p.pull)
	if p.speed == 1 && p.tempo.Ahead() == 0 && !p.tempo.Pending() {
		p.tempo = nil
	}
	return n
}

// play gives the next samples.
func (p *Source) play(f media.Frame) (n int) {
	for n < len(f) && p.item < len(p.items) {
		it := &p.items[p.item]
		k := min(it.n-p.at, len(f)-n)
		if it.version == nil {
			clear(f[n : n+k])
		} else {
			copy(f[n:n+k], it.version.part(p.at, p.at+k))
		}
		n += k
		if p.at += k; p.at == it.n {
			p.item, p.at = p.item+1, 0
			p.skipEmpty()
		}
	}
	return n
}

// skipEmpty goes on to the next item that has a sound in it, or is long.
func (p *Source) skipEmpty() {
	for p.item < len(p.items) && p.items[p.item].n == 0 {
		p.item++
	}
	if p.item == len(p.items) {
		p.round()
	}
}

// round begins the list again in a loop.
func (p *Source) round() {
	if !p.loop || p.total() == 0 {
		return
	}
	p.item, p.at = 0, 0
	p.again = true
	p.mix()
	for p.items[p.item].n == 0 {
		p.item++
	}
}

// mix puts the items into an order of chance, where that is wanted.
func (p *Source) mix() {
	if p.shuffle == nil {
		return
	}
	for i := len(p.items) - 1; i > 0; i-- {
		j := int(p.shuffle.Uint64() % uint64(i+1))
		p.items[i], p.items[j] = p.items[j], p.items[i]
	}
}
