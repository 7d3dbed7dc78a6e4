// Package codec holds the encodings of sound that Santral speaks itself: what they are called, at which
// rate their sound is, what they cost, and how an encoder or a decoder of each is made.
//
// What lives here: the table of codecs, the codecs themselves, and comfort noise. What does not: samples and
// their rates (media/pcm), packets and their order (media/jitter, media/rtp), and who speaks what with whom
// (media/session). The table changes only when a plug-in is taken in, before anybody calls; encoders and
// decoders belong to whoever made them, and need no closing.
package codec

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/media"
	"santral/media/pcm"
)

// Codec is one encoding of sound.
type Codec struct {
	Format media.Format // its name, clock, channels, and the parameters of our own offers; Payload is the number that we like
	Rate   int          // of its sound, in Hz: 16000 for G.722, whose clock is 8000
	Cost   int          // microseconds of a core to decode and encode a second of sound, as measured; for choosing the cheaper way

	// NewDecoder makes a decoder of sound at Rate for a stream of the format f, as it was negotiated.
	NewDecoder func(f media.Format) (media.Decoder, error)
	// NewEncoder makes an encoder of sound at Rate for a stream of the format f, as the peer asked for it.
	NewEncoder func(f media.Format, o Options) (media.Encoder, error)

	step, most time.Duration   // packet times are multiples of step, up to most
	only       []time.Duration // and only these; nil for all of them
}

// Fit gives the packet time that an encoder of this codec makes in place of the one that is wanted: the
// longest that is not longer, or the codec's shortest. At 0 and below it is the usual 20 ms, where those fit
// into a packet.
func (c *Codec) Fit(want time.Duration) time.Duration {
	if want <= 0 {
		want = usualTime
	}
	want = max(min(want, c.most)/c.step*c.step, c.step)
	for i, t := range c.only {
		if i > 0 && t > want {
			return c.only[i-1]
		}
	}
	return want
}

// Options are how an encoder is to behave. The zero value is the codec's everyday use.
type Options struct {
	Bitrate int  // bits a second; 0 for the codec's own choice
	FEC     bool // forward error correction from the beginning, not first when loss is seen
	DTX     bool // nothing is said in silence
}

// What a second of sound costs both ways, in microseconds on one core of the machine that the figures in
// docs/performance.md are from.
const (
	lawCost   = 12
	g722Cost  = 1100
	opusCost  = 8800
	g729Cost  = 10600
	rawCost   = 20
	noiseCost = 120
)

// Packet times are whole milliseconds, or whole frames of a codec that has frames.
const (
	step1     = time.Millisecond
	step10    = 10 * time.Millisecond
	usualTime = 20 * time.Millisecond // RFC 3551 §4.2
)

// Lookup finds the codec of a format by name, clock and channels, of any case. ok is false for one that
// can't be spoken on this machine. Comfort noise is found too, which has a decoder alone. Nothing is allocated.
func Lookup(f media.Format) (c *Codec, ok bool) {
	if c = find(All(), f); c == nil {
		c = find(noises, f)
	}
	return c, c != nil
}

func find(list []*Codec, f media.Format) *Codec {
	channels := max(f.Channels, 1)
	for _, c := range list {
		if c.Format.Rate == f.Rate && c.Format.Channels == channels && strings.EqualFold(c.Format.Name, f.Name) {
			return c
		}
	}
	return nil
}

// All gives the codecs that can be spoken on this machine, those that we like to offer first: good sound
// for few bits. L16 is last: it is for who asks for it. The list is not changed.
func All() []*Codec {
	if t := table.Load(); t != nil {
		return *t
	}
	take()
	return *table.Load()
}

var (
	table  atomic.Pointer[[]*Codec]
	taking sync.Mutex
)

// take makes the table, and puts what comes from a plug-in before the codecs that are for who asks.
func take(plugged ...*Codec) {
	taking.Lock()
	defer taking.Unlock()
	if table.Load() != nil && len(plugged) == 0 {
		return // somebody else was first
	}
	var t []*Codec
	if c := opus(); c != nil {
		t = append(t, c)
	}
	t = append(t, g722(), law(pcm.PCMA), law(pcm.PCMU))
	t = append(t, plugged...)
	t = append(t, linear(48000), linear(44100), linear(16000), linear(8000))
	table.Store(&t)
}
