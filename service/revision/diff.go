package revision

import (
	"fmt"
	"strings"
)

// around is how many lines stand before and behind what differs.
const around = 3

// run is lines that both texts have, or that one has.
type run struct{ was, is, wasEnd, isEnd int }

// unified gives the difference of two texts in the unified format that patch(1) reads.
func unified(name, was, is string, from, to uint64) string {
	a, b := lines(was), lines(is)
	var runs []run
	compare(a, b, 0, 0, &runs)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s revision %d\n+++ %s revision %d\n", name, from, name, to)
	for i := 0; i < len(runs); {
		j := i + 1
		for j < len(runs) && runs[j].was-runs[j-1].wasEnd <= 2*around {
			j++
		}
		begin, end := max(runs[i].was-around, 0), min(runs[j-1].wasEnd+around, len(a))
		isBegin := runs[i].is - (runs[i].was - begin)
		isEnd := runs[j-1].isEnd + (end - runs[j-1].wasEnd)
		fmt.Fprintf(&out, "@@ -%s +%s @@\n", extent(begin, end), extent(isBegin, isEnd))
		at := begin
		for _, r := range runs[i:j] {
			write(&out, ' ', a[at:r.was])
			write(&out, '-', a[r.was:r.wasEnd])
			write(&out, '+', b[r.is:r.isEnd])
			at = r.wasEnd
		}
		write(&out, ' ', a[at:end])
		i = j
	}
	return out.String()
}

func extent(begin, end int) string {
	if begin == end {
		return fmt.Sprintf("%d,0", begin)
	}
	return fmt.Sprintf("%d,%d", begin+1, end-begin)
}

func write(out *strings.Builder, mark byte, lines []string) {
	for _, l := range lines {
		out.WriteByte(mark)
		out.WriteString(l)
		if !strings.HasSuffix(l, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

func lines(text string) (list []string) {
	for text != "" {
		n := lineLen(text)
		list = append(list, text[:n])
		text = text[n:]
	}
	return list
}

// compare finds what differs between two texts: what begins and ends alike is left out, and so, again and again, are lines that
// stand once in both.
func compare(a, b []string, wasAt, isAt int, runs *[]run) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b, wasAt, isAt = a[1:], b[1:], wasAt+1, isAt+1
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) == 0 && len(b) == 0 {
		return
	}
	anchors := common(a, b)
	if len(anchors) == 0 {
		*runs = append(*runs, run{wasAt, isAt, wasAt + len(a), isAt + len(b)})
		return
	}
	i, j := 0, 0
	for _, x := range anchors {
		compare(a[i:x[0]], b[j:x[1]], wasAt+i, isAt+j, runs)
		i, j = x[0]+1, x[1]+1
	}
	compare(a[i:], b[j:], wasAt+i, isAt+j, runs)
}

// common gives the longest rising row of lines that stand once in each, as places in both.
func common(a, b []string) (row [][2]int) {
	count := map[string][4]int{} // how often in a, where, how often in b, where
	for i, l := range a {
		c := count[l]
		count[l] = [4]int{c[0] + 1, i, c[2], c[3]}
	}
	for j, l := range b {
		c := count[l]
		count[l] = [4]int{c[0], c[1], c[2] + 1, j}
	}
	var pairs [][2]int
	for i, l := range a {
		if c := count[l]; c[0] == 1 && c[2] == 1 {
			pairs = append(pairs, [2]int{i, c[3]})
		}
	}
	// Patience: piles by the place in b, each pair behind the top of the pile before.
	var tops []int
	back := make([]int, len(pairs))
	for i, p := range pairs {
		low, high := 0, len(tops)
		for low < high {
			if mid := (low + high) / 2; pairs[tops[mid]][1] < p[1] {
				low = mid + 1
			} else {
				high = mid
			}
		}
		back[i] = -1
		if low > 0 {
			back[i] = tops[low-1]
		}
		if low == len(tops) {
			tops = append(tops, i)
		} else {
			tops[low] = i
		}
	}
	if len(tops) == 0 {
		return nil
	}
	for i := tops[len(tops)-1]; i >= 0; i = back[i] {
		row = append(row, pairs[i])
	}
	for i, j := 0, len(row)-1; i < j; i, j = i+1, j-1 {
		row[i], row[j] = row[j], row[i]
	}
	return row
}
