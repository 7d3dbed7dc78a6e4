package quality

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"santral/media"
)

const packet = 20 * time.Millisecond

func TestLossAndOrder(t *testing.T) {
	for name, c := range map[string]struct {
		seqs          []uint16
		packets, lost uint64
		late          uint64
	}{
		"in order":                           {[]uint16{1, 2, 3, 4}, 4, 0, 0},
		"over the wrap":                      {[]uint16{65534, 65535, 0, 1}, 4, 0, 0},
		"a gap":                              {[]uint16{1, 2, 5}, 3, 2, 0},
		"a gap over the wrap":                {[]uint16{65535, 2}, 2, 2, 0},
		"reordered":                          {[]uint16{1, 3, 2, 4}, 4, 0, 0},
		"reordered over the wrap":            {[]uint16{65535, 1, 0, 2}, 4, 0, 0},
		"the first comes second":             {[]uint16{2, 1, 3}, 3, 0, 0},
		"the first comes second at the wrap": {[]uint16{0, 65535, 1}, 3, 0, 0},
		"duplicates do not hide loss":        {[]uint16{1, 1, 3, 3, 1}, 2, 1, 3},
		"older than the window":              {[]uint16{100, 200, 130}, 2, 99, 1},
		"one stray":                          {[]uint16{1, 2, 40000, 3, 4}, 4, 0, 0},
		"a new start":                        {[]uint16{1, 2, 4, 40000, 40001, 40003}, 6, 2, 0},
		"a new start backwards":              {[]uint16{30000, 30001, 5, 6, 7}, 5, 0, 0},
		"a new start at the wrap":            {[]uint16{30000, 65535, 0, 1}, 4, 0, 0},
		"the largest dropout":                {[]uint16{1, 3000}, 2, 2998, 0},
		"strays do not add up":               {[]uint16{1, 40000, 50000, 40001, 2}, 2, 0, 0},
	} {
		r := Receiver{Rate: 8000}
		for _, seq := range c.seqs {
			r.Count(seq)
		}
		if r.Packets != c.packets || r.Lost() != c.lost || r.Late != c.late {
			t.Errorf("%s: %d packets, %d lost, %d late; want %d, %d, %d", name, r.Packets, r.Lost(), r.Late, c.packets, c.lost, c.late)
		}
	}
}

// Whatever is dropped, doubled or moved a little: packets and losses are those of a plain set.
func TestAgainstASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Receiver{Rate: 8000}
		first := rapid.Uint16().Draw(t, "first")
		seen := map[int]bool{0: true}
		r.Count(first)
		high, late := 0, uint64(0)
		for range rapid.IntRange(1, 300).Draw(t, "n") {
			n := high + rapid.IntRange(-40, 30).Draw(t, "step")
			if n < 0 {
				continue // what came before the first is another test's
			}
			r.Count(first + uint16(n))
			if seen[n] {
				late++
			}
			seen[n] = true
			high = max(high, n)
		}
		if r.Packets != uint64(len(seen)) || r.Lost() != uint64(high+1-len(seen)) || r.Late != late {
			t.Fatalf("%d packets, %d lost, %d late; want %d, %d, %d", r.Packets, r.Lost(), r.Late, len(seen), high+1-len(seen), late)
		}
	})
}

func TestRestart(t *testing.T) {
	r := Receiver{Rate: 8000}
	for _, seq := range []uint16{1, 2, 5} {
		r.Update(seq, uint32(seq)*160, time.Duration(seq)*packet)
	}
	r.Restart()
	if r.Lost() != 2 {
		t.Errorf("%d lost after the restart", r.Lost())
	}
	for _, seq := range []uint16{100, 102} {
		r.Update(seq, 7000000+uint32(seq)*160, time.Second+time.Duration(seq)*packet)
	}
	if r.Packets != 5 || r.Lost() != 3 || r.JitterTime() != 0 {
		t.Errorf("%d packets, %d lost, jitter %v", r.Packets, r.Lost(), r.JitterTime())
	}
}

// The step of RFC 3550 A.8, done in floating point as §6.4.1 writes it: J += (|D| - J) / 16.
func TestJitter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	r := Receiver{Rate: 8000}
	var want, last float64
	begin := 1_700_000_000 * time.Second // a clock that counts from 1970 must not overflow
	for i := range 2000 {
		delay := time.Duration(rnd.IntN(160)) * time.Second / 8000 // 0 to 20 ms, in whole clock units
		r.Update(uint16(i), uint32(i)*160+4294960000, begin+time.Duration(i)*packet+delay)
		now := float64(delay) / float64(time.Second) * 8000
		if i > 0 {
			want += (math.Abs(now-last) - want) / 16
		}
		last = now
	}
	if got := float64(r.Jitter) / 16; math.Abs(got-want) > 1 {
		t.Errorf("jitter %.2f, want %.2f clock units", got, want)
	}
	if ms := float64(r.JitterTime()) / 1e6; ms < 5 || ms > 9 {
		t.Errorf("jitter %v, want about a third of 20 ms", r.JitterTime())
	}
	before := r.Jitter
	r.Update(2000, 5, begin+2000*packet)
	r.Update(2001, 165, begin+2001*packet)
	if r.Jitter > before {
		t.Errorf("a new clock of the sender counted as jitter: %d after %d", r.Jitter, before)
	}
}

func TestReport(t *testing.T) {
	r := Receiver{Rate: 8000}
	for seq := range uint16(100) {
		if seq%4 != 3 || seq == 99 {
			r.Count(65500 + seq)
		}
	}
	if got, want := r.Report(), (Report{Fraction: 24 * 256 / 100, Lost: 24, High: 1<<16 + 63}); got != want {
		t.Errorf("first report %+v, want %+v", got, want)
	}
	for seq := range uint16(10) {
		r.Count(64 + seq)
	}
	if got, want := r.Report(), (Report{Lost: 24, High: 1<<16 + 73}); got != want {
		t.Errorf("second report %+v, want %+v", got, want)
	}
	if got := r.Report(); got.Fraction != 0 {
		t.Errorf("report of an empty interval: %+v", got)
	}
	if got := new(Receiver).Report(); got != (Report{}) {
		t.Errorf("report of nothing: %+v", got)
	}
}

func TestWrittenOutAndReadBack(t *testing.T) {
	whole, first := Receiver{Rate: 8000}, Receiver{Rate: 8000}
	feed := func(r *Receiver, from, to int) {
		for i := from; i < to; i++ {
			if i%7 != 0 {
				r.Update(uint16(65000+i), uint32(i*160), time.Duration(i)*packet+time.Duration(i%3)*time.Millisecond)
			}
		}
	}
	feed(&whole, 0, 1000)
	feed(&first, 0, 500)
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var second Receiver
	if err := json.Unmarshal(text, &second); err != nil {
		t.Fatal(err)
	}
	feed(&second, 500, 1000)
	if second != whole {
		t.Errorf("%+v\nwant\n%+v", second, whole)
	}
}

// The pairs of ITU-T G.107 (02/2014) table B.1, and the ends of the curve.
func TestMOSTable(t *testing.T) {
	for _, c := range []struct{ r, mos float64 }{
		{90, 4.34}, {80, 4.03}, {70, 3.60}, {60, 3.10}, {50, 2.58}, {93.2, 4.41}, {100, 4.5}, {120, 4.5}, {0, 1}, {-5, 1}, {6, 1},
	} {
		if got := MOS(c.r); math.Abs(got-c.mos) > 0.0065 { // the table rounds 4.024 up
			t.Errorf("R %v is MOS %.4f, want %v", c.r, got, c.mos)
		}
	}
	last := 0.0
	for r := -10.0; r <= 110; r += 0.01 {
		if m := MOS(r); m < last || m < 1 || m > 4.5 {
			t.Fatalf("MOS(%v) is %v after %v", r, m, last)
		} else {
			last = m
		}
	}
}

// Effective equipment impairments worked out by hand from ITU-T G.107 equation 7-29 with the values
// of G.113 appendix I, and delay impairments from equation 7-27.
func TestRating(t *testing.T) {
	for name, c := range map[string]struct {
		path Path
		want float64
	}{
		"perfect":                   {Path{Format: "PCMA"}, 93.2},
		"100 ms cost nothing":       {Path{Format: "PCMU", Delay: 100 * time.Millisecond}, 93.2},
		"200 ms":                    {Path{Format: "PCMU", Delay: 200 * time.Millisecond}, 93.2 - 3.044},
		"400 ms":                    {Path{Format: "PCMU", Delay: 400 * time.Millisecond}, 93.2 - 24.07},
		"G.711, 1 %":                {Path{Format: "pcma", Loss: 0.01}, 93.2 - 95.0/26.1},
		"G.711, 5 %":                {Path{Format: "PCMA", Loss: 0.05}, 93.2 - 95*5/30.1},
		"G.711, 5 % in bursts":      {Path{Format: "PCMA", Loss: 0.05, Burst: 2}, 93.2 - 95*5/27.6},
		"G.729":                     {Path{Format: "G729"}, 82.2},
		"G.729, 2 %":                {Path{Format: "G729", Loss: 0.02}, 82.2 - 84*2/21.0},
		"unknown codecs as G.711":   {Path{Format: "speex"}, 93.2},
		"G.722":                     {Path{Format: "G722"}, 116},
		"Opus":                      {Path{Format: "opus"}, 129},
		"Opus at 16 kbit/s":         {Path{Format: "opus", Rate: 16000}, 116},
		"Opus at 20 kbit/s":         {Path{Format: "opus", Rate: 20000}, 120},
		"Opus at 2 kbit/s":          {Path{Format: "opus", Rate: 2000}, 84},
		"Opus, 10 %, and 200 ms":    {Path{Format: "opus", Loss: .1, Delay: 200 * time.Millisecond}, 129 - 38 - 3.044},
		"loss above all is not all": {Path{Format: "PCMA", Loss: 7}, 93.2 - 95*100/125.1},
	} {
		if got, isWide := Rating(c.path); math.Abs(got-c.want) > 0.01 || isWide != (c.path.Format == "G722" || c.path.Format == "opus") {
			t.Errorf("%s: R %.3f, want %.3f", name, got, c.want)
		}
	}
}

func TestEstimate(t *testing.T) {
	if got := Estimate(media.Quality{Format: "PCMA", Lost: 5}); got != 0 {
		t.Errorf("nothing received is %v", got)
	}
	if got := Estimate(media.Quality{Format: "PCMA", Packets: 1000}); got != 4.41 {
		t.Errorf("a perfect stream is %v", got)
	}
	bad := Estimate(media.Quality{Format: "PCMA", Packets: 900, Lost: 100, Jitter: 80 * time.Millisecond, RoundTrip: 300 * time.Millisecond})
	if bad > 2.6 || bad < 1 {
		t.Errorf("a bad stream is %v", bad)
	}
}

func BenchmarkUpdate(b *testing.B) {
	r := Receiver{Rate: 8000}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Update(uint16(i), uint32(i)*160, time.Duration(i)*packet)
		i++
	}
}
