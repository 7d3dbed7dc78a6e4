package tenant

import (
	"regexp"
	"strings"

	"santral/base/doc"
)

// maxEmergency is how many numbers of emergency services a document adds.
const maxEmergency = 100

// Document is what one text says: a tenant, or the operator. The other is nil.
type Document struct {
	Tenant   *Tenant
	Operator *Operator
}

// ID is the id of the document's tenant, OperatorID for the operator's document; "" where it could not be read.
func (d Document) ID() string {
	switch {
	case d.Operator != nil:
		return OperatorID
	case d.Tenant != nil:
		return d.Tenant.ID
	}
	return ""
}

// ReadDocument reads a document of either kind: the operator's has the key operator:.
func ReadDocument(n *doc.Node) Document {
	if n.Has("operator") {
		return Document{Operator: readOperator(n)}
	}
	return Document{Tenant: read(n)}
}

// ReadOperator reads the operator's document.
func ReadOperator(n *doc.Node) *Operator { return readOperator(n) }

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func readOperator(n *doc.Node) *Operator {
	o := &Operator{}
	x := &names{}
	carriers := ways{kind: aCarrier, names: x}
	var blocks []standing
	n.Map(doc.Fields{
		"operator":  func(n *doc.Node) { o.Name = readName(n) },
		"country":   func(n *doc.Node) { o.Country = n.OneOf(CountryNames...) },
		"area":      func(n *doc.Node) { o.Area = readArea(n) },
		"language":  func(n *doc.Node) { o.Language = n.OneOf(LanguageNames...) },
		"zone":      func(n *doc.Node) { o.Zone = readZone(n) },
		"apart":     func(n *doc.Node) { o.Apart = n.Bool() },
		"emergency": func(n *doc.Node) { o.Emergency = readEmergency(n) },
		"retention": func(n *doc.Node) { o.Retention = readRetention(n) },
		"api":       func(n *doc.Node) { o.API = readAccess(n) },
		"brands":    func(n *doc.Node) { n.Each(func(n *doc.Node) { o.Brands = append(o.Brands, x.brand(n)) }) },
		"users":     func(n *doc.Node) { n.Each(func(n *doc.Node) { o.Users = append(o.Users, x.user(n, nil)) }) },
		"schedules": func(n *doc.Node) { n.Each(func(n *doc.Node) { o.Schedules = append(o.Schedules, x.schedule(n)) }) },
		"calendars": func(n *doc.Node) { n.Each(func(n *doc.Node) { o.Calendars = append(o.Calendars, x.calendar(n)) }) },
		"pools":     func(n *doc.Node) { n.Each(func(n *doc.Node) { o.Pools = append(o.Pools, x.pool(n)) }) },
		"webhooks":  func(n *doc.Node) { n.Each(func(n *doc.Node) { o.Webhooks = append(o.Webhooks, x.webhook(n)) }) },
		"carriers":  func(n *doc.Node) { n.Each(carriers.trunk) },
		"routes":    func(n *doc.Node) { n.Each(carriers.route) },
		"blocks": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				b, at := x.block(n)
				o.Blocks = append(o.Blocks, b)
				if at != nil && b.First != "" {
					blocks = append(blocks, standing{Numbers: b.Numbers, at: at.Spot()})
				}
			})
		},
	}, "operator")
	o.Carriers, o.Routes = carriers.join(nil, Rooms{None: true}, "the operator")
	for i := range o.Carriers {
		o.Carriers[i].Tenant = OperatorID
	}
	x.join(n, "the operator", true)
	apart(n, blocks)
	return o
}

func (x *names) brand(n *doc.Node) (b Brand) {
	n.Map(doc.Fields{
		"brand":  func(n *doc.Node) { b.ID = x.key(n, aBrand) },
		"name":   func(n *doc.Node) { b.Name = readName(n) },
		"domain": func(n *doc.Node) { b.Domain = readHost(n) },
		"colour": func(n *doc.Node) {
			if b.Colour = n.Text(); !colour.MatchString(b.Colour) {
				n.Fail("colour %q must be # and six hexadecimal digits, in quotes: \"#0a7d5b\"", b.Colour)
				b.Colour = ""
			}
		},
		"logo":    func(n *doc.Node) { b.Logo = readLine(n, maxURL) },
		"mail":    func(n *doc.Node) { b.Mail = readMail(n) },
		"support": func(n *doc.Node) { b.Support = readLine(n, maxName) },
	}, "brand")
	return b
}

func (x *names) block(n *doc.Node) (b Block, at *doc.Node) {
	b.State = NumberFree
	n.Map(doc.Fields{
		"number":  func(n *doc.Node) { b.Numbers, at = readBlock(n), n },
		"name":    func(n *doc.Node) { b.Name = readName(n) },
		"state":   func(n *doc.Node) { b.State = readState(n, NumberActive, NumberBarred, NumberSuspended) },
		"until":   func(n *doc.Node) { b.Until = readDay(n) },
		"tenant":  func(n *doc.Node) { b.Tenant = readID(n, "tenant") },
		"country": func(n *doc.Node) { b.Country = n.OneOf(CountryNames...) },
		"area":    func(n *doc.Node) { b.Area = readArea(n) },
	}, "number")
	if !b.Until.IsZero() && b.State != NumberReserved && b.State != NumberQuarantine {
		n.Fail("until: is of numbers that are reserved or in quarantine")
	}
	if b.State == NumberReserved && b.Tenant == "" && b.Until.IsZero() {
		n.Fail("a reserved number says for whom, tenant:, or how long, until:")
	}
	return b, at
}

// readEmergency reads numbers of emergency services.
func readEmergency(n *doc.Node) (list []string) {
	n.Each(func(n *doc.Node) {
		number := n.Text()
		if !digits(number, 2, 6) {
			n.Fail("emergency number %q must have 2 to 6 digits", number)
			return
		}
		if strings.Contains(" "+strings.Join(list, " ")+" ", " "+number+" ") {
			n.Fail("emergency number %s stands twice", number)
			return
		}
		list = append(list, number)
	})
	if len(list) > maxEmergency {
		n.Fail("there are at most %d numbers of emergency services", maxEmergency)
		list = list[:maxEmergency]
	}
	return list
}
