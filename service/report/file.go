package report

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"santral/base/jalali"
	"santral/base/sheet"
	"santral/store"
)

// Style is how a file is written.
type Style struct {
	Format   string // "csv", "xlsx", "jsonl"; "json" is lines too
	Language string // "en" or "fa": names of columns, and whether sheets go from right to left
	Zone     *time.Location
	Jalali   bool // dates by the calendar of Iran stand beside
	Persian  bool // digits are Persian ones, where people read them
}

// Extension gives the extension of a file's name.
func Extension(format string) string {
	switch format {
	case "csv", "xlsx":
		return format
	}
	return "jsonl"
}

// MediaType gives the media type of a file.
func MediaType(format string) string {
	switch format {
	case "csv":
		return "text/csv; charset=utf-8; header=present"
	case "xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return "application/jsonl"
}

// sink takes rows one by one. Its memory does not grow with them.
type sink interface {
	row(cells []any) error
	close(total []any) error
}

func open(w io.Writer, title string, columns []Column, s Style) (sink, error) {
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	switch s.Format {
	case "csv":
		return openCSV(w, columns, s)
	case "xlsx":
		return openXLSX(w, title, columns, s)
	}
	return &lines{w: bufio.NewWriterSize(w, 32<<10), columns: columns}, nil
}

// Write writes a report as a file.
func (t *Table) Write(w io.Writer, s Style) error {
	out, err := open(w, t.Title, t.Columns, s)
	if err != nil {
		return err
	}
	for _, row := range t.Rows {
		if err := out.row(row); err != nil {
			return err
		}
	}
	return out.close(t.Total)
}

// WriteCalls writes records as a file, as they come: with a row of totals where the file is for people. Lines of JSON hold
// whole records, as the API gives them.
func WriteCalls(ctx context.Context, w io.Writer, records store.Records, f store.CDRFilter, parts bool, keep func(*store.CDR) bool, s Style) error {
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	if s.Format != "csv" && s.Format != "xlsx" {
		out := bufio.NewWriterSize(w, 32<<10)
		enc := json.NewEncoder(out)
		for c, err := range All(ctx, records, f, parts, keep) {
			if err != nil {
				return err
			}
			if err := enc.Encode(c); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	columns := callColumns(s.Language, s.Jalali, f.Tenant == "")
	out, err := open(w, word(s.Language, "report.records"), columns, s)
	if err != nil {
		return err
	}
	var n int64
	var talk, held time.Duration
	for c, err := range All(ctx, records, f, parts, keep) {
		if err != nil {
			return err
		}
		n++
		talk += c.TalkTime.Duration()
		held += c.Held.Duration()
		if err := out.row(callCells(c, s.Language, s.Zone, s.Jalali, f.Tenant == "")); err != nil {
			return err
		}
	}
	total := make([]any, len(columns))
	for i, c := range columns {
		switch c.Key {
		case "direction":
			total[i] = word(s.Language, "total")
		case "state":
			total[i] = strconv.FormatInt(n, 10)
		case "talk":
			total[i] = talk
		case "held":
			total[i] = held
		}
	}
	return out.close(total)
}

// text puts a cell into the words of a file for people.
func (s *Style) text(cell any, format Format) string {
	v := ""
	switch c := cell.(type) {
	case nil:
		return ""
	case string:
		if format == Calendar && s.Persian {
			return jalali.Digits(c)
		}
		return c
	case int64:
		v = strconv.FormatInt(c, 10)
	case time.Duration:
		v = clock(c)
	case float64:
		if format == Share {
			v = strconv.FormatFloat(c*100, 'f', 1, 64) + "%"
		} else if c != 0 {
			v = strconv.FormatFloat(c, 'f', 2, 64)
		}
	case time.Time:
		if c.IsZero() {
			return ""
		}
		v = c.In(s.Zone).Format(time.DateTime)
	default:
		v = fmt.Sprint(c)
	}
	if s.Persian {
		v = jalali.Digits(v)
	}
	return v
}

// clock gives a duration as hours, minutes and seconds, rounded: "0:02:30".
func clock(d time.Duration) string {
	n := int64((d + time.Second/2) / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
}

// table is a CSV file (RFC 4180), with the octets before it by which Excel knows UTF-8.
type table struct {
	w       *csv.Writer
	columns []Column
	style   Style
	cells   []string
}

func openCSV(w io.Writer, columns []Column, s Style) (sink, error) {
	if _, err := io.WriteString(w, sheet.Mark); err != nil {
		return nil, err
	}
	out := &table{w: csv.NewWriter(w), columns: columns, style: s}
	out.w.UseCRLF = true
	for _, c := range columns {
		out.cells = append(out.cells, sheet.Harmless(c.Name))
	}
	return out, out.w.Write(out.cells)
}

func (s *table) row(cells []any) error {
	s.cells = s.cells[:0]
	for i, c := range cells {
		v := s.style.text(c, s.columns[i].Format)
		if s.columns[i].Format == Text || s.columns[i].Format == Calendar {
			v = sheet.Harmless(v)
		}
		s.cells = append(s.cells, v)
	}
	return s.w.Write(s.cells)
}

func (s *table) close(total []any) error {
	if total != nil {
		if err := s.row(total); err != nil {
			return err
		}
	}
	s.w.Flush()
	return s.w.Error()
}

// lines are JSON lines: an object a row, by the columns' keys, durations in milliseconds.
type lines struct {
	w       *bufio.Writer
	columns []Column
}

func (l *lines) row(cells []any) error {
	text, err := json.Marshal(Object(l.columns, cells))
	if err != nil {
		return err
	}
	_, err = l.w.Write(append(text, '\n'))
	return err
}

func (l *lines) close([]any) error { return l.w.Flush() }

// Object gives a row for programs: by the columns' keys, durations in milliseconds.
func Object(columns []Column, cells []any) map[string]any {
	o := make(map[string]any, len(columns))
	for i, c := range cells {
		key := columns[i].Key
		switch v := c.(type) {
		case nil:
		case time.Duration:
			o[key+"_ms"] = v.Milliseconds()
		case time.Time:
			if !v.IsZero() {
				o[key] = v.UTC()
			}
		default:
			o[key] = v
		}
	}
	return o
}
