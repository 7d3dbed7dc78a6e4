package recorder

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"

	"santral/media/codec"
	"santral/media/ogg"
)

const opusUnits = ogg.OpusRate / 50 // of a packet of 20 ms

// opus is sound in Ogg/Opus (RFC 7845). Each piece of sound ends with a page, so that a crash costs no more.
type opus struct {
	channels, rate int
	encoder        *codec.OpusFile
	out            bytes.Buffer // what the writer makes, on its way
	pages          *ogg.Writer
	frame          []int16 // a packet's worth, its channels' samples in turn …
	fill           int     // … of which so much is there
	packet         []byte
	packets        uint64
	samples        int64 // of each channel
	skip           int64 // at 48 kHz, before the first sample
}

func newOpus(channels, rate int) (*opus, error) {
	e, err := codec.NewOpusFile(rate, channels, 0)
	if err != nil {
		return nil, err
	}
	o := &opus{channels: channels, rate: rate, encoder: e, frame: make([]int16, channels*rate/50)}
	o.skip = int64(e.Delay()) * ogg.OpusRate / int64(rate)
	o.pages = ogg.NewWriter(&o.out, rand.Uint32())
	return o, nil
}

// given appends what the pages have become. Writing to memory does not fail.
func (o *opus) given(to []byte) []byte {
	to = append(to, o.out.Bytes()...)
	o.out.Reset()
	return to
}

func (o *opus) begin(to []byte) []byte {
	h := ogg.OpusHead{Channels: o.channels, PreSkip: int(o.skip), Rate: o.rate}
	_ = o.pages.WritePacket(h.Append(nil), 0, true)
	_ = o.pages.WritePacket(ogg.OpusTags{Vendor: "Santral"}.Append(nil), 0, true)
	return o.given(to)
}

func (o *opus) sound(to []byte, both []int16) []byte {
	o.samples += int64(len(both) / o.channels)
	for len(both) > 0 {
		n := copy(o.frame[o.fill:], both)
		both = both[n:]
		if o.fill += n; o.fill == len(o.frame) {
			o.fill = 0
			o.say(0)
		}
	}
	_ = o.pages.Flush()
	return o.given(to)
}

// say writes the packet of the frame. The last is given the place where the sound ends.
func (o *opus) say(end uint64) {
	o.packet = o.encoder.Encode(o.packet[:0], o.frame)
	o.packets++
	at := o.packets * opusUnits
	if end > 0 {
		at = min(at, end)
	}
	_ = o.pages.WritePacket(o.packet, at, false)
}

func (o *opus) units(samples int64) uint64 {
	return uint64(samples*ogg.OpusRate/int64(o.rate) + o.skip)
}

// end says the rest, and what the encoder has kept of it: the last page ends where the sound does (RFC 7845 §4.4).
func (o *opus) end(to []byte) []byte {
	for end := o.units(o.samples); o.samples > 0 && o.packets*opusUnits < end; {
		clear(o.frame[o.fill:])
		o.fill = 0
		o.say(end)
	}
	_ = o.pages.Close()
	return o.given(to)
}

// cut keeps the pages that end before the end, and writes those packets anew of which a part is before it.
func (o *opus) cut(to []byte, f io.ReaderAt, size, samples int64) (stay int64, more []byte, err error) {
	end := o.units(samples)
	if end > o.packets*opusUnits { // the last packet has not been written
		o.samples = samples
		return size, o.end(to), nil
	}
	r := ogg.NewReader(io.NewSectionReader(f, 0, size))
	var before ogg.Place
	var rest [][]byte
	at := uint64(0)
	for n := 0; at < end || n < 2; n++ {
		p, granule, err := r.Next()
		if err != nil {
			return 0, nil, fmt.Errorf("cut: %w", err)
		}
		if n >= 2 {
			at += opusUnits
		}
		rest = append(rest, bytes.Clone(p))
		if granule != ogg.NoGranule && granule < end {
			before, rest = r.Last(), rest[:0]
		}
	}
	w := ogg.Continue(&o.out, before)
	at = before.Granule
	for _, p := range rest {
		at += opusUnits
		_ = w.WritePacket(p, min(at, end), false)
	}
	_ = w.Close()
	return before.End, o.given(to), nil
}

func (o *opus) mend(int64) []byte { return nil }
