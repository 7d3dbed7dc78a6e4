// Package lint holds the rules of the house as tests: what may import what and why, how packages
// introduce themselves, how the standards are cited, and that the documents say what the code does.
package lint

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rule says what the packages below one path may import of the house. A package is ruled by the
// longest path that fits it. docs/architecture.md shows this table.
type rule struct {
	of     string
	may    []string // paths; "x/*" is everything below x, "x" only x itself
	reason string
}

var rules = []rule{
	{"base", []string{"base/*"}, "base is what everything stands on and knows no telephone"},
	{"config", []string{}, "the boot file is read before anything else exists"},
	{"tenant", []string{"base/*"}, "nouns know no protocol and no database"},
	{"observe", []string{"base/*"}, "observing must never need what it observes"},

	{"sip", []string{}, "words need no machine"},
	{"sip/transport", []string{"sip", "base/*", "observe/*"}, "the wire knows no transaction"},
	{"sip/resolve", []string{"sip", "base/*", "observe/*"}, "a name is found without a socket of SIP's"},
	{"sip/digest", []string{"sip", "base/*", "observe/*"}, "a hash needs no dialog"},
	{"sip/transaction", []string{"sip", "base/*"}, "pure machines"},
	{"sip/endpoint", []string{"sip", "sip/transaction", "sip/dialog", "sip/resolve", "sip/digest", "base/*", "observe/*"}, "the wire arrives as an interface; dialogs are data, for what answers too late"},
	{"sip/dialog", []string{"sip", "base/*"}, "a dialog is data"},
	{"sip/invite", []string{"sip", "sip/dialog", "sip/endpoint", "sip/transaction", "sip/digest", "base/*", "observe/*"}, "a usage stands on dialog and endpoint"},
	{"sip/event", []string{"sip", "sip/dialog", "sip/endpoint", "sip/digest", "base/*", "observe/*"}, "another usage beside INVITE, of the same make"},
	{"sip/siptest", []string{"sip", "sip/*", "base/*"}, "the wing's kit"},

	{"media", []string{}, "words need no machine"},
	{"media/*", []string{"media", "base/*", "observe/*"}, "media never meets SIP, and its rooms meet in session"},
	{"media/mixer", []string{"media", "media/pcm", "media/rtp", "media/listen", "media/level", "base/*", "observe/*"}, "a room keeps the media clock, and knows who talks and how loud"},
	{"media/level", []string{"media", "media/pcm", "base/*", "observe/*"}, "loudness is of samples"},
	{"media/listen", []string{"media", "media/pcm", "base/*", "observe/*"}, "what sound is shows in its spectrum"},
	{"media/prompt", []string{"media", "media/pcm", "media/player", "base/*", "observe/*"}, "phrases become sounds that are played"},
	{"media/tts", []string{"media", "media/pcm", "media/player", "base/*", "observe/*"}, "an engine's speech is a file to play"},
	{"media/player", []string{"media", "media/pcm", "media/codec", "media/ogg", "base/*", "observe/*"}, "sound in files is in codecs of the wire too"},
	{"media/recorder", []string{"media", "media/pcm", "media/codec", "media/ogg", "base/*", "observe/*"}, "sound into a file likewise"},
	{"media/codec", []string{"media", "media/pcm", "base/*", "observe/*"}, "codecs are made of samples"},
	{"media/jitter", []string{"media", "media/pcm", "base/*", "observe/*"}, "a buffer stretches samples and conceals what is missing"},
	{"media/srtp", []string{"media", "media/rtp", "base/*", "observe/*"}, "it is the Opener and Sealer of packets"},
	{"media/dtls", []string{"media", "media/srtp", "base/*", "observe/*"}, "a handshake ends in keys"},
	{"media/session", []string{"media", "media/*", "base/*", "observe/*"}, "here descriptions become streams"},
	{"media/mediatest", []string{"media", "media/*", "base/*"}, "the wing's kit"},

	{"call", []string{"media", "media/sdp", "media/session", "media/mixer", "base/*"}, "a call is not SIP"},
	{"call/control", []string{"call", "call/bridge", "media", "media/*", "base/*", "observe/*"}, "a call asks the house through small interfaces"},
	{"call/bridge", []string{"call", "media", "media/*", "base/*", "observe/*"}, "members are legs, whatever they are made of"},
	{"call/calltest", []string{"call", "media", "media/*", "base/*"}, "the wing's kit"},
	{"call/sipleg", []string{"call", "sip", "sip/*", "media", "media/*", "base/*", "observe/*"}, "the one door between SIP and calls"},

	{"store", []string{"tenant", "base/*"}, "rows know no driver"},
	{"store/*", []string{"store", "observe/*"}, "drivers know no feature"},

	{"route", []string{"call", "tenant", "base/*"}, "pure look-ups on a snapshot"},
	{"access", []string{"call", "tenant", "sip", "sip/digest"}, "the door knows who, not what for"},

	{"service/*", []string{"call", "tenant", "store", "cluster", "media", "base/*", "observe/*"}, "services never import one another, nor SIP"},
	{"service/recording", []string{"call", "tenant", "store", "cluster", "media", "media/recorder", "media/player", "base/*", "observe/*"}, "recordings are its trade"},
	{"service/music", []string{"call", "tenant", "store", "cluster", "media", "media/player", "media/rtp", "base/*", "observe/*"}, "music is files that are played, on the media clock"},
	{"service/prompt", []string{"call", "tenant", "store", "cluster", "media", "media/prompt", "media/player", "media/level", "media/tts", "base/*", "observe/*"}, "what is said is its trade"},
	{"service/conference", []string{"call", "tenant", "store", "cluster", "media", "media/mixer", "media/tone", "base/*", "observe/*"}, "rooms are its trade"},
	{"service/trunk", []string{"call", "tenant", "sip", "sip/digest", "sip/endpoint", "access", "base/*", "observe/*"}, "a trunk registers and asks in SIP, and tells the door who may come"},
	{"service/registrar", []string{"call", "tenant", "store", "cluster", "media", "sip", "sip/event", "access", "base/*", "observe/*"}, "registration is SIP by nature"},
	{"service/message", []string{"call", "tenant", "store", "cluster", "sip", "sip/event", "access", "base/*", "observe/*"}, "so are text messages"},
	{"service/quality", []string{"call", "tenant", "store", "cluster", "sip", "base/*", "observe/*"}, "phones report in SIP"},
	{"service/presence", []string{"call", "tenant", "store", "cluster", "sip", "sip/event", "access", "base/*", "observe/*"}, "presence is told in SIP by nature"},

	{"api", []string{"tenant", "base/*"}, "words of who may do what"},
	{"api/*", []string{"api", "service/*", "call", "route", "access", "store", "tenant", "observe/*", "base/*"}, "decode, authorize, call, encode"},
	{"api/rest", []string{"api", "api/order", "api/noun", "api/page", "service/*", "call", "route", "access", "store", "tenant", "observe/*", "base/*"}, "what can be configured is shown in the shape of its nouns"},
	{"api/noun", []string{}, "a shape needs nothing but itself"},
	{"api/page", []string{}, "pages are made of the description alone"},
	{"api/client", []string{"api/noun", "base/*"}, "a client needs nothing of the server but its nouns"},

	{"server", []string{"*"}, "the one place that knows everyone"},
	{"phone", []string{"call", "call/sipleg", "media", "media/*", "sip", "sip/*", "base/*", "observe/*"}, "a telephone is made of the wings, without the exchange"},
	{"cmd", []string{"server", "phone", "api/client", "api/noun", "config"}, "commands speak to what runs"},
	{"test", []string{"*"}, "tests see everything"},
	{"bench", []string{"*"}, "measurements see everything"},
}

// exceptions are the imports that the table does not allow and the house has all the same, each
// with its reason. One that nobody needs any longer is an error.
var exceptions = []struct{ from, to, reason string }{
	{"config", "base/doc", "one reader of documents, with its line numbers, for the boot file and for tenants"},
	{"access", "base/id", "nonces take their chance from the seeded source, so that a test can repeat them"},
	{"store/ledger", "store/journal", "ledger and bindings are two promises over one mechanism"},
	{"store/bindings", "store/journal", "ledger and bindings are two promises over one mechanism"},
	{"store/storetest", "store/journal", "the sick disk of the tests is the journal's interface"},
	{"cmd/santral", "tenant", "local makes its sample tenant, and check reads tenant documents without a server"},
	{"cmd/santral", "base/doc", "the problems of all documents are said together"},
	{"cmd/santral", "observe/trace", "a ladder is drawn for the terminal that it is read on"},
	{"cmd/santral", "sip", "the phone's transport is a word of SIP"},
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
	needed := make([]bool, len(exceptions))
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, "santral/")
		r := ruleOf(pkg)
		if r == nil {
			t.Errorf("%s has no rule: give it a row", pkg)
			continue
		}
		for _, i := range p.Imports {
			below, ours := strings.CutPrefix(i, "santral/")
			if !ours || pkg == below {
				continue
			}
			excepted := false
			for j, e := range exceptions {
				if e.from == pkg && e.to == below {
					needed[j], excepted = true, true
				}
			}
			if !excepted && !slices.ContainsFunc(r.may, func(pattern string) bool { return fits(pattern, below) }) {
				t.Errorf("%s imports %s: %s", pkg, below, r.reason)
			}
		}
	}
	for j, e := range exceptions {
		if !needed[j] {
			t.Errorf("%s no longer imports %s: take the exception out", e.from, e.to)
		}
	}
}

// TestOnlyTheServerKnowsTheMachines holds what no rule may ever allow: concrete machines are built in
// one place, and handed to whoever needs them as a small interface.
func TestOnlyTheServerKnowsTheMachines(t *testing.T) {
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, "santral/")
		for _, i := range p.Imports {
			switch strings.TrimPrefix(i, "santral/") {
			case "store/db", "call/control", "cluster/nats":
				if pkg != "server" && !strings.HasPrefix(pkg, "test/") {
					t.Errorf("%s imports %s, which only server may", pkg, i)
				}
			}
			if strings.HasPrefix(pkg, "service/") && strings.HasPrefix(i, "santral/service/") {
				t.Errorf("%s imports %s: services never import one another", pkg, i)
			}
		}
	}
}

// TestTheArchitecturePageShowsTheRules holds docs/architecture.md to the tables here.
func TestTheArchitecturePageShowsTheRules(t *testing.T) {
	page := read(t, "docs/architecture.md")
	for _, r := range rules {
		if line := r.line(); !strings.Contains(page, line) {
			t.Errorf("docs/architecture.md lacks the line\n%s", line)
		}
	}
	for _, e := range exceptions {
		if line := "| `" + e.from + "` | `" + e.to + "` | " + e.reason + " |"; !strings.Contains(page, line) {
			t.Errorf("docs/architecture.md lacks the line\n%s", line)
		}
	}
}

// line is the rule as the page shows it.
func (r rule) line() string {
	may := "nothing of ours"
	switch {
	case slices.Equal(r.may, []string{"*"}):
		may = "everything"
	case len(r.may) > 0:
		may = strings.Join(r.may, ", ")
	}
	return "| `" + r.of + "` | " + may + " | " + r.reason + " |"
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
