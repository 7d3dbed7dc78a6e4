// Package report makes reports of call records, and writes records and reports as files: CSV that a spreadsheet opens and no
// formula gets into, XLSX with real dates and durations, lines of JSON.
//
// What lives here: what reports there are, how days are cut in somebody's zone and calendar, names of columns in English and
// Persian, the files, and when reports that are mailed are due. What does not live here: how records and sums are kept (store/db),
// what a record is (service/cdr), how a mail is sent. Reports own no state; the Mailer's is in a table.
package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"santral/base/jalali"
	"santral/store"
)

// Kinds are the reports that there are.
var Kinds = []string{"calls", "days", "hours", "departments", "accounts", "trunks", "destinations", "causes", "missed"}

// ErrKind is what a report gives that there is not.
var ErrKind = errors.New("there is no such report; there are " + strings.Join(Kinds, ", "))

// Question is what a report is asked.
type Question struct {
	Kind     string
	Filter   store.CDRFilter // its Tenant, From and Until always; what else it says restricts reports of calls, days, hours, accounts and missed
	Zone     *time.Location  // in which days and hours are cut
	Jalali   bool            // days are named by the calendar of Iran
	Language string          // "en" or "fa"
}

// Format says what stands in a cell of a column.
type Format uint8

// Formats of columns.
const (
	Text     Format = iota // string
	Count                  // int64
	Length                 // time.Duration
	Share                  // float64, 0 to 1
	Score                  // float64
	Moment                 // time.Time, in the question's zone; the zero time is an empty cell
	Calendar               // string: a day
)

// Column is a column of a table.
type Column struct {
	Key    string // for programs; the name of the field in JSON
	Name   string // for people
	Format Format
}

// Table is a report: small, for what is large is written row by row. Cells are as their column's Format says.
type Table struct {
	Kind    string
	Title   string
	From    time.Time
	Until   time.Time
	Columns []Column
	Rows    [][]any
	Total   []any // beside Rows; nil for none
}

// MostRows is how many rows a report has at most; what has more says so in its title.
const MostRows = 50_000

// Make makes a report.
func Make(ctx context.Context, records store.Records, q Question) (*Table, error) {
	if !slices.Contains(Kinds, q.Kind) {
		return nil, ErrKind
	}
	if q.Zone == nil {
		q.Zone = time.UTC
	}
	t := &Table{Kind: q.Kind, Title: word(q.Language, "report."+q.Kind), From: q.Filter.From, Until: q.Filter.Until}
	var err error
	switch q.Kind {
	case "calls":
		err = t.overall(ctx, records, &q)
	case "days", "hours":
		err = t.overTime(ctx, records, &q)
	case "missed":
		err = t.missed(ctx, records, &q)
	case "accounts":
		err = t.accounts(ctx, records, &q)
	default:
		err = t.grouped(ctx, records, &q)
	}
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", q.Kind, err)
	}
	return t, nil
}

// sums are the columns that every report of sums has.
var sums = []Column{
	{"calls", "", Count}, {"answered", "", Count}, {"busy", "", Count}, {"no_answer", "", Count}, {"cancelled", "", Count}, {"failed", "", Count},
	{"asr", "", Share}, {"ner", "", Share}, {"talk", "", Length}, {"acd", "", Length}, {"pdd", "", Length}, {"mos", "", Score},
}

// lay sets a table's columns: some of its own and then those of sums.
func (t *Table) lay(language string, own ...Column) {
	t.Columns = append(own, sums...)
	for i := range t.Columns {
		t.Columns[i].Name = word(language, t.Columns[i].Key)
	}
}

func cells(s *store.Sums, own ...any) []any {
	return append(own, s.Calls, s.Answered, s.Busy, s.NoAnswer, s.Cancelled, s.Failed, s.ASR(), s.NER(), time.Duration(s.Talk)*time.Millisecond, s.ACD(), s.PDD(), s.Quality())
}

// overall is the whole, and each direction.
func (t *Table) overall(ctx context.Context, records store.Records, q *Question) error {
	t.lay(q.Language, Column{"direction", "", Text})
	for _, way := range []store.CDRDirection{store.Inbound, store.Outbound, store.Internal, store.Transit} {
		f := q.Filter
		if f.Way != store.UnknownWay && f.Way != way {
			continue
		}
		f.Way = way
		s, err := records.Sum(ctx, f)
		if err != nil {
			return err
		}
		if s.Calls > 0 || way != store.Transit {
			t.Rows = append(t.Rows, cells(&s, word(q.Language, "direction."+way.String())))
		}
	}
	all, err := records.Sum(ctx, q.Filter)
	t.Total = cells(&all, word(q.Language, "total"))
	return err
}

// plain reports whether nothing restricts a question but its tenant and its time, and the time is whole slots.
func plain(f *store.CDRFilter) bool {
	return f.Account == "" && f.Call == "" && f.State == 0 && f.Number == "" && f.Trunk == "" && f.Site == "" && f.Kind == "" && f.Way == 0 && f.Cause == 0 && f.Longer == 0 && f.Shorter == 0 &&
		f.Text == "" && len(f.Departments) == 0 && len(f.Sites) == 0 && whole(f.From) && whole(f.Until)
}

func whole(t time.Time) bool {
	return t.Unix()%int64(store.RollSlot/time.Second) == 0 && t.Nanosecond() == 0
}

func whose(f *store.CDRFilter) string {
	if f.Tenant == "" {
		return store.Everybody
	}
	return f.Tenant
}

// overTime sums up days, or the hours of the day over all days.
func (t *Table) overTime(ctx context.Context, records store.Records, q *Question) error {
	days := q.Kind == "days"
	format := Text
	if days {
		format = Calendar
	}
	t.lay(q.Language, Column{q.Kind[:len(q.Kind)-1], "", format})
	var all store.Sums
	by := map[string]*store.Sums{}
	var order []string
	add := func(name string, s store.Sums) {
		if by[name] == nil {
			by[name] = &store.Sums{}
			order = append(order, name)
		}
		by[name].Add(s)
		all.Add(s)
	}
	for day := range eachDay(q.Filter.From, q.Filter.Until, q.Zone) {
		if days {
			add(q.day(day.from), store.Sums{})
		}
	}
	if !days {
		for h := range 24 {
			add(hour(h), store.Sums{})
		}
	}
	if by0, keys, ok := slots(&q.Filter); ok {
		groups, err := records.Rolls(ctx, whose(&q.Filter), by0, keys, q.Filter.From, q.Filter.Until, true)
		if err != nil {
			return err
		}
		for _, g := range groups {
			at := store.SlotTime(g.Slot).In(q.Zone)
			if days {
				add(q.day(at), g.Sums)
			} else {
				add(hour(at.Hour()), g.Sums)
			}
		}
	} else {
		for part := range eachPart(q.Filter.From, q.Filter.Until, q.Zone, !days) {
			f := q.Filter
			f.From, f.Until = part.from, part.until
			s, err := records.Sum(ctx, f)
			if err != nil {
				return err
			}
			if days {
				add(q.day(part.from), s)
			} else {
				add(hour(part.from.In(q.Zone).Hour()), s)
			}
		}
	}
	for _, name := range order {
		t.Rows = append(t.Rows, cells(by[name], name))
	}
	t.Total = cells(&all, word(q.Language, "total"))
	return nil
}

// slots gives the sum whose slots answer a question, when one does.
func slots(f *store.CDRFilter) (by store.RollBy, keys []string, ok bool) {
	bare := *f
	if len(f.Departments) == 1 && f.Tenant != "" {
		bare.Departments = nil
		return store.RollDepartment, f.Departments, plain(&bare)
	}
	if f.Site != "" && f.Tenant != "" {
		bare.Site = ""
		return store.RollSite, []string{f.Site}, plain(&bare)
	}
	return store.RollAll, nil, plain(f)
}

func hour(h int) string { return fmt.Sprintf("%02d:00", h) }

// day names the day of a time.
func (q *Question) day(at time.Time) string {
	at = at.In(q.Zone)
	if q.Jalali {
		if d, ok := jalali.Of(at); ok {
			return d.String()
		}
	}
	return at.Format(time.DateOnly)
}

// grouped is by department, trunk, destination or cause.
func (t *Table) grouped(ctx context.Context, records store.Records, q *Question) error {
	kinds := map[string]struct {
		by  store.RollBy
		own []Column
	}{
		"departments":  {store.RollDepartment, []Column{{"department", "", Text}}},
		"trunks":       {store.RollTrunk, []Column{{"trunk", "", Text}, {"direction", "", Text}}},
		"destinations": {store.RollKind, []Column{{"kind", "", Text}, {"country", "", Text}, {"area", "", Text}}},
		"causes":       {store.RollCause, []Column{{"q850", "", Count}}},
	}
	k := kinds[q.Kind]
	own := k.own
	if q.Kind == "trunks" {
		own = append(own, Column{"causes", "", Text})
	}
	t.lay(q.Language, own...)
	f := &q.Filter
	var keys []string
	if q.Kind == "departments" {
		keys = f.Departments
	}
	groups, err := records.Rolls(ctx, whose(f), k.by, keys, f.From, f.Until, false)
	if err != nil {
		return err
	}
	causes := map[string][]string{}
	if q.Kind == "trunks" {
		if causes, err = trunkCauses(ctx, records, f); err != nil {
			return err
		}
	}
	var all store.Sums
	slices.SortStableFunc(groups, func(a, b store.Group) int { return int(b.Calls - a.Calls) })
	for i := range groups {
		g := &groups[i]
		if g.Calls == 0 && g.Talk == 0 {
			continue
		}
		all.Add(g.Sums)
		var first []any
		parts := strings.Split(g.Key, "/")
		switch q.Kind {
		case "trunks":
			at := strings.LastIndexByte(g.Key, '/')
			first = []any{g.Key[:at], word(q.Language, "direction."+g.Key[at+1:]), strings.Join(causes[g.Key], ", ")}
		case "destinations":
			for len(parts) < 3 {
				parts = append(parts, "")
			}
			first = []any{word(q.Language, "kind."+parts[0]), plus(parts[1]), parts[2]}
		case "causes":
			n, _ := strconv.ParseInt(g.Key, 10, 64)
			first = []any{n}
		default:
			first = []any{g.Key}
		}
		t.Rows = append(t.Rows, cells(&g.Sums, first...))
	}
	// Attempts on trunks add up; a call within two departments stands in both, so that their sum would be none.
	if q.Kind != "departments" {
		total := make([]any, len(own))
		for i := range total {
			total[i] = nil
		}
		if q.Kind != "causes" {
			total[0] = word(q.Language, "total")
		}
		t.Total = cells(&all, total...)
	}
	return nil
}

func plus(code string) string {
	if code == "" {
		return ""
	}
	return "+" + code
}

// trunkCauses gives the causes of attempts on each trunk, the most frequent first: "16: 120".
func trunkCauses(ctx context.Context, records store.Records, f *store.CDRFilter) (map[string][]string, error) {
	groups, err := records.Rolls(ctx, whose(f), store.RollTrunkCause, nil, f.From, f.Until, false)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(groups, func(a, b store.Group) int { return int(b.Calls - a.Calls) })
	causes := map[string][]string{}
	for _, g := range groups {
		at := strings.LastIndexByte(g.Key, '/')
		causes[g.Key[:at]] = append(causes[g.Key[:at]], g.Key[at+1:]+": "+strconv.FormatInt(g.Calls, 10))
	}
	return causes, nil
}

// accounts is by account, what it made and what reached it.
func (t *Table) accounts(ctx context.Context, records store.Records, q *Question) error {
	t.lay(q.Language, Column{"account", "", Text}, Column{"direction", "", Text})
	groups, err := records.SumBy(ctx, q.Filter)
	if err != nil {
		return err
	}
	slices.SortFunc(groups, func(a, b store.Group) int { return strings.Compare(a.Key, b.Key) })
	for i := range groups[:min(len(groups), MostRows)] {
		g := &groups[i]
		at := strings.LastIndexByte(g.Key, '/')
		t.Rows = append(t.Rows, cells(&g.Sums, g.Key[:at], word(q.Language, "direction."+g.Key[at+1:])))
	}
	all, err := records.Sum(ctx, q.Filter)
	t.Total = cells(&all, word(q.Language, "total"), nil)
	return err
}
