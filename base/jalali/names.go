package jalali

import (
	"strings"
	"time"
)

// names of months from Farvardin on, and of weekdays from Sunday on as time.Weekday counts.
var (
	monthsFa = [12]string{"فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"}
	monthsEn = [12]string{"Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar", "Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand"}
	gregFa   = [12]string{"ژانویه", "فوریه", "مارس", "آوریل", "مه", "ژوئن", "ژوئیه", "اوت", "سپتامبر", "اکتبر", "نوامبر", "دسامبر"}
	daysFa   = [7]string{"یکشنبه", "دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه"}
)

// MonthName is the name of a month, 1 to 12, in "fa"; in English for every other language.
func MonthName(month int, language string) string {
	if month < 1 || month > 12 {
		return ""
	}
	if language == "fa" {
		return monthsFa[month-1]
	}
	return monthsEn[month-1]
}

// GregorianMonthName is the name of a month of the Gregorian calendar likewise.
func GregorianMonthName(month time.Month, language string) string {
	if month < 1 || month > 12 {
		return ""
	}
	if language == "fa" {
		return gregFa[month-1]
	}
	return month.String()
}

// WeekdayName is the name of a day of the week likewise.
func WeekdayName(day time.Weekday, language string) string {
	if language == "fa" && day >= 0 && day < 7 {
		return daysFa[day]
	}
	return day.String()
}

// FindMonth tells which month a word names, in Persian or English, and of which calendar; ok is false for another word.
func FindMonth(word string) (month int, jalali, ok bool) {
	word = plain(word)
	for i := range 12 {
		switch word {
		case strings.ToLower(monthsEn[i]), plain(monthsFa[i]):
			return i + 1, true, true
		case strings.ToLower(time.Month(i + 1).String()), plain(gregFa[i]):
			return i + 1, false, true
		}
	}
	return 0, false, false
}

// plain has letters that keyboards write in two ways be one, and small.
func plain(word string) string {
	return strings.NewReplacer("ي", "ی", "ك", "ک", "\u200c", "").Replace(strings.ToLower(word))
}

// Digits writes the ASCII digits of a text as Persian ones.
func Digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '۰' + r - '0'
		}
		return r
	}, text)
}

// ASCII writes the Persian and Arabic digits of a text as ASCII ones.
func ASCII(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		}
		return r
	}, text)
}
