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

// base is Ro - Is - Idle of ITU-T G.107 by its equations 7-2 to 7-26, for the default values of table 2: what R is
// when nothing else impairs. It is worked out here whole, so that the 93.2 that we begin with is proved.
func base() float64 {
	const (
		slr, rlr, stmr, lstr, ds, telr = 8, 2, 15, 18, 3, 65
		qdu, nc, nfor, ps, pr          = 1, -70, -64, 35, 35
	)
	olr := float64(slr + rlr)
	nos := ps - slr - ds - 100 + 0.004*math.Pow(ps-olr-ds-14, 2)
	pre := pr + 10*math.Log10(1+math.Pow(10, (10-lstr)/10.0))
	nor := rlr - 121 + pre + 0.008*math.Pow(pre-35, 2)
	nfo := float64(nfor + rlr)
	no := 10 * math.Log10(math.Pow(10, nc/10.0)+math.Pow(10, nos/10)+math.Pow(10, nor/10)+math.Pow(10, nfo/10))
	ro := 15 - 1.5*(slr+no)
	xolr := olr + 0.2*(64+no-rlr)
	iolr := 20 * (math.Pow(1+math.Pow(xolr/8, 8), 1.0/8) - xolr/8)
	stmro := -10 * math.Log10(math.Pow(10, -stmr/10.0)+math.Pow(10, -telr/10.0))
	ist := 12*math.Pow(1+math.Pow((stmro-13)/6, 8), 1.0/8) - 28*math.Pow(1+math.Pow((stmro+1)/19.4, 35), 1.0/35) -
		13*math.Pow(1+math.Pow((stmro-3)/33, 13), 1.0/13) + 29
	q := 37 - 15*math.Log10(qdu)
	g := 1.07 + 0.258*q + 0.0602*q*q
	y, z := (ro-100)/15+46/8.4-g/9, 46/30.0-g/40
	iq := 15 * math.Log10(1+math.Pow(10, y)+math.Pow(10, z))
	const wepl = 110
	rle := 10.5 * (wepl + 7) // at a round trip of nothing
	idle := (ro-rle)/2 + math.Sqrt((ro-rle)*(ro-rle)/4+169)
	return ro - (iolr + ist + iq) - idle
}

func TestBestRating(t *testing.T) {
	if got := base(); math.Abs(got-best) > 0.01 {
		t.Errorf("ITU-T G.107 gives %.3f for its default values, not %v", got, best)
	}
	if r, _ := Rating(Path{Format: "PCMA"}); r != best {
		t.Errorf("R %v", r)
	}
	if Score(Path{Format: "opus"}) != 4.5 || Score(Path{Format: "PCMA"}) != 4.41 || Factor(Path{Format: "opus"}) != 100 || Factor(Path{Format: "PCMA"}) != 93 {
		t.Error("scores of perfect paths")
	}
	last := 0.0
	for rate := 4000.0; rate < 70000; rate += 500 { // more of a codec is never worse
		if s := Score(Path{Format: "opus", Rate: rate}); s < last {
			t.Errorf("Opus at %v scores %v after %v", rate, s, last)
		} else {
			last = s
		}
	}
}

// slow sorts packets into bursts and gaps by the definition of RFC 3611 §4.7.2, looking at all of them at once.
func slow(came []bool) (l Losses) {
	for i := 0; i < len(came); {
		if came[i] {
			l.GapPackets++
			i++
			continue
		}
		last, lost := i, 0
		for j := i; j < len(came) && j-last <= gmin; j++ {
			if !came[j] {
				last = j
				lost++
			}
		}
		if lost == 1 {
			l.GapPackets++
			l.GapLost++
		} else {
			l.Bursts++
			l.BurstPackets += uint64(last - i + 1)
			l.BurstLost += uint64(lost)
		}
		i = last + 1
	}
	for i := range came {
		if !came[i] && (i == 0 || came[i-1]) {
			l.Runs++
		}
	}
	return l
}

func TestBurstsAndGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 600).Draw(t, "packets")
		p := rapid.SampledFrom([]float64{0, .01, .05, .3, .95}).Draw(t, "loss")
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		came := make([]bool, n)
		for i := range came {
			came[i] = rnd.Float64() >= p
		}
		came[0], came[n-1] = true, true // what is lost before the first or after the last nobody knows of
		first := rapid.Uint16().Draw(t, "first")
		r := Receiver{Rate: 8000}
		hold := -1 // now and then a packet comes three places late
		for i := range came {
			if !came[i] {
				continue
			}
			if hold < 0 && p < .5 && i > 0 && i < n-4 && rnd.IntN(20) == 0 {
				hold = i
				continue
			}
			r.Count(first + uint16(i))
			if hold >= 0 && i >= hold+3 {
				r.Count(first + uint16(hold))
				hold = -1
			}
		}
		if hold >= 0 {
			r.Count(first + uint16(hold))
		}
		if got, want := r.Losses(), slow(came); got != want {
			t.Fatalf("%+v\nwant\n%+v", got, want)
		}
		if l := r.Losses(); l.BurstLost+l.GapLost != r.Lost() || l.BurstPackets+l.GapPackets != uint64(n) {
			t.Fatalf("%+v of %d lost", l, r.Lost())
		}
	})
}

// BurstR is 1 for losses by chance, and what a chain of two states makes of it otherwise (ITU-T G.107 §7.4).
func TestBurstRatio(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ p, q, want float64 }{{.05, .95, 1}, {.02, .5, 1 / .52}, {.01, .25, 1 / .26}} {
		r, bad := Receiver{Rate: 8000}, false
		for i := range 200000 {
			if bad {
				bad = rnd.Float64() >= c.q
			} else {
				bad = rnd.Float64() < c.p
			}
			if !bad {
				r.Count(uint16(i))
			}
		}
		l := r.Losses()
		if got := l.Ratio(); math.Abs(got-c.want) > 0.05*c.want {
			t.Errorf("p %v, q %v: %v, want %v", c.p, c.q, got, c.want)
		}
	}
	var none Losses
	if none.Ratio() != 0 {
		t.Error("no losses have no ratio")
	}
}

// A restart ends a burst, and what was before it stays counted.
func TestLossesOverARestart(t *testing.T) {
	r := Receiver{Rate: 8000}
	for _, seq := range []uint16{1, 2, 5, 6, 8, 40000, 40001, 40002, 40004} {
		r.Count(seq)
	}
	l := r.Losses()
	if l.Bursts != 1 || l.BurstLost != 3 || l.GapLost != 1 || l.BurstPackets+l.GapPackets != 8+5 {
		t.Errorf("%+v", l)
	}
	r.Restart()
	r.Count(7)
	if again := r.Losses(); again.BurstLost != 3 || again.GapLost != 1 {
		t.Errorf("%+v", again)
	}
}

func TestCourse(t *testing.T) {
	var c Course
	q := media.Quality{Format: "PCMA"}
	step := func(packets, lost uint64) bool {
		q.Packets += packets
		q.Lost += lost
		return c.Take(&q, 0)
	}
	if step(0, 0) || !step(250, 0) || !step(200, 50) || step(0, 0) || !step(250, 0) {
		t.Error("steps")
	}
	if c.Samples != 3 || c.Now.MOS != 4.41 || c.Worst.Loss != .2 || c.Worst.MOS > 2.8 || c.Average < c.Worst.MOS || c.Average > 4.41 {
		t.Errorf("%+v", c)
	}
	text, err := json.Marshal(c)
	var back Course
	if err != nil || json.Unmarshal(text, &back) != nil || back != c {
		t.Errorf("%s is read back as %+v", text, back)
	}
}

func TestWhatThePeerHears(t *testing.T) {
	var p Peer
	p.Hear(1, 0, 0, 1000, 80)
	if p.Take("PCMA", 0, 8000, 0); p.Course.Samples != 1 {
		t.Error("no first sample")
	}
	p.Hear(1, 25, 26, 1250, 80)
	p.Take("PCMA", 0, 8000, 40*time.Millisecond)
	if p.Take("PCMA", 0, 8000, 0) {
		t.Error("a step without a report")
	}
	h := p.Heard("PCMA", 0, 8000, 40*time.Millisecond)
	if h.Reports != 2 || h.Lost != 25 || h.Packets != 251 || h.Jitter != 10*time.Millisecond || math.Abs(h.Now.Loss-.1) > 0.01 || h.MOS > 4 || h.MOS < 2 || h.Worst != h.Now {
		t.Errorf("%+v", h)
	}
	p.Hear(2, -3, 0, 70, 0) // another stream; duplicates make losses negative
	p.Take("PCMA", 0, 8000, 0)
	if h := p.Heard("PCMA", 0, 8000, 0); h.Lost != 25 || h.Packets != 252 {
		t.Errorf("%+v", h)
	}
	// Nonsense of a peer is its own affair.
	for range 1000 {
		p.Hear(rand.Uint32()&1, int32(rand.Uint32()), uint8(rand.Uint32()), rand.Uint32(), rand.Uint32())
		p.Take("PCMA", 0, 8000, 0)
		if h := p.Heard("PCMA", 0, 8000, 0); h.MOS < 1 || h.MOS > 4.5 || h.Lost > h.Packets || h.Jitter > time.Minute || h.Now.Loss < 0 || h.Now.Loss > 1 {
			t.Fatalf("%+v", h)
		}
	}
}

func BenchmarkCourse(b *testing.B) {
	var c Course
	q := media.Quality{Format: "PCMA"}
	b.ReportAllocs()
	for b.Loop() {
		q.Packets += 249
		q.Lost++
		c.Take(&q, c.Runs+1)
	}
}
