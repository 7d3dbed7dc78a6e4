package report

import (
	"context"
	"time"

	"santral/store"
)

// missed is who called and was not answered, and has not been spoken with since: neither called back nor answered later. A caller
// stands there once, with its last attempt.
func (t *Table) missed(ctx context.Context, records store.Records, q *Question) error {
	t.Columns = []Column{{"number", "", Text}, {"name", "", Text}, {"attempts", "", Count}, {"last", "", Moment}, {"waited", "", Length}, {"called", "", Text}, {"department", "", Text}, {"state", "", Text}}
	for i := range t.Columns {
		t.Columns[i].Name = word(q.Language, t.Columns[i].Key)
	}
	f := q.Filter
	f.Way = store.Inbound
	type caller struct {
		last  store.CDR
		times int64
	}
	callers := map[string]*caller{}
	var order []string
	cursor := ""
	for {
		page, next, err := records.CDRs(ctx, f, cursor, 1000)
		if err != nil {
			return err
		}
		for i := range page {
			c := page[i].For(q.Filter.Tenant)
			if c.State == store.Answered || c.FromNumber == "" || store.Digits(c.FromNumber) == "" || c.Story != "" && c.Story != c.Call {
				continue
			}
			known := callers[c.FromNumber]
			if known == nil {
				if len(callers) == mostCallers {
					continue
				}
				known = &caller{last: c} // the newest come first
				callers[c.FromNumber] = known
				order = append(order, c.FromNumber)
			}
			known.times++
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	for _, number := range order {
		c := callers[number]
		spoken, _, err := records.CDRs(ctx, store.CDRFilter{Tenant: q.Filter.Tenant, Number: number, State: store.Answered, From: c.last.Began.Add(time.Millisecond)}, "", 1)
		if err != nil {
			return err
		}
		if len(spoken) > 0 {
			continue
		}
		called := c.last.To
		if called == "" {
			called = c.last.Dialled
		}
		t.Rows = append(t.Rows, []any{number, c.last.FromName, c.times, c.last.Began.In(q.Zone), c.last.Ended.Sub(c.last.Began), called, c.last.ToDepartment, word(q.Language, "state."+c.last.State.String())})
	}
	return nil
}

// mostCallers is how many callers a report of missed calls looks after.
const mostCallers = 2000
