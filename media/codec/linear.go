package codec

import (
	"encoding/binary"
	"slices"
	"time"

	"santral/media"
	"santral/media/pcm"
)

// packetRoom is what a packet may hold so that no network cuts it up, with headers and keys beside it.
const packetRoom = 1300

// linear is L16 (RFC 3551 §4.5.11): samples as they are, in network order, at one of the usual rates.
func linear(rate int) *Codec {
	payload := uint8(96)
	if rate == 44100 {
		payload = 11 // the one mono format of it that has a number of its own
	}
	return &Codec{
		Format:     media.Format{Name: "L16", Payload: payload, Rate: rate, Channels: 1},
		Rate:       rate,
		Cost:       rawCost * rate / 8000,
		step:       step10, // 44.1 kHz has whole samples in nothing shorter
		most:       max(10*time.Millisecond, time.Duration(packetRoom*500/rate)*time.Millisecond),
		NewDecoder: func(media.Format) (media.Decoder, error) { return &linearDecoder{pcm.NewConcealer(rate)}, nil },
		NewEncoder: func(media.Format, Options) (media.Encoder, error) { return linearEncoder{}, nil },
	}
}

type linearDecoder struct{ gap *pcm.Concealer }

// Decode reads two octets a sample; an odd one at the end is left out.
func (d *linearDecoder) Decode(dst media.Frame, payload []byte) (int, error) {
	n := min(len(dst), len(payload)/2)
	for i := range dst[:n] {
		dst[i] = int16(binary.BigEndian.Uint16(payload[2*i:]))
	}
	d.gap.Good(dst[:n])
	return n, nil
}

// Conceal goes on with the pitch of what was heard.
func (d *linearDecoder) Conceal(dst media.Frame) { d.gap.Fill(dst) }

type linearEncoder struct{}

// Encode writes two octets a sample.
func (linearEncoder) Encode(dst []byte, sound media.Frame) []byte {
	at := len(dst)
	dst = slices.Grow(dst, 2*len(sound))[:at+2*len(sound)]
	for i, s := range sound {
		binary.BigEndian.PutUint16(dst[at+2*i:], uint16(s))
	}
	return dst
}

// CopyFrom has nothing to take over (media.Copier).
func (linearEncoder) CopyFrom(o media.Encoder) bool {
	_, ok := o.(linearEncoder)
	return ok
}
