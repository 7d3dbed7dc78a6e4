package revision_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"santral/base/seal"
	"santral/service/revision"
	"santral/store/db"
	"santral/store/storetest"
	"santral/tenant"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m, map[string]func([]string){"applies": applies})
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// house is a book on a database.
type house struct {
	t       testing.TB
	dir     string
	dsn     string
	db      *db.DB
	book    *revision.Book
	current atomic.Pointer[tenant.Snapshot]
	inUse   map[string]bool
	swaps   []revision.Revision
}

func newHouse(t testing.TB, dsn string) *house {
	h := &house{t: t, dir: t.TempDir(), dsn: dsn, inUse: map[string]bool{}}
	t.Cleanup(func() {
		if h.db != nil {
			h.db.Close()
		}
	})
	return h.open()
}

// open opens the book, or opens it again as after a restart.
func (h *house) open() *house {
	h.t.Helper()
	if h.db != nil {
		h.db.Close()
	}
	var err error
	if h.db, err = db.Open(context.Background(), h.dsn); err != nil {
		h.t.Fatal(err)
	}
	key, err := seal.Open(filepath.Join(h.dir, "secrets.key"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.book, err = revision.Open(context.Background(), revision.Config{
		Store: h.db, Keys: revision.NewKeys(key), Current: &h.current,
		InUse:   func(id, account string) bool { return h.inUse[id+" "+account] },
		Swapped: func(_, _ *tenant.Snapshot, r revision.Revision) { h.swaps = append(h.swaps, r) },
		Leads: func(old, now *tenant.Snapshot, id string) (list []revision.Lead) {
			for _, n := range []string{"101", "102", "103", "104"} {
				if was, is := name(old, id, n), name(now, id, n); was != is {
					list = append(list, revision.Lead{Tenant: id, Number: n, Was: was, Is: is})
				}
			}
			return list
		},
	}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return h
}

func name(s *tenant.Snapshot, id, number string) string {
	if a := s.Account(id, number); a != nil {
		return a.Name
	}
	return "nobody"
}

var sara = revision.Author{Who: "sara", Via: "api", Why: "she wants it so"}

func (h *house) apply(c revision.Change) revision.Revision {
	h.t.Helper()
	c.Author = sara
	r, err := h.book.Apply(context.Background(), c)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func texts(list ...string) revision.Change {
	var c revision.Change
	for i, text := range list {
		c.Texts = append(c.Texts, revision.Text{File: fmt.Sprintf("%d.yaml", i), Text: []byte(text)})
	}
	return c
}

func (h *house) text(id string) string {
	h.t.Helper()
	d, err := h.book.Document(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return d.Text
}

const behrad = `# our first customer
tenant: behrad
name: Behrad
domains: [behrad.example]

extensions:
  # the door
  - number: 101          # in the hall
    name: Reception
    password: kh7-Wz2qpL
  - {number: "102", name: دفتر, password: "oQ9 vv#2x"}
`

const other = "tenant: other\r\ndomains: [other.example]\r\nextensions:\r\n- number: 101\r\n  password: kh7-Wz2qpL\r\n"

// A document is kept octet by octet but for its secrets, which are sealed; a change is seen by all; what changes nothing is no
// revision; and it stands after a restart.
func TestApply(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		r := h.apply(texts(behrad, other))
		if r.Number != 1 || r.Author != sara || len(r.Documents) != 2 || h.current.Load().Revision != 1 || h.book.Current() != h.current.Load() {
			t.Fatalf("%+v", r)
		}
		text := h.text("behrad")
		if strings.Contains(text, "kh7-Wz2qpL") || strings.Contains(text, "vv#2x") || strings.Count(text, "sealed:1:") != 2 {
			t.Fatalf("secrets are not sealed:\n%s", text)
		}
		for _, part := range []string{"# our first customer\n", "  # the door\n  - number: 101          # in the hall\n    name: Reception\n    password: sealed:1:", "name: دفتر, password: sealed:1:"} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is lost:\n%s", part, text)
			}
		}
		secret := func(id, number, want string) {
			t.Helper()
			if a := h.current.Load().Account(id, number); a == nil || a.Credential.Password != want {
				t.Errorf("%s %s: %+v", id, number, a)
			}
		}
		secret("behrad", "102", "oQ9 vv#2x")
		for _, again := range []revision.Change{texts(behrad), texts(text), texts(behrad, other)} {
			if r := h.apply(again); r.Number != 1 || len(r.Documents) != 0 || len(h.swaps) != 1 {
				t.Errorf("the same again: %+v", r)
			}
		}
		same := h.current.Load().Tenant("other")
		r = h.apply(revision.Change{Edits: []revision.Edit{
			{Tenant: "behrad", List: "extensions", Key: "101", Do: revision.Patch, Value: []byte(`{"name":"Front desk","channels":3}`)},
			{Tenant: "behrad", List: "extensions", Key: "103", Do: revision.Add, Value: []byte(`{"name":"New","password":"Xy7!kkpqz"}`)},
		}, If: map[string]uint64{"behrad": 1}})
		if r.Number != 2 || len(r.Documents) != 1 || r.Documents[0] != (revision.Changed{Tenant: "behrad", Added: 1, Edited: 1}) {
			t.Fatalf("%+v", r)
		}
		if h.current.Load().Tenant("other") != same {
			t.Error("a tenant that was not changed was read anew")
		}
		secret("behrad", "103", "Xy7!kkpqz")
		e, err := h.book.Entry("behrad", "extensions", "101")
		if err != nil || !strings.HasPrefix(string(e.Value), `{"number":"101","name":"Front desk","password":"sealed:1:`) || !strings.HasSuffix(string(e.Value), `"channels":3}`) || e.Revision != 2 {
			t.Errorf("%s %v", e.Value, err)
		}
		page, more, err := h.book.Entries("behrad", "extensions", "101", 1, nil)
		if err != nil || !more || len(page) != 1 || page[0].Key != "102" {
			t.Errorf("%+v %v %v", page, more, err)
		}
		if page, more, err = h.book.Entries("behrad", "extensions", "", 5, func(e revision.Entry) bool { return e.Key != "102" }); err != nil || more || len(page) != 2 {
			t.Errorf("%+v %v %v", page, more, err)
		}
		before := h.text("behrad")
		h.open()
		if h.text("behrad") != before || h.current.Load().Revision != 2 {
			t.Error("a restart changes something")
		}
		secret("behrad", "103", "Xy7!kkpqz")
		if r := h.apply(revision.Change{Remove: []string{"other"}}); r.Number != 3 || h.current.Load().Tenant("other") != nil {
			t.Errorf("%+v", r)
		}
		h.open()
		if h.current.Load().Tenant("other") != nil || h.current.Load().Domain("other.example") != nil {
			t.Error("a tenant that is gone comes back")
		}
	})
}

// The hashes of a password are as good as it, and are sealed likewise.
func TestHashesAreSealed(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	const md5 = "3a57ff2a584ad600f3d2f8f0b5d5db52"
	h.apply(texts("tenant: a\ndomains: [a.example]\nextensions:\n  - number: 101\n    ha1:\n      md5: " + md5 + " # of a password\n"))
	if text := h.text("a"); strings.Contains(text, md5) || !strings.Contains(text, "      md5: sealed:1:") || !strings.HasSuffix(text, " # of a password\n") {
		t.Error(text)
	}
	h.open()
	if got := h.current.Load().Account("a", "101").Credential.HA1["MD5"]; got != md5 {
		t.Error(got)
	}
}

// What is refused changes nothing, and says why.
func TestRefusals(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.apply(texts(behrad, other))
	ext := func(do revision.Deed, id, key, value string) revision.Change {
		return revision.Change{Edits: []revision.Edit{{Tenant: id, List: "extensions", Key: key, Do: do, Value: []byte(value)}}}
	}
	h.inUse["behrad 101"] = true
	stale := ext(revision.Patch, "behrad", "101", `{"name":"x"}`)
	stale.If = map[string]uint64{"behrad": 7}
	for _, c := range []struct {
		what   string
		change revision.Change
		is     error
		says   string
	}{
		{"an entry that is not there", ext(revision.Patch, "behrad", "999", `{}`), revision.ErrNotFound, "999"},
		{"a tenant that is not there", ext(revision.Patch, "nobody", "101", `{}`), revision.ErrNotFound, "nobody"},
		{"a list that is none", revision.Change{Edits: []revision.Edit{{Tenant: "behrad", List: "passwd", Key: "1"}}}, revision.ErrNotFound, "passwd"},
		{"a tenant to remove that is not there", revision.Change{Remove: []string{"nobody"}}, revision.ErrNotFound, "nobody"},
		{"one that is there", ext(revision.Add, "behrad", "101", `{}`), revision.ErrExists, "101"},
		{"a stale revision", stale, revision.ErrChanged, "revision 1"},
		{"an account in use", ext(revision.Delete, "behrad", "101", ""), revision.ErrInUse, "behrad 101"},
		{"a tenant in use", revision.Change{Remove: []string{"behrad"}}, revision.ErrInUse, "behrad 101"},
		{"no YAML", texts("tenant: [\n"), nil, "0.yaml:"},
		{"no YAML in a stream", texts("tenant: a\ndomains: [a.example]\n---\ntenant: b\ndomains: [b.example]\nbad: [\n"), nil, "0.yaml:6:"},
		{"a wrong word in a stream", texts("tenant: a\ndomains: [a.example]\n---\ntenant: b\ndomains: [b.example]\nbad: 1\n"), nil, "0.yaml:6:1: unknown key"},
		{"nothing", texts(""), nil, "exactly one YAML document"},
		{"two of one tenant", texts(behrad, strings.Replace(behrad, "Behrad", "B", 1)), nil, "a second document of \"behrad\""},
		{"a domain of another", texts("tenant: third\ndomains: [behrad.example]\n"), nil, "belongs to tenant"},
		{"another id", revision.Change{Edits: []revision.Edit{{Tenant: "behrad", Key: "tenant", Do: revision.Patch, Value: []byte(`"x"`)}}}, nil, "an id never changes"},
		{"a value of a wrong type", ext(revision.Patch, "behrad", "101", `{"channels":"many"}`), nil, "behrad:11:15: must be a whole number"},
		{"no object", ext(revision.Put, "behrad", "101", `[]`), nil, "an object"},
		{"a secret of elsewhere", ext(revision.Patch, "other", "101", `{"password":"`+sealedOf(h.text("behrad"))+`"}`), nil, "was not sealed for other"},
		{"a secret of another key", ext(revision.Patch, "other", "101", `{"password":"sealed:1:00000000:AAAA"}`), nil, "sealed by the key"},
	} {
		c.change.Author = sara
		before := h.text("behrad") + h.text("other")
		_, err := h.book.Apply(t.Context(), c.change)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.what, err)
		}
		var wrong *revision.Refused
		if c.is == nil && !errors.As(err, &wrong) {
			t.Errorf("%s: %v is no Refused", c.what, err)
		}
		p, err := h.book.Plan(t.Context(), c.change)
		switch {
		case errors.Is(c.is, revision.ErrInUse):
			if err != nil || len(p.Loses) != 1 || p.Loses[0] != "behrad 101" {
				t.Errorf("%s: the plan says %+v %v", c.what, p, err)
			}
		case c.is != nil:
			if !errors.Is(err, c.is) {
				t.Errorf("%s: the plan says %v", c.what, err)
			}
		case err == nil && len(p.Problems) == 0:
			t.Errorf("%s: the plan has nothing against it", c.what)
		}
		if h.text("behrad")+h.text("other") != before || h.current.Load().Revision != 1 {
			t.Fatalf("%s has changed something", c.what)
		}
	}
	forced := ext(revision.Delete, "behrad", "101", "")
	forced.Force = true
	h.apply(forced)
	if h.current.Load().Account("behrad", "101") != nil {
		t.Error("force does not help")
	}
}

func sealedOf(text string) string {
	i := strings.Index(text, "sealed:1:")
	end := strings.IndexAny(text[i:], "\r\n,}")
	return text[i : i+end]
}

// A plan tells what a change would do, and does nothing.
func TestPlan(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.apply(texts(behrad))
	p, err := h.book.Plan(t.Context(), revision.Change{Edits: []revision.Edit{
		{Tenant: "behrad", List: "extensions", Key: "101", Do: revision.Patch, Value: []byte(`{"name":"Front","password":"another-secret-9"}`)},
		{Tenant: "behrad", List: "extensions", Key: "102", Do: revision.Delete},
		{Tenant: "behrad", List: "extensions", Key: "104", Do: revision.Put, Value: []byte(`{"password":"yet-another-7"}`)},
		{Tenant: "behrad", Key: "name", Do: revision.Put, Value: []byte(`"B"`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := "{Documents:[{Tenant:behrad Added:1 Edited:2 Gone:1}] Entries:[{Tenant:behrad List: Key:name Do:edit Keys:[]} {Tenant:behrad List:extensions Key:101 Do:edit Keys:[name password]} " +
		"{Tenant:behrad List:extensions Key:102 Do:remove Keys:[]} {Tenant:behrad List:extensions Key:104 Do:add Keys:[]}] " +
		"Leads:[{Tenant:behrad Number:101 Was:Reception Is:Front} {Tenant:behrad Number:102 Was:دفتر Is:nobody} {Tenant:behrad Number:104 Was:nobody Is:}] More:0 Loses:[] Problems:[]}"
	if got := fmt.Sprintf("%+v", p); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if h.current.Load().Revision != 1 || len(h.swaps) != 1 {
		t.Error("a plan has changed something")
	}
}

// An undo brings the former document back octet by octet, says what stands in its way, and is undone itself.
func TestUndo(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		ctx := t.Context()
		h.apply(texts(behrad, other))
		first := h.text("behrad")
		edit := func(name string) revision.Change {
			return revision.Change{Edits: []revision.Edit{{Tenant: "behrad", List: "extensions", Key: "101", Do: revision.Patch, Value: []byte(`{"name":"` + name + `"}`)}}}
		}
		h.apply(edit("A"))
		second := h.text("behrad")
		h.apply(edit("B"))
		if _, err := h.book.Undo(ctx, 2, sara, false); !errors.Is(err, revision.ErrConflict) || !strings.Contains(err.Error(), "revision 3 changed behrad") {
			t.Errorf("%v", err)
		}
		if _, err := h.book.Undo(ctx, 9, sara, false); !errors.Is(err, revision.ErrNotFound) {
			t.Errorf("%v", err)
		}
		r, err := h.book.Undo(ctx, 3, sara, false)
		if err != nil || r.Number != 4 || r.Undoes != 3 || h.text("behrad") != second {
			t.Fatalf("%+v %v", r, err)
		}
		if r, err = h.book.Undo(ctx, 4, sara, false); err != nil || !strings.Contains(h.text("behrad"), "name: B") {
			t.Fatalf("%+v %v", r, err)
		}
		h.apply(revision.Change{Remove: []string{"behrad"}})
		if p, err := h.book.PlanUndo(ctx, 6); err != nil || len(p.Documents) != 1 || p.Documents[0].Added == 0 {
			t.Errorf("%+v %v", p, err)
		}
		if _, err = h.book.Undo(ctx, 6, sara, false); err != nil || h.current.Load().Account("behrad", "102").Credential.Password != "oQ9 vv#2x" {
			t.Fatal(err)
		}
		d, err := h.book.At(ctx, 1, "behrad")
		if err != nil || d.Text != first {
			t.Errorf("as it began: %v", err)
		}
		diff, err := h.book.Diff(ctx, 2, "behrad")
		if want := "-    name: Reception\n+    name: A\n"; err != nil || !strings.Contains(diff, want) || !strings.HasPrefix(diff, "--- behrad revision 1\n+++ behrad revision 2\n@@ -6,6 +6,6 @@\n") {
			t.Errorf("%s %v", diff, err)
		}
		list, err := h.book.List(ctx, "other", 0, 10)
		if err != nil || len(list) != 1 || list[0].Number != 1 || list[0].Author.Why != "she wants it so" {
			t.Errorf("%+v %v", list, err)
		}
		inTheWay := texts("tenant: third\ndomains: [third.example, behrad.example]\n")
		h.apply(revision.Change{Remove: []string{"behrad"}})
		gone := h.book.Last().Number
		h.apply(inTheWay)
		var wrong *revision.Refused
		if _, err := h.book.Undo(ctx, gone, sara, false); !errors.As(err, &wrong) {
			t.Errorf("a domain that is another's now: %v", err)
		}
	})
}

// What is exported is taken again byte for byte: phones register with what was sealed.
func TestExportAndWipe(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.apply(texts("operator: Sarv\n# no end of a line", behrad, other, "---\ntenant: dashed\ndomains: [d.example]"))
	all, err := h.book.Export("")
	if err != nil || !strings.HasPrefix(all, "--- # santral document operator\noperator: Sarv\n") {
		t.Fatal(err, all)
	}
	was := map[string]string{}
	for _, d := range h.book.Documents() {
		was[d.Tenant] = d.Text
	}
	h.apply(revision.Change{Remove: []string{"operator", "behrad", "other", "dashed"}})
	if len(h.book.Documents()) != 0 {
		t.Fatal("something is left")
	}
	h.apply(texts(all))
	for id, text := range was {
		if got := h.text(id); got != text {
			t.Errorf("%s was\n%q\nis\n%q", id, text, got)
		}
	}
	if a := h.current.Load().Account("behrad", "101"); a == nil || a.Credential.Password != "kh7-Wz2qpL" {
		t.Error("the phone does not register")
	}
	one, err := h.book.Export("behrad")
	if err != nil || one != was["behrad"] {
		t.Error(err)
	}
	if got := h.apply(texts("tenant: x\ndomains: [x.example]\n---\ntenant: y\ndomains: [y.example]\n")); len(got.Documents) != 2 {
		t.Errorf("a stream of others: %+v", got)
	}
}

// Files are taken when their octets change, and not otherwise: what was changed here stays.
func TestImport(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	folder := revision.Author{Who: "folder", Via: "folder"}
	file := func(name, text string) revision.Text { return revision.Text{File: name, Text: []byte(text)} }
	take := func(want uint64, documents int, files ...revision.Text) []string {
		t.Helper()
		r, missing, err := h.book.Import(t.Context(), files, folder)
		if err != nil || r.Number != want || len(r.Documents) != documents {
			t.Fatalf("%+v %v", r, err)
		}
		return missing
	}
	weak := strings.Replace(other, "kh7-Wz2qpL", "123456", 1)
	take(1, 2, file("behrad.yaml", behrad), file("other.yaml", weak))
	take(1, 0, file("behrad.yaml", behrad), file("other.yaml", weak))
	h.apply(revision.Change{Edits: []revision.Edit{{Tenant: "behrad", List: "extensions", Key: "101", Do: revision.Patch, Value: []byte(`{"name":"By API"}`)}}})
	take(2, 0, file("behrad.yaml", behrad))
	if !strings.Contains(h.text("behrad"), "By API") {
		t.Error("the folder has overwritten what the API said")
	}
	h.open()
	if missing := take(2, 0, file("behrad.yaml", behrad)); len(missing) != 1 || missing[0] != "other.yaml" || h.current.Load().Tenant("other") == nil {
		t.Errorf("%v", missing)
	}
	take(3, 1, file("behrad.yaml", strings.Replace(behrad, "Reception", "By file", 1)))
	if !strings.Contains(h.text("behrad"), "By file") || strings.Contains(h.text("behrad"), "By API") {
		t.Error("a file that has changed is not taken")
	}
	if _, _, err := h.book.Import(t.Context(), []revision.Text{file("behrad.yaml", "tenant: [")}, folder); err == nil {
		t.Error("a file that is wrong is taken")
	}
}

// Random changes and undos over both kinds of documents: an undo restores every octet, the history gives every text that there
// was, and a restart changes nothing.
func TestRandomRevisions(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	r := rand.New(rand.NewPCG(1, 2))
	h.apply(texts(behrad, other))
	history := []map[string]string{nil, {"behrad": h.text("behrad"), "other": h.text("other")}}
	undone := map[uint64]bool{}
	for range 1000 {
		last := h.book.Last().Number
		id := []string{"behrad", "other"}[r.IntN(2)]
		number := fmt.Sprint(100 + r.IntN(30))
		c := revision.Change{Author: sara}
		for range 1 + r.IntN(3) {
			c.Edits = append(c.Edits, revision.Edit{Tenant: id, List: "extensions", Key: number, Do: revision.Deed(r.IntN(4)),
				Value: fmt.Appendf(nil, `{"name":"N%d","channels":%d,"password":"secret-%d-xq"}`, r.IntN(1000), 1+r.IntN(5), r.IntN(1e6))})
		}
		if _, err := h.book.Plan(t.Context(), c); err != nil && !errors.Is(err, revision.ErrNotFound) && !errors.Is(err, revision.ErrExists) {
			t.Fatal(err)
		}
		if r.IntN(4) == 0 && last > 1 {
			_, err := h.book.Undo(t.Context(), last, sara, false)
			if err != nil {
				t.Fatal(err)
			}
			for id, text := range history[last-1] {
				if h.text(id) != text {
					t.Fatalf("the undo of %d does not restore %s", last, id)
				}
			}
			undone[last] = true
		} else if _, err := h.book.Apply(t.Context(), c); err != nil && !errors.Is(err, revision.ErrNotFound) && !errors.Is(err, revision.ErrExists) {
			t.Fatal(err)
		}
		if now := h.book.Last().Number; now != last {
			history = append(history, map[string]string{"behrad": h.text("behrad"), "other": h.text("other")})
			if int(now) != len(history)-1 {
				t.Fatal(now, len(history))
			}
		}
		if r.IntN(100) == 0 {
			h.open()
		}
	}
	for number, want := range history {
		for id, text := range want {
			d, err := h.book.At(t.Context(), uint64(number), id)
			if err != nil || d.Text != text {
				t.Fatalf("%s after revision %d: %v", id, number, err)
			}
		}
	}
	t.Logf("%d revisions, %d of them undone", len(history)-1, len(undone))
}

// big is a tenant with many lines.
func big(n int) string {
	var b strings.Builder
	b.WriteString("tenant: big\ndomains: [big.example]\nlines:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {number: \"021%08d\", name: Line %d, password: secret-%d-kqzv}\n", i, i, i)
	}
	return b.String()
}

func benchmarkPatch(b *testing.B, n int) {
	h := newHouse(b, filepath.Join(b.TempDir(), "x.db"))
	start := time.Now()
	h.apply(texts(big(n)))
	b.Logf("%d lines applied in %v", n, time.Since(start))
	start = time.Now()
	h.open()
	b.Logf("opened in %v", time.Since(start))
	i := 0
	for b.Loop() {
		i++
		h.apply(revision.Change{Edits: []revision.Edit{{Tenant: "big", List: "lines", Key: "02100000005", Do: revision.Patch, Value: fmt.Appendf(nil, `{"name":"Name %d"}`, i)}}})
	}
}

// BenchmarkPatch10000 changes one line of 10,000, and tells how long it took to apply and open them.
func BenchmarkPatch10000(b *testing.B) { benchmarkPatch(b, 10_000) }

// BenchmarkPatch100000 does it with 100,000.
func BenchmarkPatch100000(b *testing.B) { benchmarkPatch(b, 100_000) }
