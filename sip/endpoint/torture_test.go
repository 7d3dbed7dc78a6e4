package endpoint

import (
	"os"
	"slices"
	"strings"
	"testing"

	"santral/sip"
)

// Every message of RFC 4475 and RFC 5118 gets the answer that it deserves, or none. What only a
// registrar or a call can refuse (400 for a To of an unknown scheme, 401, 406, 415) reaches the user.
func TestTortureAnswers(t *testing.T) {
	table, err := os.ReadFile("../testdata/torture/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	const dir = "../testdata/torture/"
	users := []string{"-", "200", "400", "401", "406", "415"}
	n := 0
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		n++
		name, parse, answers := f[0], f[3], strings.Split(f[4], ",")
		text, err := os.ReadFile(dir + name + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			play(t, func(c *Config) { c.Allow = append(c.Allow, sip.MESSAGE) }, func(r *rig) {
				served := false
				r.serve = func(_ *Shard, tx *ServerTx) {
					served = true
					tx.Refuse(200, "")
				}
				r.get(alice, string(text))
				r.wait(0)
				got := "drop"
				if len(r.paper.texts) > 0 {
					if len(r.paper.texts) != 1 {
						t.Errorf("%d answers", len(r.paper.texts))
					}
					got = r.paper.texts[0][8:11]
					if answer, err := sip.ParseMessage(r.paper.texts[0]); err != nil && parse == "ok" {
						t.Errorf("our answer does not parse: %v\n%v", err, answer)
					}
				}
				m, _ := sip.ParseMessage(string(text))
				switch {
				case parse == "ok" && m.IsRequest() && m.ToTag() != "" && m.Method != sip.REGISTER && answers[0] == "-":
					if got != "481" { // it claims to be within a dialog
						t.Errorf("answered %s", got)
					}
				case parse == "ok" && slices.Contains(users, answers[0]) && served && got == "200":
				case !slices.Contains(answers, got) || served:
					t.Errorf("answered %s, want %v; served %v", got, answers, served)
				}
			})
		})
	}
	if n != 61 {
		t.Errorf("%d messages", n)
	}
}
