package session

import (
	"slices"
	"sync"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/pcm"
)

// coder makes payloads of sound: of one voice's, or of what many voices say alike, once for all of them. Who is given
// another coder in mid stream goes on with a copy of the one before, so that the peer's decoder meets nothing new.
//
// One that is shared belongs to the turns of who makes the sound. The lock is for voices that leave these turns
// for others, and take a copy with them.
type coder struct {
	key coderKey

	mu      sync.Mutex
	encoder media.Encoder // nil: there is none, and nothing is said
	hush    *codec.Hush   // nil: silence is sent as it is
	warm    []int16       // the last of what was encoded, where the encoder can't be copied
	loss    float64       // that is expected of the peers' networks
	lossAt  time.Duration

	// Of sound that comes in turns.
	turn   uint64 // the last one
	rate   int    // of the sound that filter takes
	filter *pcm.Resampler
	wide   []int16 // what the filter makes
	sound  []int16 // a packet's worth …
	fill   int     // … of which so much is there
	said   []said  // on this turn
}

// coderKey is what two coders have in common when they make the same of the same sound.
type coderKey struct {
	codec   *codec.Codec
	format  media.Format // its payload number is the peer's business: 0
	ptime   time.Duration
	options codec.Options
	noise   bool // silence is described
}

func keyOf(sp speech, o codec.Options) coderKey {
	k := coderKey{codec: sp.codec, format: sp.format, ptime: sp.ptime, options: o, noise: o.DTX && sp.noise.Rate != 0}
	k.format.Payload = 0
	return k
}

// said is what becomes of a packet's worth of sound.
type said struct {
	verdict codec.Verdict
	octets  []byte // the payload, or the description of silence; empty when nothing is to be sent
}

// newCoder makes one that begins, or that goes on where from stands; nil is for nobody.
func newCoder(key coderKey, from *coder) *coder {
	c := &coder{key: key, sound: make([]int16, samplesIn(key.codec.Rate, key.ptime))}
	c.follow(from)
	return c
}

// warmTime is how much of the sound just past is encoded for nothing by an encoder that can't be copied.
const warmTime = 100 * time.Millisecond

var following sync.Mutex // held before the locks of two coders

// follow has the coder go on where another stands, and begin where that is of another kind.
func (c *coder) follow(from *coder) {
	following.Lock()
	defer following.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if from == nil || from.key != c.key {
		c.encoder, _ = c.key.codec.NewEncoder(c.key.format, c.key.options)
		c.hush, c.filter, c.warm, c.loss = nil, nil, c.warm[:0], 0
		if c.key.noise {
			c.hush = codec.NewHush(c.key.codec.Rate)
		}
		c.fill = 0
		return
	}
	from.mu.Lock()
	defer from.mu.Unlock()
	c.loss, c.lossAt = from.loss, from.lossAt
	if c.encoder == nil || !copied(c.encoder, from.encoder) {
		c.encoder, _ = c.key.codec.NewEncoder(c.key.format, c.key.options)
		if !copied(c.encoder, from.encoder) && c.encoder != nil {
			var room [2048]byte
			for past := from.warm; len(past) >= len(c.sound); past = past[len(c.sound):] {
				c.encoder.Encode(room[:0], past[:len(c.sound)])
			}
			c.warm = append(c.warm[:0], from.warm...)
		}
	}
	if c.hush = nil; from.hush != nil {
		h := *from.hush
		c.hush = &h
	}
	if c.rate, c.filter = from.rate, nil; from.filter != nil {
		c.filter = from.filter.Copy()
		c.wide = make([]int16, len(from.wide))
	}
	c.fill = copy(c.sound, from.sound[:from.fill])
}

func copied(to, from media.Encoder) bool {
	c, ok := to.(media.Copier)
	return ok && c.CopyFrom(from)
}

// alignLocked has the first packet end where those of others do: what is missing at its beginning is silence.
func (c *coder) alignLocked(m *media.Mixed) {
	before := samplesIn(c.key.codec.Rate, time.Duration(m.Turn-1)*long(m)%c.key.ptime)
	if c.fill != before {
		c.fill = before
		clear(c.sound[:before])
	}
}

// long is the time of a turn.
func long(m *media.Mixed) time.Duration {
	return time.Duration(len(m.Sound)) * time.Second / time.Duration(m.Rate)
}

// encode makes of a packet's worth of sound what is to be sent.
func (c *coder) encode(sound media.Frame) *said {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = c.said[:0]
	c.encodeLocked(sound)
	return &c.said[0]
}

func (c *coder) encodeLocked(sound media.Frame) {
	n := len(c.said)
	if c.said = slices.Grow(c.said, 1)[:n+1]; c.encoder == nil {
		c.said[n] = said{verdict: codec.Silent}
		return
	}
	s := &c.said[n]
	s.verdict, s.octets = codec.Speech, s.octets[:0]
	if c.hush != nil {
		switch s.verdict = c.hush.Hear(sound); s.verdict {
		case codec.Described:
			s.octets = c.hush.Append(s.octets)
			return
		case codec.Silent:
			return
		}
	}
	s.octets = c.encoder.Encode(s.octets, sound)
	if _, ok := c.encoder.(media.Copier); ok {
		return
	}
	most := samplesIn(c.key.codec.Rate, warmTime) / len(sound) * len(sound)
	if over := len(c.warm) + len(sound) - most; over > 0 {
		c.warm = append(c.warm[:0], c.warm[min(over, len(c.warm)):]...)
	}
	c.warm = append(c.warm, sound...)
}

// packetsOn is how many packets are whole with the sound of a turn. All coders of a packet time end theirs on the same
// turns, so that one can take another's place.
func packetsOn(m *media.Mixed, ptime time.Duration) int {
	each := long(m)
	return int(time.Duration(m.Turn)*each/ptime - time.Duration(m.Turn-1)*each/ptime)
}

// advance makes what is to be sent of the sound of this turn, where nobody has yet. into is asked to put something
// into each packet's worth of sound before it is encoded; nil for nothing.
func (c *coder) advance(m *media.Mixed, into func(media.Frame)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn == m.Turn {
		return
	}
	if c.turn+1 != m.Turn {
		c.alignLocked(m)
	}
	c.turn, c.said = m.Turn, c.said[:0]
	sound := m.Sound
	if m.Rate != c.key.codec.Rate {
		sound = c.ratedLocked(sound, m.Rate)
	} else if c.fill == 0 && len(sound) == len(c.sound) && into == nil {
		c.encodeLocked(sound)
		return
	}
	for len(sound) > 0 {
		n := copy(c.sound[c.fill:], sound)
		sound = sound[n:]
		if c.fill += n; c.fill < len(c.sound) {
			return
		}
		if c.fill = 0; into != nil {
			into(c.sound)
		}
		c.encodeLocked(c.sound)
	}
}

// ratedLocked brings sound to the codec's rate.
func (c *coder) ratedLocked(sound media.Frame, rate int) media.Frame {
	if c.filter == nil || c.rate != rate {
		c.rate = rate
		if c.filter, _ = pcm.NewResampler(rate, c.key.codec.Rate); c.filter == nil {
			return nil
		}
	}
	if most := c.filter.Most(len(sound)); len(c.wide) < most {
		c.wide = make([]int16, most)
	}
	return c.wide[:c.filter.Process(c.wide, sound)]
}

// lossTime is how long a loss that some peer tells of is expected of all networks of a coder.
const lossTime = 2 * reportEvery

// expect tells an encoder that can do something about it how much a peer loses: where several have its packets, the
// one who loses most counts.
func (c *coder) expect(loss float64, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.encoder.(media.Adaptive)
	if !ok || loss < c.loss && now-c.lossAt < lossTime {
		return
	}
	c.loss, c.lossAt = loss, now
	a.Expect(loss)
}

// choir is the coders of what several say alike (media.Mixed.Made).
type choir struct{ coders []*coder }

// coderOf gives the coder of m for a key. Where it must be made, or was not in use on the turn before, it goes on where
// from stands.
func coderOf(m *media.Mixed, key coderKey, from *coder) *coder {
	h, ok := m.Made.(*choir)
	if !ok {
		h = &choir{}
		m.Made = h
	}
	var c *coder
	h.coders = slices.DeleteFunc(h.coders, func(o *coder) bool {
		if o.key == key {
			c = o
			return false
		}
		return o.turn+1 < m.Turn
	})
	switch {
	case c == nil:
		c = newCoder(key, from)
		h.coders = append(h.coders, c)
	case c.turn+1 >= m.Turn || c == from:
		return c
	default:
		c.follow(from)
	}
	c.turn = m.Turn - 1
	c.mu.Lock()
	c.alignLocked(m)
	c.mu.Unlock()
	return c
}
