package tenant

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"santral/base/doc"
)

// Defaults and bounds of a trunk.
const (
	DefaultTrunkChannels = 10
	MaxTrunkChannels     = 10000
	MaxRate              = 1000 // calls a second
	maxTo                = 16   // addresses of one trunk
	maxNumbers           = 10000
	maxRoutes            = 20000
	leastOptions         = 5 * time.Second
	mostOptions          = time.Hour
	defaultExpires       = time.Hour
	defaultPatience      = 12 * time.Second
)

// trunkWords are the keys of a trunk that hold in one of its modes alone.
type trunkWords struct{ to, registrar, domain, user, authUser, addresses, certificates, expires, pbx, realm bool }

func (w *ways) readTrunk(n *doc.Node) Trunk {
	t := Trunk{Channels: DefaultTrunkChannels, Expires: defaultExpires}
	var said trunkWords
	fields := t.Manners.fields(doc.Fields{
		"name": func(n *doc.Node) { t.Name = readID(n, "trunk name") },
		"mode": func(n *doc.Node) { choose(n, &t.Mode, Registers, "register", "registered", "static") },
		"to": func(n *doc.Node) {
			said.to = true
			t.To = readTargets(n)
		},
		"registrar": func(n *doc.Node) { said.registrar, t.Registrar = true, readTarget(n) },
		"proxy":     func(n *doc.Node) { said.to, t.Proxy = true, readTarget(n) },
		"domain":    func(n *doc.Node) { said.domain, t.Domain = true, readHost(n) },
		"realm":     func(n *doc.Node) { said.realm, t.Realm = true, readRealm(n) },
		"user":      func(n *doc.Node) { said.user, t.User = true, readUser(n) },
		"auth-user": func(n *doc.Node) { said.authUser, t.AuthUser = true, readUser(n) },
		"password":  func(n *doc.Node) { t.Credential.Password = readPassword(n) },
		"ha1":       func(n *doc.Node) { t.Credential.HA1 = readHA1(n) },
		"gin":       func(n *doc.Node) { t.GIN = n.Bool() },
		"expires":   func(n *doc.Node) { said.expires, t.Expires = true, n.Duration(time.Minute, 24*time.Hour) },
		"addresses": func(n *doc.Node) {
			said.addresses = true
			n.Each(func(n *doc.Node) { t.Addresses = append(t.Addresses, readPrefix(n)) })
		},
		"certificates": func(n *doc.Node) {
			said.certificates = true
			n.Each(func(n *doc.Node) { t.Certificates = append(t.Certificates, readHost(n)) })
		},
		"pbx":          func(n *doc.Node) { said.pbx, t.PBX = true, n.Bool() },
		"numbers":      func(n *doc.Node) { t.Numbers = readNumbers(n) },
		"channels":     func(n *doc.Node) { t.Channels = n.Int(1, MaxTrunkChannels) },
		"channels-in":  func(n *doc.Node) { t.ChannelsIn = n.Int(1, MaxTrunkChannels) },
		"channels-out": func(n *doc.Node) { t.ChannelsOut = n.Int(1, MaxTrunkChannels) },
		"rate":         func(n *doc.Node) { t.Rate = n.Int(1, MaxRate) },
		"called": func(n *doc.Node) {
			choose(n, &t.Called, CalledInRequestURI, "request-uri", "to", "p-called-party-id", "diversion")
		},
		"trust":        func(n *doc.Node) { t.Trust = n.Bool() },
		"media":        func(n *doc.Node) { t.Media = readMedia(n) },
		"refer":        func(n *doc.Node) { t.Refer = n.Bool() },
		"believe-from": func(n *doc.Node) { t.Doubt = !n.Bool() },
		"options":      func(n *doc.Node) { t.Options = n.Duration(leastOptions, mostOptions) },
		"in":           func(n *doc.Node) { t.In = readRules(n) },
		"out":          func(n *doc.Node) { t.Out = readRules(n) },
		"reserved":     func(n *doc.Node) { t.Reserved = n.Int(0, MaxTrunkChannels) },
		"pool":         func(n *doc.Node) { t.Pool = w.names.ask(n, aPool) },
		"small":        func(n *doc.Node) { t.Small = n.Bool() },
		"state":        func(n *doc.Node) { t.State = readState(n, NumberFree, NumberReserved, NumberQuarantine) },
	})
	if w.kind == aTrunk {
		fields["class"] = func(n *doc.Node) { t.Class = w.names.ask(n, aClass) }
		fields["site"] = func(n *doc.Node) { t.Site = w.names.ask(n, aSite) }
	}
	n.Map(fields, "name", "mode")
	said.hold(n, &t)
	if t.Mode == Registered {
		t.PBX = true
	}
	if t.Domain == "" && len(t.To) > 0 {
		t.Domain = hostOf(t.To[0])
	}
	if t.Mode == Registers && t.Registrar == "" && len(t.To) > 0 {
		t.Registrar = t.To[0]
	}
	return t
}

// hold says which keys the trunk's mode lacks, and which say nothing in it.
func (said *trunkWords) hold(n *doc.Node, t *Trunk) {
	switch t.Mode {
	case Registers:
		if len(t.To) == 0 {
			n.Fail("trunk %s has nobody to register at: write to: with the carrier's SIP URI", t.Name)
		}
		if !said.user || !t.Proves() {
			n.Fail("trunk %s registers at a carrier: write its user: and password: (or ha1:)", t.Name)
		}
		if t.Credential.Password == "" && t.Proves() && !said.realm {
			n.Fail("trunk %s: ha1: holds for one realm: write the carrier's realm:", t.Name)
		}
		if said.certificates || said.pbx {
			n.Fail("trunk %s registers at a carrier: certificates: and pbx: are for peers that come to us", t.Name)
		}
	case Registered:
		if !said.user || !t.Proves() {
			n.Fail("trunk %s registers here: write its user: and its password: or ha1:", t.Name)
		}
		if said.to || said.registrar || said.addresses || said.certificates || said.realm || said.authUser || said.expires || said.domain {
			n.Fail("trunk %s is found where it registers: leave out to:, proxy:, registrar:, domain:, realm:, auth-user:, expires:, addresses: and certificates:", t.Name)
		}
	case Static:
		if !said.addresses && !said.certificates && !t.Proves() && len(t.To) == 0 {
			n.Fail("trunk %s leads nowhere and nobody is known by it: write to:, addresses:, certificates: or user: and password:", t.Name)
		}
		if said.user != t.Proves() {
			n.Fail("trunk %s: user: and password: (or ha1:) stand together", t.Name)
		}
		if said.registrar || t.GIN || said.expires {
			n.Fail("trunk %s does not register: leave out registrar:, expires: and gin:", t.Name)
		}
	}
	if t.Channels < t.ChannelsIn || t.Channels < t.ChannelsOut {
		n.Fail("trunk %s: channels-in and channels-out are parts of channels, so neither may be more", t.Name)
	}
	if t.Reserved > t.Channels {
		n.Fail("trunk %s: reserved is a part of channels, so it can't be more", t.Name)
	}
}

// readTargets reads one SIP URI, or a list of them.
func readTargets(n *doc.Node) (list []string) {
	if n.IsList() {
		n.Each(func(n *doc.Node) { list = append(list, readTarget(n)) })
		if len(list) == 0 || len(list) > maxTo {
			n.Fail("write 1 to %d addresses", maxTo)
		}
		return list
	}
	return []string{readTarget(n)}
}

// readTarget reads a SIP URI without a user part; a bare host stands for its sip: URI.
func readTarget(n *doc.Node) string {
	text := n.Text()
	if !strings.HasPrefix(text, "sip:") && !strings.HasPrefix(text, "sips:") {
		text = "sip:" + text
	}
	scheme, rest, _ := strings.Cut(text, ":")
	where, params, _ := strings.Cut(rest, ";")
	u, err := url.Parse("//" + where)
	bad := err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || strings.ContainsAny(text, " <>\"?") || !isHost(u.Hostname())
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		switch {
		case p == "" && params == "":
		case name == "transport" && (value == "udp" || value == "tcp" || value == "tls" || value == "ws" || value == "wss"):
		case name == "lr" && value == "":
		default:
			bad = true
		}
	}
	if bad {
		n.Fail("%q must be a SIP URI without a user, such as sip:sbc.example.net, sip:192.0.2.7:5080;transport=tcp or sips:sbc.example.net", n.Text())
		return ""
	}
	return scheme + ":" + rest
}

// hostOf is the host of what readTarget gave.
func hostOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	where, _, _ := strings.Cut(rest, ";")
	if u, err := url.Parse("//" + where); err == nil {
		if isIPv6(u.Hostname()) {
			return "[" + u.Hostname() + "]"
		}
		return u.Hostname()
	}
	return ""
}

func readHost(n *doc.Node) string {
	host := strings.ToLower(n.Text())
	if !isHost(strings.Trim(host, "[]")) {
		n.Fail("%q must be a host name or an address, without a port", host)
	}
	return host
}

func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return s != "" && len(s) <= 253 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// readUser reads the user part of a SIP URI.
func readUser(n *doc.Node) string {
	user := n.Text()
	if user == "" || len(user) > 64 || strings.Trim(strings.ToLower(user), "abcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()&=+$,;?/@") != "" {
		n.Fail("a user name is 1 to 64 letters, digits and -_.!~*'()&=+$,;?/@")
	}
	return user
}

// readPrefix reads an address or a network.
func readPrefix(n *doc.Node) netip.Prefix {
	text := n.Text()
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		n.Fail("%q must be an address or a network, such as 192.0.2.7 or 192.0.2.0/28", text)
	case p.Masked() != p:
		n.Fail("%q has bits behind its length: write %s", text, p.Masked())
	case p.Bits() < 8:
		n.Fail("%q is too wide: a trunk has networks of /8 or smaller", text)
	}
	return p
}

// readNumbers reads what belongs to a trunk: texts, or mappings that say whom they ring.
func readNumbers(n *doc.Node) (list []Numbers) {
	n.Each(func(n *doc.Node) {
		if len(list) == maxNumbers {
			n.Fail("a trunk has at most %d rows of numbers: write ranges or prefixes", maxNumbers)
		}
		if len(list) > maxNumbers {
			return
		}
		var row Numbers
		if n.IsMap() {
			n.Map(doc.Fields{
				"number": func(n *doc.Node) {
					to := row.To
					row = readRange(n)
					row.To = to
				},
				"to": func(n *doc.Node) {
					if row.To = n.Text(); !digits(row.To, 2, 11) {
						n.Fail("to: names an account or a room of this tenant by its number")
					}
				},
			}, "number")
		} else {
			row = readRange(n)
		}
		list = append(list, row)
	})
	return list
}

// readRange reads 02122000100, 02122000100-02122000199 or 0212200* (all that begin so).
func readRange(n *doc.Node) Numbers {
	text := n.Text()
	if head, ok := strings.CutSuffix(text, "*"); ok {
		if !number(head, 1) {
			n.Fail("prefix %q must be digits, perhaps with a + in front, and a * behind", text)
		}
		return Numbers{First: head, Last: head, Prefix: true}
	}
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	if !number(first, 3) || !number(last, 3) || len(first) != len(last) || first > last {
		n.Fail("%q must be a number of 3 to 15 digits, a range of numbers of one length such as 02122000100-02122000199, or a prefix such as 0212200*", text)
	}
	return Numbers{First: first, Last: last}
}

func number(s string, least int) bool { return digits(strings.TrimPrefix(s, "+"), least, 15) }
