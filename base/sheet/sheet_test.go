package sheet

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNoFormula: whatever a spreadsheet would reckon with is a text there, and a text again when it is read.
func TestNoFormula(t *testing.T) {
	for _, s := range []string{"=1+1", "+982122000001", "-2", "@SUM(A1)", " =1", "\u200f=1", "＝1", "\t=1", "\r1", "\n1"} {
		got := Harmless(s)
		if got != "'"+s || Plain(got) != s {
			t.Errorf("%q becomes %q, and is read as %q", s, got, Plain(got))
		}
	}
	for _, s := range []string{"", "سارا", "02122000001", "a=b", "'quoted'", "'", "#1", "1-2"} {
		if Harmless(s) != s || Plain(s) != s {
			t.Errorf("%q becomes %q, and is read as %q", s, Harmless(s), Plain(s))
		}
	}
}

// TestTablesOfSpreadsheets: as Excel, LibreOffice and people write them.
func TestTablesOfSpreadsheets(t *testing.T) {
	want := Table{Columns: []string{"number", "name"}, Rows: [][]string{{"101", "سارا, دفتر"}, {"+98", ""}}, Lines: []int{2, 4}}
	for name, text := range map[string]string{
		"commas":          "number,name\n101,\"سارا, دفتر\"\n\n+98\n",
		"semicolons, BOM": Mark + "number;name\r\n101;سارا, دفتر\r\n;\r\n'+98;\r\n",
		"tabs":            "number\tname\n101\tسارا, دفتر\n\t\n+98\t",
	} {
		got, err := Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "not UTF-8": "a\n\xff\n", "a quote left open": "a\n\"b", "a cell too many": "a,b\n1,2,3\n",
		"a cell too large": "a\n" + strings.Repeat("x", maxCell+1), "rows without end": "a\n" + strings.Repeat("1\n", MaxRows+1), "columns without end": strings.Repeat(",", MaxColumns),
	} {
		if _, err := Read([]byte(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestWhatIsWrittenIsRead is the round trip.
func TestWhatIsWrittenIsRead(t *testing.T) {
	var b bytes.Buffer
	rows := [][]string{{"=x", "a;b\"c\nd"}, {"سارا", "'"}}
	if err := Write(&b, []string{"one", "two"}, rows); err != nil {
		t.Fatal(err)
	}
	got, err := Read(b.Bytes())
	if diff := cmp.Diff(rows, got.Rows); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		table, err := Read(text)
		if err != nil {
			return
		}
		for _, row := range table.Rows {
			if len(row) != len(table.Columns) {
				t.Fatalf("a row of %d cells under %d columns", len(row), len(table.Columns))
			}
		}
	})
}
