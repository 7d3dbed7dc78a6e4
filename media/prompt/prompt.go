// Package prompt says things: it makes clips of phrases by the grammar of a language, and one sound without gaps of
// the clips.
//
// What lives here: the catalogue of what is said and its texts, the clips of both languages (synthetic voices, in the
// program), the grammars of numbers, dates, times and money, and folders of other clips that go over ours. What does
// not: who hears which language, what a tenant has recorded for itself (it comes as an Overlay), and how a sound
// reaches a call. A Set is shared by all; what it gives to be heard belongs to who asked.
package prompt

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"santral/media"
	"santral/media/player"

	"santral/base/jalali"
)

// Rate is the sample rate of the clips of our own, in Hz.
const Rate = 16000

// Overlay is what one tenant has of its own. The zero value has nothing.
type Overlay struct {
	// Clip gives the tenant's own sound of a clip, or nil. Names that the catalogue doesn't have are the tenant's alone.
	Clip func(language, id string) *player.Sound
	// Text puts free text into speech. nil where there is no engine: Text phrases are refused then.
	Text func(language, text string) (*player.Sound, error)
}

// Languages gives the languages that there is a grammar and a voice of, the first of them for who speaks none.
func Languages() []string { return []string{"en", "fa"} }

// Language gives the one of Languages for a language tag of any case ("fa-IR"), or the first of them.
func Language(tag string) string {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if _, ok := tongues[primary]; ok {
		return primary
	}
	return Languages()[0]
}

// tongues are the grammars.
var tongues = map[string]tongue{"en": english{}, "fa": persian{}}

// tongue is the grammar of a language. Everything it says is of the catalogue; what it can't say it gives an error for.
type tongue interface {
	name() string
	number(l *line, n int64)
	ordinal(l *line, n int64) // of 0 and more
	date(l *line, year, month, day int, c media.Calendar)
	clock(l *line, hour, minute int)
	lasting(l *line, parts []counted)
	amount(l *line, units int64, cents int, currency string)
	place(l *line, n int64)
	letter(r rune) string // the clip of a letter in lower case, "" for none
}

// counted is a number of something.
type counted struct {
	n    int64
	what string // clip of one of it; that of many has "s" at its end, that which goes on "-and"
}

// line is what is said, piece by piece, as a grammar makes it.
type line struct{ pieces []piece }

// piece is one of a line: a clip, a silence, a text or a sound. Only one of the fields is set.
type piece struct {
	clip    string
	silence time.Duration
	text    string
	source  media.Source
}

func (l *line) clip(ids ...string) {
	for _, id := range ids {
		l.pieces = append(l.pieces, piece{clip: id})
	}
}

// betweenWords is the pause of a blank in what is spelled.
const betweenWords = 250 * time.Millisecond

// longestSilence bounds a pause, so that a number of another unit is no call of hours.
const longestSilence = time.Minute

// compose makes the line of phrases.
func compose(language string, what []media.Phrase) (*line, error) {
	t := tongues[language]
	if t == nil {
		return nil, fmt.Errorf("say: there is no grammar of the language %q", language)
	}
	l := &line{}
	for _, p := range what {
		if err := phrase(t, l, p); err != nil {
			return nil, fmt.Errorf("say in %s: %w", t.name(), err)
		}
	}
	return l, nil
}

func phrase(t tongue, l *line, p media.Phrase) error {
	switch p := p.(type) {
	case media.Clip:
		l.clip(string(p))
	case media.Number:
		t.number(l, int64(p))
	case media.Ordinal:
		if p < 0 {
			return fmt.Errorf("nothing is number %d of an order", p)
		}
		t.ordinal(l, int64(p))
	case media.Spelled:
		return spell(t, l, string(p))
	case media.Date:
		return day(t, l, p)
	case media.Clock:
		t.clock(l, p.Hour(), p.Minute())
	case media.Lasting:
		return lasting(t, l, time.Duration(p))
	case media.Amount:
		return amount(t, l, p)
	case media.Place:
		if p < 1 {
			return fmt.Errorf("no queue has a place %d", p)
		}
		t.place(l, int64(p))
	case media.Text:
		l.pieces = append(l.pieces, piece{text: string(p)})
	case media.Silence:
		if p < 0 || time.Duration(p) > longestSilence {
			return fmt.Errorf("a silence of %v is not between nothing and a minute", time.Duration(p))
		}
		l.pieces = append(l.pieces, piece{silence: time.Duration(p)})
	case media.Recorded:
		if p.Source == nil {
			return errors.New("recorded sound without a source")
		}
		l.pieces = append(l.pieces, piece{source: p.Source})
	default:
		return fmt.Errorf("a phrase of the unknown kind %T", p)
	}
	return nil
}

// signs are what is spelled besides digits and letters.
var signs = map[rune]string{
	'*': "sign.star", '#': "sign.hash", '+': "sign.plus", '.': "sign.dot", '-': "sign.dash", '_': "sign.underscore", ':': "sign.colon",
	'/': "sign.slash", '@': "sign.at",
}

func spell(t tongue, l *line, s string) error {
	for _, r := range strings.ToLower(s) {
		id := signs[r]
		switch {
		case r == ' ':
			l.pieces = append(l.pieces, piece{silence: betweenWords})
			continue
		case r >= '0' && r <= '9':
			id = digit(r - '0')
		case r >= '۰' && r <= '۹':
			id = digit(r - '۰')
		case r >= '٠' && r <= '٩':
			id = digit(r - '٠')
		case id == "":
			id = t.letter(r)
		}
		if id == "" {
			return fmt.Errorf("%q can't be spelled", r)
		}
		l.clip(id)
	}
	return nil
}

func digit(d rune) string { return "number." + string('0'+d) }

// Years that can be said.
const (
	firstYear = 1
	lastYear  = 9999
)

func day(t tongue, l *line, d media.Date) error {
	year, m, dom := d.Date()
	calendar := d.Calendar
	if calendar == media.UsualCalendar {
		if calendar = media.Gregorian; t.name() == "Persian" {
			calendar = media.Jalali
		}
	}
	month := int(m)
	if calendar == media.Jalali {
		var ok bool
		if year, month, dom, ok = inJalali(year, month, dom); !ok {
			return fmt.Errorf("%s is outside of the years %d to %d of the Jalali calendar", d.Format(time.DateOnly), jalali.FirstYear, jalali.LastYear)
		}
	}
	if year < firstYear || year > lastYear {
		return fmt.Errorf("the year %d is not between %d and %d", year, firstYear, lastYear)
	}
	if d.Weekday {
		l.clip(weekdays[d.Time.Weekday()])
	}
	t.date(l, year, month, dom, calendar)
	return nil
}

var weekdays = [7]string{
	"weekday.sunday", "weekday.monday", "weekday.tuesday", "weekday.wednesday", "weekday.thursday", "weekday.friday", "weekday.saturday",
}

var months = map[media.Calendar][12]string{
	media.Gregorian: {
		"month.january", "month.february", "month.march", "month.april", "month.may", "month.june", "month.july", "month.august",
		"month.september", "month.october", "month.november", "month.december",
	},
	media.Jalali: {
		"month.farvardin", "month.ordibehesht", "month.khordad", "month.tir", "month.mordad", "month.shahrivar", "month.mehr", "month.aban",
		"month.azar", "month.dey", "month.bahman", "month.esfand",
	},
}

func lasting(t tongue, l *line, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("nothing lasts %v", d)
	}
	s := int64(d.Round(time.Second) / time.Second)
	var parts []counted
	for _, c := range []counted{{s / 86400, "time.day"}, {s / 3600 % 24, "time.hour"}, {s / 60 % 60, "time.minute"}, {s % 60, "time.second"}} {
		if c.n > 0 {
			parts = append(parts, c)
		}
	}
	if parts == nil {
		parts = []counted{{0, "time.second"}}
	}
	t.lasting(l, parts)
	return nil
}

// currencies are those with words, and whether hundredths of them have a word too.
var currencies = map[string]bool{
	"IRR": false, "IRT": false, "USD": true, "EUR": true, "GBP": true, "AED": true, "TRY": true, "CNY": true,
}

func amount(t tongue, l *line, a media.Amount) error {
	parts, ok := currencies[a.Currency]
	switch {
	case !ok:
		return fmt.Errorf("there is no word for the currency %q", a.Currency)
	case a.Cents < 0 || a.Cents > 99:
		return fmt.Errorf("%d hundredths of %s are not between 0 and 99", a.Cents, a.Currency)
	case a.Cents > 0 && !parts:
		return fmt.Errorf("hundredths of %s have no word", a.Currency)
	}
	t.amount(l, a.Units, a.Cents, "money."+strings.ToLower(a.Currency))
	return nil
}

// Clips gives the names of the clips of phrases in their order; what is no clip is left out.
func Clips(language string, what ...media.Phrase) ([]string, error) {
	l, err := compose(language, what)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, p := range l.pieces {
		if p.clip != "" {
			ids = append(ids, p.clip)
		}
	}
	return ids, nil
}
