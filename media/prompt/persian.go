package prompt

import (
	"strconv"
	"strings"

	"santral/media"
)

// persian is the grammar of Persian. What is joined to the next by «و» has it as part of its own clip, spoken as o.
type persian struct{}

func (persian) name() string { return "Persian" }

func (persian) number(l *line, n int64) { persianCardinal(l, magnitude(l, n)) }

func persianCardinal(l *line, u uint64) {
	if u == 0 {
		l.clip(word(0))
		return
	}
	g, n := groups(u)
	for i := n - 1; i >= 0; i-- {
		if g[i] == 0 {
			continue
		}
		if i != 1 || g[i] != 1 { // a thousand is «هزار», never «یک هزار»
			persianGroup(l, g[i])
		}
		if i == 0 {
			continue
		}
		l.clip(scales[i])
		for _, below := range g[:i] {
			if below > 0 {
				goOn(l)
				break
			}
		}
	}
}

// persianGroup says a number of 1 to 999.
func persianGroup(l *line, n int) {
	for _, one := range []int{100, 10, 1} {
		if one == 10 && n <= 20 {
			one = 1
		}
		part := n / one * one
		if part == 0 {
			continue
		}
		l.clip(word(part))
		if n -= part; n == 0 {
			return
		}
		goOn(l)
	}
}

// goOn joins the last clip to what follows.
func goOn(l *line) { l.pieces[len(l.pieces)-1].clip += "-and" }

func (p persian) ordinal(l *line, n int64) {
	p.number(l, n)
	last := &l.pieces[len(l.pieces)-1]
	if last.clip = "ordinal." + last.clip[len("number."):]; last.clip == "ordinal.1" && n > 1 {
		last.clip = "ordinal.1-th"
	}
}

func (p persian) date(l *line, year, month, day int, c media.Calendar) {
	if tens := day / 10 * 10; day > 20 && day != tens {
		l.clip(word(tens) + "-and")
		day -= tens
	}
	l.clip("day."+strconv.Itoa(day), months[c][month-1])
	p.number(l, int64(year))
}

func (persian) clock(l *line, hour, minute int) {
	on := (hour+11)%12 + 1
	l.clip("clock.hour")
	if minute == 0 {
		l.clip("clock." + strconv.Itoa(on))
	} else {
		l.clip(word(on) + "-and")
		persianGroup(l, minute)
		l.clip("clock.minutes")
	}
	switch {
	case hour == 0:
		l.clip("clock.midnight")
	case hour < 5:
		l.clip("clock.night")
	case hour < 12:
		l.clip("clock.morning")
	case hour == 12:
		l.clip("clock.noon")
	case hour < 19:
		l.clip("clock.afternoon")
	default:
		l.clip("clock.evening")
	}
}

func (p persian) lasting(l *line, parts []counted) {
	for i, c := range parts {
		p.number(l, c.n)
		l.clip(c.what)
		if i < len(parts)-1 {
			goOn(l)
		}
	}
}

func (p persian) amount(l *line, units int64, cents int, currency string) {
	if units != 0 || cents == 0 {
		p.number(l, units)
		l.clip(currency)
		if cents > 0 {
			goOn(l)
		}
	}
	if cents > 0 {
		p.number(l, int64(cents))
		l.clip(currency + "-part")
	}
}

func (p persian) place(l *line, n int64) {
	l.clip("queue.you-are-number")
	p.ordinal(l, n)
	l.clip("queue.in-line")
}

// alphabet are the letters of Persian in their order, and letterNames their clips.
const alphabet = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"

var letterNames = [...]string{
	"alef", "be", "pe", "te", "se", "jim", "che", "he", "khe", "dal", "zal", "re", "ze", "zhe", "sin", "shin", "sad", "zad", "ta", "za", "eyn",
	"gheyn", "fe", "ghaf", "kaf", "gaf", "lam", "mim", "nun", "vav", "heh", "ye",
}

// asPersian are the letters of other keyboards that mean a letter of the alphabet.
var asPersian = strings.NewReplacer("آ", "ا", "أ", "ا", "ك", "ک", "ي", "ی", "ى", "ی", "ة", "ه")

func (persian) letter(r rune) string {
	if id := latin(r); id != "" {
		return id
	}
	i := strings.Index(alphabet, asPersian.Replace(string(r)))
	if r < 0x80 || i < 0 {
		return ""
	}
	return "letter." + letterNames[i/2] // each has two octets
}
