package tenant

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"santral/base/doc"
	"santral/base/jalali"
)

// Years of the Gregorian calendar that a document may speak of.
const (
	firstGregorian = 1900
	lastGregorian  = 2199
)

// readDate reads a day: 2026-11-27, 1405-09-06 (a year of the Jalali calendar says that it is one), "13 farvardin" or
// "۱۳ فروردین" of every year, or with a year behind. The zero Date where it can't be read.
func readDate(n *doc.Node) Date {
	d, wrong := ParseDate(n.Text())
	if wrong != "" {
		n.Fail("%s", wrong)
	}
	return d
}

// ParseDate reads a day as documents write it; wrong says what to write instead, "" for nothing.
func ParseDate(text string) (d Date, wrong string) {
	const forms = "write a day such as 2026-11-27, 1405-09-06, or 13 farvardin and 25 december for every year"
	plain := jalali.ASCII(text)
	if parts := strings.FieldsFunc(plain, func(r rune) bool { return r == '-' || r == '/' }); len(parts) == 3 && digits(parts[0], 4, 4) && digits(parts[1], 1, 2) && digits(parts[2], 1, 2) {
		d.Year, _ = strconv.Atoi(parts[0])
		d.Month, _ = strconv.Atoi(parts[1])
		d.Day, _ = strconv.Atoi(parts[2])
		d.Jalali = d.Year <= jalali.LastYear
	} else if words := strings.Fields(plain); (len(words) == 2 || len(words) == 3 && digits(words[2], 4, 4)) && digits(words[0], 1, 2) {
		var ok bool
		if d.Month, d.Jalali, ok = jalali.FindMonth(words[1]); !ok {
			return Date{}, fmt.Sprintf("%q names no month of the Gregorian or the Jalali calendar: %s", text, forms)
		}
		d.Day, _ = strconv.Atoi(words[0])
		if len(words) == 3 {
			d.Year, _ = strconv.Atoi(words[2])
		}
	} else {
		return Date{}, fmt.Sprintf("%q is no day: %s", text, forms)
	}
	if !d.valid() {
		return Date{}, fmt.Sprintf("there is no day %q: %s", text, forms)
	}
	return d, ""
}

func (d Date) valid() bool {
	switch {
	case d.Jalali && d.Year != 0:
		return jalali.Date{Year: d.Year, Month: d.Month, Day: d.Day}.Valid()
	case d.Jalali:
		return d.Day >= 1 && d.Day <= jalali.Days(1403, d.Month) // of a leap year
	}
	year := d.Year
	if year == 0 {
		year = 2024 // likewise
	}
	t := time.Date(year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC)
	return year >= firstGregorian && year <= lastGregorian && int(t.Month()) == d.Month && t.Day() == d.Day
}

// number counts the days from 1 January 1970 to a date that has a year.
func (d Date) number() int {
	if d.Jalali {
		return jalali.Date{Year: d.Year, Month: d.Month, Day: d.Day}.Number()
	}
	return jalali.DayNumber(d.Year, time.Month(d.Month), d.Day)
}

// String gives the day as documents write it.
func (d Date) String() string {
	switch {
	case d == Date{}:
		return ""
	case d.Year != 0:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	case d.Jalali:
		return fmt.Sprintf("%d %s", d.Day, strings.ToLower(jalali.MonthName(d.Month, "en")))
	}
	return fmt.Sprintf("%d %s", d.Day, strings.ToLower(time.Month(d.Month).String()))
}

// dayAt is one day in both calendars, as whatever asks for many dates of it needs it.
type dayAt struct {
	number    int // days since 1 January 1970
	weekday   time.Weekday
	gregorian Date
	jalali    Date // the zero Date outside of the years that are exact
}

// dayOf gives the day of its number. It allocates nothing.
func dayOf(number int) dayAt {
	t := time.Unix(int64(number)*86400, 0).UTC()
	year, month, day := t.Date()
	d := dayAt{number: number, weekday: t.Weekday(), gregorian: Date{Year: year, Month: int(month), Day: day}}
	if j, ok := jalali.FromNumber(number); ok {
		d.jalali = Date{Year: j.Year, Month: j.Month, Day: j.Day, Jalali: true}
	}
	return d
}

// in gives the day in the calendar of another.
func (d *dayAt) in(like Date) Date {
	if like.Jalali {
		return d.jalali
	}
	return d.gregorian
}

// between reports whether a day is one of those from first to last, both included; the zero Date is no bound. Dates
// without a year come every year, and pass its end where last is before first.
func (d *dayAt) between(first, last Date) bool {
	if first.Year == 0 && first != (Date{}) {
		today, from, to := d.in(first).ofYear(), first.ofYear(), last.ofYear()
		if from <= to {
			return today >= from && today <= to
		}
		return today >= from || today > 0 && today <= to
	}
	return (first == Date{} || d.number >= first.number()) && (last == Date{} || d.number <= last.number())
}

// ofYear orders the days of a year.
func (d Date) ofYear() int { return d.Month*32 + d.Day }
