// Package sheet keeps what people open with a spreadsheet from doing anything there, and reads what spreadsheets write.
package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Mark is what stands before a CSV file so that Excel knows its UTF-8.
const Mark = "\ufeff"

// blanks are what a spreadsheet looks past before it decides whether a cell is a formula.
const blanks = " \t\r\n\u00a0\u200b\u200e\u200f\u202a\u202b\ufeff\u3000"

// formulas are what one begins with, also as wide characters.
const formulas = "=+-@＝＋－＠"

// Harmless keeps a spreadsheet from taking a text for a formula: one that begins with =, +, - or @ (after blanks, too), a tab or
// a line's end, has an apostrophe before it (OWASP, CSV injection).
func Harmless(s string) string {
	if s == "" {
		return s
	}
	if strings.IndexByte("\t\r\n", s[0]) >= 0 {
		return "'" + s
	}
	if r, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, blanks)); strings.ContainsRune(formulas, r) {
		return "'" + s
	}
	return s
}

// Plain takes away what Harmless put before a text.
func Plain(s string) string {
	rest, had := strings.CutPrefix(s, "'")
	if had && Harmless(rest) != rest {
		return rest
	}
	return s
}

// Bounds of a table that is read.
const (
	MaxRows    = 20_000
	MaxColumns = 100
	maxCell    = 4096 // octets
)

// Table is rows under the names of their columns.
type Table struct {
	Columns []string
	Rows    [][]string // each as long as Columns
	Lines   []int      // of the file, where each row begins
}

// Read reads a CSV file as spreadsheets write it: with or without the mark, its cells apart by comma, semicolon or tab, as its
// first line has most of.
func Read(text []byte) (Table, error) {
	text = bytes.TrimPrefix(text, []byte(Mark))
	if !utf8.Valid(text) {
		return Table{}, errors.New("the file is not UTF-8: save it as \"CSV UTF-8\"")
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace = separator(text), -1, false
	var t Table
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return t, fmt.Errorf("the file is no CSV: %w", err)
		}
		line, _ := r.FieldPos(0)
		switch {
		case t.Columns == nil:
			if len(row) > MaxColumns {
				return t, fmt.Errorf("the file has more than %d columns", MaxColumns)
			}
			for _, name := range row {
				t.Columns = append(t.Columns, strings.TrimSpace(name))
			}
			continue
		case len(row) > len(t.Columns):
			return t, fmt.Errorf("line %d has %d cells, and there are %d columns", line, len(row), len(t.Columns))
		case len(t.Rows) == MaxRows:
			return t, fmt.Errorf("the file has more than %d rows: split it", MaxRows)
		}
		cells, empty := make([]string, len(t.Columns)), true
		for i, cell := range row {
			if len(cell) > maxCell {
				return t, fmt.Errorf("line %d has a cell of more than %d octets", line, maxCell)
			}
			cells[i] = Plain(strings.TrimSpace(cell))
			empty = empty && cells[i] == ""
		}
		if !empty {
			t.Rows, t.Lines = append(t.Rows, cells), append(t.Lines, line)
		}
	}
	if t.Columns == nil {
		return t, errors.New("the file is empty: its first line names the columns")
	}
	return t, nil
}

func separator(text []byte) rune {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	best, most := ',', bytes.Count(line, []byte(","))
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// Write writes a CSV file (RFC 4180) that no spreadsheet takes for more than texts.
func Write(w io.Writer, columns []string, rows [][]string) error {
	if _, err := io.WriteString(w, Mark); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	line := make([]string, 0, len(columns))
	write := func(cells []string) error {
		line = line[:0]
		for _, c := range cells {
			line = append(line, Harmless(c))
		}
		return out.Write(line)
	}
	if err := write(columns); err != nil {
		return err
	}
	for _, r := range rows {
		if err := write(r); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
