package lint

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"santral/access"
	"santral/service/registrar"
	"santral/sip"
)

// grouped prints a number as the documents do: 65,536.
func grouped[N int | float64](n N) string {
	s := strconv.Itoa(int(n))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plain gives a Persian text with the digits of ASCII, and its numbers without separators.
func plain(text string) string {
	return strings.NewReplacer("۰", "0", "۱", "1", "۲", "2", "۳", "3", "۴", "4", "۵", "5", "۶", "6", "۷", "7", "۸", "8", "۹", "9", "٬", "").Replace(text)
}

// TestTheLimitsOnThePage holds the table of limits in docs/operations to the numbers in the code.
func TestTheLimitsOnThePage(t *testing.T) {
	page := operations(t, "")
	persian := plain(read(t, "docs/operations/fa/limits.md"))
	l, m := access.DefaultLimits, sip.DefaultLimits
	for _, want := range []string{
		fmt.Sprintf("| %s a second, %s at once |", grouped(l.PortRate), grouped(l.PortBurst)),
		fmt.Sprintf("| %s a second, %s at once; a source", grouped(l.HostRate), grouped(l.HostBurst)),
		fmt.Sprintf("| %s, then one every %d s at full speed; each further one is answered after %d s |", grouped(l.GuessBurst), int(1/l.GuessRate), int(l.SlowDown.Seconds())),
		fmt.Sprintf("then %s a second at full speed |", grouped(l.HostGuesses)),
		fmt.Sprintf("after %d wrong credentials of one address and port without a right one: %d minutes", l.BanAfter, int(l.BanFor.Minutes())),
		fmt.Sprintf("| %s of each sort", grouped(l.Sources)),
		fmt.Sprintf("| %d KiB, %d header fields of %d KiB, a URI of %d KiB |", m.Message>>10, m.Headers, m.Line>>10, m.URI>>10),
		fmt.Sprintf("| %d; a new one displaces", registrar.MaxBindings),
		fmt.Sprintf("| %d s (less gets 423) to %s s; %s s when unsaid |", registrar.MinExpires, grouped(registrar.MaxExpires), grouped(registrar.DefaultExpires)),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("docs/operations lacks %q", want)
		}
	}
	for what, n := range map[string]int{"PortRate": int(l.PortRate), "PortBurst": int(l.PortBurst), "HostRate": int(l.HostRate), "HostBurst": int(l.HostBurst), "HostGuesses": int(l.HostGuesses), "BanAfter": int(l.BanAfter),
		"Sources": l.Sources, "Headers": m.Headers, "Message": m.Message >> 10, "MaxBindings": registrar.MaxBindings, "MaxExpires": int(registrar.MaxExpires), "DefaultExpires": int(registrar.DefaultExpires)} {
		if !regexp.MustCompile(`\b` + strconv.Itoa(n) + `\b`).MatchString(persian) {
			t.Errorf("docs/operations/fa/limits.md does not name %d, which is %s", n, what)
		}
	}
	// Defaults that stand in comments beside their fields.
	for file, fields := range map[string][]string{
		"sip/transport/transport.go": {"Conns", "PerSource"},
		"sip/endpoint/words.go":      {"Pending", "PerSource", "Unacked", "Answered", "Backlog"},
	} {
		text := read(t, file)
		for _, field := range fields {
			set := regexp.MustCompile(`(?:number|share)\(&l\.` + field + `, (\d+)\)|l\.` + field + ` = (\d+)`).FindStringSubmatch(text)
			if set == nil {
				t.Errorf("%s: no default of %s was found: this test reads the wrong words", file, field)
				continue
			}
			n, _ := strconv.Atoi(set[1] + set[2])
			if !strings.Contains(page, grouped(n)) {
				t.Errorf("docs/operations does not name %s, the default of %s in %s", grouped(n), field, file)
			}
			if !strings.Contains(persian, strconv.Itoa(n)) {
				t.Errorf("docs/operations/fa/limits.md does not name %d, the default of %s in %s", n, field, file)
			}
		}
	}
}
