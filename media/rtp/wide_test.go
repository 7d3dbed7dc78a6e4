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
		size := len(p)
		var got arrivals
		s := &Stream{}
		s.OnWide(3, &got)
		s.wideLocked(p, h, 1)
		if len(got) != 1 || got[0] != 0x1234 || len(p) != size {
			t.Errorf("%s: %v", name, got)
		}
		if e := Extension(p, 3); e != nil {
			t.Errorf("%s: the number is still there: %x", name, p)
		}
		if !bytes.Equal(Extension(p, 1), []byte("a")) || !bytes.Equal(Extension(p, 4), []byte("b")) || !bytes.HasSuffix(p, []byte("payload")) {
			t.Errorf("%s: %x lost what stood beside it", name, p)
		}
		s.wideLocked(p, h, 2) // none: nothing is told
		if len(got) != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
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
		s.wideLocked(p, h, 1)
		if again, ok := Parse(p); !ok || again != h {
			t.Fatalf("%x is another packet: %+v, %+v", p, h, again)
		}
	})
}

func BenchmarkWide(b *testing.B) {
	p := elements(0xbede, 0x10, 'a', 0x31, 0x12, 0x34)
	h, _ := Parse(p)
	var got arrivals
	s := &Stream{}
	s.OnWide(3, &got)
	b.ReportAllocs()
	for b.Loop() {
		p[18], p[19], p[20] = 0x31, 0x12, 0x34
		got = got[:0]
		s.wideLocked(p, h, 1)
	}
}
