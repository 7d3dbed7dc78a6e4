package jitter_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/jitter"
	"santral/media/mediatest"
)

// network is what happens to packets: seeded, so that it happens again.
type network struct {
	loss   float64       // share of packets
	burst  float64       // packets that are lost in a row, on the average; up to 1 for random loss
	jitter time.Duration // packets take up to so much longer, each for itself
	keeps  bool          // their order
}

func (n network) String() string {
	s := fmt.Sprintf("%.0f %%", n.loss*100)
	if n.burst > 1 {
		s += fmt.Sprintf(" in bursts of %.1f", n.burst)
	}
	if n.jitter > 0 && n.keeps {
		s += fmt.Sprintf(", %d ms in order", n.jitter.Milliseconds())
	} else if n.jitter > 0 {
		s += fmt.Sprintf(", %d ms", n.jitter.Milliseconds())
	}
	return s
}

// carry gives the packets as they arrive; those that are lost are left out.
func (n network) carry(list []jitter.Packet, seed uint64) []jitter.Packet {
	r := rand.New(rand.NewPCG(seed, 77))
	bad := false
	var out []jitter.Packet
	var last time.Duration
	for _, p := range list {
		if n.burst > 1 { // the model of Gilbert: in the bad state all is lost
			leave, enter := 1/n.burst, n.loss/(1-n.loss)/n.burst
			if bad {
				bad = r.Float64() >= leave
			} else {
				bad = r.Float64() < enter
			}
		} else {
			bad = r.Float64() < n.loss
		}
		late := time.Duration(r.Float64() * float64(n.jitter))
		if bad {
			continue
		}
		p.At += late
		if n.keeps {
			p.At = max(p.At, last)
			last = p.At
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b jitter.Packet) int { return int(a.At - b.At) })
	return out
}

// coder is a codec with its options, and what a packet of it is.
type coder struct {
	format media.Format
	o      codec.Options
	per    time.Duration
}

var coders = map[string]coder{
	"G.711":        {format: media.Format{Name: "PCMA", Payload: 8, Rate: 8000, Channels: 1}, per: 20 * time.Millisecond},
	"G.722":        {format: media.Format{Name: "G722", Payload: 9, Rate: 8000, Channels: 1}, per: 20 * time.Millisecond},
	"Opus 24 kb/s": {format: opus, per: 20 * time.Millisecond, o: codec.Options{Bitrate: 24000, FEC: true}},
	"Opus 40 kb/s": {format: opus, per: 20 * time.Millisecond, o: codec.Options{Bitrate: 40000, FEC: true}},
}

var opus = media.Format{Name: "opus", Payload: 111, Rate: 48000, Channels: 2, Params: "useinbandfec=1"}

// packets are speech, coded.
func (c coder) packets(t testing.TB, sound []int16, expect float64) (list []jitter.Packet, of *codec.Codec) {
	t.Helper()
	of, ok := codec.Lookup(c.format)
	if !ok {
		t.Skipf("%s is not spoken here", c.format.Name)
	}
	e, err := of.NewEncoder(c.format, c.o)
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := e.(media.Adaptive); ok {
		a.Expect(expect)
	}
	n := of.Rate * int(c.per.Milliseconds()) / 1000
	for i := 0; (i+1)*n <= len(sound); i++ {
		p := jitter.Packet{Payload: c.format.Payload, Seq: uint16(i), Timestamp: uint32(i * n * c.format.Rate / of.Rate), SSRC: 5, At: time.Duration(i) * c.per}
		if p.Sound = e.Encode(nil, sound[i*n:(i+1)*n]); len(p.Sound) > 0 {
			list = append(list, p)
		}
	}
	return list, of
}

// hear plays packets through a buffer in virtual time.
func (c coder) hear(t testing.TB, of *codec.Codec, list []jitter.Packet, cfg jitter.Config) ([]int16, jitter.Stats) {
	t.Helper()
	var now time.Duration
	cfg.Rate = of.Rate
	cfg.Clock = func() time.Duration { return now }
	cfg.Decoder = func(payload uint8) (media.Decoder, int, bool) {
		d, err := of.NewDecoder(c.format)
		return d, c.format.Rate, err == nil && payload == c.format.Payload
	}
	b := jitter.New(cfg)
	f := make(media.Frame, of.Rate/50)
	var out []int16
	end := list[len(list)-1].At + time.Second
	for ; now < end; now += 20 * time.Millisecond {
		for len(list) > 0 && list[0].At <= now {
			b.Put(list[0])
			list = list[1:]
		}
		b.Read(f)
		out = append(out, f...)
	}
	return out, b.Stats()
}

// unrepaired plays what arrived, at its time, and zeros for the rest.
func (c coder) unrepaired(t testing.TB, of *codec.Codec, list []jitter.Packet) []int16 {
	d, err := of.NewDecoder(c.format)
	if err != nil {
		t.Fatal(err)
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b jitter.Packet) int { return int(a.Seq) - int(b.Seq) })
	per := of.Rate * int(c.per.Milliseconds()) / 1000
	out := make([]int16, (int(list[len(list)-1].Seq)+1)*per)
	f := make(media.Frame, of.Rate*120/1000)
	for _, p := range list {
		n, _ := d.Decode(f, p.Sound)
		copy(out[int(p.Seq)*per:], f[:n])
	}
	return out
}

// red makes redundant packets of plain ones, with one copy in each.
func red(t testing.TB, list []jitter.Packet) [][]jitter.Packet {
	r := jitter.Redundancy{Depth: 1}
	var out [][]jitter.Packet
	for _, p := range list {
		q := p
		q.Sound = r.Pack(nil, p.Payload, p.Timestamp, p.Sound)
		got, err := jitter.Unpack(nil, q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, got)
	}
	return out
}

// carryRed carries redundant packets: what is in one comes with it, or not at all.
func (n network) carryRed(t testing.TB, list []jitter.Packet, seed uint64) (out []jitter.Packet) {
	whole := red(t, list)
	of := map[uint16][]jitter.Packet{}
	for i, p := range list {
		of[p.Seq] = whole[i]
	}
	for _, p := range n.carry(list, seed) {
		for _, q := range of[p.Seq] {
			q.At = p.At
			out = append(out, q)
		}
	}
	return out
}

// result is what some voices came to, on the average.
type result struct {
	repaired, plain float64
	stats           jitter.Stats // of all
}

// judge has every voice speak over the network with every seed, seconds each.
func (c coder) judge(t testing.TB, n network, seeds uint64, seconds int, redundant bool) (r result) {
	of, ok := codec.Lookup(c.format)
	if !ok {
		t.Skipf("%s is not spoken here", c.format.Name)
	}
	every := float64(len(mediatest.Voices)) * float64(seeds)
	for _, voice := range mediatest.Voices {
		speech := mediatest.Speech(t, voice, of.Rate)
		speech = speech[:min(len(speech), seconds*of.Rate)]
		list, _ := c.packets(t, speech, n.loss)
		for seed := range seeds {
			got := n.carry(list, seed)
			if redundant {
				got = n.carryRed(t, list, seed)
			} else {
				r.plain += mediatest.Opinion(speech, c.unrepaired(t, of, got), of.Rate) / every
			}
			sound, s := c.hear(t, of, got, jitter.Config{})
			r.repaired += mediatest.Opinion(speech, sound, of.Rate) / every
			r.stats.Packets += s.Packets
			r.stats.Recovered += s.Recovered
			r.stats.Concealed += s.Concealed
			r.stats.Target += s.Target / time.Duration(every)
		}
	}
	return r
}

// The goals: G.711 with 5 % of its packets lost and 30 ms of jitter, and Opus with forward error correction and
// 10 % lost, are of 3.5 at least.
func TestRepair(t *testing.T) {
	for _, goal := range []struct {
		coder string
		n     network
		least float64
	}{
		{"G.711", network{loss: .05, jitter: 30 * time.Millisecond}, 3.5},
		{"Opus 40 kb/s", network{loss: .1, jitter: 30 * time.Millisecond}, 3.5},
	} {
		t.Run(goal.coder, func(t *testing.T) {
			t.Parallel()
			r := coders[goal.coder].judge(t, goal.n, 2, 6, false)
			t.Logf("%v: %.2f, nothing repaired %.2f, %+v", goal.n, r.repaired, r.plain, r.stats)
			if r.repaired < goal.least || r.plain > 2.8 {
				t.Errorf("%v: %.2f, want %.1f; nothing repaired %.2f", goal.n, r.repaired, goal.least, r.plain)
			}
		})
	}
}

// TestTables prints the tables of docs/quality.md, when SANTRAL_TEST_TABLES is set: it takes minutes.
func TestTables(t *testing.T) {
	if os.Getenv("SANTRAL_TEST_TABLES") == "" {
		t.Skip("SANTRAL_TEST_TABLES is not set")
	}
	const ms = time.Millisecond
	networks := []network{{}, {loss: .01, jitter: 30 * ms}, {loss: .03, jitter: 30 * ms}, {loss: .05}, {loss: .05, jitter: 30 * ms}, {loss: .05, jitter: 80 * ms},
		{loss: .05, jitter: 80 * ms, keeps: true}, {loss: .1, jitter: 30 * ms}, {loss: .05, burst: 2.5, jitter: 30 * ms}, {loss: .1, burst: 2.5, jitter: 30 * ms}}
	head := "| lost, jitter |"
	rows := make([]string, len(networks))
	for i, n := range networks {
		rows[i] = "| " + n.String() + " |"
	}
	for _, name := range []string{"G.711", "G.711 with RED", "G.722", "Opus 24 kb/s", "Opus 40 kb/s", "Opus 24 kb/s with RED"} {
		plain, redundant := strings.CutSuffix(name, " with RED")
		head += " " + name + " |"
		if !redundant {
			head += " unrepaired |"
		}
		for i, n := range networks {
			r := coders[plain].judge(t, n, 1, 6, redundant)
			rows[i] += fmt.Sprintf(" %.2f |", r.repaired)
			if !redundant {
				rows[i] += fmt.Sprintf(" %.2f |", r.plain)
			}
			t.Log(name, rows[i])
		}
	}
	t.Log("\n" + head + "\n|" + strings.Repeat("---|", strings.Count(head, "|")-1) + "\n" + strings.Join(rows, "\n"))
}
