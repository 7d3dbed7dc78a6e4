// Package player makes recorded sound into a media.Source: it reads files whole, and plays them as often and to as many
// calls as wanted.
//
// A Sound is immutable and shared freely; a Source is one playing of sounds. Nothing is read from disk while a call
// plays. What lives here: files that hold sound (WAV, Ogg with Opus, G.722 and the plain ones of telephony), the rates
// that phones want it at, playings, and foreign files by ffmpeg. What does not: which file a prompt's name means.
package player

import (
	"sync"
	"sync/atomic"
	"time"

	"santral/media"
	"santral/media/codec"
)

// MaxRate is the highest rate at which sound is kept, in Hz. What comes at a higher one is brought down to it.
const MaxRate = 48000

// The rates of the voices of calls, at which a sound is kept besides its own once it was wanted so.
var voiceRates = [...]int{8000, 16000, 48000}

// Sound is recorded sound, mono, ready to play.
type Sound struct {
	rate   int
	length int    // samples
	packed []byte // as G.722, until somebody plays it
	once   sync.Once
	own    atomic.Pointer[version]
	others [len(voiceRates)]atomic.Pointer[version]
}

// New makes a sound of samples, which it keeps, at a rate of up to MaxRate.
func New(samples []int16, rate int) *Sound {
	s := &Sound{rate: rate, length: len(samples)}
	s.own.Store(&version{x: samples})
	return s
}

// G722Rate is that of sound that comes as G.722, in Hz.
const G722Rate = 16000

// PackedG722 makes a sound of its encoding by ITU-T G.722 at 64 kbit/s, an octet for two samples, which it keeps, and
// decodes when the sound is first played.
func PackedG722(octets []byte) *Sound {
	return &Sound{rate: G722Rate, length: 2 * len(octets), packed: octets}
}

// Rate is the sound's own, in Hz.
func (s *Sound) Rate() int { return s.rate }

// Duration is how long it plays.
func (s *Sound) Duration() time.Duration { return lasts(s.length, s.rate) }

// Samples are the sound itself at its own rate; they must not be changed.
func (s *Sound) Samples() []int16 { return s.plain().x }

// At gives the sound at another rate: itself, where that is its own.
func (s *Sound) At(rate int) *Sound {
	if rate == s.rate {
		return s
	}
	v := newVersion(s.Samples(), s.rate, rate)
	v.make(0, len(v.x))
	return New(v.x, rate)
}

// Size is how much memory it takes now, in octets.
func (s *Sound) Size() int64 {
	n := int64(256 + len(s.packed)) // and itself
	if v := s.own.Load(); v != nil {
		n += int64(2 * len(v.x))
	}
	for i := range s.others {
		if v := s.others[i].Load(); v != nil {
			n += int64(2 * len(v.x))
		}
	}
	return n
}

// Play begins a playing.
func (s *Sound) Play() *Source { return Sequence(s) }

// Loop begins a playing that starts again at the end, until it is stopped.
func (s *Sound) Loop() *Source { return Playlist{Parts: []Part{s}, Loop: true}.Play() }

// plain gives the sound at its own rate.
func (s *Sound) plain() *version {
	if s.packed != nil {
		s.once.Do(func() {
			c, ok := codec.Lookup(media.Format{Name: "G722", Rate: 8000, Channels: 1})
			samples := make([]int16, s.length)
			if ok {
				if d, err := c.NewDecoder(c.Format); err == nil {
					for at := 0; at < len(s.packed); at += 800 { // 100 ms
						piece := s.packed[at:min(at+800, len(s.packed))]
						_, _ = d.Decode(samples[2*at:2*(at+len(piece))], piece)
					}
				}
			}
			s.own.Store(&version{x: samples})
		})
	}
	return s.own.Load()
}

// at gives the sound at a rate, nil where it isn't one of voices nor its own.
func (s *Sound) at(rate int) *version {
	if rate == s.rate {
		return s.plain()
	}
	for i, r := range voiceRates {
		if r != rate {
			continue
		}
		if v := s.others[i].Load(); v != nil {
			return v
		}
		v := newVersion(s.plain().x, s.rate, rate)
		if !s.others[i].CompareAndSwap(nil, v) {
			v = s.others[i].Load()
		}
		return v
	}
	return nil
}

// lasts is how long n samples of a rate are.
func lasts(n, rate int) time.Duration {
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/time.Duration(rate)
}

// samplesIn is how many samples of a rate have begun within d.
func samplesIn(d time.Duration, rate int) int {
	return int(d/time.Second)*rate + int((d%time.Second)*time.Duration(rate)/time.Second)
}
