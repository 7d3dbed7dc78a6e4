package rtp

import (
	"bytes"
	"testing"
	"time"
)

type arrivals []uint16

func (a *arrivals) Arrived(_ uint32, seq uint16, _ time.Duration) { *a = append(*a, seq) }

// elements is a packet with header extension elements: a name under 1, the transport-wide number under 3.
func elements(form uint16, list ...byte) []byte {
	p := AppendHeader(nil, Header{Payload: 96, Seq: 7, SSRC: 9})
	p[0] |= 0x10
	for len(list)%4 != 0 {
		list = append(list, 0)
	}
	p = append(p, byte(form>>8), byte(form), 0, byte(len(list)/4))
	return append(append(p, list...), "payload"...)
}

// TestWideNumbersEndHere: a transport-wide number is told and is gone from the packet; what stands beside it stays.
func TestWideNumbersEndHere(t *testing.T) {
	for name, p := range map[string][]byte{
		"short": elements(0xbede, 0x10, 'a', 0x31, 0x12, 0x34, 0x40, 'b'),
		"long":  elements(0x1000, 1, 1, 'a', 3, 2, 0x12, 0x34, 4, 1, 'b'),
	} {
		h, ok := Parse(p)
		if !ok {
			t.Fatal(name)
		}
		var got arrivals
		s := &Stream{}
		s.OnWide(3, &got)
		p, h = s.wideLocked(p, h, 1)
		if len(got) != 1 || got[0] != 0x1234 || string(p[h.Begin:h.End]) != "payload" {
			t.Errorf("%s: %v", name, got)
		}
		if e := Extension(p, 3); e != nil {
			t.Errorf("%s: the number is still there: %x", name, p)
		}
		if !bytes.Equal(Extension(p, 1), []byte("a")) || !bytes.Equal(Extension(p, 4), []byte("b")) || !bytes.HasSuffix(p, []byte("payload")) {
			t.Errorf("%s: %x lost what stood beside it", name, p)
		}
		if again, ok := Parse(p); !ok || again != h {
			t.Errorf("%s: %+v, want %+v", name, again, h)
		}
		s.wideLocked(p, h, 2) // none: nothing is told
		if len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestNoPaddingIsLeft: where the number was all that an extension had, the extension is gone; where it stood first, the
// others move up. baresip takes neither an extension of padding nor one that begins with it.
func TestNoPaddingIsLeft(t *testing.T) {
	for name, c := range map[string]struct{ sent, want []byte }{
		"alone":       {elements(0xbede, 0x31, 0x12, 0x34), plain()},
		"alone, long": {elements(0x1000, 3, 2, 0x12, 0x34), plain()},
		"first":       {elements(0xbede, 0x31, 0x12, 0x34, 0x40, 'b'), elements(0xbede, 0x40, 'b')},
		"last":        {elements(0xbede, 0x10, 0, 0x31, 0x12, 0x34), elements(0xbede, 0x10, 0)},
		"between":     {elements(0x1000, 1, 1, 0, 0, 3, 2, 0x12, 0x34, 4, 0), elements(0x1000, 1, 1, 0, 0, 4, 0)},
	} {
		h, _ := Parse(c.sent)
		var got arrivals
		s := &Stream{}
		s.OnWide(3, &got)
		p, h := s.wideLocked(c.sent, h, 1)
		if !bytes.Equal(p, c.want) {
			t.Errorf("%s: left is %x, want %x", name, p, c.want)
		}
		if again, ok := Parse(p); !ok || again != h {
			t.Errorf("%s: %+v, want %+v", name, again, h)
		}
	}
}

// plain is the packet of elements without an extension.
func plain() []byte {
	return append(AppendHeader(nil, Header{Payload: 96, Seq: 7, SSRC: 9}), "payload"...)
}

func FuzzWide(f *testing.F) {
	f.Add(elements(0xbede, 0x10, 'a', 0x31, 0x12, 0x34), uint8(3))
	f.Add(elements(0x1000, 3, 2, 0x12, 0x34), uint8(3))
	f.Fuzz(func(t *testing.T, p []byte, number uint8) {
		h, ok := Parse(p)
		if !ok {
			return
		}
		var got arrivals
		s := &Stream{}
		s.OnWide(number, &got)
		payload := bytes.Clone(p[h.Begin:h.End])
		p, h = s.wideLocked(p, h, 1)
		if again, ok := Parse(p); !ok || again != h || !bytes.Equal(p[h.Begin:h.End], payload) {
			t.Fatalf("%x is another packet: %+v, %+v", p, h, again)
		}
	})
}

func BenchmarkWide(b *testing.B) {
	sent := elements(0xbede, 0x10, 'a', 0x31, 0x12, 0x34)
	h, _ := Parse(sent)
	p := bytes.Clone(sent)
	var got arrivals
	s := &Stream{}
	s.OnWide(3, &got)
	b.ReportAllocs()
	for b.Loop() {
		copy(p, sent)
		got = got[:0]
		s.wideLocked(p, h, 1)
	}
}
