// Package jitter holds the buffer between a network and an ear: packets come in as they come, sound goes
// out on the media clock.
//
// What lives here: the order of packets, the delay that they are given and how it grows and shrinks, what
// is said in the place of lost ones, and redundant packets (RFC 2198). What does not: the waves themselves
// (media/pcm stretches them), codecs (they arrive as a function) and sockets. A Buffer is owned by the leg
// whose stream it takes; its packets are put in by a reader and its sound is read by one media loop, at the
// same time. A stream that is relayed has none.
package jitter

import (
	"sync"
	"sync/atomic"
	"time"

	"santral/media"
)

// Packet is one packet of a stream as the buffer takes it.
type Packet struct {
	Payload   uint8
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
	Marker    bool          // not needed: silence shows in the timestamps
	Spare     bool          // a copy of an earlier packet that came within a later one (RFC 2198)
	Sound     []byte        // the payload; Put keeps nothing of it
	At        time.Duration // when it came
}

// Config is how a buffer is to behave.
type Config struct {
	Rate  int           // of the sound that Read gives, in Hz
	Least time.Duration // the delay never shrinks below this, beyond what the frames themselves take
	Most  time.Duration // the delay never grows above this on purpose; 400 ms when 0

	// Fixed above 0 is for modems and fax: this delay, no stretching, no adapting. Who hears one in mid call makes
	// another buffer: what is known of how a voice came means little for it.
	Fixed time.Duration

	// Steady above 0 is for who writes down what is said, beside somebody else: every sample comes so long after it was
	// said, however long its packet, and neither jitter, pauses nor a sender's clock that goes wrong change that by
	// more than some milliseconds. What is off by little is brought back by a change of pace that nobody hears.
	Steady time.Duration

	// Decoder gives the decoder for a payload number, of sound at Rate, and the RTP clock of its format. ok
	// is false for one that carries no sound. It is asked once for each number, and must not call the
	// buffer. A decoder whose Decode gives no samples has learnt what silence sounds like (RFC 3389); its
	// Conceal is heard until there is speech again. One that is a media.Recoverer is told of every loss by
	// Recover or Conceal, because its state must follow; what other decoders gave is gone on with without them.
	Decoder func(payload uint8) (d media.Decoder, clock int, ok bool)

	// Clock is the clock of Packet.At. Without one the buffer takes the system's, and lays the packets' on it.
	Clock func() time.Duration
}

// Limits of what a stream may make us hold.
const (
	mostPackets = 128
	mostOctets  = 4096 // of one packet
	mostHeld    = 96 << 10
	mostFormats = 16
	defaultMost = 400 * time.Millisecond
)

// Buffer is the play-out buffer of one stream. It is a media.Source, and media.Rated.
type Buffer struct {
	// Parameters.
	cfg   Config
	epoch time.Time // of our own clock

	// State of both sides, behind the lock.
	mu      sync.Mutex
	decoder func(uint8) (media.Decoder, int, bool)
	formats []format
	queue   queue
	in      order
	delay   delay
	stats   Stats
	held    int    // octets in the queue
	apart   lowest // of our clock less the packets', when they come in

	reading atomic.Bool
	play    play
}

// format is what a payload number means.
type format struct {
	payload uint8
	sound   bool // it is one
	noise   bool // it is comfort noise
	clock   int
	decoder media.Decoder
}

// Stats is what a buffer has done since it began.
type Stats struct {
	Packets    uint64 // taken in, without copies
	Late       uint64 // came after their time
	Duplicates uint64
	Refused    uint64 // too long, of no known format, or too many
	Restarts   uint64 // the stream began anew: another SSRC, or numbers that leapt
	Recovered  uint64 // lost packets found in later ones (in-band FEC or RED)
	Underruns  uint64 // times that there was nothing to play
	Resyncs    uint64 // times that much was thrown away to catch up

	// Samples, at Config.Rate.
	Played    uint64 // all that Read has given
	Concealed uint64 // of those, what nobody said
	Comfort   uint64 // of those, silence that nobody sent
	Shortened uint64 // left out by stretching
	Stretched uint64 // put in by stretching

	Delay  time.Duration // that a packet waits now, from when the fastest of them come
	Target time.Duration // that it should be
}

// New makes a buffer. It starts nothing and need not be closed.
func New(cfg Config) *Buffer {
	if cfg.Rate <= 0 {
		cfg.Rate = 8000
	}
	if cfg.Most <= 0 {
		cfg.Most = defaultMost
	}
	cfg.Least = min(max(cfg.Least, 0), cfg.Most)
	b := &Buffer{cfg: cfg, decoder: cfg.Decoder, epoch: time.Now()}
	b.delay.limits(cfg)
	b.play.rate = cfg.Rate
	b.play.quiet.floor = -1
	return b
}

// Rate gives the rate of the sound in Hz.
func (b *Buffer) Rate() int { return b.cfg.Rate }

// Learn has the buffer ask decoder from now on, as Config.Decoder: what payload numbers mean has changed.
func (b *Buffer) Learn(decoder func(payload uint8) (d media.Decoder, clock int, ok bool)) {
	b.mu.Lock()
	b.decoder = decoder
	b.formats = nil
	b.mu.Unlock()
}

// Stats gives what the buffer has done so far.
func (b *Buffer) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Delay = max(b.duration(b.delay.now), 0)
	s.Target = b.duration(b.delay.target)
	return s
}

func (b *Buffer) duration(n int64) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(b.cfg.Rate)
}

func (b *Buffer) samples(d time.Duration) int64 {
	return int64(d/time.Microsecond) * int64(b.cfg.Rate) / 1_000_000
}

// formatLocked finds what a payload number means, asking once.
func (b *Buffer) formatLocked(payload uint8) format {
	for i := range b.formats {
		if b.formats[i].payload == payload {
			return b.formats[i]
		}
	}
	f := format{payload: payload, noise: payload == 13}
	if b.decoder != nil && len(b.formats) < mostFormats {
		f.decoder, f.clock, f.sound = b.decoder(payload)
	}
	if f.decoder == nil || f.clock <= 0 {
		f.sound = false
	}
	if len(b.formats) < mostFormats {
		b.formats = append(b.formats, f)
	}
	return f
}

// Put takes a packet. It is called by one reader at a time, may run beside Read, and never waits for a
// decoder.
func (b *Buffer) Put(p Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(p.Sound) > mostOctets {
		b.stats.Refused++
		return
	}
	if b.cfg.Clock == nil {
		now := time.Since(b.epoch)
		b.apart.add(int64(now-p.At), int64(now/time.Second))
	}
	b.putLocked(p, b.formatLocked(p.Payload))
}

// clock reads the clock of the packets.
func (b *Buffer) clock() time.Duration {
	if b.cfg.Clock != nil {
		return b.cfg.Clock()
	}
	now := time.Since(b.epoch)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.apart.any {
		now -= time.Duration(b.apart.get())
	}
	return now
}
