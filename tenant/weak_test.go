package tenant

import (
	"strings"
	"testing"

	"santral/base/doc"
)

// Secrets that strangers guess are refused where secrets are judged, and told elsewhere; sealed ones have been judged.
func TestWeakSecrets(t *testing.T) {
	for secret, bad := range map[string]bool{
		"1234567": true, "12345678": true, "87654321": true, "90123456": true, "aaaaaaaa": true, "22000001": true, "Reception": true, "Password": true, "password1!": true, "22000001!": true, "abcdefgh": true, "qwerty123": true,
		"change-me-101": false, "kh7-Wz2qpL": false, "sealed:x": false, "correct horse": false, "13579246": false, "رمز-طولانی": false,
	} {
		text := "tenant: a\ndomains: [a.example]\nlines:\n  - number: \"22000001\"\n    name: Reception\n    password: \"" + secret + "\"\n"
		for _, strict := range []bool{true, false} {
			var problems doc.Problems
			d := doc.Open("a.yaml", text, doc.Reading{Strict: strict, Open: func(string) (string, error) { return "1234567", nil }}, &problems)
			read(d.Root())
			said := ""
			for _, p := range problems.List() {
				said += p.String()
			}
			if bad != strings.Contains(said, "a.yaml:6:15: this secret is weak") || (problems.Err() != nil) != (bad && strict) {
				t.Errorf("%q, strict %v: %s", secret, strict, said)
			}
		}
	}
}
