package server

import (
	"path/filepath"
	"strings"
	"testing"

	"santral/base/doc"
	"santral/call"
	"santral/media"
	"santral/media/prompt"
	own "santral/service/prompt"
	"santral/store/db"
	"santral/tenant"
)

// An account hears its own language, or its tenant's; a caller from outside hears the tenant's, and English where nobody says.
func TestSpeech(t *testing.T) {
	var problems doc.Problems
	var tenants []*tenant.Tenant
	for _, text := range []string{
		"{tenant: one, domains: [one.example], language: fa, extensions: [{number: 101, password: secret-1}, {number: 102, password: secret-2, language: en}]}",
		"{tenant: two, domains: [two.example], lines: [{number: 22000001, password: secret-3, language: fa}, {number: 22000002, password: secret-4}]}",
	} {
		tenants = append(tenants, tenant.Read("t.yaml", []byte(text), &problems))
	}
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	snapshot := tenant.NewSnapshot(1, tenants)
	set, err := prompt.Load(prompt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	prompts, err := own.New(t.Context(), own.Config{Rows: rows, Set: set, Current: func() *tenant.Snapshot { return snapshot }})
	if err != nil {
		t.Fatal(err)
	}
	defer prompts.Close()
	s := &speech{func() *tenant.Snapshot { return snapshot }, prompts}
	for _, c := range []struct {
		who  call.Party
		want string
	}{
		{call.Party{Tenant: "one", Account: "101"}, "fa"},
		{call.Party{Tenant: "one", Account: "102"}, "en"},
		{call.Party{Tenant: "one", Trunk: "carrier"}, "fa"},
		{call.Party{Tenant: "two", Account: "22000001"}, "fa"},
		{call.Party{Tenant: "two", Account: "22000002"}, "en"},
		{call.Party{Tenant: "two", Trunk: "carrier"}, "en"},
		{call.Party{Tenant: "gone", Account: "101"}, "en"},
	} {
		if got := s.Language(c.who); got != c.want {
			t.Errorf("%+v hears %s, want %s", c.who, got, c.want)
		}
		if source, err := s.Say(c.who.Tenant, s.Language(c.who), media.Clip("general.hello"), media.Number(21)); err != nil || source == nil {
			t.Errorf("%+v: %v", c.who, err)
		}
	}
	if _, err := s.Say("one", "fa", media.Clip("nothing.such")); err == nil || !strings.Contains(err.Error(), "nothing.such") {
		t.Errorf("a clip that isn't there: %v", err)
	}
	tenant.Read("t.yaml", []byte("{tenant: one, domains: [one.example], language: de}"), &problems)
	if problems.Err() == nil {
		t.Error("German was taken")
	}
}
