//go:build !static && linux

package codec

import (
	"errors"
	"slices"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"santral/media"
)

// libopus is the library, looked for when the first codec is asked for. Its functions are called without
// cgo. Encoders and decoders are memory of ours that the library fills (opus_encoder_init): it keeps
// nothing elsewhere, so the garbage collector frees them and nothing needs closing. That memory never
// moves, and holds no pointers to what is Go's.
type libopus struct {
	encoderSize, decoderSize uintptr
	encoderInit, decoderInit uintptr
	encode, decode           uintptr
	encoderControl           uintptr
	encoderWords             int // of a state, found once: the library takes 8 µs to say it
	decoderWords             int
}

// The requests of opus_encoder_ctl that are made here.
const (
	setBitrate      = 4002
	setMaxBandwidth = 4004
	setVBR          = 4006
	setComplexity   = 4010
	setInbandFEC    = 4012
	setPacketLoss   = 4014
	setDTX          = 4016

	applicationVoIP = 2048
	narrowBand      = 1101 // the wider bands are one more each, to 1105
)

const (
	opusQuant  = opusRate / 400 // 2.5 ms: what is repaired is a multiple of it
	opusPiece  = opusRate / 100 // 10 ms: the library invents shorter pieces of the SILK layer without a thread between them
	opusMost   = 1275           // octets of one frame (RFC 6716 §3.2.1); larger packets would not fit a network's unit
	opusEffort = 5              // libopus's complexity of 0 to 10: more costs twice the time and can't be heard
)

var errRefused = errors.New("codec: the library refuses")

var loadOpus = sync.OnceValue(func() *libopus {
	l := new(libopus)
	if !load("libopus.so.0", map[string]*uintptr{
		"opus_encoder_get_size": &l.encoderSize, "opus_decoder_get_size": &l.decoderSize,
		"opus_encoder_init": &l.encoderInit, "opus_decoder_init": &l.decoderInit,
		"opus_encode": &l.encode, "opus_decode": &l.decode,
		"opus_encoder_ctl": &l.encoderControl,
	}) {
		return nil
	}
	l.encoderWords = (call(l.encoderSize, 1) + 7) / 8
	l.decoderWords = (call(l.decoderSize, 1) + 7) / 8
	return l
})

// load finds a library and functions of it; false where one is missing.
func load(library string, functions map[string]*uintptr) bool {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return false
	}
	for name, at := range functions {
		if *at, err = purego.Dlsym(handle, name); err != nil {
			return false
		}
	}
	return true
}

// call gives what a function of a library returns, an int of C's. What the arguments point to stays where
// it is meanwhile.
//
//go:uintptrescapes
func call(f uintptr, args ...uintptr) int {
	r, _, _ := purego.SyscallN(f, args...)
	return int(int32(r))
}

// opus is RFC 6716 by libopus: mono sound at 48 kHz, which its format calls two channels (RFC 7587 §7).
// nil where the library is not installed; packets of it are relayed then.
func opus() *Codec {
	l := loadOpus()
	if l == nil {
		return nil
	}
	return &Codec{
		Format:     opusFormat,
		Rate:       opusRate,
		Cost:       opusCost,
		step:       step10,
		most:       media.MostSound,
		only:       opusTimes,
		NewDecoder: func(media.Format) (media.Decoder, error) { return l.newDecoder() },
		NewEncoder: func(f media.Format, o Options) (media.Encoder, error) { return l.newEncoder(wishesOf(f.Params), o) },
	}
}

type opusDecoder struct {
	lib  *libopus
	st   []uint64
	made [opusPiece]int16 // invented sound, of which
	left int              // so much at the end has not been asked for
}

func (l *libopus) newDecoder() (*opusDecoder, error) {
	d := &opusDecoder{lib: l, st: make([]uint64, l.decoderWords)}
	if call(l.decoderInit, uintptr(unsafe.Pointer(&d.st[0])), opusRate, 1) != 0 {
		return nil, errRefused
	}
	return d, nil
}

// run decodes a payload, or invents sound without one, and gives the number of samples.
func (d *opusDecoder) run(dst media.Frame, payload []byte, repair uintptr) int {
	size := uintptr(min(len(dst), opusLongest))
	if len(payload) == 0 {
		return call(d.lib.decode, uintptr(unsafe.Pointer(&d.st[0])), 0, 0, uintptr(unsafe.Pointer(&dst[0])), size, 0)
	}
	return call(d.lib.decode, uintptr(unsafe.Pointer(&d.st[0])), uintptr(unsafe.Pointer(&payload[0])), uintptr(len(payload)),
		uintptr(unsafe.Pointer(&dst[0])), size, repair)
}

// Decode gives the sound of one packet, of 2.5 to 120 ms; stereo is mixed down.
func (d *opusDecoder) Decode(dst media.Frame, payload []byte) (int, error) {
	d.left = 0
	if len(payload) == 0 || len(dst) == 0 {
		return 0, errPayload // the library would take nothing for a lost packet
	}
	n := d.run(dst, payload, 0)
	if n < 0 {
		return 0, errPayload
	}
	return n, nil
}

// Conceal lets the library invent what is missing.
func (d *opusDecoder) Conceal(dst media.Frame) {
	n := copy(dst, d.made[opusPiece-d.left:])
	d.left -= n
	dst = dst[n:]
	for len(dst) >= opusPiece {
		whole := min(len(dst)/opusPiece*opusPiece, opusLongest)
		if d.run(dst[:whole], nil, 0) != whole {
			clear(dst[:whole])
		}
		dst = dst[whole:]
	}
	if len(dst) > 0 {
		if d.run(d.made[:], nil, 0) != opusPiece {
			clear(d.made[:])
		}
		d.left = opusPiece - copy(dst, d.made[:])
	}
}

// Recover finds the packet before next in it (RFC 6716 §2.1.7). dst is as long as what was lost.
func (d *opusDecoder) Recover(dst media.Frame, next []byte) bool {
	if len(dst) == 0 || len(dst)%opusQuant != 0 || len(dst) > opusLongest || !hasRepair(next) {
		return false
	}
	d.left = 0
	return d.run(dst, next, 1) == len(dst)
}

type opusEncoder struct {
	lib  *libopus
	st   []uint64
	dtx  bool
	fec  bool // the peer can use it
	loss int  // percent that the library was told
	on   bool // forward error correction is in what we send
	kept bool // it stays on without loss
}

func (l *libopus) newEncoder(w wishes, o Options) (*opusEncoder, error) {
	e := &opusEncoder{lib: l, st: make([]uint64, l.encoderWords)}
	if call(l.encoderInit, uintptr(unsafe.Pointer(&e.st[0])), opusRate, 1, applicationVoIP) != 0 {
		return nil, errRefused
	}
	e.dtx, e.fec, e.kept = o.DTX || w.dtx, w.fec, w.fec && o.FEC
	e.set(setComplexity, opusEffort)
	e.set(setBitrate, w.bitrate(o.Bitrate))
	e.set(setMaxBandwidth, narrowBand+w.band())
	if w.cbr {
		e.set(setVBR, 0)
	}
	if e.dtx {
		e.set(setDTX, 1)
	}
	if e.kept {
		e.Expect(usualLoss)
	}
	return e, nil
}

func (e *opusEncoder) set(request uintptr, value int) {
	call(e.lib.encoderControl, uintptr(unsafe.Pointer(&e.st[0])), request, uintptr(value))
}

// CopyFrom takes over the state of another (media.Copier): to the library an encoder is memory that may be copied.
func (e *opusEncoder) CopyFrom(o media.Encoder) bool {
	of, ok := o.(*opusEncoder)
	if !ok || of.lib != e.lib || len(of.st) != len(e.st) {
		return false
	}
	copy(e.st, of.st)
	e.dtx, e.fec, e.loss, e.on, e.kept = of.dtx, of.fec, of.loss, of.on, of.kept
	return true
}

// usualLoss is what is expected of a network when forward error correction is wanted before any loss was
// seen: the library puts none in when it expects none.
const usualLoss = 0.05

// Expect puts forward error correction in when packets are lost, and more of it when more are. From two
// percent up: below that concealment does, and the bits are better spent on sound.
func (e *opusEncoder) Expect(loss float64) {
	if !e.fec {
		return
	}
	if e.kept {
		loss = max(loss, usualLoss)
	}
	percent := min(max(int(loss*100+0.5), 0), 50)
	if percent < 2 {
		percent = 0
	}
	if percent == e.loss {
		return
	}
	e.loss = percent
	e.set(setPacketLoss, percent)
	if on := percent > 0; on != e.on {
		e.on = on
		e.set(setInbandFEC, min(percent, 1))
	}
}

// Encode makes a packet of 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms. Sound of any other length makes none.
func (e *opusEncoder) Encode(dst []byte, sound media.Frame) []byte {
	at := len(dst)
	dst = slices.Grow(dst, opusMost)
	if len(sound) == 0 {
		return dst
	}
	room := dst[at : at+opusMost]
	n := call(e.lib.encode, uintptr(unsafe.Pointer(&e.st[0])), uintptr(unsafe.Pointer(&sound[0])), uintptr(len(sound)),
		uintptr(unsafe.Pointer(&room[0])), opusMost)
	if n < 0 || n <= 2 && e.dtx {
		return dst // an error, or silence that needs no packet
	}
	return dst[:at+n]
}
