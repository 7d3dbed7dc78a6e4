package report

import (
	"context"
	"iter"
	"strings"
	"time"

	"santral/base/jalali"
	"santral/store"
)

// callColumns are those of a list of records; jalali dates stand beside the moments where they are asked for.
func callColumns(language string, jal, everybody bool) []Column {
	list := []Column{{"began", "", Moment}}
	if jal {
		list = append(list, Column{"began_jalali", "", Calendar})
	}
	if everybody {
		list = append(list, Column{"tenant", "", Text}, Column{"to_tenant", "", Text})
	}
	list = append(list, []Column{
		{"direction", "", Text}, {"state", "", Text}, {"from_number", "", Text}, {"from_name", "", Text}, {"from_account", "", Text}, {"department", "", Text}, {"site", "", Text}, {"said", "", Text}, {"dialled", "", Text},
		{"number", "", Text}, {"sent", "", Text}, {"to", "", Text}, {"answered_by", "", Text}, {"to_department", "", Text}, {"to_site", "", Text}, {"kind", "", Text}, {"from_trunk", "", Text}, {"to_trunk", "", Text}, {"because", "", Text},
		{"answered_at", "", Moment}, {"ended", "", Moment}, {"post_dial_delay", "", Length}, {"ring", "", Length}, {"talk", "", Length}, {"held", "", Length}, {"ended_by", "", Text}, {"sip", "", Count}, {"q850", "", Count}, {"cause", "", Text},
		{"codec", "", Text}, {"mos", "", Score}, {"mos_worst", "", Score}, {"attempts", "", Count}, {"recordings", "", Count}, {"parts", "", Count}, {"caller_agent", "", Text}, {"callee_agent", "", Text}, {"revision", "", Count}, {"call", "", Text},
	}...)
	for i := range list {
		list[i].Name = word(language, list[i].Key)
	}
	return list
}

func callCells(c *store.CDR, language string, zone *time.Location, jal, everybody bool) []any {
	at := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.In(zone)
	}
	row := []any{at(c.Began)}
	if jal {
		day := ""
		if d, ok := jalali.Of(c.Began.In(zone)); ok {
			day = d.String()
		}
		row = append(row, day)
	}
	if everybody {
		row = append(row, c.Tenant, c.ToTenant)
	}
	return append(row, word(language, "direction."+c.Direction.String()), word(language, "state."+c.State.String()), c.FromNumber, c.FromName, c.FromAccount, c.Department, c.Site, c.Said, c.Dialled,
		c.Number, c.Sent, c.To, c.AnsweredBy, c.ToDepartment, c.ToSite, word(language, "kind."+c.Calls), c.FromTrunk, c.Trunk, c.Because,
		at(c.Answered), at(c.Ended), c.PostDialDelay.Duration(), c.RingTime.Duration(), c.TalkTime.Duration(), c.Held.Duration(), word(language, "by."+c.EndedBy), int64(c.SIP), int64(c.Q850), c.Cause,
		c.Codec, c.MOS, c.MOSWorst, int64(c.Attempts), int64(len(c.Recordings)), int64(max(1, len(c.Parts))), c.CallerAgent, c.CalleeAgent, int64(c.Revision), c.Call)
}

// Stories gives the records that a filter finds as a tenant may see them, newest first, each story as one row that joins its
// calls. A story stands where the oldest of its calls that the filter finds began; cursor is the place behind which the list goes on.
func Stories(ctx context.Context, records store.Records, f store.CDRFilter, cursor string, limit int) (page []store.CDR, next string, err error) {
	page = []store.CDR{}
	for {
		want := limit - len(page)
		rows, after, err := records.CDRs(ctx, f, cursor, want)
		if err != nil {
			return nil, "", err
		}
		joined, err := join(ctx, records, &f, rows)
		if err != nil {
			return nil, "", err
		}
		page = append(page, joined...)
		if cursor = after; cursor == "" || len(page) >= limit {
			return page, cursor, nil
		}
	}
}

// join makes rows of stories of rows of calls.
func join(ctx context.Context, records store.Records, f *store.CDRFilter, rows []store.CDR) ([]store.CDR, error) {
	var first []string
	for i := range rows {
		if id := rows[i].Story; id != "" {
			first = append(first, id)
		} else {
			first = append(first, rows[i].Call) // others may be parts of it
		}
	}
	parts := map[string][]store.CDR{}
	if len(first) > 0 {
		all, err := records.Parts(ctx, first...)
		if err != nil {
			return nil, err
		}
		for i := range all {
			id := all[i].Story
			if id == "" {
				id = all[i].Call
			}
			parts[id] = append(parts[id], all[i])
		}
	}
	found := make([]store.CDR, 0, len(rows))
	for i := range rows {
		c := &rows[i]
		all := parts[first[i]]
		if len(all) < 2 {
			found = append(found, c.For(f.Tenant))
			continue
		}
		oldest := c
		var seen []store.CDR
		for k := range all {
			p := &all[k]
			if f.Tenant != "" && p.Tenant != f.Tenant && p.ToTenant != f.Tenant {
				continue
			}
			seen = append(seen, p.For(f.Tenant))
			if matches(f, p) && (p.Began.Before(oldest.Began) || p.Began.Equal(oldest.Began) && p.Seq < oldest.Seq) {
				oldest = p
			}
		}
		if oldest.Call == c.Call && len(seen) > 0 {
			found = append(found, store.JoinCDRs(seen))
		}
	}
	return found, nil
}

// matches is Match, and Call besides.
func matches(f *store.CDRFilter, c *store.CDR) bool {
	if f.Call != "" && c.Call != f.Call {
		found := false
		for i := range c.Legs {
			found = found || c.Legs[i].SIPCallID == f.Call
		}
		if !found {
			return false
		}
	}
	return f.Match(c)
}

// All gives everything that a filter finds, page by page: with parts, each call for itself.
func All(ctx context.Context, records store.Records, f store.CDRFilter, parts bool, keep func(*store.CDR) bool) iter.Seq2[*store.CDR, error] {
	const page = 500
	return func(yield func(*store.CDR, error) bool) {
		cursor := ""
		for {
			var rows []store.CDR
			var err error
			if parts {
				rows, cursor, err = records.CDRs(ctx, f, cursor, page)
				for i := range rows {
					rows[i] = rows[i].For(f.Tenant)
				}
			} else {
				rows, cursor, err = Stories(ctx, records, f, cursor, page)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range rows {
				if (keep == nil || keep(&rows[i])) && !yield(&rows[i], nil) {
					return
				}
			}
			if cursor == "" {
				return
			}
		}
	}
}

// FileName is a safe name for a file of a report: ASCII, with its time and its format.
func FileName(kind string, from, until time.Time, format string) string {
	var b strings.Builder
	b.WriteString("santral-")
	for _, c := range []byte(kind) {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' {
			b.WriteByte(c)
		}
	}
	if !from.IsZero() {
		b.WriteString(from.Format("-20060102"))
	}
	if !until.IsZero() {
		b.WriteString(until.Format("-20060102"))
	}
	return b.String() + "." + Extension(format)
}
