package prompt

import (
	"strconv"

	"santral/media"
)

// english is the grammar of English, with an "and" before what is less than a hundred.
type english struct{}

var scales = [...]string{"", "number.thousand", "number.million", "number.billion", "number.trillion", "number.quadrillion", "number.quintillion"}

// magnitude gives a number without its sign; the least of them has none of its own kind.
func magnitude(l *line, n int64) uint64 {
	if n < 0 {
		l.clip("number.minus")
		return -uint64(n)
	}
	return uint64(n)
}

// groups gives the thousands of a number, the lowest first, and how many there are.
func groups(u uint64) (g [len(scales)]int, n int) {
	for ; u > 0; n++ {
		g[n] = int(u % 1000)
		u /= 1000
	}
	return g, n
}

func word(n int) string { return "number." + strconv.Itoa(n) }

func (english) name() string { return "English" }

func (english) number(l *line, n int64) { englishCardinal(l, magnitude(l, n)) }

func englishCardinal(l *line, u uint64) {
	if u == 0 {
		l.clip(word(0))
	}
	g, n := groups(u)
	for i := n - 1; i >= 0; i-- {
		if g[i] == 0 {
			continue
		}
		hundreds, rest := g[i]/100, g[i]%100
		if hundreds > 0 {
			l.clip(word(hundreds), "number.hundred")
		}
		if rest > 0 && (hundreds > 0 || i == 0 && n > 1) {
			l.clip("number.and")
		}
		englishPair(l, rest)
		if i > 0 {
			l.clip(scales[i])
		}
	}
}

// englishPair says a number of 1 to 99, and nothing for 0.
func englishPair(l *line, n int) {
	if n > 20 {
		l.clip(word(n / 10 * 10))
		n %= 10
	}
	if n > 0 {
		l.clip(word(n))
	}
}

func (e english) ordinal(l *line, n int64) {
	e.number(l, n)
	last := &l.pieces[len(l.pieces)-1]
	last.clip = "ordinal." + last.clip[len("number."):]
}

func (e english) date(l *line, year, month, day int, c media.Calendar) {
	l.clip(months[c][month-1])
	e.ordinal(l, int64(day))
	century, rest := year/100, year%100
	switch {
	case year < 1000, century%10 == 0 && rest < 10: // "two thousand and five"
		e.number(l, int64(year))
	case rest == 0:
		englishPair(l, century)
		l.clip("number.hundred")
	default:
		englishPair(l, century)
		if rest < 10 {
			l.clip("number.oh")
		}
		englishPair(l, rest)
	}
}

func (e english) clock(l *line, hour, minute int) {
	on := (hour + 11) % 12
	l.clip(word(on + 1))
	if minute > 0 && minute < 10 {
		l.clip("number.oh")
	}
	englishPair(l, minute)
	switch {
	case hour == 0 && minute == 0:
		l.clip("clock.midnight")
	case hour == 12 && minute == 0:
		l.clip("clock.noon")
	case hour < 12:
		l.clip("clock.am")
	default:
		l.clip("clock.pm")
	}
}

func (e english) lasting(l *line, parts []counted) {
	for i, p := range parts {
		if i > 0 && i == len(parts)-1 {
			l.clip("number.and")
		}
		e.number(l, p.n)
		l.clip(many(p.what, "s", p.n))
	}
}

// many gives the clip of what is counted: of one, or with the ending of more than one.
func many(what, ending string, n int64) string {
	if n == 1 || n == -1 {
		return what
	}
	return what + ending
}

func (e english) amount(l *line, units int64, cents int, currency string) {
	if units != 0 || cents == 0 {
		e.number(l, units)
		l.clip(many(currency, "-many", units))
		if cents > 0 {
			l.clip("number.and")
		}
	}
	if cents > 0 {
		e.number(l, int64(cents))
		l.clip(many(currency+"-part", "-many", int64(cents)))
	}
}

func (e english) place(l *line, n int64) {
	l.clip("queue.you-are-number")
	e.number(l, n)
	l.clip("queue.in-line")
}

func (english) letter(r rune) string { return latin(r) }

func latin(r rune) string {
	if r < 'a' || r > 'z' {
		return ""
	}
	return "letter." + string(r)
}
