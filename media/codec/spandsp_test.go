//go:build !static && linux

package codec

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"

	"santral/media"
	"santral/media/pcm"
)

// spandsp is a stranger's G.722, called in the library itself so that the cost of both can be compared.
type spandsp struct{ encoderInit, encode, decoderInit, decode uintptr }

func openSpandsp(t testing.TB) *spandsp {
	s := new(spandsp)
	need(t, load("libspandsp.so.2", map[string]*uintptr{
		"g722_encode_init": &s.encoderInit, "g722_encode": &s.encode,
		"g722_decode_init": &s.decoderInit, "g722_decode": &s.decode,
	}), "libspandsp")
	return s
}

func (s *spandsp) encoder() uintptr {
	st, _, _ := purego.SyscallN(s.encoderInit, 0, 64000, 0)
	return st
}

func (s *spandsp) decoder() uintptr {
	st, _, _ := purego.SyscallN(s.decoderInit, 0, 64000, 0)
	return st
}

func (s *spandsp) g722Encode(sound media.Frame) []byte {
	out := make([]byte, len(sound)/2+8)
	n := call(s.encode, s.encoder(), uintptr(unsafe.Pointer(&out[0])), uintptr(unsafe.Pointer(&sound[0])), uintptr(len(sound)))
	return out[:n]
}

func (s *spandsp) g722Decode(octets []byte) media.Frame {
	out := make(media.Frame, 2*len(octets)+8)
	n := call(s.decode, s.decoder(), uintptr(unsafe.Pointer(&out[0])), uintptr(unsafe.Pointer(&octets[0])), uintptr(len(octets)))
	return out[:n]
}

// Every octet that we write is spandsp's, and every sample that we read is spandsp's, over all kinds of sound.
func TestG722AgainstSpandsp(t *testing.T) {
	s := openSpandsp(t)
	sound := hard(t)
	want := s.g722Encode(sound)
	got := bytes.Join(inPackets(newG722Encoder(), sound, 320), nil)
	if len(got) != len(want) {
		t.Fatalf("%d octets, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("octet %d of %d is %#02x, want %#02x", i, len(want), got[i], want[i])
		}
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for range 8000 { // what no encoder writes is decoded alike too
		want = append(want, byte(chance.Uint32()))
	}
	theirs := s.g722Decode(want)
	ours := make(media.Frame, 2*len(want))
	d := newG722Decoder()
	for i := 0; i < len(want); i += 160 {
		end := min(i+160, len(want))
		if n, err := d.Decode(ours[2*i:], want[i:end]); err != nil || n != 2*(end-i) {
			t.Fatalf("%d samples, %v", n, err)
		}
	}
	for i := range theirs {
		clipped := ours[i] == 32767 || ours[i] == -32768 // where spandsp 0.0.6 wraps round
		if ours[i] != theirs[i] && !clipped {
			t.Fatalf("sample %d of %d is %d, want %d", i, len(theirs), ours[i], theirs[i])
		}
	}
}

// BenchmarkSpandsp is what ours is measured against.
func BenchmarkSpandsp(b *testing.B) {
	s := openSpandsp(b)
	sound := speech(b, 16000)[16000:][:320*64]
	coded := s.g722Encode(sound)
	b.Run("encode", func(b *testing.B) {
		st, room := s.encoder(), make([]byte, 400)
		for i := 0; b.Loop(); i++ {
			call(s.encode, st, uintptr(unsafe.Pointer(&room[0])), uintptr(unsafe.Pointer(&sound[i&63*320])), 320)
		}
	})
	b.Run("decode", func(b *testing.B) {
		st, room := s.decoder(), make(media.Frame, 640)
		for i := 0; b.Loop(); i++ {
			call(s.decode, st, uintptr(unsafe.Pointer(&room[0])), uintptr(unsafe.Pointer(&coded[i&63*160])), 160)
		}
	})
}

// BenchmarkPair is 20 ms both ways between a leg of G.722 and one of G.711, with the rates changed.
func BenchmarkPair(b *testing.B) {
	wide, narrow := g722(), law(pcm.PCMA)
	we, wd := pair(b, wide, Options{})
	ne, nd := pair(b, narrow, Options{})
	up, _ := pcm.NewResampler(8000, 16000)
	down, _ := pcm.NewResampler(16000, 8000)
	sound := speech(b, 16000)[16000:][:320]
	high, low := we.Encode(nil, sound), ne.Encode(nil, sound[:160])
	a, c, octets := make(media.Frame, 1920), make(media.Frame, 1920), make([]byte, 0, 400)
	b.ReportAllocs()
	for b.Loop() {
		n, _ := wd.Decode(a, high)
		n = down.Process(c, a[:n])
		ne.Encode(octets, c[:n])
		n, _ = nd.Decode(a, low)
		n = up.Process(c, a[:n])
		we.Encode(octets, c[:n])
	}
}
