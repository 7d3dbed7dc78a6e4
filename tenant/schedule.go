package tenant

import "time"

// Schedule is when something holds: office hours, the night.
type Schedule struct {
	ID       string // [a-z0-9-], the key of the list
	Name     string
	Zone     string // IANA time zone; that of the place that it is asked for when unsaid
	Calendar string // whose holidays close it; that of the place when unsaid, NoCalendar for none
	Spans    []Span
}

// Span is a time that comes again: it is open while all that it says holds.
type Span struct {
	Days     [7]bool       // by time.Weekday; all false for every day
	From, To time.Duration // since midnight, To not included; both 0 for the whole day, To before From passes midnight
	First    Date          // dates on which it begins and ends, both included; the zero Date for no bound
	Last     Date
	Holidays bool // holds on holidays too; otherwise a holiday of the schedule's calendar closes it
	Only     bool // holds on holidays alone
}

// Date is a day of a calendar. Without a year it comes every year.
type Date struct {
	Year, Month, Day int // the zero Date is none
	Jalali           bool
}

// Calendar is holidays. Those that are computed (of the Gregorian and the Jalali year) come every year; those of the moon
// are written down with their dates.
type Calendar struct {
	ID       string // [a-z0-9-], the key of the list
	Name     string
	Base     string // a calendar that the exchange ships, whose holidays hold too: "ir"; "" for none
	Weekend  [7]bool
	Holidays []Holiday
}

// Holiday is one day, or days that follow one another.
type Holiday struct {
	Name  string
	First Date
	Last  Date // the zero Date for one day
	Open  bool // no holiday after all: takes a day of Base away
}
