package letter

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// forms are the shapes of a letter that joins its neighbours: alone, at the end, at the beginning and in the middle of a
// joined group. Those without the last two join the letter before them alone.
type forms struct{ alone, end, begin, middle rune }

// letters are those of Persian and Arabic, with their places in Unicode's presentation forms: PDF is drawn glyph by glyph,
// and shapes nothing by itself.
var letters = map[rune]forms{
	'ء': {alone: 0xFE80}, 'آ': {0xFE81, 0xFE82, 0, 0}, 'أ': {0xFE83, 0xFE84, 0, 0}, 'ؤ': {0xFE85, 0xFE86, 0, 0}, 'إ': {0xFE87, 0xFE88, 0, 0},
	'ئ': {0xFE89, 0xFE8A, 0xFE8B, 0xFE8C}, 'ا': {0xFE8D, 0xFE8E, 0, 0}, 'ب': {0xFE8F, 0xFE90, 0xFE91, 0xFE92}, 'ة': {0xFE93, 0xFE94, 0, 0},
	'ت': {0xFE95, 0xFE96, 0xFE97, 0xFE98}, 'ث': {0xFE99, 0xFE9A, 0xFE9B, 0xFE9C}, 'ج': {0xFE9D, 0xFE9E, 0xFE9F, 0xFEA0},
	'ح': {0xFEA1, 0xFEA2, 0xFEA3, 0xFEA4}, 'خ': {0xFEA5, 0xFEA6, 0xFEA7, 0xFEA8}, 'د': {0xFEA9, 0xFEAA, 0, 0}, 'ذ': {0xFEAB, 0xFEAC, 0, 0},
	'ر': {0xFEAD, 0xFEAE, 0, 0}, 'ز': {0xFEAF, 0xFEB0, 0, 0}, 'س': {0xFEB1, 0xFEB2, 0xFEB3, 0xFEB4}, 'ش': {0xFEB5, 0xFEB6, 0xFEB7, 0xFEB8},
	'ص': {0xFEB9, 0xFEBA, 0xFEBB, 0xFEBC}, 'ض': {0xFEBD, 0xFEBE, 0xFEBF, 0xFEC0}, 'ط': {0xFEC1, 0xFEC2, 0xFEC3, 0xFEC4}, 'ظ': {0xFEC5, 0xFEC6, 0xFEC7, 0xFEC8},
	'ع': {0xFEC9, 0xFECA, 0xFECB, 0xFECC}, 'غ': {0xFECD, 0xFECE, 0xFECF, 0xFED0}, 'ف': {0xFED1, 0xFED2, 0xFED3, 0xFED4}, 'ق': {0xFED5, 0xFED6, 0xFED7, 0xFED8},
	'ك': {0xFED9, 0xFEDA, 0xFEDB, 0xFEDC}, 'ل': {0xFEDD, 0xFEDE, 0xFEDF, 0xFEE0}, 'م': {0xFEE1, 0xFEE2, 0xFEE3, 0xFEE4}, 'ن': {0xFEE5, 0xFEE6, 0xFEE7, 0xFEE8},
	'ه': {0xFEE9, 0xFEEA, 0xFEEB, 0xFEEC}, 'و': {0xFEED, 0xFEEE, 0, 0}, 'ى': {0xFEEF, 0xFEF0, 0, 0}, 'ي': {0xFEF1, 0xFEF2, 0xFEF3, 0xFEF4},
	'پ': {0xFB56, 0xFB57, 0xFB58, 0xFB59}, 'چ': {0xFB7A, 0xFB7B, 0xFB7C, 0xFB7D}, 'ژ': {0xFB8A, 0xFB8B, 0, 0}, 'ک': {0xFB8E, 0xFB8F, 0xFB90, 0xFB91},
	'گ': {0xFB92, 0xFB93, 0xFB94, 0xFB95}, 'ی': {0xFBFC, 0xFBFD, 0xFBFE, 0xFBFF},
}

// lamAlef are the shapes of lam with an alef behind it: alone, and joined to the letter before.
var lamAlef = map[rune][2]rune{'آ': {0xFEF5, 0xFEF6}, 'أ': {0xFEF7, 0xFEF8}, 'إ': {0xFEF9, 0xFEFA}, 'ا': {0xFEFB, 0xFEFC}}

const (
	leftToRight = "\u200e" // has what stands between two of it be read from left to right, and is not seen
	toLeft      = "\u200f"

	nonJoiner = '\u200c' // keeps its neighbours apart, and is not seen
	tatweel   = 'ـ'
)

// shape gives a text with each letter in the form that its neighbours give it, still in the order in which it is read.
func shape(text string) string {
	runes := []rune(text)
	var b strings.Builder
	joined := false // the letter before joins this one
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		f, known := letters[r]
		switch {
		case unicode.Is(unicode.Mn, r): // a mark over a letter joins nothing and parts nothing
			b.WriteRune(r)
			continue
		case r == nonJoiner:
			joined = false
			continue
		case !known:
			b.WriteRune(r)
			joined = r == tatweel
			continue
		}
		next := following(runes[i+1:])
		if pair, ok := lamAlef[next]; r == 'ل' && ok && i+1 < len(runes) && runes[i+1] == next {
			b.WriteRune(pair[index(joined)])
			joined = false
			i++
			continue
		}
		goesOn := f.begin != 0 && (next == tatweel || letters[next].end != 0)
		switch {
		case joined && goesOn:
			b.WriteRune(f.middle)
		case joined && f.end != 0:
			b.WriteRune(f.end)
		case goesOn:
			b.WriteRune(f.begin)
		default:
			b.WriteRune(f.alone)
		}
		joined = goesOn
	}
	return b.String()
}

// following is the next rune that is no mark.
func following(runes []rune) rune {
	for _, r := range runes {
		if !unicode.Is(unicode.Mn, r) {
			return r
		}
	}
	return 0
}

func index(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

var unmarked = strings.NewReplacer(leftToRight, "", toLeft, "")

// visual gives a line as it is drawn from left to right: shaped, and with what is read from right to left turned
// (Unicode's annex 9). rightToLeft is the direction of the line itself.
func visual(line string, rightToLeft bool) string {
	mark := leftToRight // the first of a line decides its direction
	if rightToLeft {
		mark = toLeft
	}
	var p bidi.Paragraph
	if _, err := p.SetString(mark + shape(line)); err != nil {
		return line
	}
	order, err := p.Order()
	if err != nil {
		return line
	}
	var b strings.Builder
	for i := range order.NumRuns() {
		at := i
		if rightToLeft { // runs come in the order in which they are read
			at = order.NumRuns() - 1 - i
		}
		run := order.Run(at)
		if run.Direction() == bidi.RightToLeft {
			b.WriteString(bidi.ReverseString(run.String()))
		} else {
			b.WriteString(run.String())
		}
	}
	return unmarked.Replace(b.String())
}
