// Package pcm turns linear sound into what travels and back, and changes its rate: the A-law and
// µ-law of ITU-T G.711, and resampling.
//
// All functions are pure and allocate only what they return. Pacing, packets and files live in the
// rooms that call it.
package pcm

import (
	"math/bits"
	"strings"

	"santral/media"
)

// Codec is one encoding of a sample in an octet.
type Codec struct {
	Name    string // as in a session description (RFC 3551 §6)
	Payload uint8  // static RTP payload type
	Silence byte   // the octet of a zero sample

	Encode func(dst []byte, src media.Frame) // dst has at least as many octets as src has samples
	Decode func(dst media.Frame, src []byte) // dst has at least as many samples as src has octets
}

// The two codecs of ITU-T G.711.
var (
	PCMU = Codec{Name: "PCMU", Payload: 0, Silence: 0xff, Encode: EncodeULaw, Decode: DecodeULaw}
	PCMA = Codec{Name: "PCMA", Payload: 8, Silence: 0xd5, Encode: EncodeALaw, Decode: DecodeALaw}
)

// Lookup finds a codec by its name, of any case.
func Lookup(name string) (Codec, bool) {
	switch {
	case strings.EqualFold(name, PCMA.Name):
		return PCMA, true
	case strings.EqualFold(name, PCMU.Name):
		return PCMU, true
	}
	return Codec{}, false
}

// A-law looks at the upper 12 bits of a sample, µ-law at the upper 14.
var (
	aEncode = table12()
	uEncode = table14()
	aDecode = expand(expandA)
	uDecode = expand(expandU)
)

// EncodeALaw compresses samples by the A-law (ITU-T G.711 table 1).
func EncodeALaw(dst []byte, src media.Frame) {
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = aEncode[uint16(s)>>4]
	}
}

// EncodeULaw compresses samples by the µ-law (ITU-T G.711 table 2).
func EncodeULaw(dst []byte, src media.Frame) {
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = uEncode[uint16(s)>>2]
	}
}

// DecodeALaw expands A-law octets.
func DecodeALaw(dst media.Frame, src []byte) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = aDecode[b]
	}
}

// DecodeULaw expands µ-law octets.
func DecodeULaw(dst media.Frame, src []byte) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = uDecode[b]
	}
}

func table12() *[1 << 12]byte {
	t := new([1 << 12]byte)
	for i := range t {
		t[i] = compressA(int16(i << 4))
	}
	return t
}

func table14() *[1 << 14]byte {
	t := new([1 << 14]byte)
	for i := range t {
		t[i] = compressU(int16(i << 2))
	}
	return t
}

func expand(one func(byte) int16) *[256]int16 {
	t := new([256]int16)
	for i := range t {
		t[i] = one(byte(i))
	}
	return t
}

// compressA: sign, three bits of segment, four bits of step; every second bit inverted. Segments 0
// and 1 have the same step, each later one twice the step of the one before.
func compressA(s int16) byte {
	sign := byte(0x80)
	if s < 0 {
		sign, s = 0, ^s // magnitudes mirror about -½, so that both signs have all steps
	}
	m := uint(s) >> 4
	segment := bits.Len(m >> 4)
	if segment > 1 {
		m >>= segment - 1
	}
	return (sign | byte(segment)<<4 | byte(m)&0x0f) ^ 0x55
}

func expandA(b byte) int16 {
	b ^= 0x55
	segment, step := b>>4&7, int16(b&0x0f)
	v := step<<4 + 8
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}

// compressU: sign, segment and step, all bits inverted. A bias of 33 makes every segment begin at a
// power of two.
func compressU(s int16) byte {
	sign := byte(0)
	if s < 0 {
		sign, s = 0x80, ^s
	}
	m := min(uint(s)>>2+33, 0x1fff)
	segment := bits.Len(m) - 6
	return ^(sign | byte(segment)<<4 | byte(m>>(segment+1))&0x0f)
}

func expandU(b byte) int16 {
	b = ^b
	segment, step := b>>4&7, int16(b&0x0f)
	v := (step<<3+0x84)<<segment - 0x84
	if b&0x80 != 0 {
		return -v
	}
	return v
}
