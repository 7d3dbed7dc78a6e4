package player

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"santral/media"
	"santral/media/codec"
	"santral/media/ogg"
)

// ErrNoOpus is the error for a file of Opus where the library that decodes it is missing.
var ErrNoOpus = errors.New("Opus is read by the library libopus.so.0, which is not installed (on Debian and Ubuntu it is in the package libopus0)")

// parseOgg reads the streams of Opus in a file, one after another; two channels are mixed into one.
func parseOgg(data []byte) (*Sound, error) {
	r := ogg.NewReader(bytes.NewReader(data))
	c, found := codec.Lookup(media.Format{Name: "opus", Rate: ogg.OpusRate, Channels: 2})
	var all []int16
	var link *opusLink
	for {
		p, granule, err := r.Next()
		if err != nil {
			if errors.Is(err, io.EOF) && link != nil && len(all) > 0 {
				return New(slices.Clip(link.end(all)), ogg.OpusRate), nil
			}
			if errors.Is(err, io.EOF) {
				err = errors.New("ogg: no sound in it")
			}
			return nil, err
		}
		if r.Begins() {
			if link != nil {
				all = link.end(all)
			}
			head, err := ogg.ParseOpusHead(p)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%w: %w", ErrForeign, err)
			case head.Streams != 1:
				return nil, fmt.Errorf("%w: Opus of %d channels", ErrForeign, head.Channels)
			case !found:
				return nil, ErrNoOpus
			}
			link = &opusLink{head: head, begin: len(all), granule: ogg.NoGranule}
			if link.decoder, err = c.NewDecoder(c.Format); err != nil {
				return nil, err
			}
			continue
		}
		if link.tags++; link.tags == 1 {
			continue
		}
		if all = link.decode(all, p, granule); len(all)-link.begin > maxSamples || len(all) > maxSamples {
			return nil, errLong
		}
	}
}

// opusLink is one stream of a file (RFC 7845 §4).
type opusLink struct {
	head    ogg.OpusHead
	decoder media.Decoder
	tags    int
	begin   int    // where it begins in the sound
	decoded int    // samples, those that are skipped included
	start   uint64 // granule position where it begins, once it is known
	known   bool
	granule uint64 // the last that was said
	frame   [ogg.OpusRate * 120 / 1000]int16
}

// decode appends the sound of a packet.
func (l *opusLink) decode(all []int16, p []byte, granule uint64) []int16 {
	n, err := l.decoder.Decode(l.frame[:], p)
	if err != nil { // as long as it would have been
		n = ogg.Samples(p)
		clear(l.frame[:n])
	}
	all = append(all, l.frame[:n]...)
	l.decoded += n
	if granule != ogg.NoGranule {
		if !l.known { // a stream may begin in the middle of what was sent (RFC 7845 §4.5)
			l.known = true
			if granule > uint64(l.decoded) {
				l.start = granule - uint64(l.decoded)
			}
		}
		l.granule = granule
	}
	return all
}

// end leaves out what is to be skipped at the beginning and the end (RFC 7845 §4.2, §4.4), and brings the sound to the
// loudness that the head asks for (§5.1, field 6).
func (l *opusLink) end(all []int16) []int16 {
	if l.granule != ogg.NoGranule && l.granule >= l.start && l.granule-l.start < uint64(l.decoded) {
		all = all[:l.begin+int(l.granule-l.start)]
	}
	skip := min(l.head.PreSkip, len(all)-l.begin)
	all = slices.Delete(all, l.begin, l.begin+skip)
	if l.head.Gain != 0 {
		gain := math.Pow(10, float64(l.head.Gain)/(20*256))
		for i, v := range all[l.begin:] {
			all[l.begin+i] = int16(min(max(math.Round(float64(v)*gain), -32768), 32767))
		}
	}
	return all
}
