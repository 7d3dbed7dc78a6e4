package prompt

import "time"

// The years of the Jalali calendar for which the arithmetic of 33 years gives what the sky gives: the year begins on
// the day whose noon in Iran follows the equinox of spring.
const (
	firstJalali = 1178
	lastJalali  = 1633
)

// leap reports whether a Jalali year has 366 days: eight of 33 have, four or five years apart.
func leap(year int) bool { return (25*year+11)%33 < 8 }

// nowruz gives the first day of a Jalali year.
func nowruz(year int) time.Time {
	// The years before it that had a day more, counted from 1400, which began on 21 March 2021.
	days := 0
	for y := 1400; y < year; y++ {
		days += yearLength(y)
	}
	for y := year; y < 1400; y++ {
		days -= yearLength(y)
	}
	return time.Date(2021, time.March, 21+days, 0, 0, 0, 0, time.UTC)
}

func yearLength(year int) int {
	if leap(year) {
		return 366
	}
	return 365
}

// jalali gives a day of the Gregorian calendar in the Jalali one; ok is false outside of the years it is exact for.
func jalali(year, month, day int) (y, m, d int, ok bool) {
	if year < firstJalali+621 || year > lastJalali+622 {
		return 0, 0, 0, false
	}
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	y = year - 621
	first := nowruz(y)
	if at.Before(first) {
		y--
		first = nowruz(y)
	}
	if y < firstJalali || y > lastJalali {
		return 0, 0, 0, false
	}
	n := int(at.Sub(first) / (24 * time.Hour)) // days since the year began
	if n < 186 {                               // six months of 31 days
		return y, n/31 + 1, n%31 + 1, true
	}
	n -= 186
	return y, n/30 + 7, n%30 + 1, true
}
