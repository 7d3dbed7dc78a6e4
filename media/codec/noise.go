package codec

import (
	"errors"
	"math"

	"santral/media"
)

// Comfort noise (RFC 3389): what a peer sends of its silence is a level and at most ten coefficients of its
// spectrum. It is a payload beside the sound's and never spoken alone, so that it is not in All.
var noises = []*Codec{noise(8000), noise(16000), noise(32000), noise(48000)}

var (
	errNoNoise = errors.New("codec: comfort noise is made by Hush")
	errPayload = errors.New("codec: not a payload of this codec")
)

// NoisePayload is comfort noise's own payload number, at 8 kHz (RFC 3389 §4).
const NoisePayload = 13

func noise(rate int) *Codec {
	payload := uint8(NoisePayload)
	if rate != 8000 {
		payload = 98
	}
	return &Codec{
		Format:     media.Format{Name: "CN", Payload: payload, Rate: rate, Channels: 1},
		Rate:       rate,
		Cost:       noiseCost * rate / 8000,
		NewDecoder: func(media.Format) (media.Decoder, error) { return newNoise(rate), nil },
		NewEncoder: func(media.Format, Options) (media.Encoder, error) { return nil, errNoNoise },
		step:       step10,
		most:       media.MostSound,
	}
}

// coefficients is the most that are heard of a spectrum: RFC 3389 §3.2 thinks ten enough.
const coefficients = 10

// sqrt3 is the edge of uniform noise of power 1.
const sqrt3 = 1.7320508075688772

// quietest is where noise begins before its first description came.
const quietest = 127

// noiseDecoder makes noise: white noise of ours through the filter that was described. A payload makes no
// sound itself, but says what Conceal gives until the next one.
type noiseDecoder struct {
	level float64               // of the output, root of the mean square
	want  float64               // where level is on its way to
	pace  float64               // part of the way for each sample
	a     [coefficients]float64 // of the filter
	gain  float64               // by which the filter raises noise of 1
	past  [coefficients]float64
	order int
	seed  uint64
	last  bool // a description came
}

func newNoise(rate int) *noiseDecoder {
	return &noiseDecoder{gain: 1, seed: 0x9e3779b97f4a7c15, pace: 1 / (0.02 * float64(rate))}
}

// Decode takes a description and gives no sound.
func (d *noiseDecoder) Decode(_ media.Frame, payload []byte) (int, error) {
	if len(payload) == 0 {
		return 0, errPayload
	}
	// RFC 3389 §3.1: the level below the loudest, in dB; the upper bit is always 0.
	d.want = 32768 * math.Pow(10, -float64(payload[0]&0x7f)/20)
	if payload[0]&0x7f == quietest {
		d.want = 0
	}
	if !d.last {
		d.last, d.level = true, d.want
	}
	d.order = min(len(payload)-1, coefficients)
	d.a = [coefficients]float64{}
	rest := 1.0 // what the filter leaves of the power when it flattens
	for i, n := range payload[1 : 1+d.order] {
		k := min(max(258*(float64(n)-127)/32768, -0.98), 0.98) // RFC 3389 §3.2; beyond it the filter would sing
		rest *= 1 - k*k
		was := d.a
		for j := range i {
			d.a[j] = was[j] + k*was[i-1-j]
		}
		d.a[i] = k
	}
	d.gain = math.Sqrt(rest)
	return 0, nil
}

// Conceal gives the noise.
func (d *noiseDecoder) Conceal(dst media.Frame) {
	for i := range dst {
		d.seed ^= d.seed << 13
		d.seed ^= d.seed >> 7
		d.seed ^= d.seed << 17
		v := float64(int32(d.seed>>32)) * (sqrt3 / (1 << 31)) * d.gain // a uniform one of power 1
		for j := range d.order {
			v -= d.a[j] * d.past[j]
		}
		copy(d.past[1:], d.past[:coefficients-1])
		d.past[0] = v
		d.level += (d.want - d.level) * d.pace
		dst[i] = int16(min(max(v*d.level, -32768), 32767))
	}
}
