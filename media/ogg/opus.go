package ogg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// OpusRate is what granule positions and the pre-skip of Opus count in, whatever rate the sound came at
// (RFC 7845 §4).
const OpusRate = 48000

// OpusHead is the first packet of a stream of Opus (RFC 7845 §5.1).
type OpusHead struct {
	Channels int // 1 or 2 in mapping family 0
	PreSkip  int // samples at 48 kHz to leave out at the beginning
	Rate     int // of the sound that was encoded, in Hz; 0 unsaid. Nothing follows from it
	Gain     int // of the output, in dB/256
	Family   int // of channel mapping: 0 for one stream, mono or stereo. Append writes this one alone
	Streams  int // of Opus in each packet: 1 in family 0
	Coupled  int // of these, stereo
}

const (
	magicHead = "OpusHead"
	magicTags = "OpusTags"
	headSize  = 19
)

// Append appends the packet, of version 1 and mapping family 0.
func (h OpusHead) Append(b []byte) []byte {
	b = append(b, magicHead...)
	b = append(b, 1, byte(h.Channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(h.PreSkip))
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Rate))
	b = binary.LittleEndian.AppendUint16(b, uint16(h.Gain))
	return append(b, 0)
}

// ParseOpusHead reads the packet. Versions 0 to 15 are alike in what is read (RFC 7845 §5.1, field 2).
func ParseOpusHead(p []byte) (h OpusHead, err error) {
	switch {
	case !strings.HasPrefix(string(p[:min(len(p), 8)]), magicHead):
		return h, errors.New("ogg: not a stream of Opus")
	case len(p) < headSize:
		return h, errors.New("ogg: the head of Opus is cut off")
	case p[8]&0xf0 != 0:
		return h, fmt.Errorf("ogg: version %d of Opus in Ogg is not known", p[8])
	}
	h = OpusHead{
		Channels: int(p[9]),
		PreSkip:  int(binary.LittleEndian.Uint16(p[10:])),
		Rate:     int(binary.LittleEndian.Uint32(p[12:])),
		Gain:     int(int16(binary.LittleEndian.Uint16(p[16:]))),
		Family:   int(p[18]),
	}
	if h.Family == 0 {
		h.Streams, h.Coupled = 1, h.Channels-1
		if h.Channels != 1 && h.Channels != 2 {
			return h, fmt.Errorf("ogg: %d channels in a stream for one or two", h.Channels)
		}
		return h, nil
	}
	// RFC 7845 §5.1.1
	if h.Channels == 0 || len(p) < headSize+2+h.Channels {
		return h, errors.New("ogg: the channels of Opus are not described")
	}
	h.Streams, h.Coupled = int(p[19]), int(p[20])
	if h.Streams == 0 || h.Coupled > h.Streams || h.Streams+h.Coupled > 255 {
		return h, fmt.Errorf("ogg: %d streams of Opus, %d of them stereo, can't be", h.Streams, h.Coupled)
	}
	for _, c := range p[21 : 21+h.Channels] {
		if c != 255 && int(c) >= h.Streams+h.Coupled {
			return h, fmt.Errorf("ogg: channel %d of Opus can't be", c)
		}
	}
	return h, nil
}

// OpusTags is the second packet: who wrote it, and words about it (RFC 7845 §5.2).
type OpusTags struct {
	Vendor   string
	Comments []string // "TITLE=…"
}

// MaxComments is how many comments ParseOpusTags reads.
const MaxComments = 1000

// Append appends the packet.
func (t OpusTags) Append(b []byte) []byte {
	b = append(b, magicTags...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Vendor)))
	b = append(b, t.Vendor...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Comments)))
	for _, c := range t.Comments {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(c)))
		b = append(b, c...)
	}
	return b
}

// ParseOpusTags reads the packet. What is behind MaxComments, or cut off, is left out.
func ParseOpusTags(p []byte) (t OpusTags, err error) {
	if !strings.HasPrefix(string(p[:min(len(p), 8)]), magicTags) {
		return t, errors.New("ogg: no tags where those of Opus belong")
	}
	p = p[8:]
	word := func() (s string, ok bool) {
		if len(p) < 4 {
			return "", false
		}
		n := binary.LittleEndian.Uint32(p)
		if uint64(n) > uint64(len(p)-4) {
			return "", false
		}
		s, p = string(p[4:4+n]), p[4+n:]
		return s, true
	}
	vendor, ok := word()
	if !ok || len(p) < 4 {
		return t, errors.New("ogg: the tags of Opus are cut off")
	}
	t.Vendor = vendor
	n := binary.LittleEndian.Uint32(p)
	p = p[4:]
	for range min(n, MaxComments) {
		c, ok := word()
		if !ok {
			break
		}
		t.Comments = append(t.Comments, c)
	}
	t.Comments = slices.Clip(t.Comments)
	return t, nil
}

// Samples is how much sound a packet of Opus holds, in samples at 48 kHz; 0 for none (RFC 6716 §3.1, §3.2).
func Samples(packet []byte) int {
	if len(packet) == 0 {
		return 0
	}
	var frame int // samples of one
	switch config := packet[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // both: 10, 20 ms
		frame = 480 << (config & 1)
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config & 3)
	}
	count := 1
	switch packet[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		count = int(packet[1] & 0x3f)
	}
	if frame*count > OpusRate*120/1000 {
		return 0
	}
	return frame * count
}
