package tenant

import (
	"slices"
	"time"

	"santral/base/jalali"
)

// Hours are a schedule as it holds somewhere: with the zone whose clocks it goes by and the calendar whose holidays close it.
// Asking it allocates nothing.
type Hours struct {
	Schedule *Schedule // nil is never open
	Zone     *time.Location
	Days     *Days // nil for no holidays
}

// State is what a schedule is at a moment, and why.
type State struct {
	Open    bool
	Span    int    // place of the span that holds; -1 for none
	Holiday string // what the day is called, where it is one
	Weekend bool   // of the calendar
}

// Open reports whether the schedule is open at a moment.
func (h Hours) Open(at time.Time) bool { return h.Look(at).Open }

// Look tells what the schedule is at a moment. A span that passes midnight belongs to the day on which it begins.
func (h Hours) Look(at time.Time) State {
	if h.Schedule == nil {
		return State{Span: -1}
	}
	if h.Zone != nil {
		at = at.In(h.Zone)
	}
	clock := sinceMidnight(at)
	today := dayOf(numberOf(at))
	var yesterday dayAt
	state := State{Span: -1, Weekend: h.weekend(&today)}
	state.Holiday, _ = h.Days.holiday(&today)
	for i := range h.Schedule.Spans {
		s := &h.Schedule.Spans[i]
		whole, over := s.From == 0 && s.To == 0, s.To < s.From
		if over && yesterday.number == 0 {
			yesterday = dayOf(today.number - 1)
		}
		begun := whole || clock >= s.From && (over || clock < s.To)
		if begun && h.holds(s, &today) || over && clock < s.To && h.holds(s, &yesterday) {
			state.Open, state.Span = true, i
			return state
		}
	}
	return state
}

// holds reports whether a span begins on a day. A span that names its days holds on them whatever the weekend is; one that
// names none holds on every day but those of the weekend.
func (h Hours) holds(s *Span, day *dayAt) bool {
	if s.Days != ([7]bool{}) && !s.Days[day.weekday] || !day.between(s.First, s.Last) {
		return false
	}
	_, holiday := h.Days.holiday(day)
	switch {
	case s.Only:
		return holiday
	case s.Holidays:
		return true
	}
	return !holiday && (s.Days != ([7]bool{}) || !h.weekend(day))
}

func (h Hours) weekend(day *dayAt) bool { return h.Days != nil && h.Days.weekend[day.weekday] }

// maxAhead is how many days Next looks ahead.
const maxAhead = 400

// Next tells when the schedule opens or closes next after a moment; ok is false when it does neither within 400 days.
func (h Hours) Next(at time.Time) (change time.Time, opens, ok bool) {
	if h.Schedule == nil {
		return time.Time{}, false, false
	}
	if h.Zone != nil {
		at = at.In(h.Zone)
	}
	open := h.Open(at)
	clocks := []time.Duration{0}
	for i := range h.Schedule.Spans {
		clocks = append(clocks, h.Schedule.Spans[i].From, h.Schedule.Spans[i].To)
	}
	slices.Sort(clocks)
	clocks = slices.Compact(clocks)
	year, month, day := at.Date()
	var moments []time.Time
	for ahead := range maxAhead {
		moments = moments[:0]
		for _, c := range clocks {
			moments = append(moments, time.Date(year, month, day+ahead, 0, int(c/time.Minute), 0, 0, at.Location()))
		}
		moments = shifted(moments)
		for _, m := range moments {
			if m.After(at) && h.Open(m) != open {
				return m, !open, true
			}
		}
	}
	return time.Time{}, false, false
}

// shifted adds to the moments of a day those at which clocks are put forward or back, and the second time that a clock shows
// the same. It gives them in order.
func shifted(moments []time.Time) []time.Time {
	first, last := moments[0].Add(-12*time.Hour), moments[len(moments)-1].Add(36*time.Hour)
	_, change := first.ZoneBounds()
	if !change.IsZero() && change.Before(last) {
		_, before := change.Add(-time.Second).Zone()
		_, after := change.Zone()
		by := time.Duration(after-before) * time.Second
		for _, m := range moments {
			moments = append(moments, m.Add(by), m.Add(-by))
		}
		moments = append(moments, change)
	}
	slices.SortFunc(moments, time.Time.Compare)
	return moments
}

// numberOf counts the days from 1 January 1970 to the day that a moment is in its own zone.
func numberOf(at time.Time) int {
	year, month, day := at.Date()
	return jalali.DayNumber(year, month, day)
}

// sinceMidnight is what clocks show.
func sinceMidnight(at time.Time) time.Duration {
	hour, minute, second := at.Clock()
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
}

// Hours gives a schedule of a tenant as it holds at a place of the tenant's, by its id: the tenant's own, else the operator's. Its zone is
// the schedule's own or the place's; its calendar likewise. One without a schedule, where there is none of that id.
func (s *Snapshot) Hours(tenant, id string, at *Place) Hours {
	x := s.Index(tenant)
	if x == nil {
		return Hours{}
	}
	operator := s.Index(OperatorID)
	i, ok := x.schedules[id]
	of := x
	if !ok {
		if i, ok = operator.schedules[id]; !ok {
			return Hours{}
		}
		of = operator
	}
	h := Hours{Schedule: &of.Tenant.Schedules[i], Zone: of.hours[i]}
	calendar := h.Schedule.Calendar
	if at == nil {
		at = &x.Places[0]
	}
	if h.Zone == nil {
		h.Zone = at.Zone
	}
	if calendar == "" {
		calendar = at.Holiday
	}
	if h.Days = x.days[calendar]; h.Days == nil {
		if h.Days = operator.days[calendar]; h.Days == nil {
			if c := shipped()[calendar]; c != nil {
				h.Days = c.days
			}
		}
	}
	return h
}

// Days gives the holidays of a place of a tenant's; nil for none.
func (s *Snapshot) Days(tenant string, at *Place) *Days {
	x := s.Index(tenant)
	if x == nil {
		return nil
	}
	if at == nil {
		at = &x.Places[0]
	}
	for _, of := range []*Index{x, s.Index(OperatorID)} {
		if d := of.days[at.Holiday]; d != nil {
			return d
		}
	}
	if c := shipped()[at.Holiday]; c != nil {
		return c.days
	}
	return nil
}

// indexHours makes schedules and calendars ready.
func (x *Index) indexHours() {
	for i := range x.Tenant.Schedules {
		var zone *time.Location
		if name := x.Tenant.Schedules[i].Zone; name != "" {
			zone = zoneOf(name)
		}
		x.hours = append(x.hours, zone)
	}
	if len(x.Tenant.Calendars) > 0 {
		x.days = make(map[string]*Days, len(x.Tenant.Calendars))
		for i := range x.Tenant.Calendars {
			c := &x.Tenant.Calendars[i]
			x.days[c.ID] = MakeDays(c)
		}
	}
}
