package tenant

import (
	"cmp"
	"slices"
	"strings"

	"santral/base/doc"
)

// claim is a number that a document has somebody dial.
type claim struct {
	number string
	what   string // "extension", "group", "site code" …
	urgent bool   // an emergency number
	at     doc.Spot
}

// standing is numbers that a document has somebody own.
type standing struct {
	Numbers
	at doc.Spot
}

// String gives the numbers as documents write them.
func (n *Numbers) String() string {
	switch {
	case n.Prefix:
		return n.First + "*"
	case n.First != n.Last:
		return n.First + "-" + n.Last
	}
	return n.First
}

// overlaps fails at internal numbers that can't all be dialled: one is another's beginning, or the same, or begins with a
// site's code. rooms are those that the document writes; the ones that it has unsaid give way.
func overlaps(n *doc.Node, claims, codes []claim, rooms *Rooms, country []claim) {
	byNumber := func(a, b claim) int {
		return cmp.Or(strings.Compare(a.number, b.number), cmp.Compare(a.at.Line, b.at.Line))
	}
	slices.SortStableFunc(claims, byNumber)
	var open []claim // those that the one at hand begins with
	for _, c := range claims {
		for len(open) > 0 && !strings.HasPrefix(c.number, open[len(open)-1].number) {
			open = open[:len(open)-1]
		}
		if top := len(open) - 1; top >= 0 && !(open[top].number == c.number && (open[top].urgent || c.urgent)) { // an emergency number may be a desk of the tenant's own
			clash(n, open[top], c)
		}
		open = append(open, c)
	}
	slices.SortStableFunc(codes, byNumber)
	known := map[string]claim{}
	for i, c := range codes {
		if i > 0 && strings.HasPrefix(c.number, codes[i-1].number) {
			clash(n, codes[i-1], c)
		}
		known[c.number] = c
	}
	urgent := map[string]claim{}
	for _, c := range country {
		urgent[c.number] = c
	}
	for _, c := range claims {
		for i := 1; i <= len(c.number) && len(known) > 0; i++ {
			if code, ok := known[c.number[:i]]; ok {
				clash(n, code, c)
				break
			}
		}
		if e, ok := urgent[c.number]; ok && !c.urgent {
			n.FailAt(c.at, "%s %s is %s %s, which is always reached; give the %s another number", c.what, c.number, e.what, e.number, c.what)
		}
		if rooms != nil {
			rooms.clash(n, c)
		}
	}
}

// clash says that two numbers overlap, at the later of them, and what to do.
func clash(n *doc.Node, a, b claim) {
	at := b.at
	if a.at.Line > at.Line {
		at = a.at
	}
	if a.number == b.number {
		n.FailAt(at, "%s %s and %s %s are the same number; give one of them another", a.what, a.number, b.what, b.number)
		return
	}
	n.FailAt(at, "%s %s and %s %s overlap: one begins like the other, and whoever dials key by key never reaches the longer one; give one of them another number", a.what, a.number, b.what, b.number)
}

// clash says which room an internal number is, or begins like.
func (r *Rooms) clash(at *doc.Node, c claim) {
	first, last := r.between()
	if r.None {
		return
	}
	var room string
	switch n := len(first); {
	case len(c.number) >= n && c.number[:n] >= first && c.number[:n] <= last:
		room = c.number[:n]
	case r.Begins(c.number):
		if room = first; !strings.HasPrefix(room, c.number) {
			room = c.number + strings.Repeat("0", n-len(c.number))
		}
	default:
		return
	}
	at.FailAt(c.at, "%s %s and room %s overlap; give the %s another number, or have rooms: be others", c.what, c.number, room, c.what)
}

// apart fails at ranges of numbers that overlap. A single number may stand inside of a range: it counts before it.
func apart(n *doc.Node, spans []standing) {
	order := slices.Clone(spans)
	slices.SortStableFunc(order, func(a, b standing) int {
		return cmp.Or(cmp.Compare(len(a.First), len(b.First)), strings.Compare(a.First, b.First), -strings.Compare(a.Last, b.Last), cmp.Compare(a.at.Line, b.at.Line))
	})
	var wide, single *standing
	for i := range order {
		s := &order[i]
		if s.First == s.Last {
			if single != nil && single.First == s.First {
				n.FailAt(s.at, "number %s stands twice, first at line %d; keep one", s.First, single.at.Line)
			}
			single = s
			continue
		}
		if wide != nil && len(wide.First) == len(s.First) && s.First <= wide.Last {
			at := s.at
			if wide.at.Line > at.Line {
				at = wide.at
			}
			n.FailAt(at, "numbers %s and %s overlap; have each number stand in one range", wide.Numbers.String(), s.Numbers.String())
		}
		if wide == nil || len(wide.First) != len(s.First) || s.Last > wide.Last {
			wide = s
		}
	}
}

// numberSet is many numbers, ranges and prefixes, of which it is asked whether a number is one.
type numberSet struct {
	ranges   map[int][]Numbers // by length; in order and apart once sorted
	prefixes map[string]bool
	sorted   bool
}

func (s *numberSet) add(n Numbers) {
	if s.ranges == nil {
		s.ranges, s.prefixes = map[int][]Numbers{}, map[string]bool{}
	}
	if n.Prefix {
		s.prefixes[n.First] = true
		return
	}
	s.ranges[len(n.First)] = append(s.ranges[len(n.First)], n)
	s.sorted = false
}

func (s *numberSet) has(number string) bool {
	if !s.sorted {
		for length, list := range s.ranges {
			slices.SortFunc(list, func(a, b Numbers) int { return strings.Compare(a.First, b.First) })
			merged := list[:0]
			for _, n := range list {
				if last := len(merged) - 1; last >= 0 && n.First <= merged[last].Last {
					merged[last].Last = max(merged[last].Last, n.Last)
				} else {
					merged = append(merged, n)
				}
			}
			s.ranges[length] = merged
		}
		s.sorted = true
	}
	list := s.ranges[len(number)]
	i, found := slices.BinarySearchFunc(list, number, func(n Numbers, number string) int { return strings.Compare(n.First, number) })
	if found || i > 0 && number <= list[i-1].Last {
		return true
	}
	for n := 1; n <= len(number) && len(s.prefixes) > 0; n++ {
		if s.prefixes[number[:n]] {
			return true
		}
	}
	return false
}
