package codec

import (
	"slices"

	"santral/media"
	"santral/media/pcm"
)

// law is a codec of ITU-T G.711, with the concealment of its Appendix I.
func law(c pcm.Codec) *Codec {
	return &Codec{
		Format:     media.Format{Name: c.Name, Payload: c.Payload, Rate: 8000, Channels: 1},
		Rate:       8000,
		Cost:       lawCost,
		step:       step1,
		most:       media.MostSound,
		NewDecoder: func(media.Format) (media.Decoder, error) { return &lawDecoder{c, pcm.NewConcealer(8000)}, nil },
		NewEncoder: func(media.Format, Options) (media.Encoder, error) { return lawEncoder{c}, nil },
	}
}

type lawDecoder struct {
	pcm.Codec
	gap *pcm.Concealer
}

// Decode expands each octet to a sample.
func (d *lawDecoder) Decode(dst media.Frame, payload []byte) (int, error) {
	n := min(len(dst), len(payload))
	d.Codec.Decode(dst[:n], payload[:n])
	d.gap.Good(dst[:n])
	return n, nil
}

// Conceal goes on with the pitch of what was heard.
func (d *lawDecoder) Conceal(dst media.Frame) { d.gap.Fill(dst) }

type lawEncoder struct{ pcm.Codec }

// Encode compresses each sample to an octet.
func (e lawEncoder) Encode(dst []byte, sound media.Frame) []byte {
	at := len(dst)
	dst = slices.Grow(dst, len(sound))[:at+len(sound)]
	e.Codec.Encode(dst[at:], sound)
	return dst
}

// CopyFrom has nothing to take over (media.Copier).
func (e lawEncoder) CopyFrom(o media.Encoder) bool {
	of, ok := o.(lawEncoder)
	return ok && of.Payload == e.Payload
}
