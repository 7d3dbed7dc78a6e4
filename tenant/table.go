package tenant

import (
	"slices"
	"strings"

	"santral/base/e164"
)

// table finds rows of numbers, as they are written and in every other spelling.
type table struct {
	rows  []tableRow
	exact map[string]int32 // rows of one number, by it
	wide  []int32          // others that only their text tells, heaviest first
	spans spans
}

// tableRow is a row of numbers and where it stands.
type tableRow struct {
	numbers *Numbers
	of, at  int32 // of which trunk or list, and which of its rows
}

func (t *table) add(n *Numbers, of, at int) {
	t.rows = append(t.rows, tableRow{n, int32(of), int32(at)})
}

// seal makes the table ready for a place's spellings.
func (t *table) seal(p *Plan, area string) {
	if len(t.rows) == 0 {
		return
	}
	t.exact = make(map[string]int32, len(t.rows))
	var all []span
	for i := range t.rows {
		n, of := t.rows[i].numbers, int32(i)
		if !n.Prefix && n.First == n.Last {
			if _, twice := t.exact[n.First]; !twice { // of a number that stands twice the first row counts
				t.exact[n.First] = of
			}
		}
		public := n.Public(p, area)
		for _, s := range public {
			all = append(all, span{first: s[0], last: s[1], of: of, weight: int32(n.weight())})
		}
		if n.Prefix || n.First != n.Last && len(public) == 0 {
			t.wide = append(t.wide, of)
		}
	}
	slices.SortStableFunc(t.wide, func(a, b int32) int { return t.rows[b].numbers.weight() - t.rows[a].numbers.weight() })
	t.spans = flatten(all)
}

// find gives the row that a number belongs to, the longest that fits, or nil.
func (t *table) find(text string, public e164.Number) *tableRow {
	if t == nil || len(t.rows) == 0 {
		return nil
	}
	if i, ok := t.exact[text]; ok {
		return &t.rows[i]
	}
	if public != 0 {
		if i, ok := t.spans.find(public); ok {
			return &t.rows[i]
		}
	}
	for _, i := range t.wide {
		if t.rows[i].numbers.Has(text) {
			return &t.rows[i]
		}
	}
	return nil
}

// Public gives the numbers of the public network that a row is, as intervals, by a country's plan and the area that need not
// be dialled. None where it is no public numbers, or they are not whole.
func (n *Numbers) Public(p *Plan, area string) [][2]e164.Number {
	if n.Prefix {
		if begin := p.Beginning(n.First); begin != 0 {
			return p.Span(begin)
		}
		return nil
	}
	first := p.Understand(n.First, area).E164
	if first == 0 || n.First == n.Last {
		if first == 0 {
			return nil
		}
		return [][2]e164.Number{{first, first}}
	}
	last := p.Understand(n.Last, area).E164
	if last < first || last.Len() != first.Len() {
		return nil
	}
	return [][2]e164.Number{{first, last}}
}

// Beginning is what numbers begin with in E.164 that begin so as they are dialled: with +, Abroad or Trunk. 0 for others.
func (p *Plan) Beginning(dialled string) e164.Number {
	if rest, ok := strings.CutPrefix(dialled, "+"); ok {
		return e164.Digits(rest)
	}
	if rest, ok := strings.CutPrefix(dialled, p.Abroad); ok && p.Abroad != "" {
		return e164.Digits(rest)
	}
	if rest, ok := strings.CutPrefix(dialled, p.Trunk); ok && p.Trunk != "" && rest != "" {
		return p.Code.And(rest)
	}
	return 0
}
