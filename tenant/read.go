package tenant

import (
	"path/filepath"
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

// ReadDir reads every *.yaml of a folder, a tenant each, besides the operator's document. What is wrong goes to problems;
// the tenants are of use only when there are none.
func ReadDir(dir string, problems *doc.Problems) []*Tenant {
	_, tenants := ReadFolder(dir, problems)
	return tenants
}

// ReadFolder reads every *.yaml of a folder: tenants, and the operator's document, nil where there is none.
func ReadFolder(dir string, problems *doc.Problems) (operator *Operator, tenants []*Tenant) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		problems.Add(doc.Problem{File: dir, Text: "can't be looked into: " + err.Error()})
	}
	for _, file := range files {
		n := doc.ReadFile(file, problems)
		if n == nil {
			continue
		}
		d := ReadDocument(n)
		switch {
		case d.Tenant != nil:
			within(dir, d.Tenant.Music)
			tenants = append(tenants, d.Tenant)
		case operator != nil:
			n.Fail("is a second document of the operator; write all of it in one")
		default:
			operator = d.Operator
		}
	}
	return operator, tenants
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
	t := &Tenant{placed: placed{file: n.Where().File}}
	r := &reading{doc: n, tenant: t, numbers: map[string]bool{}, housed: map[string]int{}}
	r.ways = ways{kind: aTrunk, names: &r.names}
	n.Map(doc.Fields{
		"tenant": func(n *doc.Node) {
			t.ID = n.Text()
			if !isID(t.ID) {
				n.Fail("tenant id %q must be 1 to 40 of a–z, 0–9 and -", t.ID)
			}
			if t.ID == OperatorID {
				n.Fail("tenant id %q is the exchange's own: give the tenant another, or write operator: instead of tenant:", t.ID)
			}
		},
		"name":  func(n *doc.Node) { t.Name = readName(n) },
		"realm": func(n *doc.Node) { t.Realm = readRealm(n) },
		"domains": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				d := strings.ToLower(n.Text())
				if d == "" || len(d) > 253 || strings.ContainsFunc(d, isControl) || strings.ContainsAny(d, " @:;?/\"<>\\") && !isIPv6(d) {
					n.Fail("domain %q must be a host name or an address, without a port", d)
				}
				t.Domains = append(t.Domains, d)
				t.placed.domains = append(t.placed.domains, n.Spot())
			})
		},
		"default":     func(n *doc.Node) { t.Default = n.Bool() },
		"country":     func(n *doc.Node) { t.Country = n.OneOf(CountryNames...) },
		"extensions":  r.account(Extension),
		"lines":       r.account(Line),
		"phones":      func(n *doc.Node) { t.Phones = readPhones(n) },
		"media":       func(n *doc.Node) { t.Media = readMedia(n) },
		"trunks":      func(n *doc.Node) { n.Each(r.ways.trunk) },
		"routes":      func(n *doc.Node) { n.Each(r.ways.route) },
		"language":    func(n *doc.Node) { t.Language = n.OneOf(LanguageNames...) },
		"zone":        func(n *doc.Node) { t.Zone = readZone(n) },
		"lists":       func(n *doc.Node) { n.Each(r.lists.read) },
		"music":       func(n *doc.Node) { n.Each(r.tunes.read) },
		"rooms":       func(n *doc.Node) { t.Rooms, r.wroteRooms = readRooms(n), true },
		"record":      func(n *doc.Node) { t.Record = readRecord(n) },
		"prompts":     func(n *doc.Node) { t.PromptsPIN = readPrompts(n) },
		"waiting":     func(n *doc.Node) { t.PushWaiting = n.OneOf("subscribed", "pushed") == "pushed" },
		"type":        func(n *doc.Node) { r.wroteType = true; choose(n, &t.Type, Business, TenantTypeNames...) },
		"brand":       func(n *doc.Node) { t.Brand = r.names.ask(n, aBrand) },
		"area":        func(n *doc.Node) { t.Area = readArea(n) },
		"class":       func(n *doc.Node) { t.Class = r.names.ask(n, aClass) },
		"present":     func(n *doc.Node) { t.Present = r.owned(n) },
		"calendar":    func(n *doc.Node) { t.Calendar = r.names.ask(n, aCalendar) },
		"limits":      func(n *doc.Node) { t.Limits = readLimits(n) },
		"retention":   func(n *doc.Node) { t.Retention = readRetention(n) },
		"api":         func(n *doc.Node) { t.API = readAccess(n) },
		"inbound":     r.inbound,
		"sites":       func(n *doc.Node) { n.Each(r.site) },
		"departments": func(n *doc.Node) { n.Each(r.department) },
		"groups":      func(n *doc.Node) { n.Each(r.group) },
		"users":       func(n *doc.Node) { n.Each(func(n *doc.Node) { t.Users = append(t.Users, r.names.user(n, r)) }) },
		"buildings":   func(n *doc.Node) { n.Each(r.building) },
		"units":       func(n *doc.Node) { n.Each(r.unit) },
		"devices":     func(n *doc.Node) { n.Each(r.device) },
		"numbers":     func(n *doc.Node) { n.Each(r.number) },
		"classes":     func(n *doc.Node) { n.Each(r.class) },
		"schedules": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { t.Schedules = append(t.Schedules, r.names.schedule(n)) })
		},
		"calendars": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { t.Calendars = append(t.Calendars, r.names.calendar(n)) })
		},
		"pools":    func(n *doc.Node) { n.Each(func(n *doc.Node) { t.Pools = append(t.Pools, r.names.pool(n)) }) },
		"webhooks": func(n *doc.Node) { n.Each(func(n *doc.Node) { t.Webhooks = append(t.Webhooks, r.names.webhook(n)) }) },
		"reports":  func(n *doc.Node) { n.Each(r.report) },
		"emergency": func(n *doc.Node) {
			t.Emergency = readEmergency(n)
			for _, number := range t.Emergency {
				r.claims = append(r.claims, claim{number: number, what: "emergency number", at: n.Spot(), urgent: true})
			}
		},
	}, "tenant", "domains")
	r.finish(n)
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

func isID(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func isIPv6(s string) bool { return strings.Count(s, ":") >= 2 }

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}
