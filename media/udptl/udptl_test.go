package udptl

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRead(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 300)
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"alone", []byte{0, 5, 1, 0x06, 0, 0}, "5 06 [] 0 []"},
		{"with two earlier ones", []byte{1, 0, 2, 0xc0, 1, 0, 2, 1, 9, 2, 8, 8}, "256 c001 [09 0808] 0 []"},
		{"with parities", []byte{0, 9, 1, 6, 0x80, 1, 3, 2, 1, 0xaa, 2, 0xbb, 0xcc}, "9 06 [] 3 [aa bbcc]"},
		{"long", append(append([]byte{0, 1, 0x81, 0x2c}, long...), 0, 0), fmt.Sprintf("1 %x [] 0 []", long)},
		{"an empty earlier one", []byte{0, 5, 1, 6, 0, 2, 0, 1, 4}, "5 06 [ 04] 0 []"},
	} {
		var p Packet
		if err := p.Read(c.b); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := text(&p); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if again := p.Append(nil); !bytes.Equal(again, c.b) {
			t.Errorf("%s: printed % x", c.name, again)
		}
	}
	for name, b := range map[string][]byte{
		"empty": {}, "short": {0, 1, 1, 6}, "no packet": {0, 1, 0, 0, 0}, "cut": {0, 1, 9, 6, 0, 0}, "cut earlier one": {0, 1, 1, 6, 0, 1, 4, 1},
		"fragments": {0, 1, 0xc1, 6, 0, 0}, "a span of two octets": {0, 1, 1, 6, 0x80, 2, 0, 3, 0}, "wide parity": {0, 1, 1, 6, 0x80, 1, 33, 1, 1, 1},
		"many parities": append([]byte{0, 1, 1, 6, 0x80, 1, 1, 17}, bytes.Repeat([]byte{1, 1}, 17)...),
		"RTP":           {0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, "too long": make([]byte, MaxPacket+1),
	} {
		if err := new(Packet).Read(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func text(p *Packet) string {
	hex := func(list [][]byte) (s []string) {
		for _, b := range list {
			s = append(s, fmt.Sprintf("%x", b))
		}
		return s
	}
	return fmt.Sprintf("%d %x %v %d %v", p.Seq, p.Primary, hex(p.Earlier[:p.Count]), p.Span, hex(p.Parity[:p.Parities]))
}

// heard collects what a receiver gives, as texts; a gap is a number.
type heard []string

func (h *heard) give(n Next) {
	if n.Skipped > 0 {
		*h = append(*h, fmt.Sprint("-", n.Skipped))
	}
	*h = append(*h, string(n.IFP))
}

// stream is the datagrams of n packets from the number first.
func stream(s *Sender, first uint16, n int) (list [][]byte) {
	for i := range n {
		list = append(list, s.Append(nil, first+uint16(i), fmt.Appendf(nil, "packet %d", i)))
	}
	return list
}

func TestOrderAndRepair(t *testing.T) {
	names := func(list ...int) (h heard) {
		for _, n := range list {
			if n < 0 {
				h = append(h, fmt.Sprint(n))
			} else {
				h = append(h, fmt.Sprintf("packet %d", n))
			}
		}
		return h
	}
	for _, c := range []struct {
		name   string
		repair Repair
		arrive []int
		want   heard
		counts string // doubled, repaired, lost
	}{
		{"all", Redundancy, []int{0, 1, 2, 3}, names(0, 1, 2, 3), "0 0 0"},
		{"three lost", Redundancy, []int{0, 4, 5}, names(0, 1, 2, 3, 4, 5), "0 3 0"},
		{"four lost", Redundancy, []int{0, 5, 6}, names(0, -1, 2, 3, 4, 5, 6), "0 3 1"},
		{"the first lost", Redundancy, []int{2, 3}, names(0, 1, 2, 3), "0 2 0"},
		{"doubled", Redundancy, []int{0, 1, 1, 0, 2, 2}, names(0, 1, 2), "3 0 0"},
		{"overtaken", Redundancy, []int{0, 2, 1, 3}, names(0, 1, 2, 3), "1 1 0"},
		{"overtaken, nothing else", NoRepair, []int{0, 2, 3, 1, 4}, names(0, 1, 2, 3, 4), "0 0 0"},
		{"lost, nothing else", NoRepair, []int{0, 2, 3}, names(0, -1, 2, 3), "0 0 1"},
		{"two gaps", NoRepair, []int{0, 2, 4}, names(0, -1, 2, -1, 4), "0 0 2"},
		{"far behind", NoRepair, []int{0, 1, 50, 51}, names(0, 1, -48, 50, 51), "0 0 48"},
		{"one lost, by parity", Parity, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20}, names(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20), "0 1 0"},
		{"four lost, by parity", Parity, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21}, names(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21), "0 4 0"},
	} {
		for _, first := range []uint16{0, 65533} {
			list := stream(&Sender{Repair: c.repair}, first, 60)
			var r Receiver
			var got heard
			for _, i := range c.arrive {
				r.Take(list[i], time.Second, got.give)
			}
			for range 3 { // each gap has its time
				if at, ok := r.Wait(); ok {
					r.Overdue(at-1, func(Next) { t.Error(c.name, ": given up too soon") })
					r.Overdue(at, got.give)
				}
			}
			if !slices.Equal(trim(got), c.want) {
				t.Errorf("%s from %d:\n%q, want\n%q", c.name, first, got, c.want)
			}
			if k := r.Counts; fmt.Sprint(k.Doubled, k.Repaired, k.Lost) != c.counts {
				t.Errorf("%s from %d: %+v, want %s", c.name, first, k, c.counts)
			}
		}
	}
}

// trim takes the zeros away that a parity leaves behind a shorter packet: an IFP packet knows its length.
func trim(h heard) (clean heard) {
	for _, s := range h {
		clean = append(clean, string(bytes.TrimRight([]byte(s), "\x00")))
	}
	return clean
}

// A sender that begins anew is followed from its second packet on, with its first.
func TestBeginsAnew(t *testing.T) {
	var r Receiver
	var got heard
	for _, b := range stream(new(Sender), 9000, 10) {
		r.Take(b, 0, got.give)
	}
	got = nil
	for _, b := range stream(new(Sender), 0, 4) {
		r.Take(b, 0, got.give)
	}
	if want := (heard{"packet 0", "packet 1", "packet 2", "packet 3"}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	got = nil
	r = Receiver{}
	for _, b := range stream(new(Sender), 0, 3) {
		r.Take(b, 0, got.give)
	}
	var s Sender
	for i := range uint16(4) { // the same numbers, soon
		r.Take(s.Append(nil, i, []byte{'n', byte('0' + i)}), 0, got.give)
	}
	if want := (heard{"packet 0", "packet 1", "packet 2", "n0", "n1", "n2", "n3"}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A receiver in another process goes on: nothing is given twice.
func TestResume(t *testing.T) {
	list := stream(new(Sender), 65534, 8)
	var a, b Receiver
	if _, ok := a.Due(); ok {
		t.Error("something is due before anything came")
	}
	var got heard
	for _, d := range list[:4] {
		a.Take(d, 0, got.give)
	}
	due, _ := a.Due()
	b.Resume(due, a.Counts)
	got = nil
	for _, d := range list[5:] {
		b.Take(d, 0, got.give)
	}
	if want := (heard{"packet 4", "packet 5", "packet 6", "packet 7"}); !slices.Equal(got, want) || b.Counts.Packets != 7 {
		t.Errorf("%q, %+v", got, b.Counts)
	}
}

func TestSizes(t *testing.T) {
	ifp := bytes.Repeat([]byte{1}, 100)
	for _, c := range []struct{ most, count int }{{0, 2}, {72, 0}, {200, 0}, {320, 2}, {1000, 3}, {100000, 3}} {
		s := Sender{MaxDatagram: c.most}
		var b []byte
		for i := range uint16(10) {
			b = s.Append(nil, i, ifp)
		}
		var p Packet
		if err := p.Read(b); err != nil || p.Count != c.count {
			t.Errorf("%d: %d earlier ones, %v", c.most, p.Count, err)
		}
		if len(b) > max(c.most, 200) && c.most > 0 {
			t.Errorf("%d octets for a peer that takes %d", len(b), c.most)
		}
	}
}

// Whatever is lost, doubled and reordered: what is given is in order, once, and true, and is all where
// no more than three in a row were lost.
func TestRepairUnderLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		repair := Repair(rapid.IntRange(0, 2).Draw(t, "repair"))
		first := rapid.Uint16().Draw(t, "first")
		list := stream(&Sender{Repair: repair}, first, rapid.IntRange(5, 80).Draw(t, "packets"))
		var r Receiver
		last, given := -1, 0
		give := func(n Next) {
			var i int
			if _, err := fmt.Sscanf(string(bytes.TrimRight(n.IFP, "\x00")), "packet %d", &i); err != nil {
				t.Fatalf("%q was never sent", n.IFP)
			}
			if i <= last {
				t.Fatalf("%d after %d", i, last)
			}
			if last >= 0 && i-last-1 != n.Skipped {
				t.Fatalf("%d after %d, and %d are said to be lost", i, last, n.Skipped)
			}
			last = i
			given++
		}
		now, inRow, worst := time.Duration(0), 0, 0
		for i, b := range list {
			now += 30 * time.Millisecond
			r.Overdue(now, give)
			if i > 0 && i < len(list)-1 && rapid.IntRange(0, 9).Draw(t, "fate") < 3 {
				inRow++
				worst = max(worst, inRow)
				continue
			}
			inRow = 0
			r.Take(b, now, give)
			if rapid.IntRange(0, 9).Draw(t, "again") == 0 {
				r.Take(list[rapid.IntRange(max(0, i-5), i).Draw(t, "which")], now, give)
			}
		}
		for range 40 {
			if at, ok := r.Wait(); ok {
				r.Overdue(at, give)
			}
		}
		if repair == Redundancy && worst <= depth && given != len(list) {
			t.Fatalf("%d of %d, with no more than %d lost in a row", given, len(list), worst)
		}
		if given+int(r.Counts.Lost) != last+1 {
			t.Fatalf("%d given, %d lost, of %d", given, r.Counts.Lost, last+1)
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, b := range stream(new(Sender), 65534, 5) {
		f.Add(b)
	}
	for _, b := range stream(&Sender{Repair: Parity}, 65534, 15) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, again Packet
		if p.Read(b) != nil {
			return
		}
		printed := p.Append(nil)
		if len(printed) > MaxPacket { // lengths that were written wastefully are shorter now, never longer
			t.Fatalf("%d octets of %d", len(printed), len(b))
		}
		if err := again.Read(printed); err != nil || text(&p) != text(&again) {
			t.Fatalf("%s, then %v, %s", text(&p), err, text(&again))
		}
	})
}

func FuzzReceive(f *testing.F) {
	f.Add(bytes.Join(stream(new(Sender), 0, 3), nil), byte(20))
	f.Fuzz(func(t *testing.T, b []byte, cut byte) {
		var r Receiver
		given := 0
		for now := time.Duration(0); len(b) > 0; now += 20 * time.Millisecond {
			n := min(int(cut)+1, len(b))
			r.Take(b[:n], now, func(Next) { given++ })
			r.Overdue(now, func(Next) { given++ })
			b = b[n:]
		}
		if given > int(r.Counts.Packets)*(1+MaxRepaired*2) {
			t.Fatalf("%d packets of %d datagrams", given, r.Counts.Packets)
		}
	})
}

func BenchmarkRelay(b *testing.B) {
	ifp := bytes.Repeat([]byte{1}, 90)
	in, out := new(Sender), new(Sender)
	var r Receiver
	var sent []byte
	give := func(n Next) { sent = out.Append(sent[:0], r.next, n.IFP) }
	var datagram []byte
	seq := uint16(0)
	b.ReportAllocs()
	for b.Loop() {
		datagram = in.Append(datagram[:0], seq, ifp)
		seq++
		r.Take(datagram, 0, give)
	}
}
