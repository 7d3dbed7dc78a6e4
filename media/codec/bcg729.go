//go:build !static && linux

package codec

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"santral/media"
)

// bcg729 is the library of that name.
type bcg729 struct {
	newEncoder, encode, freeEncoder uintptr
	newDecoder, decode, freeDecoder uintptr
}

// PlugG729 takes G.729 into the table, from a library of the interface of bcg729 at the path that the operator
// names ("libbcg729.so.0"). It is called before anybody speaks.
func PlugG729(library string) error {
	c, err := g729(library)
	if err != nil {
		return err
	}
	take(c)
	return nil
}

func g729(library string) (*Codec, error) {
	l := new(bcg729)
	if !load(library, map[string]*uintptr{
		"initBcg729EncoderChannel": &l.newEncoder, "bcg729Encoder": &l.encode, "closeBcg729EncoderChannel": &l.freeEncoder,
		"initBcg729DecoderChannel": &l.newDecoder, "bcg729Decoder": &l.decode, "closeBcg729DecoderChannel": &l.freeDecoder,
	}) {
		return nil, fmt.Errorf("codec: %s is no library for G.729", library)
	}
	return &Codec{
		Format:     g729Format,
		Rate:       8000,
		Cost:       g729Cost,
		NewDecoder: func(media.Format) (media.Decoder, error) { return l.decoder() },
		NewEncoder: func(media.Format, Options) (media.Encoder, error) { return l.encoder() },
		step:       step10,
		most:       media.MostSound,
	}, nil
}

// channel is memory of the library's, which is given back when its holder is no longer in use.
func channel[T any](holder *T, make, free uintptr, args ...uintptr) uintptr {
	at, _, _ := purego.SyscallN(make, args...)
	if at != 0 {
		runtime.AddCleanup(holder, func(at uintptr) { purego.SyscallN(free, at) }, at)
	}
	return at
}

type g729Encoder struct {
	lib    *bcg729
	at     uintptr
	octets [g729Octets + 6]byte
	length [8]byte
}

func (l *bcg729) encoder() (*g729Encoder, error) {
	e := &g729Encoder{lib: l}
	if e.at = channel(e, l.newEncoder, l.freeEncoder, 0); e.at == 0 { // 0: it finds no silence
		return nil, errRefused
	}
	return e, nil
}

// Encode makes ten octets of every 10 ms; what is left at the end is left out.
func (e *g729Encoder) Encode(dst []byte, sound media.Frame) []byte {
	for ; len(sound) >= g729Frame; sound = sound[g729Frame:] {
		call(e.lib.encode, e.at, uintptr(unsafe.Pointer(&sound[0])), uintptr(unsafe.Pointer(&e.octets[0])), uintptr(unsafe.Pointer(&e.length[0])))
		dst = append(dst, e.octets[:g729Octets]...)
	}
	runtime.KeepAlive(e)
	return dst
}

type g729Decoder struct {
	lib  *bcg729
	at   uintptr
	made [g729Frame]int16 // of which
	left int              // so much at the end has not been heard
}

func (l *bcg729) decoder() (*g729Decoder, error) {
	d := &g729Decoder{lib: l}
	if d.at = channel(d, l.newDecoder, l.freeDecoder); d.at == 0 {
		return nil, errRefused
	}
	return d, nil
}

// run decodes one frame, or none for one that is missing.
func (d *g729Decoder) run(dst media.Frame, frame []byte) {
	if len(frame) == 0 {
		call(d.lib.decode, d.at, 0, 0, 1, 0, 0, uintptr(unsafe.Pointer(&dst[0])))
		return
	}
	silence := uintptr(0)
	if len(frame) == g729SID {
		silence = 1
	}
	call(d.lib.decode, d.at, uintptr(unsafe.Pointer(&frame[0])), uintptr(len(frame)), 0, silence, 0, uintptr(unsafe.Pointer(&dst[0])))
}

// Decode gives 10 ms for every frame. A description of silence at the end makes no sound of its own: it says
// what Conceal gives (RFC 3551 §4.5.6).
func (d *g729Decoder) Decode(dst media.Frame, payload []byte) (n int, err error) {
	d.left = 0
	if rest := len(payload) % g729Octets; len(payload) == 0 || rest != 0 && rest != g729SID {
		return 0, errPayload
	}
	for len(payload) >= g729Octets && len(dst)-n >= g729Frame {
		d.run(dst[n:n+g729Frame], payload[:g729Octets])
		payload = payload[g729Octets:]
		n += g729Frame
	}
	if len(payload) == g729SID {
		d.run(d.made[:], payload)
		d.left = g729Frame
	}
	runtime.KeepAlive(d)
	return n, nil
}

// Conceal lets the library invent what is missing, or make the noise that was described.
func (d *g729Decoder) Conceal(dst media.Frame) {
	for len(dst) > 0 {
		if d.left == 0 {
			d.run(d.made[:], nil)
			d.left = g729Frame
		}
		n := copy(dst, d.made[g729Frame-d.left:])
		d.left -= n
		dst = dst[n:]
	}
	runtime.KeepAlive(d)
}
