// Package jalali computes the calendar of Iran and Afghanistan: dates from and to the Gregorian one, names of months and
// weekdays, and digits, in Persian and English. It knows no holiday and no time of day.
package jalali

import (
	"fmt"
	"time"
)

// The years for which the arithmetic of 33 years gives what the sky gives: a year begins on the day whose noon in Iran
// follows the equinox of spring. Dates outside of them are not valid.
const (
	FirstYear = 1178
	LastYear  = 1633
)

// Date is a day. The zero Date is none.
type Date struct {
	Year  int
	Month int // 1 is Farvardin
	Day   int
}

// Leap reports whether a year has 366 days: eight of 33 have, four or five years apart.
func Leap(year int) bool { return (25*year+11)%33 < 8 }

// Days is how many days a month of a year has: six times 31, five times 30, and 29 or 30. 0 for what is no month.
func Days(year, month int) int {
	switch {
	case month < 1 || month > 12:
		return 0
	case month <= 6:
		return 31
	case month <= 11 || Leap(year):
		return 30
	}
	return 29
}

// before counts the days of a year before a month.
func before(month int) int {
	if month <= 7 {
		return (month - 1) * 31
	}
	return 186 + (month-7)*30
}

// epoch is 1 Farvardin of year 1 in days since 1 January 1970, as the arithmetic has it.
const epoch = -492268

// nowruz is the first day of a year in days since 1 January 1970.
func nowruz(year int) int { return epoch + 365*(year-1) + (8*year+21)/33 }

// Valid reports whether there is such a day.
func (d Date) Valid() bool {
	return d.Year >= FirstYear && d.Year <= LastYear && d.Day >= 1 && d.Day <= Days(d.Year, d.Month)
}

// Number counts the days from 1 January 1970 to a valid date; earlier ones have a negative number.
func (d Date) Number() int { return nowruz(d.Year) + before(d.Month) + d.Day - 1 }

// FromNumber gives the date of a day that is counted from 1 January 1970; ok is false outside of FirstYear to LastYear.
func FromNumber(n int) (d Date, ok bool) {
	if n < nowruz(FirstYear) || n >= nowruz(LastYear+1) {
		return Date{}, false
	}
	year := (n-epoch)*33/(365*33+8) + 1 // right, or one beside it
	if n < nowruz(year) {
		year--
	} else if n >= nowruz(year+1) {
		year++
	}
	n -= nowruz(year)
	if n < 186 {
		return Date{year, n/31 + 1, n%31 + 1}, true
	}
	n -= 186
	return Date{year, n/30 + 7, n%30 + 1}, true
}

// DayNumber counts the days from 1 January 1970 to a Gregorian date. It allocates nothing.
func DayNumber(year int, month time.Month, day int) int {
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Of gives the date that it is in t's own location; ok is false outside of FirstYear to LastYear.
func Of(t time.Time) (d Date, ok bool) {
	year, month, day := t.Date()
	if year < FirstYear+620 || year > LastYear+622 {
		return Date{}, false
	}
	return FromNumber(DayNumber(year, month, day))
}

// Gregorian gives the same day in the Gregorian calendar.
func (d Date) Gregorian() (year int, month time.Month, day int) {
	return time.Unix(int64(d.Number())*86400, 0).UTC().Date()
}

// Weekday is the day of the week of a valid date.
func (d Date) Weekday() time.Weekday {
	return time.Weekday(((d.Number()+4)%7 + 7) % 7)
}

// String gives year, month and day, "1405-01-13".
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }
