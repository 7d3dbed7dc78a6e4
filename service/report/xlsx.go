package report

import (
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// book is an XLSX file. Rows go to a temporary file where they are many, and begin another sheet where one is full.
type book struct {
	file    *excelize.File
	w       io.Writer
	to      *excelize.StreamWriter
	columns []Column
	style   Style
	styles  map[Format]int
	head    int
	bold    map[Format]int
	title   string
	sheets  int
	n       int // rows of this sheet
}

// mostLines is how many rows a sheet of a spreadsheet has.
const mostLines = 1_048_576

func openXLSX(w io.Writer, title string, columns []Column, s Style) (sink, error) {
	b := &book{file: excelize.NewFile(), w: w, columns: columns, style: s, title: sheetName(title), styles: map[Format]int{}, bold: map[Format]int{}}
	formats := map[Format]string{Text: "@", Count: "#,##0", Length: "[h]:mm:ss", Share: "0.0%", Score: "0.00", Moment: "yyyy-mm-dd hh:mm:ss", Calendar: "@"}
	for f, spell := range formats {
		for _, bold := range []bool{false, true} {
			st := &excelize.Style{CustomNumFmt: &spell}
			to := b.styles
			if bold {
				st.Font, to = &excelize.Font{Bold: true}, b.bold
			}
			id, err := b.file.NewStyle(st)
			if err != nil {
				return nil, b.failed(err)
			}
			to[f] = id
		}
	}
	var err error
	if b.head, err = b.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"DDE7EE"}}}); err != nil {
		return nil, b.failed(err)
	}
	if err := b.sheet(); err != nil {
		return nil, b.failed(err)
	}
	return b, nil
}

// failed gives temporary files back.
func (b *book) failed(err error) error { return errors.Join(err, b.file.Close()) }

// sheet begins another sheet: its head stays where the rest is scrolled.
func (b *book) sheet() error {
	b.sheets++
	name := b.title
	if b.sheets > 1 {
		if err := b.to.Flush(); err != nil {
			return err
		}
		suffix := " " + string(rune('0'+b.sheets%10))
		if b.sheets > 9 {
			suffix = " " + string(rune('0'+b.sheets/10)) + suffix[1:]
		}
		name = string([]rune(b.title)[:min(utf8.RuneCountInString(b.title), 28)]) + suffix
		if _, err := b.file.NewSheet(name); err != nil {
			return err
		}
	} else if err := b.file.SetSheetName("Sheet1", name); err != nil {
		return err
	}
	if b.style.Language == "fa" {
		yes := true
		if err := b.file.SetSheetView(name, 0, &excelize.ViewOptions{RightToLeft: &yes}); err != nil {
			return err
		}
	}
	var err error
	if b.to, err = b.file.NewStreamWriter(name); err != nil {
		return err
	}
	for i, c := range b.columns {
		width := 14.0
		switch c.Format {
		case Moment:
			width = 20
		case Count, Share, Score, Length:
			width = 12
		}
		if err := b.to.SetColWidth(i+1, i+1, width); err != nil {
			return err
		}
	}
	if err := b.to.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	cells := make([]any, len(b.columns))
	for i, c := range b.columns {
		cells[i] = excelize.Cell{StyleID: b.head, Value: c.Name}
	}
	b.n = 1
	return b.to.SetRow("A1", cells)
}

func (b *book) row(cells []any) error {
	if b.n == mostLines-1 { // one is for the total
		if err := b.sheet(); err != nil {
			return b.failed(err)
		}
	}
	if err := b.write(cells, b.styles); err != nil {
		return b.failed(err)
	}
	return nil
}

func (b *book) write(cells []any, styles map[Format]int) error {
	out := make([]any, len(cells))
	for i, c := range cells {
		format := b.columns[i].Format
		cell := excelize.Cell{StyleID: styles[format]}
		switch v := c.(type) {
		case nil:
			continue
		case string:
			if v == "" {
				continue
			}
			if format == Calendar {
				v = b.style.text(v, format)
			}
			cell.Value = plainText(v)
		case time.Duration:
			cell.Value = v.Seconds() / 86400 // a day is 1
		case time.Time:
			if v.IsZero() {
				continue
			}
			// A spreadsheet's moments know no zone: this is what the clock on the wall showed.
			v = v.In(b.style.Zone)
			y, m, d := v.Date()
			cell.Value = time.Date(y, m, d, v.Hour(), v.Minute(), v.Second(), 0, time.UTC)
		case float64:
			if v == 0 && format == Score {
				continue
			}
			cell.Value = v
		default:
			cell.Value = c
		}
		out[i] = cell
	}
	b.n++
	name, err := excelize.CoordinatesToCellName(1, b.n)
	if err != nil {
		return err
	}
	return b.to.SetRow(name, out)
}

func (b *book) close(total []any) error {
	if total != nil {
		if err := b.write(total, b.bold); err != nil {
			return b.failed(err)
		}
	}
	if err := b.to.Flush(); err != nil {
		return b.failed(err)
	}
	_, err := b.file.WriteTo(b.w)
	return b.failed(err)
}

// sheetName is a title as the name of a sheet: 31 letters, without what a reference is made of.
func sheetName(title string) string {
	title = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]'`, r) {
			return ' '
		}
		return r
	}, title)
	if r := []rune(title); len(r) > 31 {
		title = string(r[:31])
	}
	return title
}

// plainText takes out what XML can't hold, and cuts what a cell can't.
func plainText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 32_767 {
		s = string(r[:32_767])
	}
	return s
}
