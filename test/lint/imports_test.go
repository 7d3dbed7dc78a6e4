// Package lint holds the rules of the house as tests: what may import what and why, how packages
// introduce themselves, how the standards are cited, and that the documents say what the code does.
package lint

import (
	"encoding/json"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// rule says what the packages below one path may import of the house. A package is ruled by the
// longest path that fits it.
type rule struct {
	of     string
	may    []string // paths; "x/*" is everything below x, "x" only x itself
	reason string
}

var rules = []rule{
	{"base", []string{"base/*"}, "base is what everything stands on and knows no telephone"},
	{"config", []string{"base/*"}, "the boot file is read before anything else exists"},
	{"tenant", []string{"base/*"}, "nouns know no protocol and no database"},
	{"observe", []string{"base/*"}, "observing must never need what it observes"},

	{"sip", []string{}, "words need no machine"},
	{"sip/transport", []string{"sip", "base/*", "observe/*"}, "the wire knows no transaction"},
	{"sip/resolve", []string{"sip", "base/*", "observe/*"}, "names are found without a socket of SIP's"},
	{"sip/digest", []string{"sip", "base/*", "observe/*"}, "a hash needs no dialog"},
	{"sip/transaction", []string{"sip", "base/*"}, "pure machines"},
	{"sip/endpoint", []string{"sip", "sip/transaction", "sip/resolve", "sip/digest", "base/*", "observe/*"}, "the wire arrives as an interface"},
	{"sip/dialog", []string{"sip", "base/*"}, "a dialog is data"},
	{"sip/invite", []string{"sip", "sip/dialog", "sip/endpoint", "sip/transaction", "sip/digest", "base/*", "observe/*"}, "a usage stands on dialog and endpoint"},
	{"sip/siptest", []string{"sip", "sip/*", "base/*"}, "the wing's kit"},

	{"media", []string{}, "words need no machine"},
	{"media/*", []string{"media", "media/*", "base/*", "observe/*"}, "media never meets SIP"},

	{"call", []string{"media", "media/sdp", "media/session", "base/*"}, "a call is not SIP"},
	{"call/control", []string{"call", "call/bridge", "media", "media/*", "base/*", "observe/*"}, "a call is not SIP, and asks the house through small interfaces"},
	{"call/bridge", []string{"call", "media", "media/*", "base/*", "observe/*"}, "members are legs, whatever they are made of"},
	{"call/calltest", []string{"call", "call/control", "media", "media/*", "base/*"}, "the wing's kit"},
	{"call/sipleg", []string{"call", "sip", "sip/*", "media", "media/*", "base/*", "observe/*"}, "the one door between SIP and calls"},

	{"store", []string{"tenant", "base/*"}, "rows know no driver"},
	{"store/*", []string{"store", "store/*", "observe/*", "base/*"}, "drivers know no feature"},

	{"route", []string{"call", "tenant", "base/*"}, "pure look-ups on a snapshot"},
	{"access", []string{"call", "tenant", "sip", "sip/digest", "base/*", "observe/*"}, "the door knows who, not what for"},

	{"service/*", []string{"call", "tenant", "store", "cluster", "media", "media/tone", "media/player", "base/*", "observe/*"}, "services never import one another, nor SIP"},
	{"service/registrar", []string{"call", "tenant", "store", "sip", "sip/endpoint", "access", "base/*", "observe/*"}, "registration is SIP by nature"},

	{"api/*", []string{"api/*", "service/*", "call", "route", "access", "store", "tenant", "observe/*", "base/*"}, "decode, authorize, call, encode"},
	{"api/client", []string{"base/*"}, "a client needs nothing of the server"},

	{"server", []string{"*"}, "the one place that knows everyone"},
	{"phone", []string{"call", "call/sipleg", "media", "media/*", "sip", "sip/*", "base/*", "observe/*"}, "a telephone is made of the wings, without the exchange"},
	{"cmd", []string{"server", "phone", "sip", "api/client", "config", "tenant", "base/*", "observe/*"}, "commands speak to what runs"},
	{"test", []string{"*"}, "tests see everything"},
	{"bench", []string{"*"}, "measurements see everything"},
}

func fits(pattern, pkg string) bool {
	if pattern == "*" {
		return true
	}
	if below, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(pkg, below+"/")
	}
	return pattern == pkg
}

func ruleOf(pkg string) *rule {
	var best *rule
	for i := range rules {
		r := &rules[i]
		if (fits(r.of, pkg) || strings.HasPrefix(pkg, r.of+"/")) && (best == nil || len(r.of) > len(best.of)) {
			best = r
		}
	}
	return best
}

type goPackage struct {
	ImportPath   string
	Name         string
	Doc          string
	Imports      []string
	Deps         []string
	TestImports  []string
	XTestImports []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports,Deps,TestImports,XTestImports", "santral/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImportsRunDown(t *testing.T) {
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, "santral/")
		r := ruleOf(pkg)
		if r == nil {
			t.Errorf("%s has no rule: give it a row", pkg)
			continue
		}
		for _, i := range p.Imports {
			below, ours := strings.CutPrefix(i, "santral/")
			if ours && !slices.ContainsFunc(r.may, func(pattern string) bool { return fits(pattern, below) }) {
				t.Errorf("%s imports %s: %s", pkg, below, r.reason)
			}
		}
	}
}

func TestSIPAndMediaNeverMeet(t *testing.T) {
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, "santral/")
		for _, dep := range p.Deps {
			if strings.HasPrefix(pkg, "sip") && strings.HasPrefix(dep, "santral/media") || strings.HasPrefix(pkg, "media") && strings.HasPrefix(dep, "santral/sip") {
				t.Errorf("%s reaches %s: only call/sipleg knows both", pkg, dep)
			}
		}
	}
}

func TestEveryPackageIntroducesItself(t *testing.T) {
	for _, p := range packages(t) {
		name := p.Name
		if name == "main" {
			name = path.Base(p.ImportPath)
		}
		if p.Doc == "" && len(p.Imports) > 0 {
			t.Errorf("%s has no package comment: what lives here, what does not, who owns its state", p.ImportPath)
		}
	}
}

func TestNothingOfTestsIsShipped(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != "santral/cmd/santral" {
			continue
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, "santral/test") || strings.HasSuffix(dep, "test") && strings.HasPrefix(dep, "santral/") || dep == "testing" {
				t.Errorf("the program contains %s", dep)
			}
		}
	}
}
