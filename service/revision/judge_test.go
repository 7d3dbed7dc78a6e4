package revision_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"santral/service/revision"
	"santral/tenant"
)

const judged = `tenant: a
domains: [a.example]
extensions:
  - number: 101
    password: Xy7!kkpq101
  - number: 102
    password: Xy7!kkpq102
`

func TestAChangeIsJudgedByWhatItMakes(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.apply(texts(judged))
	no := errors.New("no")
	asked := 0
	c := texts("tenant: a\ndomains: [a.example]\nname: B\n")
	c.Judge = func(was, is *tenant.Snapshot, changed []string) error {
		asked++
		if len(was.Tenant("a").Accounts) != 2 || is.Tenant("a").Name != "B" || !slices.Equal(changed, []string{"a"}) {
			t.Errorf("judged %v, %v, %v", was.Tenant("a"), is.Tenant("a"), changed)
		}
		return no
	}
	if _, err := h.book.Apply(context.Background(), c); err != no {
		t.Error(err)
	}
	if _, err := h.book.Plan(context.Background(), c); err != no || asked != 2 {
		t.Error(err, asked)
	}
	if h.text("a") == string(c.Texts[0].Text) || h.current.Load().Tenant("a").Name == "B" {
		t.Error("what was refused happened")
	}
	c.Judge = func(*tenant.Snapshot, *tenant.Snapshot, []string) error { return nil }
	if r := h.apply(c); r.Number != 2 || h.current.Load().Tenant("a").Name != "B" || h.current.Load().Revision != 2 {
		t.Error(r)
	}
}

func TestProblemsTellTheirEntries(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.apply(texts(judged))
	_, err := h.book.Apply(context.Background(), revision.Change{Edits: []revision.Edit{
		{Tenant: "a", List: "extensions", Key: "102", Do: revision.Patch, Value: json.RawMessage(`{"media":{"ptime":15},"record":"never"}`)},
		{Tenant: "a", List: "extensions", Key: "103", Do: revision.Add, Value: json.RawMessage(`{"number":"103","strange":1}`)},
		{Tenant: "a", Do: revision.Patch, Value: json.RawMessage(`{"zone":"Nowhere"}`)},
	}})
	var refused *revision.Refused
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	var got []string
	for _, p := range refused.Problems {
		got = append(got, p.Tenant+" "+p.List+" "+p.Key+" "+p.Pointer)
	}
	slices.Sort(got)
	want := []string{"a   /zone", "a extensions 102 /media/ptime", "a extensions 102 /record", "a extensions 103 ", "a extensions 103 /strange"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q\n%v", got, want, err)
	}
	plan, err := h.book.Plan(context.Background(), texts("tenant: b\ndomains: [b.example]\n---\ntenant: c\ndomains: [c.example]\nlines:\n  - number: 5\n    password: Xy7!kkpq5\n"))
	if err != nil || len(plan.Problems) != 1 || plan.Problems[0].Line != 7 || plan.Problems[0].Tenant != "c" || plan.Problems[0].List != "lines" || plan.Problems[0].Pointer != "/number" {
		t.Errorf("%+v %v", plan.Problems, err)
	}
}
