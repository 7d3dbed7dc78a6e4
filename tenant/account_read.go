package tenant

import (
	"strings"

	"santral/base/doc"
)

// maxOwns is how many numbers an account may present besides its own.
const maxOwns = 100

// account reads an extension or a line.
func (r *reading) account(kind Kind) func(*doc.Node) {
	return func(n *doc.Node) {
		read := r.accountReader(kind)
		n.Each(func(n *doc.Node) {
			a, at := read(n)
			twice := r.numbers[a.Number]
			if twice && a.Number != "" {
				n.Fail("number %s stands twice in this tenant; every number is one account", a.Number)
			}
			r.numbers[a.Number] = true
			if at != nil && !twice {
				r.names.note(anAccount, a.Number, at)
				if kind == Extension && digits(a.Number, 2, 7) {
					r.claims = append(r.claims, claim{number: a.Number, what: "extension", at: at.Spot()})
				}
			}
			r.tenant.Accounts = append(r.tenant.Accounts, a)
			if at == nil {
				at = n
			}
			r.tenant.placed.accounts = append(r.tenant.placed.accounts, at.Spot())
		})
	}
}

// accountReader gives the reader of one account, and of where its number stands. There may be 100,000 of them, so its fields
// are made once.
func (r *reading) accountReader(kind Kind) func(*doc.Node) (Account, *doc.Node) {
	var a Account
	var at, secret *doc.Node
	fields := doc.Fields{
		"number": func(n *doc.Node) {
			a.Number, at = n.Text(), n
			switch {
			case kind == Extension && !digits(a.Number, 2, 7):
				n.Fail("extension %q must have 2 to 7 digits", a.Number)
			case kind == Line && !digits(a.Number, 8, 8) && !digits(a.Number, 11, 11):
				n.Fail("line number %q must have 8 digits (local) or 11 digits (national, with its leading 0)", a.Number)
			}
		},
		"name":     func(n *doc.Node) { a.Name = readName(n) },
		"password": func(n *doc.Node) { a.Credential.Password, secret = readPassword(n), n },
		"ha1":      func(n *doc.Node) { a.Credential.HA1 = readHA1(n) },
		"pickup": func(n *doc.Node) {
			if a.Pickup = n.Text(); !isID(a.Pickup) {
				n.Fail("pick-up group %q must be 1 to 40 of a–z, 0–9 and -", a.Pickup)
			}
		},
		"withhold":    func(n *doc.Node) { a.Withhold = n.Bool() },
		"connected":   func(n *doc.Node) { a.Connected = n.OneOf("shown", "withheld") == "withheld" },
		"media":       func(n *doc.Node) { a.Media = readMedia(n) },
		"record":      func(n *doc.Node) { a.Record = readRecord(n) },
		"music":       func(n *doc.Node) { a.Music = r.tunes.account(n) },
		"language":    func(n *doc.Node) { a.Language = n.OneOf(LanguageNames...) },
		"state":       func(n *doc.Node) { a.State = readState(n, NumberFree, NumberReserved, NumberQuarantine) },
		"class":       func(n *doc.Node) { a.Class = r.names.ask(n, aClass) },
		"pin":         func(n *doc.Node) { a.PIN = readPIN(n) },
		"site":        func(n *doc.Node) { a.Site = r.names.ask(n, aSite) },
		"department":  func(n *doc.Node) { a.Department = r.names.ask(n, aDepartment) },
		"present-all": func(n *doc.Node) { a.MayAll = n.Bool() },
		"owns": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { a.Owns = append(a.Owns, r.owned(n)) })
			if len(a.Owns) > maxOwns {
				n.Fail("an account has at most %d numbers of its own: present-all: true has it present every number of the tenant", maxOwns)
			}
		},
	}
	if kind == Extension {
		fields["channels"] = func(n *doc.Node) { a.Channels = n.Int(1, MaxChannels) }
	} else {
		fields["consultation"] = func(n *doc.Node) { a.SharedConsultation = n.OneOf("strict", "shared") == "shared" }
	}
	return func(n *doc.Node) (Account, *doc.Node) {
		a, at, secret = Account{Kind: kind, Channels: 1}, nil, nil
		n.Map(fields, "number")
		if secret != nil && secret.Plain() && len(a.Credential.Password) >= leastPassword {
			if why := weak(a.Credential.Password, a.Number, a.Name); why != "" {
				secret.Weak("this secret is weak: %s", why)
			}
		}
		if a.Credential.Password == "" && len(a.Credential.HA1) == 0 {
			n.Fail("account %s has no secret: write password: or ha1:", a.Number)
		}
		return a, at
	}
}

func readPassword(n *doc.Node) string {
	password, plain := n.Secret()
	if plain && (len(password) < leastPassword || len(password) > 128 || strings.ContainsFunc(password, isControl)) {
		n.Fail("a password has 6 to 128 characters, and no control characters")
	}
	return password
}

func readHA1(n *doc.Node) map[string]string {
	ha1 := map[string]string{}
	field := func(algorithm string, length int) func(*doc.Node) {
		return func(n *doc.Node) {
			secret, _ := n.Secret() // who has it needs no password
			v := strings.ToLower(secret)
			if len(v) != length || strings.Trim(v, "0123456789abcdef") != "" {
				n.Fail("ha1 for %s must be %d hexadecimal digits", algorithm, length)
			}
			ha1[algorithm] = v
		}
	}
	n.Map(doc.Fields{"md5": field("MD5", 32), "sha256": field("SHA-256", 64), "sha512-256": field("SHA-512-256", 64)})
	return ha1
}
