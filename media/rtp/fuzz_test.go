package rtp

import (
	"bytes"
	"testing"
)

func FuzzParse(f *testing.F) {
	f.Add(pcma(1))
	f.Add([]byte{0xb2, 0x80, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9, 9, 0, 2})
	f.Add([]byte{0x80})
	f.Add([]byte{0xa0, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xff})
	f.Fuzz(func(t *testing.T, p []byte) {
		h, ok := Parse(p)
		if !ok {
			return
		}
		if h.Begin < HeaderSize || h.Begin > h.End || h.End > len(p) {
			t.Fatalf("payload from %d to %d of %d", h.Begin, h.End, len(p))
		}
		again, ok := Parse(append(AppendHeader(nil, h), p[h.Begin:h.End]...))
		want := h
		want.Begin, want.End = HeaderSize, HeaderSize+h.End-h.Begin
		if !ok || again != want {
			t.Fatalf("%+v came back as %+v", want, again)
		}
	})
}

func FuzzControl(f *testing.F) {
	f.Add(AppendName(AppendReport(nil, 7, &Sender{NTP: 1, Timestamp: 2, Packets: 3, Octets: 4}, Report{SSRC: 1, Fraction: 2, Lost: -3, Highest: 4, Jitter: 5, LastSR: 6, Delay: 7}), 7, "a"))
	f.Add(AppendGoodbye(AppendReport(nil, 7, nil), 7))
	f.Add([]byte{0x9f, 200, 0, 6})
	f.Add([]byte{0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2})
	f.Fuzz(func(t *testing.T, p []byte) {
		valid := ValidControl(p)
		left, size := p, 0
		for c, rest, ok := NextControl(left); ok; c, rest, ok = NextControl(rest) {
			if len(rest) >= len(left) {
				t.Fatal("nothing was read")
			}
			size += len(left) - len(rest)
			left = rest
			var blocks []Report
			for i := range c.Reports() {
				blocks = append(blocks, c.Report(i))
			}
			if c.Type != SenderReport && c.Type != ReceiverReport {
				continue
			}
			var s *Sender
			if c.Type == SenderReport {
				s = &c.Sender
			}
			text := AppendReport(nil, c.SSRC, s, blocks...)
			again, tail, ok := NextControl(text)
			if !ok || len(tail) != 0 || again.Type != c.Type || again.SSRC != c.SSRC || again.Sender != c.Sender || again.Reports() != len(blocks) {
				t.Fatalf("%+v came back as %+v", c, again)
			}
			for i := range blocks {
				if again.Report(i) != blocks[i] {
					t.Fatalf("block %+v came back as %+v", blocks[i], again.Report(i))
				}
			}
			if !bytes.Equal(text, AppendReport(nil, again.SSRC, s, blocks...)) {
				t.Fatal("printed twice, differs")
			}
		}
		if valid && size != len(p) {
			t.Fatalf("valid, but %d of %d octets were read", size, len(p))
		}
	})
}

// FuzzRule has packets of any shape come from three sources: whatever comes, only the pinned source
// passes, and the signalled address has the last word.
func FuzzRule(f *testing.F) {
	f.Add(pcma(1), []byte{0, 1, 2, 0, 1, 2})
	f.Add([]byte{0x80, 200, 0, 1, 0, 0, 0, 1}, []byte{2, 2, 1, 0})
	f.Fuzz(func(t *testing.T, p, order []byte) {
		from := [...]Addr{addr("192.0.2.1:4000"), addr("192.0.2.1:4002"), addr("203.0.113.1:5")}
		r := Rule{Carries: RTP, Opened: 1, Signalled: from[0], Types: TypeSet{^uint64(0), ^uint64(0)}}
		now := int64(1)
		signalled := false
		for _, o := range order {
			now += int64(o>>2) << 24
			src := from[int(o&3)%3]
			v := r.Step(p, src, now)
			if v <= Learned && r.Source != src {
				t.Fatal("passed, but is not the source")
			}
			if v <= Learned && src == from[0] {
				signalled = true
			}
			if signalled && o&3 == 0 && v == Stranger {
				t.Fatal("the signalled address was kept out")
			}
		}
	})
}
