package revision

import (
	"context"
	"slices"

	"santral/base/doc"
	"santral/tenant"
)

// Plan is as Configuration says.
func (b *Book) Plan(ctx context.Context, c Change) (Plan, error) {
	return b.plan(&c, how{strict: true})
}

// PlanUndo is as Configuration says.
func (b *Book) PlanUndo(ctx context.Context, number uint64) (Plan, error) {
	c, h, err := b.backward(ctx, number)
	if err != nil {
		return Plan{}, err
	}
	return b.plan(c, h)
}

func (b *Book) plan(c *Change, h how) (Plan, error) {
	w, err := b.draft(c, h)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Documents: []Changed{}, Entries: []EntryChange{}, Leads: []Lead{}}
	if w.problems.Err() != nil {
		p.Problems = w.refused(&c.Author).Problems
		return p, nil
	}
	slices.Sort(w.changed)
	for _, id := range w.changed {
		one := Changed{Tenant: id}
		for _, d := range w.difference(id) {
			e := EntryChange{Tenant: id, List: d.List, Key: d.Key, Keys: d.Keys}
			switch d.Do {
			case doc.Add:
				e.Do = "add"
				one.Added++
			case doc.Delete:
				e.Do = "remove"
				one.Gone++
			default:
				e.Do = "edit"
				one.Edited++
			}
			if len(p.Entries) < MaxPlan {
				p.Entries = append(p.Entries, e)
			} else {
				p.More++
			}
		}
		p.Documents = append(p.Documents, one)
	}
	p.Loses = b.loses(w)
	if b.cfg.Leads == nil || len(w.changed) == 0 {
		return p, nil
	}
	now := w.snapshot()
	leading := w.changed
	if slices.Contains(w.changed, tenant.OperatorID) { // by its carriers and routes all may lead elsewhere
		leading = w.now.ids()
	}
	for _, id := range leading {
		if id == tenant.OperatorID {
			continue
		}
		for _, lead := range b.cfg.Leads(w.old.snapshot, now, id) {
			if len(p.Leads) < MaxPlan {
				p.Leads = append(p.Leads, lead)
			} else {
				p.More++
			}
		}
	}
	return p, nil
}
