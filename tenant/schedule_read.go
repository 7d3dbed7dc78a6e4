package tenant

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"santral/base/doc"
	"santral/base/jalali"
)

// Bounds of schedules and calendars.
const (
	maxSpans    = 100
	maxHolidays = 2000
	maxDays     = 366 // of one holiday
)

// NoCalendar is the word of a schedule that no holiday closes.
const NoCalendar = "none"

// dayNames are the words of weekdays, by time.Weekday.
var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// schedule reads a schedule for a tenant or the operator.
func (x *names) schedule(n *doc.Node) (s Schedule) {
	n.Map(doc.Fields{
		"schedule": func(n *doc.Node) { s.ID = x.key(n, aSchedule) },
		"name":     func(n *doc.Node) { s.Name = readName(n) },
		"zone":     func(n *doc.Node) { s.Zone = readZone(n) },
		"calendar": func(n *doc.Node) {
			if s.Calendar = n.Text(); s.Calendar != NoCalendar {
				x.ask(n, aCalendar)
			}
		},
		"spans": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { s.Spans = append(s.Spans, readSpan(n)) })
			if len(s.Spans) == 0 || len(s.Spans) > maxSpans {
				n.Fail("a schedule has 1 to %d spans", maxSpans)
			}
		},
	}, "schedule", "spans")
	return s
}

func readSpan(n *doc.Node) (s Span) {
	timed := 0
	n.Map(doc.Fields{
		"days":  func(n *doc.Node) { s.Days = readDays(n) },
		"from":  func(n *doc.Node) { timed++; s.From = readClock(n) },
		"to":    func(n *doc.Node) { timed++; s.To = readClock(n) },
		"first": func(n *doc.Node) { s.First = readDate(n) },
		"last":  func(n *doc.Node) { s.Last = readDate(n) },
		"holidays": func(n *doc.Node) {
			word := n.OneOf("closed", "also", "only")
			s.Holidays, s.Only = word != "closed", word == "only"
		},
	})
	switch {
	case timed == 1:
		n.Fail("from: and to: stand together; leave both out for the whole day")
	case timed == 2 && s.From == s.To:
		n.Fail("from: and to: are the same time; leave both out for the whole day")
	}
	checkBounds(n, s.First, s.Last)
	return s
}

// checkBounds says what is wrong between the first and the last of some days.
func checkBounds(n *doc.Node, first, last Date) {
	switch {
	case first == Date{} || last == Date{}:
		if bound := first; bound != last && (bound.Year == 0 && bound != Date{} || last.Year == 0 && last != Date{}) {
			n.Fail("first: and last: of every year stand together")
		}
	case (first.Year == 0) != (last.Year == 0):
		n.Fail("first: and last: both have a year, or neither")
	case first.Year == 0 && first.Jalali != last.Jalali:
		n.Fail("first: and last: of every year are of one calendar")
	case first.Year != 0 && last.number() < first.number():
		n.Fail("last: %v is before first: %v", last, first)
	}
}

// readClock reads a time of day, "08:00" to "24:00".
func readClock(n *doc.Node) time.Duration {
	h, m, ok := strings.Cut(jalali.ASCII(n.Text()), ":")
	hour, _ := strconv.Atoi(h)
	minute, _ := strconv.Atoi(m)
	if !ok || !digits(h, 1, 2) || !digits(m, 2, 2) || hour > 24 || minute > 59 || hour == 24 && minute > 0 {
		n.Fail("%q must be a time of day such as \"08:00\" or \"17:30\"; \"24:00\" is the end of the day", n.Text())
		return 0
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

// readDays reads days of the week: a list, or one text, of days and ranges such as sat-wed.
func readDays(n *doc.Node) (days [7]bool) {
	one := func(n *doc.Node) {
		first, last, ranged := strings.Cut(strings.ToLower(n.Text()), "-")
		if !ranged {
			last = first
		}
		a, b := dayNamed(first), dayNamed(last)
		if a < 0 || b < 0 {
			n.Fail("%q must be a day, or days that follow one another such as sat-wed: %s", n.Text(), strings.Join(dayNames, ", "))
			return
		}
		for ; ; a = (a + 1) % 7 {
			days[a] = true
			if a == b {
				return
			}
		}
	}
	if n.IsList() {
		n.Each(one)
	} else {
		one(n)
	}
	return days
}

func dayNamed(word string) int {
	for i, name := range dayNames {
		if word == name || word == strings.ToLower(time.Weekday(i).String()) || word == jalali.WeekdayName(time.Weekday(i), "fa") {
			return i
		}
	}
	return -1
}

// calendar reads a calendar for a tenant or the operator.
func (x *names) calendar(n *doc.Node) (c Calendar) {
	n.Map(doc.Fields{
		"calendar": func(n *doc.Node) {
			if c.ID = x.key(n, aCalendar); c.ID == NoCalendar {
				n.Fail("a calendar can't be named %s: that is the word for none", NoCalendar)
			}
		},
		"name": func(n *doc.Node) { c.Name = readName(n) },
		"base": func(n *doc.Node) {
			if c.Base = n.Text(); !slices.Contains(ShippedNames, c.Base) {
				n.Fail("there is no calendar %q in the exchange; it has %s", c.Base, strings.Join(ShippedNames, ", "))
			}
		},
		"weekend": func(n *doc.Node) { c.Weekend = readDays(n) },
		"holidays": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				if len(c.Holidays) == maxHolidays {
					n.Fail("a calendar has at most %d holidays", maxHolidays)
				}
				if len(c.Holidays) <= maxHolidays {
					c.Holidays = append(c.Holidays, readHoliday(n))
				}
			})
		},
	}, "calendar")
	return c
}

func readHoliday(n *doc.Node) (h Holiday) {
	n.Map(doc.Fields{
		"name":  func(n *doc.Node) { h.Name = readName(n) },
		"first": func(n *doc.Node) { h.First = readDate(n) },
		"last":  func(n *doc.Node) { h.Last = readDate(n) },
		"open":  func(n *doc.Node) { h.Open = n.Bool() },
	}, "first")
	if h.Last == (Date{}) || h.First == (Date{}) {
		return h
	}
	checkBounds(n, h.First, h.Last)
	if h.First.Year != 0 && h.Last.Year != 0 && h.Last.number()-h.First.number() >= maxDays {
		n.Fail("a holiday has at most %d days", maxDays)
		h.Last = h.First
	}
	return h
}

// clock writes a time of day.
func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
