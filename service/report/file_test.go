package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"santral/store"
)

// tape is a list of records, as long as it is asked for.
type tape struct {
	store.Records
	n    int
	make func(i int) store.CDR
}

func (x *tape) CDRs(_ context.Context, _ store.CDRFilter, cursor string, limit int) (page []store.CDR, next string, err error) {
	at := 0
	fmt.Sscan(cursor, &at)
	for ; at < x.n && len(page) < limit; at++ {
		page = append(page, x.make(at))
	}
	if at < x.n {
		next = fmt.Sprint(at)
	}
	return page, next, nil
}

func (x *tape) Parts(context.Context, ...string) ([]store.CDR, error) { return nil, nil }

var noon = time.Date(2026, 3, 21, 8, 30, 0, 0, time.UTC) // 12:00 in Tehran, 1 Farvardin 1405

func record(i int) store.CDR {
	c := store.CDR{Seq: uint64(i + 1), Call: fmt.Sprintf("c%d", i), Tenant: "sample", State: store.Answered, FromAccount: "101", FromNumber: "101", FromName: "سارا", Dialled: "09121234567", Number: "+989121234567",
		Began: noon, Answered: noon.Add(5 * time.Second), Ended: noon.Add(3725 * time.Second), TalkTime: 3720_000, PostDialDelay: 1200, Direction: store.Outbound, EndedBy: "caller", SIP: 200, Q850: 16, Cause: "normal", MOS: 4.25, Legs: []store.CDRLeg{}}
	return c
}

func tehran(t testing.TB) *time.Location {
	z, err := time.LoadLocation("Asia/Tehran")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestCSVIsHarmless holds that no cell is a formula, that the file is UTF-8 which Excel knows, and that it is read back as RFC 4180 has it.
func TestCSVIsHarmless(t *testing.T) {
	bad := []string{"=1+1", "+98912", "-5", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0", "\u00a0=1", "\u200f=1", "\n=2", "＝1", "a\"b", "a,b", "a\nb", "plain", "", "'x"}
	x := &tape{n: len(bad), make: func(i int) store.CDR {
		c := record(i)
		c.FromName = bad[i]
		return c
	}}
	var out bytes.Buffer
	if err := WriteCalls(t.Context(), &out, x, store.CDRFilter{Tenant: "sample"}, false, nil, Style{Format: "csv", Language: "fa", Zone: tehran(t), Jalali: true, Persian: true}); err != nil {
		t.Fatal(err)
	}
	text, marked := strings.CutPrefix(out.String(), "\ufeff")
	if !marked || !strings.Contains(text, "\r\n") {
		t.Error("no mark, or lines that are none")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(bad)+2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	name := 0
	for i, head := range rows[0] {
		if head == "نام تماس‌گیرنده" {
			name = i
		}
	}
	for i, row := range rows[1:] {
		for k, cell := range row {
			if cell == "" {
				continue
			}
			if c := strings.TrimLeft(cell, " \t\r\n\u00a0\u200f"); c == "" || strings.ContainsRune("=+-@＝", []rune(c)[0]) {
				t.Errorf("row %d, %s: %q", i, rows[0][k], cell)
			}
		}
		if i < len(bad) && strings.Trim(row[name], "'") != strings.Trim(strings.NewReplacer("\r", "", "\n", "\n").Replace(bad[i]), "'") && !strings.ContainsAny(bad[i], "\r\n") {
			t.Errorf("%q became %q", bad[i], row[name])
		}
	}
	if rows[1][0] != "۲۰۲۶-۰۳-۲۱ ۱۲:۰۰:۰۰" || rows[1][1] != "۱۴۰۵-۰۱-۰۱" {
		t.Errorf("%q", rows[1][:2])
	}
}

// TestSheets reads a spreadsheet back: right to left, real dates and durations, a head that stays, a total.
func TestSheets(t *testing.T) {
	x := &tape{n: 3, make: func(i int) store.CDR {
		c := record(i)
		c.FromName = []string{"=1+1", "سارا", "a\x00\x01b"}[i]
		return c
	}}
	var out bytes.Buffer
	if err := WriteCalls(t.Context(), &out, x, store.CDRFilter{Tenant: "sample"}, false, nil, Style{Format: "xlsx", Language: "fa", Zone: tehran(t), Jalali: true}); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := f.GetSheetList()[0]
	if view, err := f.GetSheetView(name, 0); err != nil || view.RightToLeft == nil || !*view.RightToLeft {
		t.Errorf("%+v %v", view, err)
	}
	if p, err := f.GetPanes(name); err != nil || !p.Freeze || p.YSplit != 1 {
		t.Errorf("%+v %v", p, err)
	}
	rows, err := f.GetRows(name, excelize.Options{RawCellValue: true})
	if err != nil || len(rows) != 5 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	at := map[string]int{}
	for i, head := range rows[0] {
		at[head] = i
	}
	if v := rows[1][0]; v != "46102.5" { // the day and half a day
		t.Errorf("began is %s", v)
	}
	if v := rows[1][1]; v != "1405-01-01" {
		t.Errorf("the day is %s", v)
	}
	if v := rows[1][at["مدت مکالمه"]]; !strings.HasPrefix(v, "0.0430555") {
		t.Errorf("talk is %s", v)
	}
	if v := rows[1][at["نام تماس‌گیرنده"]]; v != "=1+1" {
		t.Errorf("name is %s", v)
	}
	cell, _ := excelize.CoordinatesToCellName(at["نام تماس‌گیرنده"]+1, 2)
	if formula, err := f.GetCellFormula(name, cell); err != nil || formula != "" {
		t.Errorf("a formula: %q %v", formula, err)
	}
	if shown, err := f.GetCellValue(name, strings.Replace(cell, "2", "2", 1)); err != nil || shown != "=1+1" {
		t.Errorf("%q %v", shown, err)
	}
	cell, _ = excelize.CoordinatesToCellName(at["مدت مکالمه"]+1, 5)
	if v, err := f.GetCellValue(name, cell); err != nil || v != "3:06:00" {
		t.Errorf("the total is %q, %v", v, err)
	}
}

// TestLinesOfJSON holds that what programs read is what the API gives.
func TestLinesOfJSON(t *testing.T) {
	var out bytes.Buffer
	if err := WriteCalls(t.Context(), &out, &tape{n: 3, make: record}, store.CDRFilter{Tenant: "sample"}, true, func(c *store.CDR) bool { return c.Seq != 2 }, Style{Format: "jsonl"}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		var c store.CDR
		if err := json.Unmarshal([]byte(line), &c); err != nil || c.Seq != uint64(2*i+1) || c.TalkTime != 3720_000 {
			t.Errorf("%s %v", line, err)
		}
	}
}

// TestLargeFilesInBoundedMemory writes many records and looks at how the heap grows.
func TestLargeFilesInBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for format, n := range map[string]int{"csv": 200_000, "xlsx": 30_000} {
		var peak, before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		top := uint64(0)
		x := &tape{n: n, make: func(i int) store.CDR {
			if i%10_000 == 9_999 {
				runtime.GC()
				runtime.ReadMemStats(&peak)
				top = max(top, peak.HeapAlloc)
			}
			return record(i)
		}}
		w := &counter{}
		if err := WriteCalls(t.Context(), w, x, store.CDRFilter{Tenant: "sample"}, false, nil, Style{Format: format, Language: "en"}); err != nil {
			t.Fatal(err)
		}
		if grown := int64(top) - int64(before.HeapAlloc); grown > 64<<20 {
			t.Errorf("%s: the heap grew by %d MiB", format, grown>>20)
		}
		t.Logf("%s: %d records, %d octets", format, n, w.n)
	}
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) { c.n += len(p); return len(p), nil }

func TestFileNames(t *testing.T) {
	if got := FileName("calls\"; rm -rf /\n../", noon, noon, "xlsx"); got != "santral-callsrm-rf-20260321-20260321.xlsx" {
		t.Error(got)
	}
}

func TestEveryWordIsInBothLanguages(t *testing.T) {
	for key, w := range words {
		if (w[0] == "") != (w[1] == "") {
			t.Errorf("%s is %q and %q", key, w[0], w[1])
		}
	}
	for _, columns := range [][]Column{callColumns("fa", true, true), sums} {
		for _, c := range columns {
			if _, ok := words[c.Key]; !ok {
				t.Errorf("the column %s has no name", c.Key)
			}
		}
	}
	for _, k := range Kinds {
		if _, ok := words["report."+k]; !ok {
			t.Errorf("the report %s has no name", k)
		}
	}
}

// TestPeriods holds that days, weeks and months are those of the zone and the calendar.
func TestPeriods(t *testing.T) {
	zone := tehran(t)
	for _, c := range []struct {
		every       string
		jalali      bool
		at          string
		from, until string
	}{
		{"day", false, "2026-03-21T00:00:00+03:30", "2026-03-20", "2026-03-21"},
		{"day", true, "2026-03-20T23:59:59+03:30", "2026-03-19", "2026-03-20"},
		{"week", true, "2026-03-21T10:00:00+03:30", "2026-03-14", "2026-03-21"},  // a Saturday
		{"week", false, "2026-03-21T10:00:00+03:30", "2026-03-09", "2026-03-16"}, // Mondays
		{"month", true, "2026-03-21T07:30:00+03:30", "2026-02-20", "2026-03-21"}, // Esfand 1404
		{"month", true, "2026-04-20T07:30:00+03:30", "2026-02-20", "2026-03-21"},
		{"month", true, "2026-04-21T07:30:00+03:30", "2026-03-21", "2026-04-21"}, // Farvardin 1405
		{"month", false, "2026-03-01T00:00:00+03:30", "2026-02-01", "2026-03-01"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		from, until := Before(c.every, at.In(zone), c.jalali)
		if from.Format(time.DateOnly) != c.from || until.Format(time.DateOnly) != c.until || from.Hour() != 0 || until.Hour() != 0 {
			t.Errorf("%+v: %v %v", c, from, until)
		}
	}
	n := 0
	cairo, err := time.LoadLocation("Africa/Cairo") // its clock leaps over midnight
	if err != nil {
		t.Fatal(err)
	}
	var last time.Time
	for day := range eachDay(time.Date(2026, 1, 1, 0, 0, 0, 0, cairo), time.Date(2027, 1, 1, 0, 0, 0, 0, cairo), cairo) {
		if n++; !last.IsZero() && !day.from.Equal(last) {
			t.Errorf("%v does not follow %v", day, last)
		}
		last = day.until
	}
	if n != 365 {
		t.Errorf("%d days", n)
	}
}
