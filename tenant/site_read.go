package tenant

import (
	"strings"

	"santral/base/doc"
)

// maxAddress bounds each line of an address, in octets.
const maxAddress = 256

func (r *reading) site(n *doc.Node) {
	var s Site
	n.Map(doc.Fields{
		"site":      func(n *doc.Node) { s.ID = r.names.key(n, aSite) },
		"name":      func(n *doc.Node) { s.Name = readName(n) },
		"zone":      func(n *doc.Node) { s.Zone = readZone(n) },
		"country":   func(n *doc.Node) { s.Country = n.OneOf(CountryNames...) },
		"area":      func(n *doc.Node) { s.Area = readArea(n) },
		"calendar":  func(n *doc.Node) { s.Calendar = r.names.ask(n, aCalendar) },
		"address":   func(n *doc.Node) { s.Address = readAddress(n) },
		"emergency": func(n *doc.Node) { s.Emergency = r.owned(n) },
		"code": func(n *doc.Node) {
			if s.Code = n.Text(); !digits(s.Code, 1, 5) {
				n.Fail("code %q must be 1 to 5 digits: they are dialled before an extension of this site", s.Code)
				s.Code = ""
				return
			}
			r.codes = append(r.codes, claim{number: s.Code, what: "site code", at: n.Spot()})
		},
	}, "site")
	r.tenant.Sites = append(r.tenant.Sites, s)
}

func (r *reading) department(n *doc.Node) {
	var d Department
	n.Map(doc.Fields{
		"department": func(n *doc.Node) { d.ID = r.names.key(n, aDepartment) },
		"name":       func(n *doc.Node) { d.Name = readName(n) },
		"parent":     func(n *doc.Node) { d.Parent = r.names.ask(n, aDepartment) },
		"site":       func(n *doc.Node) { d.Site = r.names.ask(n, aSite) },
	}, "department")
	r.tenant.Departments = append(r.tenant.Departments, d)
	r.departments = append(r.departments, n.Spot())
}

// hierarchy fails at departments that are parts of themselves.
func (r *reading) hierarchy() {
	parent := map[string]string{}
	for _, d := range r.tenant.Departments {
		parent[d.ID] = d.Parent
	}
	seen := map[string]int{} // the walk that met each
	for i, d := range r.tenant.Departments {
		chain := []string{}
		for id := d.ID; id != "" && seen[id] != -1; id = parent[id] {
			if seen[id] == i+1 {
				r.doc.FailAt(r.departments[i], "departments are parts of one another: %s; give one of them another parent, or none", strings.Join(append(chain, id), " in "))
				break
			}
			seen[id] = i + 1
			chain = append(chain, id)
		}
		for _, id := range chain {
			seen[id] = -1 // said, or sound
		}
	}
}

// readArea reads an area code.
func readArea(n *doc.Node) string {
	area := n.Text()
	if !digits(area, 1, 6) || area[0] == '0' {
		n.Fail("area %q must be an area code of 1 to 6 digits without its leading 0, such as \"21\"", area)
		return ""
	}
	return area
}

func readAddress(n *doc.Node) (a Address) {
	line := func(into *string) func(*doc.Node) {
		return func(n *doc.Node) { *into = readLine(n, maxAddress) }
	}
	n.Map(doc.Fields{
		"country": func(n *doc.Node) {
			if a.Country = strings.ToUpper(n.Text()); len(a.Country) != 2 || strings.Trim(a.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
				n.Fail("country %q must be a country's two letters (ISO 3166), such as IR", n.Text())
			}
		},
		"province": line(&a.Province),
		"city":     line(&a.City),
		"district": line(&a.District),
		"street":   line(&a.Street),
		"house":    line(&a.House),
		"building": line(&a.Building),
		"unit":     line(&a.Unit),
		"floor":    line(&a.Floor),
		"postcode": line(&a.Postcode),
		"place":    line(&a.Place),
	})
	return a
}

// readLine reads a text of one line.
func readLine(n *doc.Node, most int) string {
	text := n.Text()
	if len(text) > most || strings.ContainsFunc(text, isControl) {
		n.Fail("must be one line of at most %d octets without control characters", most)
		return ""
	}
	return text
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 }
