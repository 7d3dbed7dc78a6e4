package e2e

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// setup is what an order gives.
type setup struct {
	Number   string `json:"number"`
	Password string `json:"password"`
	Link     string `json:"link"`
}

// TestFromOrderToDialTone: one command takes a free number and makes a line; a Linphone that knows nothing but its link sets
// itself up by it, is registered, and calls; the letter has the same link in its code. Tables of spreadsheets come and go.
func TestFromOrderToDialTone(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"pdftoppm", "zbarimg"} {
		phone.Need(t, program)
	}
	x := phone.StartExchange(t, "--sample", "operator", "--digest", "md5")
	file := filepath.Join(t.TempDir(), "letter.pdf")
	var s setup
	if err := json.Unmarshal([]byte(firstLine(x.Run("order", "--tenant", "home", "--name", "سارا", "--device", "805ec0a1b2c3", "--json"))), &s); err != nil {
		t.Fatal(err)
	}
	l := phone.StartLinphone(t, phone.Account{User: s.Number, Server: x.SIP, Link: s.Link})
	l.Dial("*60")
	l.Wait("connected")
	l.Command("terminate all")
	phone.Eventually(t, 15*time.Second, "the record of its call", func() bool {
		return slices.ContainsFunc(x.AllCDRs(), func(r phone.CDR) bool { return r.Dialled == "*60" && r.State == "answered" })
	})
	x.Run("letter", "--tenant", "home", s.Number, "-o", file)
	run(t, "pdftoppm", "-r", "110", "-f", "1", "-l", "1", "-png", file, strings.TrimSuffix(file, ".pdf"))
	pages, _ := filepath.Glob(strings.TrimSuffix(file, ".pdf") + "*.png")
	if link := strings.TrimSpace(run(t, "zbarimg", "-q", "--raw", pages[0])); !strings.HasPrefix(link, x.HTTP+"/p/") {
		t.Errorf("the letter's code leads to %q", link)
	}

	table := filepath.Join(t.TempDir(), "lines.csv")
	x.Run("table", "export", "--tenant", "home", "lines", "-o", table)
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff")))).ReadAll()
	if err != nil || len(rows) < 20 || strings.Contains(string(text), s.Password) || strings.Contains(string(text), "sealed:") {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if got := x.Run("table", "import", "--tenant", "home", "lines", table, "--json"); strings.Contains(got, "refused") || strings.Contains(got, "changed") {
		t.Errorf("what was exported changes something when it comes back:\n%s", got)
	}
	orders := filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(orders, []byte("name;device\r\nمریم;\r\nReza;aabbccddeeff\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := x.Run("table", "import", "--tenant", "home", "orders", orders, "--json"); strings.Count(got, `"added"`) != 2 || strings.Count(got, x.HTTP+"/p/") != 2 {
		t.Errorf("orders by a table:\n%s", got)
	}
	x.Run("cease", "--tenant", "home", s.Number)
	if got := x.Run("free", "--tenant", "home", "--limit", "100"); strings.Contains(got, s.Number+" ") {
		t.Errorf("the number does not rest:\n%s", got)
	}
}

// TestMovingIn: a flat of the complex gets new people by one command, and its phone the password of who lives there.
func TestMovingIn(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--sample", "complex", "--digest", "md5")
	var page struct {
		Items []struct {
			Unit     string
			Accounts []string
		}
	}
	x.Get("/api/v1/tenants/bagh/units?limit=1", &page)
	unit := page.Items[0]
	var s setup
	if err := json.Unmarshal([]byte(firstLine(x.Run("move-in", "--tenant", "bagh", unit.Unit, "رضا احمدی", "Mina", "--json"))), &s); err != nil {
		t.Fatal(err)
	}
	a := x.Account(s.Number, "udp")
	a.Password = s.Password
	phone.StartBaresip(t, a, phone.Speech(t, "en", "this is my flat", speech))
	x.Run("move-out", "--tenant", "bagh", unit.Unit)
	var account struct{ Name string }
	list := "lines"
	if len(s.Number) < 8 {
		list = "extensions"
	}
	x.Get("/api/v1/tenants/bagh/"+list+"/"+s.Number, &account)
	if account.Name != unit.Unit {
		t.Errorf("after moving out the line presents %q", account.Name)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(out)
}
