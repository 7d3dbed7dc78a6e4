// Package letter writes the letter that a subscriber gets with a new line: its number, what a phone needs to register, a QR
// code to scan, and how to go on, on a page of Persian, of English, or one of each.
//
// What lives here: the page. What does not: who gets a line and a password (service/order), and how the letter reaches people.
package letter

import (
	"bytes"
	_ "embed" // the font
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-pdf/fpdf"
	qrcode "github.com/skip2/go-qrcode"
)

// Letter is what one says.
type Letter struct {
	From     string // who sends it: the brand's or the operator's name
	Support  string // number or address that people may ask; "" for none
	Colour   string // of the heading, "#0a7d5b"; "" for the exchange's own
	To       string // name of the subscriber
	Number   string // as its reader expects it
	User     string // name that a phone registers with
	Password string
	Server   string // domain that a phone registers at
	Proxy    string // host:port that it connects to, where that is another than Server; "" for none
	Security string // "TLS", "UDP" …: how it connects
	Link     string // provisioning URL, which the QR code holds; "" for no QR code
	Until    time.Time
	Issued   time.Time
	Zone     *time.Location
	Date     func(t time.Time, language string) string // a date as its reader writes it
}

// Languages that a letter may be in. Both is a page of each.
const (
	English = "en"
	Persian = "fa"
	Both    = "both"
)

//go:embed font/Vazirmatn-Regular.ttf
var regular []byte

//go:embed font/Vazirmatn-Bold.ttf
var bold []byte

// words are the texts of a page.
type words struct {
	rightToLeft                                            bool
	title, dear, number, user, password, server, proxy, by string
	scan, steps, secret, until, support, issued            string
	first, second, third                                   string
}

var pages = map[string]words{
	English: {
		title: "Your telephone line", dear: "Dear %s,", number: "Number", user: "User name", password: "Password", server: "Domain", proxy: "Server", by: "Connection",
		scan:  "Scan this with your telephone app",
		steps: "How to begin", first: "1.  Open your telephone app (Linphone or another for SIP) and scan the code, or enter the data on this page.",
		second: "2.  Wait until the app says that it is registered.", third: "3.  Dial *43: you hear your own voice. Your line works.",
		secret: "Whoever knows this password telephones at your expense. Keep this letter as you keep money.",
		until:  "The code can be scanned until %s.", support: "We help you at %s.", issued: "Written on %s",
	},
	Persian: {
		rightToLeft: true,
		title:       "خط تلفن شما", dear: "%s گرامی،", number: "شماره", user: "نام کاربری", password: "گذرواژه", server: "دامنه", proxy: "سرور", by: "اتصال",
		scan:  "این را با برنامه‌ی تلفن خود اسکن کنید",
		steps: "چگونه آغاز کنید", first: "۱.  برنامه‌ی تلفن خود (Linphone یا برنامه‌ی SIP دیگری) را باز کنید و رمزینه را اسکن کنید، یا داده‌های این برگه را وارد کنید.",
		second: "۲.  صبر کنید تا برنامه بگوید که ثبت شده است.", third: "۳.  شماره‌ی " + leftToRight + "*43" + leftToRight + " را بگیرید: صدای خودتان را می‌شنوید و خط شما کار می‌کند.",
		secret: "هر که این گذرواژه را بداند به حساب شما تلفن می‌زند. این نامه را مانند پول نگه دارید.",
		until:  "رمزینه تا %s اسکن می‌شود.", support: "راهنمایی: %s", issued: "تاریخ: %s",
	},
}

// Measures of a page, in millimetres.
const (
	margin = 22.0
	width  = 210.0
	inner  = width - 2*margin
	code   = 52.0 // side of the QR code
)

const ownColour = "#1c5f8a"

// Write writes a letter as a PDF in a language.
func Write(w io.Writer, l Letter, language string) error {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCompression(true)
	f.SetCatalogSort(true) // the same letter is the same file
	f.SetCreationDate(l.Issued)
	f.SetModificationDate(l.Issued)
	f.SetAutoPageBreak(false, 0)
	f.AddUTF8FontFromBytes("letter", "", regular)
	f.AddUTF8FontFromBytes("letter", "B", bold)
	list := []string{Persian, English}
	if language != Both {
		list = []string{language}
	}
	for _, name := range list {
		page, known := pages[name]
		if !known {
			return fmt.Errorf("write a letter: there is no text in language %q", name)
		}
		p := &sheet{Fpdf: f, words: page, letter: &l, language: name}
		p.draw()
	}
	if err := f.Output(w); err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	return nil
}

// sheet is one page that is being drawn.
type sheet struct {
	*fpdf.Fpdf
	words
	letter   *Letter
	language string
}

func (p *sheet) draw() {
	l := p.letter
	p.AddPage()
	r, g, b := colour(l.Colour)
	p.SetFillColor(r, g, b)
	p.Rect(0, 0, width, 34, "F")
	p.SetTextColor(255, 255, 255)
	p.line(11, "B", 20, p.title)
	p.line(21, "", 11, l.From)
	p.SetTextColor(30, 30, 30)
	p.line(42, "", 10, fmt.Sprintf(p.issued, l.Date(l.Issued, p.language)))
	if l.To != "" {
		p.line(52, "", 12, fmt.Sprintf(p.dear, l.To))
	}
	y := 66.0
	for _, row := range [][2]string{{p.number, l.Number}, {p.user, l.User}, {p.password, l.Password}, {p.server, l.Server}, {p.proxy, l.Proxy}, {p.by, l.Security}} {
		if row[1] == "" {
			continue
		}
		p.row(y, row[0], row[1])
		y += 11
	}
	y += 5
	if l.Link != "" {
		p.code(y)
		p.centred(y+code+2, "B", 11, p.scan)
		p.SetFont("letter", "", 8)
		p.SetTextColor(90, 90, 90)
		p.plain(y+code+9, l.Link)
		p.SetTextColor(30, 30, 30)
		if !l.Until.IsZero() {
			p.centred(y+code+15, "", 10, fmt.Sprintf(p.until, l.Date(l.Until, p.language)))
		}
		y += code + 26
	}
	p.line(y, "B", 12, p.steps)
	y += 8
	for _, step := range []string{p.first, p.second, p.third} {
		y = p.text(y, 10.5, step) + 1
	}
	y += 4
	p.SetDrawColor(r, g, b)
	p.Line(margin, y, width-margin, y)
	y = p.text(y+3, 10.5, p.secret) + 2
	if l.Support != "" {
		p.text(y, 10.5, fmt.Sprintf(p.support, leftToRight+l.Support+leftToRight))
	}
}

// align is on which side lines of the page begin.
func (p *sheet) align() string {
	if p.rightToLeft {
		return "R"
	}
	return "L"
}

// line draws one line.
func (p *sheet) line(y float64, style string, size float64, text string) {
	p.SetFont("letter", style, size)
	p.SetXY(margin, y)
	p.CellFormat(inner, size*0.6, visual(text, p.rightToLeft), "", 0, p.align(), false, 0, "")
}

func (p *sheet) centred(y float64, style string, size float64, text string) {
	p.SetFont("letter", style, size)
	p.SetXY(margin, y)
	p.CellFormat(inner, size*0.6, visual(text, p.rightToLeft), "", 0, "C", false, 0, "")
}

// plain draws what is read from left to right in every language, in the font that is set.
func (p *sheet) plain(y float64, text string) {
	p.SetXY(margin, y)
	p.CellFormat(inner, 5, text, "", 0, "C", false, 0, "")
}

// row draws a name and its value, which is read from left to right.
func (p *sheet) row(y float64, name, value string) {
	p.SetFillColor(244, 246, 248)
	p.Rect(margin, y, inner, 9.5, "F")
	half := inner * 0.34
	names, values := margin+3, margin+half
	if p.rightToLeft {
		names, values = width-margin-half, margin+3
	}
	p.SetFont("letter", "", 11)
	p.SetXY(names, y+1.4)
	p.CellFormat(half-3, 6.6, visual(name, p.rightToLeft), "", 0, p.align(), false, 0, "")
	p.SetFont("letter", "B", 12)
	p.SetXY(values, y+1.4)
	p.CellFormat(inner-half-3, 6.6, value, "", 0, p.align(), false, 0, "")
}

// text draws lines as many as a text needs, and gives where the next begins.
func (p *sheet) text(y, size float64, text string) float64 {
	p.SetFont("letter", "", size)
	for _, line := range p.broken(text) {
		p.SetXY(margin, y)
		p.CellFormat(inner, size*0.6, visual(line, p.rightToLeft), "", 0, p.align(), false, 0, "")
		y += size * 0.62
	}
	return y
}

// broken breaks a text between words into lines that fit.
func (p *sheet) broken(text string) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && p.GetStringWidth(shape(longer)) > inner-2 {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	return append(lines, line)
}

// code draws the link as a QR code.
func (p *sheet) code(y float64) {
	q, err := qrcode.New(p.letter.Link, qrcode.Medium)
	if err != nil {
		p.SetError(fmt.Errorf("the link is too long for a QR code: %w", err))
		return
	}
	dots := q.Bitmap()
	side := code / float64(len(dots))
	p.SetFillColor(0, 0, 0)
	for i, row := range dots {
		for j, dark := range row {
			if dark {
				p.Rect((width-code)/2+float64(j)*side, y+float64(i)*side, side+0.02, side+0.02, "F")
			}
		}
	}
}

// colour reads "#rrggbb"; what is none gives our own.
func colour(text string) (r, g, b int) {
	if n, err := fmt.Sscanf(text, "#%02x%02x%02x", &r, &g, &b); err != nil || n != 3 {
		_, _ = fmt.Sscanf(ownColour, "#%02x%02x%02x", &r, &g, &b)
	}
	return r, g, b
}

// QR gives a link as a picture (PNG) of so many pixels on each side.
func QR(link string, pixels int) ([]byte, error) {
	q, err := qrcode.New(link, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("the link is too long for a QR code: %w", err)
	}
	var b bytes.Buffer
	if err := q.Write(pixels, &b); err != nil {
		return nil, fmt.Errorf("draw a QR code: %w", err)
	}
	return b.Bytes(), nil
}
