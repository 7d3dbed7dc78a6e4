package tenant

import (
	"encoding/xml"
	"strings"
	"sync"
	"time"
)

// Place is a site as calls from there are understood: with what its tenant and the operator say where it says nothing.
type Place struct {
	*Site          // nil for a tenant without sites
	Plan    *Plan  // how numbers are dialled there
	Area    string // area code that need not be dialled; "" for unknown
	Zone    *time.Location
	Holiday string // id of the calendar whose holidays hold there; "" for none

	// Location is its address as an emergency service is told it, a PIDF-LO document (RFC 4119); "" for unknown.
	Location string
}

// Key gives the site's id, "" for a tenant without sites.
func (p *Place) Key() string {
	if p.Site == nil {
		return ""
	}
	return p.ID
}

// defaults are what the operator says for tenants that say nothing.
type defaults struct{ country, area, zone string }

// place fills a site's gaps.
func (t *Tenant) place(s *Site, d defaults) Place {
	p := Place{Site: s}
	country, area, zone := "", "", ""
	if s != nil {
		country, area, zone, p.Holiday = s.Country, s.Area, s.Zone, s.Calendar
		p.Location = location(t, s)
	}
	// An area is of its country: who says the country alone has none.
	if area == "" && country == "" {
		area = t.Area
	}
	if country == "" {
		country = t.Country
	}
	if area == "" && country == "" {
		area = d.area
	}
	if country == "" {
		country = d.country
	}
	if zone == "" {
		zone = t.Zone
	}
	if zone == "" {
		zone = d.zone
	}
	if p.Holiday == "" {
		p.Holiday = t.Calendar
	}
	p.Plan, p.Area, p.Zone = PlanOf(country), area, zoneOf(zone)
	return p
}

// zones are those that were loaded: every place of a zone has the same.
var zones sync.Map

func zoneOf(name string) *time.Location {
	if name == "" {
		return time.Local
	}
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location)
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return time.Local
	}
	zones.Store(name, z)
	return z
}

// location makes a site's PIDF-LO (RFC 4119 §2.2.1) with its civic address (RFC 5139 §3); "" for a site without one.
func location(t *Tenant, s *Site) string {
	var civic strings.Builder
	field := func(name, value string) {
		if value == "" {
			return
		}
		civic.WriteString("<cl:" + name + ">")
		_ = xml.EscapeText(&civic, []byte(value))
		civic.WriteString("</cl:" + name + ">")
	}
	a := &s.Address
	for _, f := range [...][2]string{ // in the order of the schema (RFC 5139 §4)
		{"country", strings.ToUpper(a.Country)}, {"A1", a.Province}, {"A3", a.City}, {"A4", a.District}, {"RD", a.Street},
		{"HNO", a.House}, {"LOC", a.Place}, {"FLR", a.Floor}, {"PC", a.Postcode}, {"BLD", a.Building}, {"UNIT", a.Unit},
	} {
		field(f[0], f[1])
	}
	if civic.Len() == 0 {
		return ""
	}
	entity := "pres:" + s.ID
	if len(t.Domains) > 0 {
		entity += "@" + t.Domains[0]
	}
	var who strings.Builder
	_ = xml.EscapeText(&who, []byte(entity))
	language := ""
	if t.Language != "" {
		language = ` xml:lang="` + t.Language + `"`
	}
	// Whoever helps may pass it on (RFC 4119 §2.2.2): retransmission-allowed.
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"` +
		` xmlns:gbp="urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy" xmlns:cl="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"` +
		` entity="` + who.String() + `"><tuple id="site"><status><gp:geopriv><gp:location-info><cl:civicAddress` + language + `>` + civic.String() +
		`</cl:civicAddress></gp:location-info><gp:usage-rules><gbp:retransmission-allowed>true</gbp:retransmission-allowed></gp:usage-rules>` +
		`<gp:method>Manual</gp:method></gp:geopriv></status></tuple></presence>` + "\n"
}
