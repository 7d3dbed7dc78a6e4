package prompt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"santral/media"
)

// text gives what phrases say, as it is written.
func text(t testing.TB, language string, what ...media.Phrase) string {
	t.Helper()
	ids, err := Clips(language, what...)
	if err != nil {
		t.Fatalf("%s %v: %v", language, what, err)
	}
	var said []string
	for _, id := range ids {
		s, ok := Text(language, id)
		if !ok {
			t.Fatalf("%s %v: there is no clip %q", language, what, id)
		}
		if s == "" {
			t.Fatalf("%s %v: nothing is said by %q", language, what, id)
		}
		said = append(said, s)
	}
	return strings.Join(said, " ")
}

func date(y int, m time.Month, d int, c media.Calendar) media.Date {
	return media.Date{Time: time.Date(y, m, d, 12, 0, 0, 0, time.UTC), Calendar: c}
}

func clock(h, m int) media.Clock {
	return media.Clock{Time: time.Date(2026, 11, 27, h, m, 0, 0, time.UTC)}
}

func TestSay(t *testing.T) {
	for _, c := range []struct {
		what   media.Phrase
		en, fa string
	}{
		{media.Number(0), "zero", "صفر"},
		{media.Number(21), "twenty one", "بیست و یک"},
		{media.Number(205), "two hundred and five", "دویست و پنج"},
		{media.Number(1000), "one thousand", "هزار"},
		{media.Number(1405), "one thousand four hundred and five", "هزار و چهارصد و پنج"},
		{media.Number(100020), "one hundred thousand and twenty", "صد هزار و بیست"},
		{media.Number(-2_000_001), "minus two million and one", "منفی دو میلیون و یک"},
		{media.Number(-1 << 63), "minus nine quintillion two hundred and twenty three quadrillion three hundred and seventy two trillion thirty six billion eight hundred and fifty four million seven hundred and seventy five thousand eight hundred and eight", "منفی نه کوینتیلیون و دویست و بیست و سه کوادریلیون و سیصد و هفتاد و دو تریلیون و سی و شش میلیارد و هشتصد و پنجاه و چهار میلیون و هفتصد و هفتاد و پنج هزار و هشتصد و هشت"},
		{media.Ordinal(1), "first", "اول"},
		{media.Ordinal(3), "third", "سوم"},
		{media.Ordinal(21), "twenty first", "بیست و یکم"},
		{media.Ordinal(30), "thirtieth", "سی‌ام"},
		{media.Ordinal(100), "one hundredth", "صدم"},
		{media.Ordinal(1_000_000), "one millionth", "یک میلیونم"},
		{media.Spelled("A1*#"), "A one star hash", "اِی یک ستاره مربع"},
		{media.Spelled("۲٣4"), "two three four", "دو سه چهار"},
		{date(2026, time.November, 27, media.UsualCalendar), "November twenty seventh twenty twenty six", "ششمِ آذرِ هزار و چهارصد و پنج"},
		{date(2026, time.November, 27, media.Gregorian), "November twenty seventh twenty twenty six", "بیست و هفتمِ نوامبرِ دو هزار و بیست و شش"},
		{date(2026, time.November, 27, media.Jalali), "Azar sixth fourteen oh five", "ششمِ آذرِ هزار و چهارصد و پنج"},
		{date(2005, time.January, 31, media.Gregorian), "January thirty first two thousand and five", "سی و یکمِ ژانویهٔ دو هزار و پنج"},
		{date(1900, time.March, 1, media.Gregorian), "March first nineteen hundred", "یکمِ مارسِ هزار و نهصد"},
		{media.Date{Time: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), Weekday: true}, "Friday November twenty seventh twenty twenty six", "جمعه ششمِ آذرِ هزار و چهارصد و پنج"},
		{clock(0, 0), "twelve midnight", "ساعتِ دوازدهِ نیمه‌شب"},
		{clock(0, 5), "twelve oh five a.m.", "ساعتِ دوازده و پنج دقیقهٔ نیمه‌شب"},
		{clock(3, 0), "three a.m.", "ساعتِ سهٔ بامداد"},
		{clock(9, 21), "nine twenty one a.m.", "ساعتِ نه و بیست و یک دقیقهٔ صبح"},
		{clock(12, 0), "twelve noon", "ساعتِ دوازدهِ ظهر"},
		{clock(15, 5), "three oh five p.m.", "ساعتِ سه و پنج دقیقهٔ بعد از ظهر"},
		{clock(23, 59), "eleven fifty nine p.m.", "ساعتِ یازده و پنجاه و نه دقیقهٔ شب"},
		{media.Lasting(0), "zero seconds", "صفر ثانیه"},
		{media.Lasting(1600 * time.Millisecond), "two seconds", "دو ثانیه"},
		{media.Lasting(125 * time.Second), "two minutes and five seconds", "دو دقیقه و پنج ثانیه"},
		{media.Lasting(49*time.Hour + time.Minute), "two days one hour and one minute", "دو روز و یک ساعت و یک دقیقه"},
		{media.Amount{Units: 2500, Currency: "IRT"}, "two thousand five hundred tomans", "دو هزار و پانصد تومان"},
		{media.Amount{Units: 1, Currency: "IRR"}, "one rial", "یک ریال"},
		{media.Amount{Units: 5, Cents: 50, Currency: "USD"}, "five dollars and fifty cents", "پنج دلار و پنجاه سنت"},
		{media.Amount{Units: -1, Cents: 1, Currency: "GBP"}, "minus one pound and one penny", "منفی یک پوند و یک پنی"},
		{media.Amount{Cents: 7, Currency: "EUR"}, "seven cents", "هفت سنت"},
		{media.Amount{Currency: "AED"}, "zero dirhams", "صفر درهم"},
		{media.Place(3), "You are number three in the queue.", "شما نفرِ سوم در صف هستید."},
	} {
		if got := text(t, "en", c.what); got != c.en {
			t.Errorf("%T %v: %q, want %q", c.what, c.what, got, c.en)
		}
		if got := text(t, "fa", c.what); got != c.fa {
			t.Errorf("%T %v: %q, want %q", c.what, c.what, got, c.fa)
		}
	}
	if got, want := text(t, "fa", media.Spelled("پژي")), "پِ ژِ یِ"; got != want {
		t.Errorf("Persian letters: %q, want %q", got, want)
	}
}

// What can't be said is refused before anything is heard, with the reason.
func TestNotSaid(t *testing.T) {
	for _, c := range []struct {
		what media.Phrase
		why  string
	}{
		{media.Ordinal(-1), "order"},
		{media.Place(0), "place 0"},
		{media.Spelled("1é"), "spelled"},
		{media.Spelled("پ"), "spelled"},
		{media.Lasting(-time.Second), "lasts"},
		{media.Silence(-1), "silence"},
		{media.Silence(2 * time.Minute), "silence"},
		{media.Amount{Units: 1, Currency: "QQQ"}, `"QQQ"`},
		{media.Amount{Units: 1, Cents: 100, Currency: "USD"}, "hundredths"},
		{media.Amount{Units: 1, Cents: 5, Currency: "IRR"}, "hundredths"},
		{date(1500, time.May, 5, media.Jalali), "Jalali"},
		{date(2400, time.May, 5, media.Jalali), "Jalali"},
		{date(-5, time.May, 5, media.Gregorian), "year"},
		{date(12000, time.May, 5, media.Gregorian), "year"},
		{media.Recorded{}, "source"},
		{nil, "unknown kind"},
	} {
		if ids, err := Clips("en", c.what); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%T %v: %v, %v", c.what, c.what, ids, err)
		}
	}
	if _, err := Clips("de", media.Number(1)); err == nil {
		t.Error("German was spoken")
	}
	for tag, want := range map[string]string{"fa": "fa", "fa-IR": "fa", "FA": "fa", "": "en", "de": "en", "en-GB": "en", "fas": "en"} {
		if got := Language(tag); got != want {
			t.Errorf("language %q: %s, want %s", tag, got, want)
		}
	}
}

// Everything that can be said has its clips, in both languages.
func TestNothingSayableIsMissing(t *testing.T) {
	s, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all []media.Phrase
	for n := range 1000 {
		all = append(all, media.Number(n), media.Number(n*1000+n), media.Ordinal(n), media.Ordinal(n*1_000_000))
	}
	for n := int64(1); n > 0 && n < 1<<62; n *= 10 {
		all = append(all, media.Number(n), media.Number(-n), media.Number(n-1), media.Ordinal(n), media.Ordinal(n+1), media.Place(n))
	}
	for d := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2022; d = d.AddDate(0, 0, 1) {
		all = append(all, media.Date{Time: d, Calendar: media.Gregorian, Weekday: true}, media.Date{Time: d, Calendar: media.Jalali})
	}
	for m := range 1440 {
		all = append(all, clock(m/60, m%60), media.Lasting(time.Duration(m)*time.Second), media.Lasting(time.Duration(m*m)*time.Minute))
	}
	for c, parts := range currencies {
		for n := range 100 {
			cents := 0
			if parts {
				cents = n
			}
			all = append(all, media.Amount{Units: int64(n - 50), Currency: c, Cents: cents}, media.Amount{Cents: cents, Currency: c})
		}
	}
	for r := rune(1); r < 0x700; r++ {
		for _, language := range Languages() {
			if _, err := Clips(language, media.Spelled(r)); err == nil {
				if _, err := s.Say(language, Overlay{}, media.Spelled(r)); err != nil {
					t.Errorf("%s %q: %v", language, r, err)
				}
			}
		}
	}
	for _, p := range Catalogue() {
		all = append(all, media.Clip(p.ID))
	}
	for _, language := range Languages() {
		for _, p := range all {
			if _, err := s.Say(language, Overlay{}, p); err != nil {
				t.Errorf("%s %s: %v", language, fmt.Sprintf("%T %v", p, p), err)
			}
		}
	}
}

// Whatever is asked for, it is refused or has all its clips.
func FuzzClips(f *testing.F) {
	f.Add(int64(1405), "a1*۲پ", int64(1764244800), 50, "USD")
	f.Add(int64(-1<<63), "é", int64(-1<<40), -1, "")
	f.Fuzz(func(t *testing.T, n int64, s string, seconds int64, cents int, currency string) {
		at := time.Unix(seconds%(1<<38), 0).UTC()
		for _, p := range []media.Phrase{
			media.Number(n), media.Ordinal(n), media.Spelled(s), media.Date{Time: at}, media.Date{Time: at, Calendar: media.Jalali, Weekday: true},
			media.Clock{Time: at}, media.Lasting(n), media.Amount{Units: n, Cents: cents, Currency: currency}, media.Place(n),
		} {
			for _, language := range Languages() {
				ids, err := Clips(language, p)
				if err != nil {
					continue
				}
				for _, id := range ids {
					if said, ok := Text(language, id); !ok || said == "" {
						t.Fatalf("%s %T %v: there is nothing in %q", language, p, p, id)
					}
				}
			}
		}
	})
}
