package tenant

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"santral/base/doc"
)

func TestMusic(t *testing.T) {
	dir := t.TempDir()
	text := `
tenant: acme
domains: [acme.example]
extensions:
  - {number: 101, password: a long secret, music: jazz}
  - {number: 102, password: a long secret, music: none}
  - {number: 103, password: a long secret}
music:
  - {name: jazz, play: tunes/jazz, shuffle: true}
  - {name: quiet, play: none}
  - {name: default, play: /srv/hold.wav}
`
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var problems doc.Problems
	tenants := ReadDir(dir, &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	acme := tenants[0]
	for name, want := range map[string]Tune{
		"jazz":       {"jazz", filepath.Join(dir, "tunes/jazz"), true},
		"quiet":      {"quiet", MusicNone, false},
		"":           {"default", "/srv/hold.wav", false},
		MusicDefault: {"default", "/srv/hold.wav", false},
		MusicBuiltin: {"builtin", MusicBuiltin, false},
		MusicNone:    {"none", MusicNone, false},
	} {
		if got, ok := acme.Tune(name); !ok || got != want {
			t.Errorf("%q: %+v, %v", name, got, ok)
		}
	}
	if _, ok := acme.Tune("absent"); ok {
		t.Error("there is music that nobody wrote of")
	}
	if got, ok := new(Tenant).Tune(""); !ok || got.Play != MusicBuiltin {
		t.Errorf("of a tenant that says nothing: %+v", got)
	}
	if acme.Accounts[0].Music != "jazz" || acme.Accounts[2].Music != "" {
		t.Errorf("accounts have %q and %q", acme.Accounts[0].Music, acme.Accounts[2].Music)
	}
	for _, c := range []struct{ music, want string }{
		{`[{name: Jazz, play: x}]`, "must be 1 to 40"},
		{`[{name: none, play: x}]`, "neither builtin nor none"},
		{`[{name: a, play: x}, {name: a, play: y}]`, "stands twice"},
		{`[{name: a}]`, `key "play" is missing`},
		{`[{name: a, play: ""}]`, "must name a file"},
		{`[{name: a, play: x, loud: true}]`, "unknown key"},
		{`{a: x}`, "must be a list"},
		{"[" + strings.Repeat("{name: b, play: x},", MaxTunes+1) + "]", "at most 50"},
		{`[]`, "there is no music jazz in this tenant"},
	} {
		var problems doc.Problems
		Read("t.yaml", []byte("tenant: acme\ndomains: [a.example]\nextensions: [{number: 101, password: a long secret, music: jazz}]\nmusic: "+c.music+"\n"), &problems)
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v, want %s", c.music, err, c.want)
		}
	}
}
