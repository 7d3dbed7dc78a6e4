package letter

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/base/golden"
)

var sample = Letter{
	From: "شرکت نمونه Sample", Support: "021 9100 0000", Colour: "#0a7d5b", To: "سارا محمدی", Number: "021 2200 0001", User: "02122000001", Password: "k7#Q-pell-2031",
	Server: "sip.example.net", Proxy: "sip.example.net:5061", Security: "TLS", Link: "https://sip.example.net:8443/p/4fNq0yTz2m1kq3Vw8xYb7A",
	Issued: time.Unix(1790000000, 0).UTC(), Until: time.Unix(1790600000, 0).UTC(),
	Date: func(t time.Time, language string) string {
		if language == Persian {
			return "۶ مهر ۱۴۰۵"
		}
		return t.Format("2 January 2006")
	},
}

// TestLettersJoin: every letter has the form that its neighbours give it, and what is read from right to left is turned;
// numbers and Latin words stay as they are.
func TestLettersJoin(t *testing.T) {
	var b strings.Builder
	for _, line := range []string{
		"سلام", "خط تلفن شما", "می‌شود", "گذرواژه", "پژواک چای", "لا بلا الأمر", "مَدرسه", "کـد",
		"نام SIP: ۱۲۳ تومان", "۱.  شماره‌ی " + leftToRight + "*43" + leftToRight + " را", "Dear سارا,", "021 2200 0001",
	} {
		b.WriteString(line + "\n  " + visual(line, true) + "\n  " + visual(line, false) + "\n")
	}
	golden.Compare(t, "shapes.txt", b.String())
}

// TestALetterIsReadByOthers: poppler finds on the page what the subscriber needs, and a reader of QR codes finds the link.
func TestALetterIsReadByOthers(t *testing.T) {
	for _, program := range []string{"pdftotext", "pdftoppm", "zbarimg"} {
		need(t, program)
	}
	for language, pages := range map[string]int{Persian: 1, English: 1, Both: 2} {
		file := filepath.Join(t.TempDir(), "letter.pdf")
		var b bytes.Buffer
		if err := Write(&b, sample, language); err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := Write(&again, sample, language); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("the same letter is another file: %v", err)
		}
		save(t, file, b.Bytes())
		text := run(t, "pdftotext", "-layout", file, "-")
		for _, want := range []string{sample.Number, sample.User, sample.Password, sample.Server, sample.Proxy, "TLS", sample.Link} {
			if got := strings.Count(text, want); got < pages {
				t.Errorf("in %s, %q stands %d times on %d pages:\n%s", language, want, got, pages, text)
			}
		}
		picture := strings.TrimSuffix(file, ".pdf")
		run(t, "pdftoppm", "-r", "110", "-png", file, picture)
		found, _ := filepath.Glob(picture + "*.png")
		if len(found) != pages {
			t.Fatalf("%d pages in %s", len(found), language)
		}
		for _, page := range found {
			if got := strings.TrimSpace(run(t, "zbarimg", "-q", "--raw", page)); got != sample.Link {
				t.Errorf("the code on %s leads to %q", filepath.Base(page), got)
			}
		}
	}
	picture, err := QR(sample.Link, 256)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "code.png")
	save(t, file, picture)
	if got := strings.TrimSpace(run(t, "zbarimg", "-q", "--raw", file)); got != sample.Link {
		t.Errorf("the picture leads to %q", got)
	}
}

// TestALetterTakesWhatItGets: no name, no link, texts without end: a page all the same, or an error.
func TestALetterTakesWhatItGets(t *testing.T) {
	bare := Letter{Number: "22000001", User: "22000001", Password: "x", Server: "a", Date: sample.Date}
	long := sample
	long.To, long.From, long.Support = strings.Repeat("نام ", 500), strings.Repeat("W", 5000), strings.Repeat("۱", 3000)
	for _, l := range []Letter{bare, long} {
		var b bytes.Buffer
		if err := Write(&b, l, Both); err != nil || b.Len() == 0 {
			t.Error(err)
		}
	}
	huge := sample
	huge.Link = strings.Repeat("x", 5000)
	if Write(&bytes.Buffer{}, huge, Both) == nil {
		t.Error("a link that no code holds is taken")
	}
	if Write(&bytes.Buffer{}, sample, "de") == nil {
		t.Error("a language without a text is taken")
	}
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(out)
}
