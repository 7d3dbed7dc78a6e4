package prompt

import (
	"time"

	"santral/base/jalali"
)

// inJalali gives a day of the Gregorian calendar in the Jalali one; ok is false outside of the years it is exact for.
func inJalali(year, month, day int) (y, m, d int, ok bool) {
	date, ok := jalali.FromNumber(jalali.DayNumber(year, time.Month(month), day))
	return date.Year, date.Month, date.Day, ok
}
