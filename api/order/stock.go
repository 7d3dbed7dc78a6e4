package order

import (
	"cmp"
	"slices"
	"time"

	"santral/base/e164"
	"santral/tenant"
)

// span is numbers of the operator's stock that follow one another.
type span struct {
	first, last e164.Number
	block       *tenant.Block
}

// spans are the blocks of a snapshot in E.164, in order.
func spans(s *tenant.Snapshot) (list []span) {
	blocks := s.Operator().Blocks
	for i := range blocks {
		b := &blocks[i]
		plan := tenant.PlanOf(cmp.Or(b.Country, s.Operator().Country))
		area := cmp.Or(b.Area, s.Operator().Area)
		if b.Prefix {
			for _, p := range plan.Span(plan.Understand(b.First, area).E164) {
				list = append(list, span{p[0], p[1], b})
			}
			continue
		}
		first, last := plan.Understand(b.First, area).E164, plan.Understand(b.Last, area).E164
		if first != 0 && last >= first {
			list = append(list, span{first, last, b})
		}
	}
	slices.SortStableFunc(list, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	return list
}

// narrowest gives the span of the fewest numbers that a number is in, nil for none.
func narrowest(list []span, n e164.Number) (best *span) {
	for i := range list {
		p := &list[i]
		if n >= p.first && n <= p.last && (best == nil || p.last-p.first < best.last-best.first) {
			best = p
		}
	}
	return best
}

// blockOf gives the narrowest block that a number is of, nil for none.
func blockOf(s *tenant.Snapshot, n e164.Number) *tenant.Block {
	if p := narrowest(spans(s), n); p != nil {
		return p.block
	}
	return nil
}

// given reports whether a number of a block may be given to a tenant now.
func given(b *tenant.Block, tenantID string, now time.Time) bool {
	over := !b.Until.IsZero() && now.After(b.Until)
	switch b.State {
	case tenant.NumberFree:
		return true
	case tenant.NumberReserved:
		return over || b.Tenant == tenantID
	case tenant.NumberQuarantine, tenant.NumberCeased:
		return over
	}
	return false
}

// pick finds the number of an order: the one that is wanted, or the first that is free.
func (o *Office) pick(s *tenant.Snapshot, t *tenant.Tenant, w *Wish, taken []e164.Number) (e164.Number, error) {
	if w.Number != "" {
		n := planOf(t, s).Understand(tenant.Dialled(w.Number), cmp.Or(t.Area, s.Operator().Area)).E164
		b := blockOf(s, n)
		switch {
		case n == 0 || b == nil && len(s.Operator().Blocks) > 0:
			return 0, ErrForeign
		case s.Owner(n) != nil, b != nil && !given(b, t.ID, time.Now()):
			return 0, ErrTaken
		}
		return n, nil
	}
	page := Free(s, t.ID, w.Block, 0, 1+len(taken), time.Now())
	for _, n := range page {
		if !slices.Contains(taken, n) {
			return n, nil
		}
	}
	return 0, ErrNoNumber
}

// mostLooked bounds the numbers that are looked at for one page of free ones.
const mostLooked = 1 << 17

// Free gives up to limit numbers that a tenant may have, in order and behind after (0 for the first): of the block of a name,
// or of any for "".
func Free(s *tenant.Snapshot, tenantID, block string, after e164.Number, limit int, now time.Time) (list []e164.Number) {
	all := spans(s)
	looked := 0
	for i := range all {
		p := &all[i]
		if p.last <= after {
			continue
		}
		for n := max(p.first, after+1); n <= p.last; n++ {
			if looked++; looked > mostLooked || len(list) == limit {
				return list
			}
			in := narrowest(all, n)
			if (block == "" || in.block.Name == block || p.block.Name == block) && given(in.block, tenantID, now) && s.Owner(n) == nil {
				list = append(list, n)
			}
			after = n // blocks within others are looked at once
		}
	}
	return list
}
