// Package codec holds the encodings of sound that Santral speaks itself: what they are called, at which
// rate their sound is, what they cost, and how an encoder or a decoder of each is made.
//
// What lives here: the table of codecs and the codecs themselves. What does not: samples and their rates
// (media/pcm), packets and their order (media/jitter, media/rtp), and who speaks what with whom
// (media/session). The table never changes after the first look; encoders and decoders belong to whoever
// made them.
package codec

import (
	"strings"

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
}

// Options are how an encoder is to behave. The zero value is the codec's everyday use.
type Options struct {
	Bitrate int  // bits a second; 0 for the codec's own choice
	FEC     bool // forward error correction from the beginning, not first when loss is seen
	DTX     bool // nothing is said in silence
}

// Lookup finds the codec of a format by name, clock and channels, of any case. ok is false for one that
// can't be spoken on this machine.
func Lookup(f media.Format) (*Codec, bool) {
	for _, c := range All() {
		if strings.EqualFold(c.Format.Name, f.Name) && c.Format.Rate == f.Rate && c.Format.Channels == max(f.Channels, 1) {
			return c, true
		}
	}
	return nil, false
}

// All gives the codecs that can be spoken on this machine, best sounding first. The list is not changed.
func All() []*Codec { return all }

var all = []*Codec{law(pcm.PCMA), law(pcm.PCMU)}

// law is a codec of ITU-T G.711.
func law(c pcm.Codec) *Codec {
	return &Codec{
		Format:     media.Format{Name: c.Name, Payload: c.Payload, Rate: 8000, Channels: 1},
		Rate:       8000,
		Cost:       20,
		NewDecoder: func(media.Format) (media.Decoder, error) { return lawDecoder{c}, nil },
		NewEncoder: func(media.Format, Options) (media.Encoder, error) { return lawEncoder{c}, nil },
	}
}

type lawDecoder struct{ pcm.Codec }

// Decode expands each octet to a sample.
func (d lawDecoder) Decode(dst media.Frame, payload []byte) (int, error) {
	n := min(len(dst), len(payload))
	d.Codec.Decode(dst[:n], payload[:n])
	return n, nil
}

// Conceal is silent.
func (d lawDecoder) Conceal(dst media.Frame) { clear(dst) }

type lawEncoder struct{ pcm.Codec }

// Encode compresses each sample to an octet.
func (e lawEncoder) Encode(dst []byte, sound media.Frame) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, len(sound))...)
	e.Codec.Encode(dst[at:], sound)
	return dst
}
