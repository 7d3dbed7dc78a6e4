package media

import "time"

// Phrase is a piece of what is to be said: one of the types below. A language's grammar makes clips of it
// (media/prompt).
type Phrase interface{ phrase() }

// What can be said.
type (
	// Clip is a recorded prompt by its name ("conference.welcome").
	Clip string
	// Number is a cardinal: "two hundred and five".
	Number int64
	// Ordinal is a place in an order: "third".
	Ordinal int64
	// Spelled is said key by key: digits, '*', '#', letters.
	Spelled string
	// Date is a day, with its month and year, at its time's own location.
	Date struct {
		time.Time
		Calendar Calendar
		Weekday  bool // the day of the week is said before
	}
	// Clock is hour and minute of a time, at its own location.
	Clock struct{ time.Time }
	// Lasting is how long something takes: "two minutes and five seconds". It is rounded to seconds.
	Lasting time.Duration
	// Amount is money.
	Amount struct {
		Units    int64
		Cents    int    // hundredths, 0 to 99, with the sign of Units
		Currency string // ISO 4217 ("IRR", "USD", "EUR", "GBP"), or "IRT" for the toman
	}
	// Place is a position in a queue: "you are number three in the queue".
	Place int
	// Text is put into speech by an engine, where there is one.
	Text string
	// Silence is a pause.
	Silence time.Duration
	// Recorded is sound that is there already.
	Recorded struct{ Source }
)

// Calendar is how days are counted.
type Calendar uint8

// Calendars. The usual one is the language's: Jalali in Persian, Gregorian in English.
const (
	UsualCalendar Calendar = iota
	Gregorian
	Jalali
)

func (Clip) phrase()     {}
func (Number) phrase()   {}
func (Ordinal) phrase()  {}
func (Spelled) phrase()  {}
func (Date) phrase()     {}
func (Clock) phrase()    {}
func (Lasting) phrase()  {}
func (Amount) phrase()   {}
func (Place) phrase()    {}
func (Text) phrase()     {}
func (Silence) phrase()  {}
func (Recorded) phrase() {}
