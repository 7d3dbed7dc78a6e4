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
		p.Problems = refused(&w.problems).Problems
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
	now := w.now.index(w.old.snapshot, w.old.last.Number+1)
	for _, id := range w.changed {
		for _, lead := range b.cfg.Leads(w.old.snapshot, now, id, numbersOf(id, w.old.snapshot, now)) {
			if len(p.Leads) < MaxPlan {
				p.Leads = append(p.Leads, lead)
			} else {
				p.More++
			}
		}
	}
	return p, nil
}

// numbersOf gives the numbers of a tenant's in two snapshots, in order.
func numbersOf(id string, snapshots ...*tenant.Snapshot) (numbers []string) {
	for _, s := range snapshots {
		t := s.Tenant(id)
		if t == nil {
			continue
		}
		for i := range t.Accounts {
			numbers = append(numbers, t.Accounts[i].Number)
		}
		for i := range t.Numbers {
			numbers = append(numbers, t.Numbers[i].First)
		}
		for i := range t.Groups {
			numbers = append(numbers, t.Groups[i].Number)
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if len(numbers) > 0 && numbers[0] == "" {
		numbers = numbers[1:]
	}
	return numbers
}
