package rtp

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// extended makes an RTCP-XR packet of blocks.
func extended(blocks []byte) []byte { return EndXR(append(BeginXR(nil, 0x01020304), blocks...), 0) }

func TestExtendedReports(t *testing.T) {
	voip := VoIP{
		SSRC: 7, Loss: 12, Discarded: 3, BurstDensity: 80, GapDensity: 1, BurstTime: 340, GapTime: 5120, RoundTrip: 88, EndDelay: 120,
		Signal: -18, Noise: -70, Echo: 60, Gmin: 16, Factor: 86, Outside: Unknown, Listening: 41, Conversation: 40,
		Config: Concealing | Adaptive, Nominal: 40, Maximum: 60, MaximumBuffer: 300,
	}
	summary := Summary{SSRC: 7, Begin: 65500, End: 20, Lost: 4, Duplicates: 1, Least: 2, Most: 90, Mean: 20, Deviation: 5}
	begin := AppendReport(nil, 9, nil)
	p := BeginXR(begin, 0x01020304)
	p = AppendReference(p, 0x1122334455667788)
	p = AppendSince(p, Since{SSRC: 7, Last: 0x33445566, Delay: 65536})
	p = AppendSummary(p, summary)
	p = AppendVoIP(p, voip)
	p = EndXR(p, len(begin))
	if !ValidControl(p) {
		t.Fatal("what we print is no RTCP")
	}
	_, rest, _ := NextControl(p)
	c, rest, ok := NextControl(rest)
	if !ok || len(rest) != 0 || c.Type != ExtendedReport || c.SSRC != 0x01020304 || c.Reports() != 0 {
		t.Fatalf("%+v", c)
	}
	seen := map[uint8]bool{}
	for b, rest, ok := NextXR(c.Extended()); ok; b, rest, ok = NextXR(rest) {
		seen[b.Type] = true
		switch b.Type {
		case ReferenceTime:
			if ntp, ok := b.Reference(); !ok || ntp != 0x1122334455667788 {
				t.Errorf("reference %x", ntp)
			}
		case DelaySince:
			if b.Answers() != 1 || b.Answer(0) != (Since{7, 0x33445566, 65536}) {
				t.Errorf("%d answers", b.Answers())
			}
		case StatisticsSummary:
			if got, ok := b.Summary(); !ok || got != summary {
				t.Errorf("%+v", got)
			}
		case VoIPMetrics:
			if got, ok := b.VoIP(); !ok || got != voip {
				t.Errorf("%+v\nwant\n%+v", got, voip)
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("blocks %v", seen)
	}
	if left := EndXR(BeginXR(begin, 1), len(begin)); len(left) != len(begin) {
		t.Error("a report without blocks was kept")
	}
}

// Blocks laid out by hand after the figures of RFC 3611 §4.1, §4.3 and §4.7.
func TestExtendedReportOfOthers(t *testing.T) {
	text := "80cf001301020304" + // XR
		"010000030000000a00640096" + "40088005" + // loss runs: 8 came, then 2 of 15
		"03000003" + "0000000a" + "00640065" + "00001000" + // one receipt time
		"07000008" + "0000000a" + "02010a00" + "00c80400" + "00500064" + "7f7f7f10" + "5d7f2928" + "f000003c" + "00500190"
	p, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	p[3] = byte(len(p)/4 - 1)
	c, _, ok := NextControl(p)
	if !ok {
		t.Fatal("not understood")
	}
	b, rest, _ := NextXR(c.Extended())
	if ssrc, seen, missed, ok := b.Runs(); !ok || ssrc != 10 || seen != 10 || missed != 13 {
		t.Errorf("runs of %d: %d seen, %d missed", ssrc, seen, missed)
	}
	b, rest, _ = NextXR(rest)
	if ssrc, n, ok := b.Times(); !ok || ssrc != 10 || n != 1 {
		t.Errorf("%d times of %d", n, ssrc)
	}
	b, _, _ = NextXR(rest)
	v, ok := b.VoIP()
	if !ok || v.Loss != 2 || v.BurstTime != 200 || v.GapTime != 1024 || v.EndDelay != 100 || v.Signal != Unknown || v.Factor != 93 || v.Listening != 41 || v.MaximumBuffer != 400 {
		t.Errorf("%+v", v)
	}
}

// FuzzExtendedReport holds that no octets make reading go astray, and that every block is gone through once.
func FuzzExtendedReport(f *testing.F) {
	f.Add(AppendVoIP(nil, VoIP{SSRC: 1, Gmin: 16}))
	f.Add(AppendSummary(AppendReference(nil, 1), Summary{SSRC: 2}))
	f.Add(AppendSince(nil, Since{SSRC: 1}))
	f.Add([]byte{1, 0, 0, 3, 0, 0, 0, 1, 0, 1, 0, 9, 0x40, 3, 0xff, 0xff})
	f.Add([]byte{5, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, blocks []byte) {
		p := extended(blocks[:min(len(blocks), 1000)/4*4])
		if len(p) == 0 {
			return
		}
		c, _, ok := NextControl(p)
		if !ok || c.Reports() != 0 {
			t.Fatal("not understood")
		}
		octets := 0
		for b, rest, ok := NextXR(c.Extended()); ok; b, rest, ok = NextXR(rest) {
			octets += 4 + len(b.body)
			b.Reference()
			for i := range b.Answers() {
				b.Answer(i)
			}
			if _, seen, missed, ok := b.Runs(); ok && (seen < 0 || missed < 0) {
				t.Fatalf("%d seen, %d missed", seen, missed)
			}
			b.Times()
			b.Summary()
			if v, ok := b.VoIP(); ok {
				if again, _, _ := NextXR(AppendVoIP(nil, v)); binary.BigEndian.Uint32(again.body) != v.SSRC {
					t.Fatal("printed otherwise")
				}
			}
		}
		if octets > len(blocks) {
			t.Fatalf("%d octets of %d", octets, len(blocks))
		}
	})
}
