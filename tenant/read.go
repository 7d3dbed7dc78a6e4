package tenant

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"santral/base/doc"
)

// Limits of a document.
const (
	MaxChannels = 1000 // of one extension
	maxName     = 128  // octets of a display name
)

// LanguageNames are the languages that announcements can be heard in.
var LanguageNames = []string{"en", "fa"}

// CountryNames are the countries whose tones can be heard (media/tone).
var CountryNames = []string{"ae", "ca", "cn", "de", "es", "fr", "gb", "ir", "itu", "tr", "uk", "us"}

// ReadDir reads every *.yaml of a folder, a tenant each. What is wrong goes to problems; the
// tenants are of use only when there are none.
func ReadDir(dir string, problems *doc.Problems) []*Tenant {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err == nil && len(files) == 0 {
		problems.Add(doc.Problem{File: dir, Text: "holds no tenant document; write one, such as sample.yaml"})
	}
	var tenants []*Tenant
	for _, file := range files {
		if n := doc.ReadFile(file, problems); n != nil {
			t := read(n)
			within(dir, t.Music)
			tenants = append(tenants, t)
		}
	}
	return tenants
}

// Read reads one tenant document; file only names it in problems.
func Read(file string, data []byte, problems *doc.Problems) *Tenant {
	n := doc.Read(file, data, problems)
	if n == nil {
		return nil
	}
	return read(n)
}

// ReadNode reads one tenant document that was opened already.
func ReadNode(n *doc.Node) *Tenant { return read(n) }

func read(n *doc.Node) *Tenant {
	t := &Tenant{}
	numbers := map[string]bool{}
	var ways ways
	var lists lists
	var tunes tunes
	account := func(kind Kind) func(*doc.Node) {
		return func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				a := readAccount(n, kind, &tunes)
				if numbers[a.Number] && a.Number != "" {
					n.Fail("number %s stands twice in this tenant; every number is one account", a.Number)
				}
				numbers[a.Number] = true
				t.Accounts = append(t.Accounts, a)
			})
		}
	}
	n.Map(doc.Fields{
		"tenant": func(n *doc.Node) {
			t.ID = n.Text()
			if !isID(t.ID) {
				n.Fail("tenant id %q must be 1 to 40 of a–z, 0–9 and -", t.ID)
			}
		},
		"name":  func(n *doc.Node) { t.Name = readName(n) },
		"realm": func(n *doc.Node) { t.Realm = readRealm(n) },
		"domains": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				d := strings.ToLower(n.Text())
				if d == "" || strings.ContainsAny(d, " @:;?/\"<>\\") && !isIPv6(d) {
					n.Fail("domain %q must be a host name or an address, without a port", d)
				}
				t.Domains = append(t.Domains, d)
			})
		},
		"default":    func(n *doc.Node) { t.Default = n.Bool() },
		"country":    func(n *doc.Node) { t.Country = n.OneOf(CountryNames...) },
		"extensions": account(Extension),
		"lines":      account(Line),
		"phones":     func(n *doc.Node) { t.Phones = readPhones(n) },
		"media":      func(n *doc.Node) { t.Media = readMedia(n) },
		"trunks":     func(n *doc.Node) { n.Each(ways.trunk) },
		"routes":     func(n *doc.Node) { n.Each(ways.route) },
		"language":   func(n *doc.Node) { t.Language = n.OneOf(LanguageNames...) },
		"zone":       func(n *doc.Node) { t.Zone = readZone(n) },
		"lists":      func(n *doc.Node) { n.Each(lists.read) },
		"music":      func(n *doc.Node) { n.Each(tunes.read) },
		"rooms":      func(n *doc.Node) { t.Rooms = readRooms(n) },
		"record":     func(n *doc.Node) { t.Record = readRecord(n) },
		"prompts":    func(n *doc.Node) { t.PromptsPIN = readPrompts(n) },
		"waiting":    func(n *doc.Node) { t.PushWaiting = n.OneOf("subscribed", "pushed") == "pushed" },
	}, "tenant", "domains")
	t.Trunks, t.Routes = ways.join(numbers, t.Rooms)
	t.Lists = lists.join(numbers)
	t.Music = tunes.join()
	if t.Realm == "" && len(t.Domains) > 0 {
		t.Realm = t.Domains[0]
	}
	for i := range t.Accounts {
		a := &t.Accounts[i]
		a.Tenant, a.Media = t.ID, a.Media.Over(t.Media)
		if a.Language == "" {
			a.Language = t.Language
		}
	}
	for i := range t.Trunks {
		t.Trunks[i].Tenant = t.ID
	}
	return t
}

// readZone reads a time zone.
func readZone(n *doc.Node) string {
	name := n.Text()
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		n.Fail("zone %q is not a time zone, such as Asia/Tehran", name)
	}
	return name
}

func readAccount(n *doc.Node, kind Kind, tunes *tunes) Account {
	a := Account{Kind: kind, Channels: 1}
	fields := doc.Fields{
		"number": func(n *doc.Node) {
			a.Number = n.Text()
			switch {
			case kind == Extension && !digits(a.Number, 2, 7):
				n.Fail("extension %q must have 2 to 7 digits", a.Number)
			case kind == Line && !digits(a.Number, 8, 8) && !digits(a.Number, 11, 11):
				n.Fail("line number %q must have 8 digits (local) or 11 digits (national, with its leading 0)", a.Number)
			}
		},
		"name":     func(n *doc.Node) { a.Name = readName(n) },
		"password": func(n *doc.Node) { a.Credential.Password = readPassword(n) },
		"ha1":      func(n *doc.Node) { a.Credential.HA1 = readHA1(n) },
		"pickup": func(n *doc.Node) {
			if a.Pickup = n.Text(); !isID(a.Pickup) {
				n.Fail("pick-up group %q must be 1 to 40 of a–z, 0–9 and -", a.Pickup)
			}
		},
		"withhold": func(n *doc.Node) { a.Withhold = n.Bool() },
		"media":    func(n *doc.Node) { a.Media = readMedia(n) },
		"record":   func(n *doc.Node) { a.Record = readRecord(n) },
		"music":    func(n *doc.Node) { a.Music = tunes.account(n) },
		"language": func(n *doc.Node) { a.Language = n.OneOf(LanguageNames...) },
	}
	if kind == Extension {
		fields["channels"] = func(n *doc.Node) { a.Channels = n.Int(1, MaxChannels) }
	} else {
		fields["consultation"] = func(n *doc.Node) { a.SharedConsultation = n.OneOf("strict", "shared") == "shared" }
	}
	n.Map(fields, "number")
	if a.Credential.Password == "" && len(a.Credential.HA1) == 0 {
		n.Fail("account %s has no secret: write password: or ha1:", a.Number)
	}
	return a
}

func readName(n *doc.Node) string {
	name := n.Text()
	if len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		n.Fail("a name has at most %d octets and no control characters", maxName)
	}
	return name
}

func readRealm(n *doc.Node) string {
	realm := n.Text()
	if realm == "" || len(realm) > maxName || strings.ContainsFunc(realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		n.Fail("a realm is printable ASCII without quotes")
	}
	return realm
}

func readPassword(n *doc.Node) string {
	password := n.Text()
	if len(password) < 6 || len(password) > 128 {
		n.Fail("a password has 6 to 128 characters")
	}
	return password
}

func readHA1(n *doc.Node) map[string]string {
	ha1 := map[string]string{}
	field := func(algorithm string, length int) func(*doc.Node) {
		return func(n *doc.Node) {
			v := strings.ToLower(n.Text())
			if len(v) != length || strings.Trim(v, "0123456789abcdef") != "" {
				n.Fail("ha1 for %s must be %d hexadecimal digits", algorithm, length)
			}
			ha1[algorithm] = v
		}
	}
	n.Map(doc.Fields{"md5": field("MD5", 32), "sha256": field("SHA-256", 64), "sha512-256": field("SHA-512-256", 64)})
	return ha1
}

func isID(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func isIPv6(s string) bool { return strings.Count(s, ":") >= 2 }

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// Check says what is wrong between tenants: ids, domains and addresses that two of them claim.
func Check(tenants []*Tenant, problems *doc.Problems) {
	ids, domains, addresses := map[string]bool{}, map[string]string{}, map[string]string{}
	defaults := []string{}
	for _, t := range tenants {
		if ids[t.ID] {
			problems.Add(doc.Problem{File: t.ID, Text: "tenant id " + t.ID + " stands in two documents; give one another id"})
		}
		ids[t.ID] = true
		for _, d := range t.Domains {
			if other, taken := domains[d]; taken {
				problems.Add(doc.Problem{File: t.ID, Text: "domain " + d + " belongs to tenant " + other + " already; a domain means one tenant"})
			}
			domains[d] = t.ID
		}
		for i := range t.Trunks {
			if t.Trunks[i].Mode != Static {
				continue // of a carrier that we register at, others may be customers too
			}
			for _, from := range t.Trunks[i].sources() {
				if other, taken := addresses[from]; taken && other != t.ID { // within one document it was said at its place
					problems.Add(doc.Problem{File: t.ID, Text: from + " of trunk " + t.Trunks[i].Name + " belongs to a trunk of tenant " + other + " already; a source means one trunk"})
				}
				addresses[from] = t.ID
			}
		}
		if t.Default {
			defaults = append(defaults, t.ID)
		}
	}
	if slices.Sort(defaults); len(defaults) > 1 {
		problems.Add(doc.Problem{File: defaults[1], Text: "tenants " + strings.Join(defaults, " and ") + " are both default; only one may be"})
	}
}
