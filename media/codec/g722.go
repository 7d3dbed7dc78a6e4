package codec

import (
	"santral/media"
	"santral/media/pcm"
)

// g722 is ITU-T G.722 at 64 kbit/s: 16 kHz sound split into two bands by a quadrature mirror filter, each
// band coded by an adaptive difference: six bits of the lower and two of the upper in each octet.
//
// The arithmetic is that of the Recommendation, in the order of its blocks, so that every octet is the one
// that another implementation writes. What is arranged differently is only what costs time: the 29
// decisions of the lower band are a search of five steps, logarithmic scale factors are looked up whole,
// signs are masks instead of branches, and the delay lines stay where they are for a piece of sound.
func g722() *Codec {
	return &Codec{
		// RFC 3551 §4.5.2: the clock is 8000 for an old mistake's sake, the sound is at 16 kHz.
		Format:     media.Format{Name: "G722", Payload: 9, Rate: 8000, Channels: 1},
		Rate:       16000,
		Cost:       g722Cost,
		step:       step1,
		most:       media.MostSound,
		NewDecoder: func(media.Format) (media.Decoder, error) { return newG722Decoder(), nil },
		NewEncoder: func(media.Format, Options) (media.Encoder, error) { return newG722Encoder(), nil },
	}
}

// piece is how many octets are worked on between two moves of the delay lines: 10 ms.
const piece = 80

// The coefficients of both mirror filters, G.722 table 11 (its even half; the odd half is the same backwards).
const (
	q0, q1, q2, q3, q4, q5    = 3, -11, 12, 32, -210, 951
	q6, q7, q8, q9, q10, q11  = 3876, -805, 362, -156, 53, -11
	delayed                   = 22 // samples that a filter remembers
	lowestScale, highestScale = 18432, 22528
)

// decisions are the levels of the lower band's quantiser, G.722 table 14; the last one again fills the search.
var decisions = [32]int32{
	35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
	1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 2919, 2919, 2919,
}

// lowCodes are the six bits for each interval, first of a positive difference, then of a negative one.
var lowCodes = func() (t [64]uint8) {
	for i := range uint8(30) {
		t[i], t[32+i] = 61-i, 33-i
	}
	t[32], t[33] = 63, 62 // next to nothing and negative: the all-zero code is not used
	return t
}()

// level6 are the quantised differences of six bits, level4 of their upper four (G.722 tables 15 and 17),
// level2 of the upper band (table 20).
var (
	level6 = [64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856,
		7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	level4 = [16]int32{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0}
	level2 = [4]int32{-7408, -1616, 7408, 1616}
)

// grow4 and grow2 are how the logarithmic scale factors move after each code (G.722 tables 16 and 21).
var (
	grow4 = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	grow2 = [4]int32{798, -214, 798, -214}
)

// lowScale and highScale are the scale factors by the upper bits of their logarithms (blocks SCALEL, SCALEH).
var lowScale, highScale = scales(lowestScale, 8), scales(highestScale, 10)

// scales makes a table of 2^(n/32), with the eleven bits that G.722 table 18 (ILB) has of each.
func scales(top, shift int) []int32 {
	ilb := [32]int32{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
	t := make([]int32, top>>6+1)
	for i := range t {
		if s := shift - i>>5; s < 0 {
			t[i] = ilb[i&31] << -s << 2
		} else {
			t[i] = ilb[i&31] >> s << 2
		}
	}
	return t
}

// half is the predictor and the scale factor of one band: everything that both ends must agree on.
type half struct {
	s, sz  int32    // what the next sample is expected to be, and the zeros' part of it
	a1, a2 int32    // coefficients of the two poles
	b      [6]int32 // and of the six zeros
	d      [6]int32 // the last differences, doubled
	r1, r2 int32    // the last sounds, doubled
	p1, p2 int32    // the last sounds without the poles' part
	nb     int32    // logarithm of the scale factor
	scale  int32    // the scale factor
}

func sat16(v int32) int32 { return min(max(v, -32768), 32767) }
func sat15(v int32) int32 { return min(max(v, -16384), 16383) }

// follow takes the quantised difference d of one sample and predicts the next (block 4 of the
// Recommendation: RECONS, PARREC, UPPOL2, UPPOL1, UPZERO, FILTEP, FILTEZ, PREDIC).
func (h *half) follow(d int32) {
	r, p := sat16(h.s+d), sat16(h.sz+d)

	same1, same2 := (p^h.p1)>>31, (p^h.p2)>>31 // 0 for equal signs, -1 for different ones
	h.p2, h.p1 = h.p1, p
	w := sat16(h.a1 << 2)
	w = min((w^^same1)-^same1, 32767)>>7 + ((128 ^ same2) - same2)
	a2 := min(max(w+(h.a2*32512)>>15, -12288), 12288)
	edge := 15360 - a2
	a1 := min(max(((192^same1)-same1)+(h.a1*32640)>>15, -edge), edge)
	h.a1, h.a2 = a1, a2

	// UPZERO: each coefficient forgets a little and moves by the sign of its difference. No sum here can
	// leave 16 bits.
	move := int32(128)
	if d == 0 {
		move = 0
	}
	d0, d1, d2, d3, d4, d5 := h.d[0], h.d[1], h.d[2], h.d[3], h.d[4], h.d[5]
	g := (d ^ d0) >> 31
	b0 := ((move ^ g) - g) + (h.b[0]*32640)>>15
	g = (d ^ d1) >> 31
	b1 := ((move ^ g) - g) + (h.b[1]*32640)>>15
	g = (d ^ d2) >> 31
	b2 := ((move ^ g) - g) + (h.b[2]*32640)>>15
	g = (d ^ d3) >> 31
	b3 := ((move ^ g) - g) + (h.b[3]*32640)>>15
	g = (d ^ d4) >> 31
	b4 := ((move ^ g) - g) + (h.b[4]*32640)>>15
	g = (d ^ d5) >> 31
	b5 := ((move ^ g) - g) + (h.b[5]*32640)>>15
	h.b = [6]int32{b0, b1, b2, b3, b4, b5}

	dd := sat16(d << 1)
	h.d = [6]int32{dd, d0, d1, d2, d3, d4}
	h.sz = sat16((b0*dd)>>15 + (b1*d0)>>15 + (b2*d1)>>15 + (b3*d2)>>15 + (b4*d3)>>15 + (b5*d4)>>15)

	h.r2, h.r1 = h.r1, sat16(r<<1)
	h.s = sat16(sat16((a1*h.r1)>>15+(a2*h.r2)>>15) + h.sz)
}

// lower moves the lower band by a code of four bits: the difference that follow predicts from.
func (h *half) lower(code uint8) {
	code &= 15
	d := (h.scale * level4[code]) >> 15
	h.nb = min(max((h.nb*127)>>7+grow4[code], 0), lowestScale)
	h.scale = lowScale[h.nb>>6]
	h.follow(d)
}

// upper moves the upper band by a code of two bits.
func (h *half) upper(code uint8) {
	code &= 3
	d := (h.scale * level2[code]) >> 15
	h.nb = min(max((h.nb*127)>>7+grow2[code], 0), highestScale)
	h.scale = highScale[h.nb>>6]
	h.follow(d)
}

// bands are both halves of a coder or decoder.
type bands struct{ low, high half }

func newBands() bands { return bands{half{scale: 32}, half{scale: 8}} }

// code quantises a sample of each band and follows it. It is the one step of the encoder; the decoder
// takes it too, for the sound that it invents where a packet is missing.
func (b *bands) code(low, high int32) uint8 {
	e := sat16(low - b.low.s)
	sign := e >> 31
	// The decisions are at decision·scale/4096, rounded down; e at or above one goes on.
	m := ((e ^ sign) + 1) << 12
	n, scale := 0, b.low.scale
	for step := 16; step > 0; step >>= 1 {
		if decisions[(n+step-1)&31]*scale < m {
			n += step
		}
	}
	six := lowCodes[(min(n, 29)+int(sign&32))&63]
	b.low.lower(six >> 2)

	e = sat16(high - b.high.s)
	sign = e >> 31
	two := uint8(3) // near and positive
	if e^sign >= (564*b.high.scale)>>12 {
		two = 2
	}
	two += uint8(sign) & 0xfe // negative ones are two less
	b.high.upper(two)
	return two<<6 | six
}

// split is the mirror filter that halves sound: 24 samples give one of each band.
func split(x *[24]int16) (low, high int32) {
	odd := int32(x[0])*q0 + int32(x[2])*q1 + int32(x[4])*q2 + int32(x[6])*q3 + int32(x[8])*q4 + int32(x[10])*q5 +
		int32(x[12])*q6 + int32(x[14])*q7 + int32(x[16])*q8 + int32(x[18])*q9 + int32(x[20])*q10 + int32(x[22])*q11
	even := int32(x[1])*q11 + int32(x[3])*q10 + int32(x[5])*q9 + int32(x[7])*q8 + int32(x[9])*q7 + int32(x[11])*q6 +
		int32(x[13])*q5 + int32(x[15])*q4 + int32(x[17])*q3 + int32(x[19])*q2 + int32(x[21])*q1 + int32(x[23])*q0
	return (even + odd) >> 14, (even - odd) >> 14
}

// join is the mirror filter that puts the bands together again: 24 sums and differences give two samples.
func join(x *[24]int32) (first, second int16) {
	a := x[1]*q11 + x[3]*q10 + x[5]*q9 + x[7]*q8 + x[9]*q7 + x[11]*q6 + x[13]*q5 + x[15]*q4 + x[17]*q3 + x[19]*q2 + x[21]*q1 + x[23]*q0
	b := x[0]*q0 + x[2]*q1 + x[4]*q2 + x[6]*q3 + x[8]*q4 + x[10]*q5 + x[12]*q6 + x[14]*q7 + x[16]*q8 + x[18]*q9 + x[20]*q10 + x[22]*q11
	return int16(sat16(a >> 11)), int16(sat16(b >> 11))
}

type g722Encoder struct {
	bands
	x [delayed + 2*piece]int16
}

func newG722Encoder() *g722Encoder { return &g722Encoder{bands: newBands()} }

// Encode makes an octet of every two samples; an odd one at the end is left out.
func (e *g722Encoder) Encode(dst []byte, sound media.Frame) []byte {
	for len(sound) >= 2 {
		n := copy(e.x[delayed:], sound[:len(sound)&^1])
		sound = sound[n:]
		for i := 0; i < n; i += 2 {
			dst = append(dst, e.code(split((*[24]int16)(e.x[i:]))))
		}
		copy(e.x[:delayed], e.x[n:])
	}
	return dst
}

// CopyFrom takes over the state of another (media.Copier).
func (e *g722Encoder) CopyFrom(o media.Encoder) bool {
	of, ok := o.(*g722Encoder)
	if ok {
		*e = *of
	}
	return ok
}

type g722Decoder struct {
	bands
	x    [delayed + 2*piece]int32
	gap  *pcm.Concealer
	tail [delayed + 2*piece]int16 // its first samples are the last that were heard
}

func newG722Decoder() *g722Decoder {
	return &g722Decoder{bands: newBands(), gap: pcm.NewConcealer(16000)}
}

// Decode makes two samples of every octet.
func (d *g722Decoder) Decode(dst media.Frame, payload []byte) (int, error) {
	payload = payload[:min(len(payload), len(dst)/2)]
	dst = dst[:2*len(payload)]
	for at := 0; len(payload) > 0; {
		n := min(len(payload), piece)
		for i, c := range payload[:n] {
			low := sat15(d.low.s + (d.low.scale*level6[c&63])>>15)
			high := sat15(d.high.s + (d.high.scale*level2[c>>6])>>15)
			d.low.lower(c & 63 >> 2)
			d.high.upper(c >> 6)
			d.x[delayed+2*i], d.x[delayed+2*i+1] = low+high, low-high
		}
		for i := range n {
			dst[at], dst[at+1] = join((*[24]int32)(d.x[2*i:]))
			at += 2
		}
		copy(d.x[:delayed], d.x[2*n:])
		payload = payload[n:]
	}
	d.gap.Good(dst)
	d.hear(dst)
	return len(dst), nil
}

// hear keeps the end of what was said.
func (d *g722Decoder) hear(f media.Frame) {
	tail := d.tail[:delayed]
	if n := delayed - len(f); n > 0 {
		copy(tail, tail[len(f):])
		copy(tail[n:], f)
	} else {
		copy(tail, f[-n:])
	}
}

// Conceal goes on with the pitch of what was heard. The invention is coded as the encoder would have coded
// it, so that the predictors are near to where the encoder's are when packets come again.
func (d *g722Decoder) Conceal(dst media.Frame) {
	d.gap.Fill(dst)
	for f := dst; len(f) >= 2; {
		n := copy(d.tail[delayed:], f[:len(f)&^1])
		for i := 0; i < n; i += 2 {
			low, high := split((*[24]int16)(d.tail[i:]))
			d.code(low, high)
			copy(d.x[:], d.x[2:delayed])
			d.x[delayed-2], d.x[delayed-1] = low+high, low-high
		}
		copy(d.tail[:delayed], d.tail[n:])
		f = f[n:]
	}
}
