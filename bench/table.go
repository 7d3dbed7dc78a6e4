//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// row is one line of the table that is printed.
type row struct {
	work  string
	ours  string
	must  string
	kept  string // yes or no, where there is a bound
	peer  string
	ratio string
}

type table struct{ rows []row }

func (t *table) add(r row) { t.rows = append(t.rows, r) }

// String prints Markdown.
func (t *table) String() string {
	var b strings.Builder
	b.WriteString("| work | Santral | must | kept | peer | ours to the peer's |\n|---|---|---|---|---|---|\n")
	for _, r := range t.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.work, r.ours, r.must, r.kept, r.peer, r.ratio)
	}
	return b.String()
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// series is a figure's measurements, with what spoiled some.
type series struct {
	values []float64
	notes  []string
}

func (s *series) add(v float64)    { s.values = append(s.values, v) }
func (s *series) note(text string) { s.notes = append(s.notes, text) }
func (s *series) median() float64  { return median(s.values) }

// text prints the median and, where there were several measurements, how far they lie apart.
func (s *series) text(format, unit string) string {
	if len(s.values) == 0 {
		return "not measured" + s.remarks()
	}
	out := fmt.Sprintf(format, s.median()) + " " + unit
	if len(s.values) > 1 {
		out += fmt.Sprintf(" ("+format+" to "+format+")", slices.Min(s.values), slices.Max(s.values))
	}
	return out + s.remarks()
}

func (s *series) remarks() string {
	if len(s.notes) == 0 {
		return ""
	}
	return "; " + strings.Join(slices.Compact(slices.Sorted(slices.Values(s.notes))), "; ")
}

// against makes a row of a figure that must not be above a bound, or above a share of the peer's.
func against(work string, ours *series, format, unit string, bound float64, peer string, theirs *series, share float64) row {
	r := row{work: work, ours: ours.text(format, unit), must: fmt.Sprintf("≤ "+plain(bound), bound) + " " + unit, kept: "no"}
	kept := len(ours.values) > 0 && ours.median() <= bound && len(ours.notes) == 0
	if share > 0 {
		r.must += fmt.Sprintf(" and ≤ %.2f of %s's", share, peer)
	}
	if theirs != nil && len(theirs.values) > 0 && len(ours.values) > 0 {
		r.peer = peer + " " + theirs.text(format, unit)
		if theirs.median() > 0 {
			r.ratio = fmt.Sprintf("%.2f", ours.median()/theirs.median())
		}
		kept = kept && (share == 0 || ours.median() <= share*theirs.median())
	}
	if kept {
		r.kept = "yes"
	}
	return r
}

// plain prints a bound without needless zeros.
func plain(v float64) string {
	if v == float64(int(v)) {
		return "%.0f"
	}
	return "%.1f"
}
