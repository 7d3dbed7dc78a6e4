package jalali

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"santral/base/golden"
)

// table writes the first day of every month of some years, and the last day of every year, a line each: Jalali, Gregorian,
// day of the week.
func table(first, last int) string {
	var b strings.Builder
	line := func(d Date) {
		y, m, day := d.Gregorian()
		fmt.Fprintf(&b, "%v %04d-%02d-%02d %s\n", d, y, m, day, d.Weekday())
	}
	for year := first; year <= last; year++ {
		for month := 1; month <= 12; month++ {
			line(Date{year, month, 1})
		}
		line(Date{year, 12, Days(year, 12)})
	}
	return b.String()
}

// The committed table is what TestAgainstNode has seen to be the calendar of Node's Intl.
func TestMonthsOfManyYears(t *testing.T) {
	golden.Compare(t, "months.txt", table(1380, 1450))
}

// Every day of 1 Farvardin 1300 to the end of 1500 is what Node's Intl says of it.
func TestAgainstNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: apt-get install nodejs")
	}
	first, last := Date{1300, 1, 1}.Number(), Date{1500, 12, 30}.Number()
	script := fmt.Sprintf(`const f = new Intl.DateTimeFormat('en-u-ca-persian-nu-latn', {timeZone: 'UTC', year: 'numeric', month: 'numeric', day: 'numeric'});
let out = '';
for (let n = %d; n <= %d; n++) {
  const p = {}; for (const {type, value} of f.formatToParts(new Date(n * 864e5))) p[type] = value;
  out += p.year + ' ' + p.month + ' ' + p.day + '\n';
}
process.stdout.write(out);`, first, last)
	file := t.TempDir() + "/days.js"
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(node, file).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	n, wrong := first, 0
	for ; lines.Scan(); n++ {
		d, ok := FromNumber(n)
		if got := fmt.Sprintf("%d %d %d", d.Year, d.Month, d.Day); !ok || got != lines.Text() {
			if wrong++; wrong < 10 {
				t.Errorf("day %d is %s, and %s by Node", n, got, lines.Text())
			}
		}
	}
	if n <= last {
		t.Errorf("Node said %d of %d days", n-first, last-first+1)
	}
}

func TestThereAndBack(t *testing.T) {
	from, to := Date{FirstYear, 1, 1}, Date{LastYear, 12, Days(LastYear, 12)}
	before := from.Weekday()
	for n := from.Number(); n <= to.Number(); n++ {
		d, ok := FromNumber(n)
		y, m, day := d.Gregorian()
		if !ok || !d.Valid() || d.Number() != n || DayNumber(y, m, day) != n {
			t.Fatalf("day %d is %v, and back %d", n, d, d.Number())
		}
		if n > from.Number() && d.Weekday() != (before+1)%7 || d.Weekday() != time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Weekday() {
			t.Fatalf("%v is a %v", d, d.Weekday())
		}
		before = d.Weekday()
	}
	for _, n := range []int{from.Number() - 1, to.Number() + 1} {
		if d, ok := FromNumber(n); ok {
			t.Errorf("day %d is taken for %v", n, d)
		}
	}
	for _, d := range []Date{{}, {1404, 12, 30}, {1405, 13, 1}, {1405, 0, 1}, {1405, 7, 31}, {1405, 1, 0}, {FirstYear - 1, 1, 1}, {LastYear + 1, 1, 1}} {
		if d.Valid() {
			t.Errorf("there is no %v", d)
		}
	}
	if (Date{1403, 12, 30}).Valid() != true {
		t.Error("1403 is a leap year")
	}
}

func TestADateIsThatOfItsPlace(t *testing.T) {
	tehran := time.FixedZone("Tehran", 12600)
	at := time.Date(2026, time.March, 20, 20, 30, 0, 0, time.UTC) // midnight there
	if d, _ := Of(at.In(tehran)); d.String() != "1405-01-01" {
		t.Errorf("in Tehran it is %v", d)
	}
	if d, _ := Of(at); d.String() != "1404-12-29" {
		t.Errorf("in London it is %v", d)
	}
	if _, ok := Of(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)); ok {
		t.Error("the year 1 has a Jalali date")
	}
}

func TestNames(t *testing.T) {
	for word, want := range map[string]string{
		"فروردین": "1 true", "Farvardin": "1 true", "اسفند": "12 true", "esfand": "12 true", "دي": "10 true", "Dey": "10 true",
		"march": "3 false", "مارس": "3 false", "December": "12 false", "دسامبر": "12 false", "may": "5 false", "مه": "5 false",
	} {
		month, jalali, ok := FindMonth(word)
		if got := fmt.Sprint(month, jalali); got != want || !ok {
			t.Errorf("%s is month %s, %t", word, got, ok)
		}
	}
	if _, _, ok := FindMonth("muharram"); ok {
		t.Error("a month of the moon is found")
	}
	if MonthName(13, "fa") != "" || MonthName(7, "fa") != "مهر" || MonthName(7, "en") != "Mehr" || WeekdayName(time.Friday, "fa") != "جمعه" ||
		WeekdayName(time.Friday, "en") != "Friday" || GregorianMonthName(time.May, "fa") != "مه" || GregorianMonthName(0, "fa") != "" || GregorianMonthName(time.May, "") != "May" {
		t.Error("names of months and days are others")
	}
	if Digits("1405/1/13") != "۱۴۰۵/۱/۱۳" || ASCII("۱۴۰۵/١/13") != "1405/1/13" {
		t.Error("digits are others")
	}
}

func BenchmarkOf(b *testing.B) {
	at := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Of(at); !ok {
			b.Fatal("lost")
		}
	}
}
