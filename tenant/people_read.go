package tenant

import (
	"strings"

	"santral/base/doc"
)

// Bounds of users, buildings and units.
const (
	maxBlocks    = 500 // of one building
	maxResidents = 50  // of one unit
	maxPorts     = 500 // accounts of one unit or device
)

// user reads a person who may sign in.
func (x *names) user(n *doc.Node, r *reading) (u User) {
	fields := doc.Fields{
		"user": func(n *doc.Node) {
			u.ID = strings.ToLower(n.Text())
			if !isUser(u.ID) {
				n.Fail("user %q must be 1 to 100 of a–z, 0–9 and .-_@: it is what is typed to sign in", n.Text())
				return
			}
			x.take(n, aUser, u.ID)
		},
		"name":     func(n *doc.Node) { u.Name = readName(n) },
		"mail":     func(n *doc.Node) { u.Mail = readMail(n) },
		"language": func(n *doc.Node) { u.Language = n.OneOf(LanguageNames...) },
	}
	if r == nil {
		u.Role = RoleOperator
		fields["role"] = func(n *doc.Node) { n.OneOf(RoleOperator.String()) }
		n.Map(fields, "user")
		return u
	}
	var bound *doc.Node
	fields["role"] = func(n *doc.Node) { choose(n, &u.Role, RoleUser, RoleNames[:RoleAdmin]...) }
	fields["site"] = func(n *doc.Node) { u.Site, bound = x.ask(n, aSite), n }
	fields["department"] = func(n *doc.Node) { u.Department, bound = x.ask(n, aDepartment), n }
	fields["account"] = func(n *doc.Node) { u.Account = x.ask(n, anAccount) }
	n.Map(fields, "user", "role")
	if u.Role == RoleUser && u.Account == "" {
		n.Fail("user %s has the role user and no account: write account: with the number that is this person's", u.ID)
	}
	if bound != nil && u.Role != RoleManager && u.Role != RoleReporter && u.Role != NoRole {
		bound.Fail("site: and department: bound a manager or a reporter; leave them out for the role %v", u.Role)
	}
	return u
}

func isUser(s string) bool {
	return s != "" && len(s) <= 100 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_@") == ""
}

func (r *reading) building(n *doc.Node) {
	var b Building
	n.Map(doc.Fields{
		"building": func(n *doc.Node) { b.ID = r.names.key(n, aBuilding) },
		"name":     func(n *doc.Node) { b.Name = readName(n) },
		"site":     func(n *doc.Node) { b.Site = r.names.ask(n, aSite) },
		"blocks": func(n *doc.Node) {
			seen := map[string]bool{}
			n.Each(func(n *doc.Node) {
				block := readLine(n, maxName)
				if seen[block] || block == "" {
					n.Fail("block %q stands twice in this building, or has no name", block)
				}
				seen[block] = true
				b.Blocks = append(b.Blocks, block)
			})
			if len(b.Blocks) > maxBlocks {
				n.Fail("a building has at most %d blocks", maxBlocks)
			}
		},
	}, "building")
	r.tenant.Buildings = append(r.tenant.Buildings, b)
}

func (r *reading) unit(n *doc.Node) {
	var u Unit
	block := n
	n.Map(doc.Fields{
		"unit":     func(n *doc.Node) { u.ID = r.names.key(n, aUnit) },
		"building": func(n *doc.Node) { u.Building = r.names.ask(n, aBuilding) },
		"block":    func(n *doc.Node) { u.Block, block = readLine(n, maxName), n },
		"floor":    func(n *doc.Node) { u.Floor = readLine(n, maxName) },
		"door":     func(n *doc.Node) { u.Door = readLine(n, maxName) },
		"accounts": func(n *doc.Node) { u.Accounts = r.ports(n, "unit", r.housed) },
		"residents": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { u.Residents = append(u.Residents, readResident(n)) })
			if len(u.Residents) > maxResidents {
				n.Fail("a unit has at most %d residents", maxResidents)
			}
		},
	}, "unit", "building")
	r.tenant.Units = append(r.tenant.Units, u)
	r.units = append(r.units, block.Spot())
}

// blocks fails at units whose building has no such block.
func (r *reading) blocks() {
	blocks := map[[2]string]bool{}
	for _, b := range r.tenant.Buildings {
		for _, block := range b.Blocks {
			blocks[[2]string{b.ID, block}] = true
		}
	}
	for i, u := range r.tenant.Units {
		if u.Block != "" && r.names.has(aBuilding, u.Building) && !blocks[[2]string{u.Building, u.Block}] {
			r.doc.FailAt(r.units[i], "building %s has no block %q; write it under its blocks:", u.Building, u.Block)
		}
	}
}

// ports reads the accounts of a unit or a device. taken tells whose an account is already.
func (r *reading) ports(n *doc.Node, what string, taken map[string]int) (list []string) {
	n.Each(func(n *doc.Node) {
		account := r.names.ask(n, anAccount)
		if line, twice := taken[account]; twice {
			n.Fail("account %s belongs to a %s already, at line %d", account, what, line)
			return
		}
		taken[account] = int(n.Spot().Line)
		list = append(list, account)
	})
	if len(list) > maxPorts {
		n.Fail("a %s has at most %d accounts", what, maxPorts)
	}
	return list
}

func readResident(n *doc.Node) (p Resident) {
	n.Map(doc.Fields{
		"name": func(n *doc.Node) { p.Name = readName(n) },
		"mobile": func(n *doc.Node) {
			if p.Mobile = n.Text(); !number(p.Mobile, 3) {
				n.Fail("mobile %q must be a number of 3 to 15 digits, perhaps with a + in front", p.Mobile)
			}
		},
		"mail":  func(n *doc.Node) { p.Mail = readMail(n) },
		"since": func(n *doc.Node) { p.Since = readDay(n) },
	}, "name")
	return p
}

func (r *reading) device(n *doc.Node) {
	var d Device
	n.Map(doc.Fields{
		"device": func(n *doc.Node) { d.ID = r.names.key(n, aDevice) },
		"name":   func(n *doc.Node) { d.Name = readName(n) },
		"model":  func(n *doc.Node) { d.Model = readLine(n, maxName) },
		"accounts": func(n *doc.Node) { // a line may ring at several devices, but has one port at each
			d.Accounts = r.ports(n, "device", map[string]int{})
		},
		"site":       func(n *doc.Node) { d.Site = r.names.ask(n, aSite) },
		"department": func(n *doc.Node) { d.Department = r.names.ask(n, aDepartment) },
		"user":       func(n *doc.Node) { d.User = r.names.ask(n, aUser) },
		"note":       func(n *doc.Node) { d.Note = readLine(n, maxNote) },
	}, "device")
	r.tenant.Devices = append(r.tenant.Devices, d)
}

// maxNote bounds what people note of something, in octets.
const maxNote = 1000

// readMail reads a mail address.
func readMail(n *doc.Node) string {
	mail := n.Text()
	name, host, ok := strings.Cut(mail, "@")
	if !ok || name == "" || len(mail) > 254 || !isHost(host) || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()<>[]:;,\"@`, r) }) {
		n.Fail("%q must be a mail address, such as office@example.net", mail)
		return ""
	}
	return mail
}
