package report

import (
	"iter"
	"time"

	"santral/base/jalali"
)

// span is a time from one moment until another.
type span struct{ from, until time.Time }

// midnight gives the beginning of a time's day in its zone: the first moment of it, where a clock leaps over midnight.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	start := time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	for start.Day() != d { // the clock leaps over midnight: the day begins where it lands
		start = start.Add(15 * time.Minute)
	}
	return start
}

// after gives the beginning of the day that follows so many days later.
func after(day time.Time, days int) time.Time {
	y, m, d := day.Date()
	return midnight(time.Date(y, m, d+days, 12, 0, 0, 0, day.Location()))
}

// eachDay gives the days of a time, each cut at midnight in a zone.
func eachDay(from, until time.Time, zone *time.Location) iter.Seq[span] {
	return func(yield func(span) bool) {
		for at := from.In(zone); at.Before(until); {
			next := after(midnight(at), 1)
			if until.Before(next) {
				next = until
			}
			if !yield(span{at, next}) {
				return
			}
			at = next.In(zone)
		}
	}
}

// eachPart gives the days of a time, or its hours.
func eachPart(from, until time.Time, zone *time.Location, hours bool) iter.Seq[span] {
	if !hours {
		return eachDay(from, until, zone)
	}
	return func(yield func(span) bool) {
		for at := from.In(zone); at.Before(until); {
			next := at.Add(time.Hour - time.Duration(at.Minute())*time.Minute - time.Duration(at.Second())*time.Second - time.Duration(at.Nanosecond()))
			if until.Before(next) {
				next = until
			}
			if !yield(span{at, next}) {
				return
			}
			at = next
		}
	}
}

// Before gives the last whole day, week or month that was over at a moment, in its zone. Weeks begin on Saturday and months are
// those of the calendar of Iran where jal says so; otherwise weeks begin on Monday.
func Before(every string, at time.Time, jal bool) (from, until time.Time) {
	today := midnight(at)
	switch every {
	case "week":
		first := time.Monday
		if jal {
			first = time.Saturday
		}
		until = after(today, -((int(today.Weekday()) - int(first) + 7) % 7))
		return after(until, -7), until
	case "month":
		if d, ok := jalali.Of(today); jal && ok {
			until = after(today, 1-d.Day)
			last, _ := jalali.Of(after(until, -1).Add(12 * time.Hour))
			return after(until, -last.Day), until
		}
		until = after(today, 1-today.Day())
		return after(until, -after(until, -1).Day()), until
	}
	return after(today, -1), today
}
