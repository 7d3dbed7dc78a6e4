package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"santral/store"
	"santral/store/db"
	"santral/store/storetest"
)

// TestADumpIsOfBothDatabases: what either database wrote, either reads, octets and NUL and all, while others go on writing;
// the fold goes on where it was.
func TestADumpIsOfBothDatabases(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		from := open(t, dsn)
		var want []store.CDR
		for i := range 300 {
			want = append(want, cdr(i+1))
		}
		add(t, from, want...)
		if err := from.PutMailbox(t.Context(), store.Mailbox{Tenant: "sample", Account: "101", New: 3}); err != nil {
			t.Fatal(err)
		}
		var dump bytes.Buffer
		if err := from.Dump(t.Context(), &midway{&dump, func() { add(t, from, cdr(301)) }}); err != nil {
			t.Fatal(err)
		}
		storetest.Databases(t, func(t *testing.T, into string) {
			if into == dsn {
				t.Fatal("no database of its own")
			}
			if err := db.Load(t.Context(), into, bytes.NewReader(dump.Bytes())); err != nil {
				t.Fatal(err)
			}
			d := open(t, into)
			for _, i := range []int{0, 150, 299} {
				got, err := d.CDR(t.Context(), "sample", want[i].Call)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want[i], got); diff != "" {
					t.Errorf("%s changed:\n%s", want[i].Call, diff)
				}
			}
			if _, err := d.CDR(t.Context(), "sample", "call-00301"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a record of later is in the dump: %v", err)
			}
			add(t, d, cdr(301))
			if boxes, err := d.Mailboxes(t.Context()); err != nil || len(boxes) != 1 || boxes[0].New != 3 {
				t.Errorf("mailboxes %+v, %v", boxes, err)
			}
			if err := db.Load(t.Context(), into, bytes.NewReader(dump.Bytes())); err == nil || !strings.Contains(err.Error(), "name an empty one") {
				t.Errorf("a database that is in use: %v", err)
			}
		})
	})
}

// midway does something once the first octets are written.
type midway struct {
	*bytes.Buffer
	do func()
}

func (m *midway) Write(b []byte) (int, error) {
	if m.do != nil {
		m.do()
		m.do = nil
	}
	return m.Buffer.Write(b)
}

// TestATornDumpIsNotTaken: a dump without its end, with a line too few, of a newer program, or of something else leaves nothing.
func TestATornDumpIsNotTaken(t *testing.T) {
	from := open(t, filepath.Join(t.TempDir(), "from.db"))
	add(t, from, cdr(1), cdr(2))
	var dump bytes.Buffer
	if err := from.Dump(t.Context(), &dump); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(dump.String(), "\n"), "\n")
	row := 0
	for i, l := range lines {
		if l[0] == '[' {
			row = i
		}
	}
	for name, text := range map[string]string{
		"nothing":          "",
		"only its head":    lines[0],
		"no end":           strings.Join(lines[:len(lines)-1], ""),
		"a row too few":    strings.Join(lines[:row], "") + strings.Join(lines[row+1:], ""),
		"a newer program":  `{"tables":1000}` + "\n" + strings.Join(lines[1:], ""),
		"another table":    lines[0] + `{"table":"passwd","columns":["a"]}` + "\n[1]\n" + `{"rows":1}` + "\n",
		"another column":   lines[0] + `{"table":"folds","columns":["name\"; --"]}` + "\n[1]\n" + `{"rows":1}` + "\n",
		"a row too short":  lines[0] + `{"table":"folds","columns":["name","done","low","count"]}` + "\n[1]\n" + `{"rows":1}` + "\n",
		"a row of objects": lines[0] + `{"table":"folds","columns":["name","done","low","count"]}` + "\n" + `[{},1,1,1]` + "\n" + `{"rows":1}` + "\n",
		"no JSON":          "PK\x03\x04",
	} {
		into := filepath.Join(t.TempDir(), "into.db")
		if err := db.Load(t.Context(), into, strings.NewReader(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
		if d, err := db.Open(context.Background(), into); err != nil {
			t.Errorf("%s: the database can't be opened afterwards: %v", name, err)
		} else {
			if page, _, err := d.CDRs(t.Context(), store.CDRFilter{}, "", 10); err != nil || len(page) > 0 {
				t.Errorf("%s left %d records, %v", name, len(page), err)
			}
			d.Close()
		}
	}
}

// TestEveryVersionOfTheTablesComesUp: tables of every version that was ever landed, with a record in them, are brought up to
// date.
func TestEveryVersionOfTheTablesComesUp(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		for version := range db.Version() {
			into := dsn
			if !strings.HasPrefix(dsn, "postgres") {
				into = filepath.Join(t.TempDir(), "old.db")
			} else if version > 0 {
				into = storetest.Postgres(t)
			}
			old := fmt.Sprintf(`{"tables":%d}
{"table":"cdrs","columns":["seq","call","tenant","state","began","ended","post_dial_delay","ring_time","talk_time","sip","q850"]}
[1,"old","sample",1,1000,2000,0,0,0,200,16]
{"table":"folds","columns":["name","done","low","count"]}
["cdr",77,77,1]
{"rows":2}
`, version+1)
			if err := db.Load(t.Context(), into, strings.NewReader(old)); err != nil {
				t.Fatalf("version %d: %v", version+1, err)
			}
			if got, err := open(t, into).CDR(t.Context(), "sample", "old"); err != nil || got.SIP != 200 {
				t.Errorf("version %d: %+v, %v", version+1, got, err)
			}
		}
	})
}
