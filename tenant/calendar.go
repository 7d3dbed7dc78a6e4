package tenant

import (
	"embed"
	"sync"
	"time"

	"santral/base/doc"
)

// ShippedNames are the calendars that the exchange has.
var ShippedNames = []string{"ir"}

//go:embed calendars
var shippedFiles embed.FS

var (
	shippedOnce sync.Once
	shippedAll  map[string]*shippedCalendar
)

// shipped reads them once.
func shipped() map[string]*shippedCalendar {
	shippedOnce.Do(func() {
		all := map[string]*shippedCalendar{}
		for _, id := range ShippedNames {
			var problems doc.Problems
			c := (&names{}).calendar(doc.Read(id+".yaml", []byte(ShippedText(id)), &problems))
			if err := problems.Err(); err != nil {
				panic(err) // built of what it can't be made of
			}
			all[id] = &shippedCalendar{c, MakeDays(&c)}
		}
		shippedAll = all
	})
	return shippedAll
}

type shippedCalendar struct {
	Calendar
	days *Days
}

// Shipped gives a calendar that the exchange has, or nil. Nobody changes it.
func Shipped(id string) *Calendar {
	if c := shipped()[id]; c != nil {
		return &c.Calendar
	}
	return nil
}

// ShippedText gives such a calendar as it is written, for whoever wants to correct it in a document; "" for none.
func ShippedText(id string) string {
	text, err := shippedFiles.ReadFile("calendars/" + id + ".yaml")
	if err != nil {
		return ""
	}
	return string(text)
}

// Days are the holidays of a calendar, made ready to be asked about any day. The zero value and nil have none.
type Days struct {
	weekend [7]bool
	names   []string
	yearly  [2][13 * 32]int16 // Gregorian and Jalali days of every year
	dated   map[int32]int16   // days since 1 January 1970
	base    *Days
}

// What Days say of a day is nothing, that it is no holiday after all, or one more than the place of its name.
const (
	saysNothing = 0
	saysOpen    = -1
)

// MakeDays makes a calendar ready.
func MakeDays(c *Calendar) *Days {
	d := &Days{weekend: c.Weekend, dated: map[int32]int16{}}
	if c.Base != "" {
		if s := shipped()[c.Base]; s != nil {
			d.base = s.days
			if c.Weekend == [7]bool{} {
				d.weekend = s.days.weekend
			}
		}
	}
	places := map[string]int16{}
	for i := range c.Holidays {
		h := &c.Holidays[i]
		says, known := places[h.Name]
		if !known {
			d.names = append(d.names, h.Name)
			says = int16(len(d.names))
			places[h.Name] = says
		}
		if h.Open {
			says = saysOpen
		}
		d.lay(h, says)
	}
	return d
}

// lay notes every day of a holiday.
func (d *Days) lay(h *Holiday, says int16) {
	last := h.Last
	if last == (Date{}) {
		last = h.First
	}
	if h.First.Year != 0 {
		for n, end := h.First.number(), last.number(); n <= end; n++ {
			d.dated[int32(n)] = says
		}
		return
	}
	calendar := 0
	if h.First.Jalali {
		calendar = 1
	}
	// Days that there are not, such as 31 of a month of 30, are never asked about.
	for at, end := h.First.ofYear(), last.ofYear(); ; at++ {
		if at == 13*32 {
			at = 32 // past the end of the year
		}
		d.yearly[calendar][at] = says
		if at == end {
			return
		}
	}
}

// holiday tells what the day is called; ok is false where it is none. It allocates nothing.
func (d *Days) holiday(day *dayAt) (name string, ok bool) {
	for ; d != nil; d = d.base {
		says := d.dated[int32(day.number)]
		if says == saysNothing {
			says = d.yearly[0][day.gregorian.ofYear()]
		}
		if says == saysNothing {
			says = d.yearly[1][day.jalali.ofYear()]
		}
		switch {
		case says > 0:
			return d.names[says-1], true
		case says == saysOpen:
			return "", false
		}
	}
	return "", false
}

// Holiday tells what the day is called that a moment is in its own zone; ok is false where it is no holiday.
func (d *Days) Holiday(at time.Time) (name string, ok bool) {
	day := dayOf(numberOf(at))
	return d.holiday(&day)
}
