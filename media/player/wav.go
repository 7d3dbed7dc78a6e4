package player

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"santral/media/pcm"
)

// Format tags of a WAV file's fmt chunk.
const (
	tagPCM        = 1
	tagFloat      = 3
	tagALaw       = 6
	tagULaw       = 7
	tagExtensible = 0xfffe // the real tag begins the sub-format at octet 24
)

// header is what the fmt chunk says.
type header struct {
	tag      uint16
	channels int
	rate     int
	bits     int
}

// Parse reads the text of a WAV file: 8 to 32 bit PCM, 32 bit floating point, A-law or µ-law, any number of channels up
// to 8 (they are mixed into one) and any rate up to 192 kHz, which it keeps up to MaxRate. Like the readers of the world it is lenient
// about sizes, because recordings get interrupted: a data chunk whose size is unknown (0 or all ones)
// or too large goes to the end of the file.
func Parse(data []byte) (*Sound, error) { return parse(data, MaxSize) }

func parse(data []byte, most int) (*Sound, error) {
	if len(data) > most {
		return nil, fmt.Errorf("wav: larger than %d octets", most)
	}
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, errors.New("wav: not a RIFF file of type WAVE")
	}
	var h header
	for rest := data[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		rest = rest[8:]
		if id == "data" {
			if h.tag == 0 {
				return nil, errors.New("wav: data before its format")
			}
			if size == 0 || size > int64(len(rest)) {
				size = int64(len(rest))
			}
			return h.decode(rest[:size])
		}
		if size > int64(len(rest)) {
			break
		}
		if id == "fmt " {
			if err := h.read(rest[:size]); err != nil {
				return nil, err
			}
		}
		rest = rest[min(size+size&1, int64(len(rest))):] // chunks begin at even places
	}
	return nil, errors.New("wav: no sound in it")
}

func (h *header) read(c []byte) error {
	if len(c) < 16 {
		return errors.New("wav: format chunk too short")
	}
	h.tag = binary.LittleEndian.Uint16(c)
	h.channels = int(binary.LittleEndian.Uint16(c[2:]))
	h.rate = int(binary.LittleEndian.Uint32(c[4:]))
	h.bits = int(binary.LittleEndian.Uint16(c[14:]))
	if h.tag == tagExtensible {
		if len(c) < 26 {
			return errors.New("wav: extended format chunk too short")
		}
		h.tag = binary.LittleEndian.Uint16(c[24:])
	}
	switch {
	case h.channels < 1 || h.channels > 8:
		return fmt.Errorf("wav: %d channels, 1 to 8 are read", h.channels)
	case h.rate < 1000 || h.rate > pcm.MaxRate:
		return fmt.Errorf("wav: %d samples a second, 1000 to %d are read", h.rate, pcm.MaxRate)
	}
	switch h.tag {
	case tagPCM:
		if h.bits != 8 && h.bits != 16 && h.bits != 24 && h.bits != 32 {
			return fmt.Errorf("wav: %d bits a sample, 8, 16, 24 and 32 are read", h.bits)
		}
	case tagFloat:
		if h.bits != 32 {
			return fmt.Errorf("wav: %d bits a floating sample, 32 are read", h.bits)
		}
	case tagALaw, tagULaw:
		if h.bits != 8 {
			return fmt.Errorf("wav: %d bits a compressed sample, 8 are read", h.bits)
		}
	default:
		return fmt.Errorf("wav: encoding %d; PCM, floating point, A-law and µ-law are read", h.tag)
	}
	return nil
}

// decode gives the sound of a data chunk.
func (h *header) decode(data []byte) (*Sound, error) {
	width := h.bits / 8
	samples := make([]int16, len(data)/width)
	switch {
	case h.tag == tagALaw:
		pcm.DecodeALaw(samples, data)
	case h.tag == tagULaw:
		pcm.DecodeULaw(samples, data)
	case h.tag == tagFloat:
		for i := range samples {
			v := math.Float32frombits(binary.LittleEndian.Uint32(data[i*4:]))
			if v != v {
				v = 0
			}
			samples[i] = int16(min(max(math.RoundToEven(float64(v)*32768), -32768), 32767))
		}
	case width == 1: // the only width without a sign
		for i := range samples {
			samples[i] = int16(int(data[i])-128) << 8
		}
	default: // little endian: the upper two octets are the sample
		for i := range samples {
			samples[i] = int16(binary.LittleEndian.Uint16(data[i*width+width-2:]))
		}
	}
	if h.channels > 1 {
		samples = mix(samples, h.channels)
	}
	return kept(samples, h.rate)
}

// mix makes one channel of many, in place.
func mix(samples []int16, channels int) []int16 {
	n := len(samples) / channels
	for i := range n {
		sum := 0
		for _, s := range samples[i*channels : (i+1)*channels] {
			sum += int(s)
		}
		samples[i] = int16(sum / channels)
	}
	return samples[:n]
}

// WAV gives the sound as a file: linear samples at its own rate.
func (s *Sound) WAV() []byte {
	samples := s.Samples()
	b := make([]byte, 0, 44+2*len(samples))
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(36+2*len(samples)))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, tagPCM)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(s.rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*s.rate))
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*len(samples)))
	for _, v := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}
