package tenant

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"santral/base/doc"
	"santral/base/jalali"
)

// hours reads a tenant's document and gives its schedule "s".
func hours(t testing.TB, text string) Hours {
	t.Helper()
	var problems doc.Problems
	a := Read("t.yaml", []byte("tenant: t\ndomains: [t.example]\n"+text), &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s := NewSnapshot(1, []*Tenant{a})
	return s.Hours("t", "s", nil)
}

func moment(t testing.TB, zone, text string) time.Time {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, z)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWhenAScheduleIsOpen(t *testing.T) {
	for _, c := range []struct{ name, text, zone, open, closed string }{
		{"office hours of Iran", `
zone: Asia/Tehran
calendar: ir
schedules: [{schedule: s, spans: [{days: [sat-wed], from: "08:00", to: "17:00"}, {days: thu, from: "08:00", to: "13:00"}]}]`, "Asia/Tehran",
			"2026-11-28 08:00, 2026-11-28 16:59, 2026-12-03 12:59",
			// before, after, Thursday afternoon, Friday, 13 Farvardin (a Thursday), 22 Bahman, Ashura
			"2026-11-28 07:59, 2026-11-28 17:00, 2026-12-03 13:00, 2026-11-27 10:00, 2026-04-02 10:00, 2026-02-11 10:00, 2025-07-06 10:00"},
		{"no days named: every day but the weekend", `
zone: Asia/Tehran
calendar: ir
schedules: [{schedule: s, spans: [{from: "08:00", to: "17:00"}]}]`, "Asia/Tehran", "2026-12-03 09:00, 2026-11-28 09:00", "2026-11-27 09:00"},
		{"a night, which belongs to the day that it begins on", `
zone: Asia/Tehran
schedules: [{schedule: s, spans: [{days: [thu], from: "22:00", to: "06:00"}]}]`, "Asia/Tehran",
			"2026-12-03 22:00, 2026-12-03 23:59, 2026-12-04 00:00, 2026-12-04 05:59", "2026-12-03 21:59, 2026-12-04 06:00, 2026-12-04 22:00, 2026-12-03 05:00"},
		{"until midnight", `
zone: Asia/Tehran
schedules: [{schedule: s, spans: [{days: [thu], from: "18:00", to: "24:00"}]}]`, "Asia/Tehran", "2026-12-03 18:00, 2026-12-03 23:59", "2026-12-04 00:00, 2026-12-03 17:59"},
		{"half of every Jalali year", `
zone: Asia/Tehran
schedules: [{schedule: s, spans: [{first: 1 farvardin, last: 31 shahrivar}]}]`, "Asia/Tehran", "2026-03-21 00:00, 2026-09-22 23:59, 2030-05-05 12:00", "2026-03-20 23:59, 2026-09-23 00:00"},
		{"past the end of the year", `
zone: Asia/Tehran
schedules: [{schedule: s, spans: [{first: 25 esfand, last: 5 farvardin}]}]`, "Asia/Tehran", "2026-03-16 00:00, 2026-03-25 12:00, 2025-03-20 12:00", "2026-03-15 23:59, 2026-03-26 00:00, 2026-08-01 00:00"},
		{"25 and 26 December, and one day of 1405", `
zone: Europe/London
schedules: [{schedule: s, spans: [{first: 25 december, last: 26 december}, {first: 1405-01-05, last: 1405-01-05}]}]`, "Europe/London", "2026-12-25 00:00, 2030-12-26 23:59, 2026-03-25 12:00", "2026-12-24 23:59, 2026-12-27 00:00, 2027-03-25 12:00"},
		{"holidays alone", `
zone: Asia/Tehran
calendar: ir
schedules: [{schedule: s, spans: [{from: "10:00", to: "12:00", holidays: only}]}]`, "Asia/Tehran", "2026-04-02 10:00, 2026-03-21 11:59", "2026-04-04 10:00, 2026-11-27 10:00"},
		{"holidays too", `
zone: Asia/Tehran
calendar: ir
schedules: [{schedule: s, spans: [{days: sat-thu, from: "10:00", to: "12:00", holidays: also}]}]`, "Asia/Tehran", "2026-04-02 10:00, 2026-04-04 10:00", "2026-04-03 10:00"},
		{"no calendar, whatever the tenant's is", `
zone: Asia/Tehran
calendar: ir
schedules: [{schedule: s, calendar: none, spans: [{days: [thu], from: "10:00", to: "12:00"}]}]`, "Asia/Tehran", "2026-04-02 10:00", "2026-04-04 10:00"},
		{"a calendar of one's own over that of Iran", `
zone: Asia/Tehran
calendar: ours
calendars: [{calendar: ours, base: ir, holidays: [{first: 13 farvardin, open: true}, {name: Founding, first: 2026-12-05, last: 2026-12-06}, {first: 1404-04-15, open: true}]}]
schedules: [{schedule: s, spans: [{days: [sat-thu], from: "10:00", to: "12:00"}]}]`, "Asia/Tehran",
			"2026-04-02 10:00, 2026-12-07 10:00, 2025-07-06 10:00", "2026-12-05 10:00, 2026-12-06 10:00, 2026-04-01 10:00, 2025-07-05 10:00"},
		{"the zone of the schedule, asked from elsewhere", `
zone: Asia/Tehran
schedules: [{schedule: s, zone: America/New_York, spans: [{from: "09:00", to: "17:00"}]}]`, "Asia/Tehran", "2026-11-27 17:30, 2026-11-28 01:29", "2026-11-27 17:29, 2026-11-28 01:30"},
		{"a day in which a clock is put forward", `
zone: Europe/Berlin
schedules: [{schedule: s, spans: [{from: "02:30", to: "04:00"}]}]`, "Europe/Berlin", "2026-03-29 03:00, 2026-03-29 03:59", "2026-03-29 01:59, 2026-03-29 04:00"},
	} {
		h := hours(t, c.text)
		for want, list := range map[bool]string{true: c.open, false: c.closed} {
			for _, text := range splitList(list) {
				if got := h.Open(moment(t, c.zone, text)); got != want {
					t.Errorf("%s: at %s it is open: %t", c.name, text, got)
				}
			}
		}
	}
}

func splitList(list string) (out []string) {
	for len(list) > 0 {
		out = append(out, list[:16])
		list = list[min(len(list), 18):]
	}
	return out
}

func TestWhenAScheduleChangesNext(t *testing.T) {
	const office = `
zone: Asia/Tehran
calendar: ir
schedules: [{schedule: s, spans: [{days: [sat-wed], from: "08:00", to: "17:00"}, {days: thu, from: "08:00", to: "13:00"}]}]`
	const berlin = `
zone: Europe/Berlin
schedules: [{schedule: s, spans: [{from: "02:30", to: "02:45"}]}]`
	for _, c := range []struct{ text, zone, at, want string }{
		{office, "Asia/Tehran", "2026-11-27 18:05", "opens Saturday 2026-11-28 08:00"},
		{office, "Asia/Tehran", "2026-11-28 08:00", "closes Saturday 2026-11-28 17:00"},
		{office, "Asia/Tehran", "2026-03-20 10:00", "opens Wednesday 2026-03-25 08:00"}, // Nowruz
		{berlin, "Europe/Berlin", "2026-10-25 02:00", "opens Sunday 2026-10-25 02:30"},
		{`
schedules: [{schedule: s, spans: [{days: [mon-sun]}]}]`, "Asia/Tehran", "2026-03-20 10:00", "never"},
		{`
zone: Asia/Tehran
schedules: [{schedule: s, spans: [{first: 1 mehr, last: 30 mehr}]}]`, "Asia/Tehran", "2026-10-23 10:00", "opens Thursday 2027-09-23 00:00"},
		{`
zone: Asia/Tehran
schedules: [{schedule: s, spans: [{first: 1410-01-01}]}]`, "Asia/Tehran", "2026-10-23 10:00", "never"},
	} {
		h := hours(t, c.text)
		change, opens, ok := h.Next(moment(t, c.zone, c.at))
		got := "never"
		if ok {
			got = map[bool]string{true: "opens", false: "closes"}[opens] + change.Format(" Monday 2006-01-02 15:04")
		}
		if got != c.want {
			t.Errorf("at %s it %s, want %s", c.at, got, c.want)
		}
	}
	// A clock that is put back shows 02:30 twice.
	h := hours(t, berlin)
	at := moment(t, "Europe/Berlin", "2026-10-25 01:00")
	var seen []string
	for range 4 {
		at, _, _ = h.Next(at)
		seen = append(seen, at.UTC().Format("15:04"))
	}
	if got := fmt.Sprint(seen); got != "[00:30 00:45 01:30 01:45]" {
		t.Errorf("on the night when clocks are put back it changes at %s", got)
	}
}

// Whatever the schedule, between one change and the next nothing changes, and at a change it does: asked minute by minute.
func TestNextIsWhenItChanges(t *testing.T) {
	chance := rand.New(rand.NewSource(1))
	zones := []string{"Asia/Tehran", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}
	for range 60 {
		s := Schedule{ID: "s"}
		for range 1 + chance.Intn(3) {
			span := Span{From: time.Duration(chance.Intn(48)) * 30 * time.Minute, To: time.Duration(chance.Intn(48)) * 30 * time.Minute}
			if span.From == span.To {
				span.From, span.To = 0, 0
			}
			for d := range 7 {
				span.Days[d] = chance.Intn(2) == 0
			}
			s.Spans = append(s.Spans, span)
		}
		zone, _ := time.LoadLocation(zones[chance.Intn(len(zones))])
		h := Hours{Schedule: &s, Zone: zone, Days: shipped()["ir"].days}
		at := time.Date(2026, time.Month([]int{3, 10, 11, 4}[chance.Intn(4)]), 1+chance.Intn(28), 0, 0, 0, 0, zone)
		change, opens, ok := h.Next(at)
		open := h.Open(at)
		for m := 0; m < 14*24*60; m++ {
			now := at.Add(time.Duration(m) * time.Minute)
			if ok && now.Equal(change) {
				if h.Open(now) != opens || opens == open {
					t.Fatalf("%+v: at %v it is open: %t", s, now, h.Open(now))
				}
				break
			}
			if h.Open(now) != open {
				t.Fatalf("%+v: from %v the next change is %v, and at %v it has changed", s, at, change, now)
			}
		}
	}
}

// Sixty years of a Jalali span are those days that the table of months, which Node's Intl agrees with, has.
func TestJalaliSpansOverSixtyYears(t *testing.T) {
	first, _ := ParseDate("10 mehr")
	last, _ := ParseDate("30 azar")
	h := Hours{Schedule: &Schedule{Spans: []Span{{First: first, Last: last}}}, Zone: time.UTC}
	for n := (jalali.Date{Year: 1380, Month: 1, Day: 1}).Number(); n < (jalali.Date{Year: 1441, Month: 1, Day: 1}).Number(); n++ {
		at := time.Unix(int64(n)*86400+43200, 0)
		d, _ := jalali.FromNumber(n)
		want := d.Month == 7 && d.Day >= 10 || d.Month == 8 || d.Month == 9
		if h.Open(at) != want {
			t.Fatalf("on %v it is open: %t", d, !want)
		}
	}
}

// The calendar of Iran, its days of the sun in every year and some of the moon.
func TestTheCalendarOfIran(t *testing.T) {
	days := shipped()["ir"].days
	for year := 1390; year <= 1450; year++ {
		for _, md := range [][2]int{{1, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 12}, {1, 13}, {3, 14}, {3, 15}, {11, 22}, {12, 29}} {
			y, m, d := jalali.Date{Year: year, Month: md[0], Day: md[1]}.Gregorian()
			if _, ok := days.Holiday(time.Date(y, m, d, 12, 0, 0, 0, time.UTC)); !ok {
				t.Errorf("%d-%02d-%02d is no holiday", year, md[0], md[1])
			}
		}
		if y, m, d := (jalali.Date{Year: year, Month: 12, Day: 30}).Gregorian(); jalali.Leap(year) {
			if name, ok := days.Holiday(time.Date(y, m, d, 12, 0, 0, 0, time.UTC)); ok && year != 1403 {
				t.Errorf("30 Esfand %d is %s", year, name)
			}
		}
	}
	for text, want := range map[string]string{"2024-07-16": "عاشورا – Ashura", "2025-07-06": "عاشورا – Ashura", "2025-03-31": "عید فطر – Eid al-Fitr", "2026-11-27": ""} {
		at, _ := time.Parse("2006-01-02", text)
		if name, _ := days.Holiday(at); name != want {
			t.Errorf("%s is %q", text, name)
		}
	}
	if name, _ := (*Days)(nil).Holiday(time.Now()); name != "" || !days.weekend[time.Friday] {
		t.Error("no calendar has holidays, or Friday is a working day")
	}
	if h := (Hours{}); h.Open(time.Now()) {
		t.Error("no schedule is open")
	}
}

func BenchmarkOpen(b *testing.B) {
	h := hours(b, `
zone: Asia/Tehran
calendar: ir
schedules: [{schedule: s, spans: [{days: [sat-wed], from: "08:00", to: "17:00"}, {days: thu, from: "08:00", to: "13:00"}]}]`)
	at := moment(b, "Asia/Tehran", "2026-12-03 12:00")
	b.ReportAllocs()
	for b.Loop() {
		if !h.Open(at) {
			b.Fatal("closed")
		}
	}
}

func TestOpenAllocatesNothing(t *testing.T) {
	h := hours(t, `
zone: Asia/Tehran
calendar: ir
schedules: [{schedule: s, spans: [{days: [sat-wed], from: "08:00", to: "17:00", first: 1 mehr, last: 30 azar}, {days: thu, from: "08:00", to: "13:00"}]}]`)
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	if n := testing.AllocsPerRun(100, func() { h.Open(at) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
