package prompt

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"santral/base/jalali"
	"santral/media"
)

// The reference of this file spells numbers by taking the largest denomination that fits, again and again, and finds the
// Jalali calendar in the sky. It uses nothing of the grammars, nor of the clips: two ways to one text.

type denomination struct {
	value uint64
	name  string
}

var (
	englishNames = []denomination{
		{1e18, "quintillion"}, {1e15, "quadrillion"}, {1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}, {1000, "thousand"}, {100, "hundred"},
		{90, "ninety"}, {80, "eighty"}, {70, "seventy"}, {60, "sixty"}, {50, "fifty"}, {40, "forty"}, {30, "thirty"}, {20, "twenty"}, {19, "nineteen"},
		{18, "eighteen"}, {17, "seventeen"}, {16, "sixteen"}, {15, "fifteen"}, {14, "fourteen"}, {13, "thirteen"}, {12, "twelve"}, {11, "eleven"}, {10, "ten"},
		{9, "nine"}, {8, "eight"}, {7, "seven"}, {6, "six"}, {5, "five"}, {4, "four"}, {3, "three"}, {2, "two"}, {1, "one"},
	}
	persianNames = []denomination{
		{1e18, "کوینتیلیون"}, {1e15, "کوادریلیون"}, {1e12, "تریلیون"}, {1e9, "میلیارد"}, {1e6, "میلیون"}, {1000, "هزار"},
		{900, "نهصد"}, {800, "هشتصد"}, {700, "هفتصد"}, {600, "ششصد"}, {500, "پانصد"}, {400, "چهارصد"}, {300, "سیصد"}, {200, "دویست"}, {100, "صد"},
		{90, "نود"}, {80, "هشتاد"}, {70, "هفتاد"}, {60, "شصت"}, {50, "پنجاه"}, {40, "چهل"}, {30, "سی"}, {20, "بیست"}, {19, "نوزده"}, {18, "هجده"}, {17, "هفده"},
		{16, "شانزده"}, {15, "پانزده"}, {14, "چهارده"}, {13, "سیزده"}, {12, "دوازده"}, {11, "یازده"}, {10, "ده"},
		{9, "نه"}, {8, "هشت"}, {7, "هفت"}, {6, "شش"}, {5, "پنج"}, {4, "چهار"}, {3, "سه"}, {2, "دو"}, {1, "یک"},
	}
)

func spellEnglish(n int64) string {
	if n == 0 {
		return "zero"
	}
	if n < 0 {
		return "minus " + largest(uint64(-(n+1))+1, englishNames, 100, "")
	}
	return largest(uint64(n), englishNames, 100, "")
}

func spellPersian(n int64) string {
	switch {
	case n == 0:
		return "صفر"
	case n < 0:
		return "منفی " + largest(uint64(-(n+1))+1, persianNames, 1000, "و ")
	}
	return largest(uint64(n), persianNames, 1000, "و ")
}

// largest spells u: denominations from counted on are counted themselves.
func largest(u uint64, names []denomination, counted uint64, join string) string {
	for _, d := range names {
		if u < d.value {
			continue
		}
		said := d.name
		if times := u / d.value; d.value >= counted && (times > 1 || join == "" || d.value > 1000) {
			said = largest(times, names, counted, join) + " " + said
		}
		switch rest := u % d.value; {
		case rest == 0:
			return said
		case join == "" && d.value >= 100 && rest < 100:
			return said + " and " + largest(rest, names, counted, join)
		default:
			return said + " " + join + largest(rest, names, counted, join)
		}
	}
	return ""
}

func TestNumbersAgainstAReference(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 39))
	numbers := []int64{0, 1, -1, 10, 11, 19, 20, 21, 99, 100, 101, 110, 999, 1000, 1001, 1100, 9999, 10000, 100000, 999999, 1e6, 1e6 + 1, 1001000, 1e9, 1e12, 1e15, 1e18, math.MaxInt64, math.MinInt64}
	for n := int64(0); n < 300; n++ {
		numbers = append(numbers, n)
	}
	for len(numbers) < 2000 {
		numbers = append(numbers, r.Int64()>>r.IntN(63)*int64(1-2*r.IntN(2)))
	}
	for _, n := range numbers {
		if got, want := text(t, "en", media.Number(n)), spellEnglish(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
		if got, want := text(t, "fa", media.Number(n)), spellPersian(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestAmountsAgainstAReference(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 39))
	names := map[string][6]string{ // one, many, of Persian; the same of hundredths
		"IRR": {"rial", "rials", "ریال"}, "IRT": {"toman", "tomans", "تومان"}, "USD": {"dollar", "dollars", "دلار", "cent", "cents", "سنت"},
		"EUR": {"euro", "euros", "یورو", "cent", "cents", "سنت"}, "GBP": {"pound", "pounds", "پوند", "penny", "pence", "پنی"},
	}
	some := []string{"IRR", "IRT", "USD", "EUR", "GBP"}
	for range 200 {
		a := media.Amount{Currency: some[r.IntN(5)], Units: int64(r.Uint64N(1e12)) >> r.IntN(40)}
		n := names[a.Currency]
		if n[3] != "" && r.IntN(3) > 0 {
			a.Cents = r.IntN(100)
		}
		plural := func(n int64) int {
			if n == 1 {
				return 0
			}
			return 1
		}
		en, fa := "", ""
		if a.Units != 0 || a.Cents == 0 {
			en, fa = spellEnglish(a.Units)+" "+n[plural(a.Units)], spellPersian(a.Units)+" "+n[2]
		}
		if a.Cents > 0 {
			if en != "" {
				en, fa = en+" and ", fa+" و "
			}
			en += spellEnglish(int64(a.Cents)) + " " + n[3+plural(int64(a.Cents))]
			fa += spellPersian(int64(a.Cents)) + " " + n[5]
		}
		if got := text(t, "en", a); got != en {
			t.Errorf("%+v: %q, want %q", a, got, en)
		}
		if got := text(t, "fa", a); got != fa {
			t.Errorf("%+v: %q, want %q", a, got, fa)
		}
	}
}

// equinox gives the moment of the equinox of spring, by the polynomial and the periodic terms that are exact to less than
// a minute from the year 1000 to 3000 (Meeus, Astronomical Algorithms, chapter 27), in universal time.
func equinox(year int) time.Time {
	y := float64(year-2000) / 1000
	j := 2451623.80984 + 365242.37404*y + 0.05169*y*y - 0.00411*y*y*y - 0.00057*y*y*y*y
	c := (j - 2451545) / 36525
	cos := func(degrees float64) float64 { return math.Cos(degrees * math.Pi / 180) }
	w := 35999.373*c - 2.47
	sum := 0.0
	for _, term := range [][3]float64{
		{485, 324.96, 1934.136}, {203, 337.23, 32964.467}, {199, 342.08, 20.186}, {182, 27.85, 445267.112}, {156, 73.14, 45036.886}, {136, 171.52, 22518.443},
		{77, 222.54, 65928.934}, {74, 296.72, 3034.906}, {70, 243.58, 9037.513}, {58, 119.81, 33718.147}, {52, 297.17, 150.678}, {50, 21.02, 2281.226},
		{45, 247.54, 29929.562}, {44, 325.15, 31555.956}, {29, 60.93, 4443.417}, {18, 155.12, 67555.328}, {17, 288.79, 4562.452}, {16, 198.04, 62894.029},
		{14, 199.76, 31436.921}, {12, 95.39, 14577.848}, {12, 287.11, 31931.756}, {12, 320.81, 34777.259}, {9, 227.73, 1222.114}, {8, 15.45, 16859.074},
	} {
		sum += term[0] * cos(term[1]+term[2]*c)
	}
	j += 0.00001 * sum / (1 + 0.0334*cos(w) + 0.0007*cos(2*w))
	j -= behind(year) / 86400
	return time.Unix(0, 0).UTC().Add(time.Duration((j - 2440587.5) * 24 * float64(time.Hour)))
}

// behind gives by how many seconds the turning of the earth is behind the clock of the sky: as it was measured, and as it
// is expected.
func behind(year int) float64 {
	known := [][2]float64{{1799, 14}, {1850, 7}, {1900, -3}, {1910, 10}, {1920, 21}, {1930, 24}, {1950, 29}, {1970, 40}, {1990, 57}, {2005, 65}, {2020, 69}, {2050, 93}, {2150, 328}, {2256, 588}}
	for i := range known[1:] {
		if from, to := known[i], known[i+1]; float64(year) <= to[0] {
			return from[1] + (to[1]-from[1])*(float64(year)-from[0])/(to[0]-from[0])
		}
	}
	return known[len(known)-1][1]
}

// skyNowruz gives the day whose noon at 52.5° east is the first after the equinox.
func skyNowruz(jalaliYear int) time.Time {
	local := equinox(jalaliYear + 621).Add(3*time.Hour + 30*time.Minute)
	day := local.Truncate(24 * time.Hour)
	if local.Sub(day) >= 12*time.Hour {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// The rule of 33 years gives the first day of every year that is said as the sky gives it; those of Iran's calendar in
// the last and the coming years are as they were and will be printed.
func TestTheCalendarIsThatOfTheSky(t *testing.T) {
	for y := jalali.FirstYear; y <= jalali.LastYear+1; y++ {
		if got, want := nowruz(y), skyNowruz(y); !got.Equal(want) {
			t.Errorf("%d begins on %s, and the equinox is at %s", y, got.Format(time.DateOnly), equinox(y+621))
		}
	}
	var leaps []int
	for y := 1370; y <= 1412; y++ {
		if jalali.Leap(y) {
			leaps = append(leaps, y)
		}
	}
	if want := "[1370 1375 1379 1383 1387 1391 1395 1399 1403 1408 1412]"; fmt.Sprint(leaps) != want {
		t.Errorf("leap years %v, want %s", leaps, want)
	}
	for gregorian, want := range map[string][3]int{
		"1979-02-11": {1357, 11, 22}, "1921-03-21": {1300, 1, 1}, "2000-01-01": {1378, 10, 11}, "2017-03-20": {1395, 12, 30},
		"2021-03-20": {1399, 12, 30}, "2021-03-21": {1400, 1, 1}, "2025-03-20": {1403, 12, 30}, "2025-03-21": {1404, 1, 1}, "2026-11-27": {1405, 9, 6},
	} {
		d, err := time.Parse(time.DateOnly, gregorian)
		if err != nil {
			t.Fatal(err)
		}
		if y, m, day, ok := inJalali(d.Year(), int(d.Month()), d.Day()); !ok || [3]int{y, m, day} != want {
			t.Errorf("%s: %d/%d/%d, want %v", gregorian, y, m, day, want)
		}
	}
}

func TestDatesAgainstAReference(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 39))
	ordinals := strings.Fields("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth")
	days := strings.Fields("یکم دوم سوم چهارم پنجم ششم هفتم هشتم نهم دهم یازدهم دوازدهم سیزدهم چهاردهم پانزدهم شانزدهم هفدهم هجدهم نوزدهم بیستم")
	english := func(d int) string {
		switch {
		case d <= 20:
			return ordinals[d-1]
		case d < 30:
			return "twenty " + ordinals[d-21]
		case d == 30:
			return "thirtieth"
		}
		return "thirty first"
	}
	persian := func(d int) string {
		switch {
		case d <= 20:
			return days[d-1] + "ِ"
		case d < 30:
			return "بیست و " + days[d-21] + "ِ"
		case d == 30:
			return "سی‌امِ"
		}
		return "سی و یکمِ"
	}
	pairs := func(y int) string { // by the four digits
		s := fmt.Sprintf("%04d", y)
		high, low := s[:2], s[2:]
		n := func(s string) (n int64) { _, _ = fmt.Sscan(strings.TrimLeft(s[:1], "0")+s[1:], &n); return n }
		switch {
		case low < "10" && high[1] == '0':
			return spellEnglish(int64(y))
		case low == "00":
			return spellEnglish(n(high)) + " hundred"
		case low < "10":
			return spellEnglish(n(high)) + " oh " + spellEnglish(n(low))
		}
		return spellEnglish(n(high)) + " " + spellEnglish(n(low))
	}
	gregorian := strings.Fields("ژانویهٔ فوریهٔ مارسِ آوریلِ مهِ ژوئنِ ژوئیهٔ اوتِ سپتامبرِ اکتبرِ نوامبرِ دسامبرِ")
	solar := strings.Fields("فروردینِ اردیبهشتِ خردادِ تیرِ مردادِ شهریورِ مهرِ آبانِ آذرِ دیِ بهمنِ اسفندِ")
	latin := strings.Fields("Farvardin Ordibehesht Khordad Tir Mordad Shahrivar Mehr Aban Azar Dey Bahman Esfand")
	first := time.Date(1800, 3, 21, 0, 0, 0, 0, time.UTC)
	for i := range 500 {
		d := first.AddDate(0, 0, r.IntN(455*365))
		if i < 60 { // around the turns of years, where a wrong rule shows
			d = skyNowruz(1385+i/2).AddDate(0, 0, i%2-1)
		}
		// The Jalali date by the sky: days since the last first day of a year.
		y := d.Year() - 621
		if d.Before(skyNowruz(y)) {
			y--
		}
		m, left := 0, int(d.Sub(skyNowruz(y)).Hours()/24)
		for _, length := range []int{31, 31, 31, 31, 31, 31, 30, 30, 30, 30, 30, 30} {
			if left < length {
				break
			}
			left -= length
			m++
		}
		want := [4]string{
			d.Month().String() + " " + english(d.Day()) + " " + pairs(d.Year()),
			latin[m] + " " + english(left+1) + " " + pairs(y),
			persian(d.Day()) + " " + gregorian[d.Month()-1] + " " + spellPersian(int64(d.Year())),
			persian(left+1) + " " + solar[m] + " " + spellPersian(int64(y)),
		}
		got := [4]string{
			text(t, "en", media.Date{Time: d}), text(t, "en", media.Date{Time: d, Calendar: media.Jalali}),
			text(t, "fa", media.Date{Time: d, Calendar: media.Gregorian}), text(t, "fa", media.Date{Time: d}),
		}
		for k := range want {
			if got[k] != want[k] {
				t.Errorf("%s: %q, want %q", d.Format(time.DateOnly), got[k], want[k])
			}
		}
	}
}

// Every day of the years 1300 to 1499 is the one that the calendar of JavaScript's Intl gives.
func TestTheCalendarIsThatOfIntl(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	const script = `const f = new Intl.DateTimeFormat('en-u-ca-persian-nu-latn', {year: 'numeric', month: 'numeric', day: 'numeric', timeZone: 'UTC'})
const out = []
for (let d = Date.UTC(1921, 2, 21); d < Date.UTC(2121, 2, 21); d += 86400000) {
  const p = Object.fromEntries(f.formatToParts(d).map(x => [x.type, parseInt(x.value)]))
  out.push([p.year, p.month, p.day])
}
console.log(JSON.stringify(out))`
	out, err := exec.Command(node, "-e", script).Output()
	if err != nil {
		t.Skipf("node has no such calendar: %v", err)
	}
	var days [][3]int
	if err := json.Unmarshal(out, &days); err != nil {
		t.Fatal(err)
	}
	if len(days) < 73000 {
		t.Fatalf("%d days", len(days))
	}
	for i, want := range days {
		d := time.Date(1921, 3, 21+i, 0, 0, 0, 0, time.UTC)
		if y, m, day, ok := inJalali(d.Year(), int(d.Month()), d.Day()); !ok || [3]int{y, m, day} != want {
			t.Fatalf("%s: %d/%d/%d, Intl says %v", d.Format(time.DateOnly), y, m, day, want)
		}
	}
}

// nowruz is the first day of a Jalali year.
func nowruz(year int) time.Time {
	y, m, d := jalali.Date{Year: year, Month: 1, Day: 1}.Gregorian()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
