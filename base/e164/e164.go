// Package e164 holds numbers of the public telephone network in a form that costs nothing: a number of at most fifteen
// digits that never begins with 0 (ITU-T E.164 §6) is an integer.
package e164

import "strconv"

// Number is a number of the public network, country code first: 982122000101. The zero value is none. What begins in one
// way is an interval of each length, so that who owns a number is a comparison of integers.
type Number uint64

// MaxDigits is the most digits of a number, country code included (ITU-T E.164 §6.2).
const MaxDigits = 15

// Parse reads a number as it is written: + and digits, without separators. 0 when it is none.
func Parse(text string) Number {
	if len(text) < 2 || text[0] != '+' {
		return 0
	}
	return Digits(text[1:])
}

// Digits reads a number without its +. 0 when it is none.
func Digits(text string) (n Number) {
	if text == "" || len(text) > MaxDigits || text[0] == '0' {
		return 0
	}
	return n.And(text)
}

// And gives a number with more digits behind it. 0 when that is none.
func (n Number) And(digits string) Number {
	if n.Len()+len(digits) > MaxDigits {
		return 0
	}
	for i := 0; i < len(digits); i++ {
		c := digits[i]
		if c < '0' || c > '9' || n == 0 && c == '0' {
			return 0
		}
		n = n*10 + Number(c-'0')
	}
	return n
}

// Len is how many digits a number has, 0 of none.
func (n Number) Len() (digits int) {
	for ; n > 0; n /= 10 {
		digits++
	}
	return digits
}

// First gives the first digits of a number, all of them where it has no more.
func (n Number) First(digits int) Number {
	for more := n.Len() - digits; more > 0; more-- {
		n /= 10
	}
	return n
}

// Begins reports whether a number begins with another's digits. Everything begins with none.
func (n Number) Begins(with Number) bool { return with == 0 || n.First(with.Len()) == with }

// Span gives the first and the last number of a length that begin with a number's digits; none when they are fewer.
func (n Number) Span(digits int) (first, last Number) {
	first, last = n, n
	for more := digits - n.Len(); more > 0; more-- {
		first, last = first*10, last*10+9
	}
	if n == 0 || digits > MaxDigits || first.Len() != digits {
		return 0, 0
	}
	return first, last
}

// String gives + and the digits, "" of none.
func (n Number) String() string {
	if n == 0 {
		return ""
	}
	return string(n.Append(make([]byte, 0, MaxDigits+1)))
}

// Append puts + and the digits behind what is there.
func (n Number) Append(to []byte) []byte {
	if n == 0 {
		return to
	}
	return strconv.AppendUint(append(to, '+'), uint64(n), 10)
}
