package control

import (
	"fmt"
	"strings"

	"santral/call"
)

// pattern is a number pattern: a set of keys for each place, and, where open, one key more or many.
type pattern struct {
	places []uint16 // a bit for each key of call.AnyKey
	open   bool
}

// mostPlaces bounds a pattern, far above any number (ITU-T E.164 has 15 digits).
const mostPlaces = 64

// readPatterns reads number patterns: a key stands for itself, x for a digit, brackets for one of several keys or
// ranges of digits, and a point at the end for one key or more.
func readPatterns(list []string) ([]pattern, error) {
	plan := make([]pattern, 0, len(list))
	for _, text := range list {
		p, ok := readPattern(text)
		if !ok {
			return nil, fmt.Errorf("%q is no number pattern", text)
		}
		plan = append(plan, p)
	}
	return plan, nil
}

func readPattern(text string) (p pattern, ok bool) {
	for text != "" {
		if p.open || len(p.places) >= mostPlaces {
			return p, false
		}
		switch c := text[0]; c {
		case '.':
			p.open, text = true, text[1:]
		case 'x', 'X':
			p.places, text = append(p.places, keysFrom('0', '9')), text[1:]
		case '[':
			inside, rest, closed := strings.Cut(text[1:], "]")
			set, ok := readSet(inside)
			if !closed || !ok {
				return p, false
			}
			p.places, text = append(p.places, set), rest
		default:
			set := keyBit(c)
			if set == 0 {
				return p, false
			}
			p.places, text = append(p.places, set), text[1:]
		}
	}
	return p, p.open || len(p.places) > 0
}

// readSet reads what stands in brackets.
func readSet(text string) (set uint16, ok bool) {
	for text != "" {
		if len(text) >= 3 && text[1] == '-' {
			one := keysFrom(text[0], text[2])
			if one == 0 {
				return 0, false
			}
			set, text = set|one, text[3:]
			continue
		}
		one := keyBit(text[0])
		if one == 0 {
			return 0, false
		}
		set, text = set|one, text[1:]
	}
	return set, set != 0
}

// keysFrom is a range of digits, 0 for what is none.
func keysFrom(from, to byte) (set uint16) {
	if from < '0' || to > '9' {
		return 0
	}
	for k := from; k <= to; k++ {
		set |= keyBit(k)
	}
	return set
}

func keyBit(k byte) uint16 {
	if i := strings.IndexByte(call.AnyKey, k); i >= 0 {
		return 1 << i
	}
	return 0
}

// meets tells whether digits meet a pattern of the plan, and whether more keys could meet another, or the same.
func meets(plan []pattern, digits string) (met, more bool) {
	for i := range plan {
		m, l := plan[i].meets(digits)
		met, more = met || m, more || l
	}
	return met, more
}

func (p *pattern) meets(digits string) (met, more bool) {
	if len(digits) > len(p.places) && !p.open {
		return false, false
	}
	for i := range min(len(digits), len(p.places)) {
		if p.places[i]&keyBit(digits[i]) == 0 {
			return false, false
		}
	}
	if p.open {
		return len(digits) > len(p.places), true
	}
	return len(digits) == len(p.places), len(digits) < len(p.places)
}
