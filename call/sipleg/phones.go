package sipleg

import (
	"slices"
	"strings"

	"santral/sip"
	"santral/sip/invite"
)

// Phones tells where the phones of accounts are by what they have registered. It is asked on shards and
// must not wait. A phone's name is opaque here.
type Phones interface {
	// GRUU reads a Request-URI with a gr parameter (RFC 5627): the account and the one device of it that are
	// meant. ok is false for one that leads nowhere.
	GRUU(tenant string, u sip.URI) (account, device string, ok bool)
	// Phone names the phone of an account that has registered over a flow, "" when none has.
	Phone(tenant, account string, f sip.Flow) string
	// Home gives the flow by which a phone is reached now: f as long as the phone keeps it, otherwise the
	// newest. ok is false when there is none.
	Home(tenant, account, phone string, f sip.Flow) (now sip.Flow, ok bool)
	// Moves changes whenever Home may give something else than before; it is never 0.
	Moves() uint64
}

// browsers are what telephones in web pages are made of, as they name themselves.
var browsers = []string{"jssip", "sip.js", "sipml", "webrtc", "mozilla"}

// browser reports whether a peer over a WebSocket is a page in a browser, which takes no other media than its own kind.
// A page has no address to tell and invents one (RFC 7118 §8.1); gateways and test tools that use WebSockets have.
func browser(contact sip.URI, agent string) bool {
	host := strings.ToLower(contact.Host)
	agent = strings.ToLower(agent)
	return strings.HasSuffix(host, ".invalid") || slices.ContainsFunc(browsers, func(name string) bool { return strings.Contains(agent, name) })
}

// settle notes by which flow of its own the leg's phone is registered when the call begins: f, or, for a
// phone that is reached at its Contact, the one that its registration came by.
func (l *Leg) settle(account, phone string, f sip.Flow) {
	p := l.agent.cfg.Phones
	if p == nil || phone == "" {
		return
	}
	moves := p.Moves()
	if home, ok := p.Home(l.tenant, account, phone, f); ok {
		l.moves = moves
		l.account, l.phone, l.home = account, phone, home
	}
}

// moved tells a session that its phone has registered by another flow, and no longer has the one that it
// had (invite.Config.Moved).
func (a *Agent) moved(s *invite.Session) (to sip.Flow, moved bool) {
	l, ok := s.Handler().(*Leg)
	if !ok || l.phone == "" {
		return sip.Flow{}, false
	}
	moves := a.cfg.Phones.Moves()
	if moves == l.moves {
		return sip.Flow{}, false
	}
	l.moves = moves
	to, ok = a.cfg.Phones.Home(l.tenant, l.account, l.phone, l.home)
	if !ok || to == l.home {
		return sip.Flow{}, false
	}
	l.home = to
	l.noteFlow(to)
	return to, true
}

// atHome reports whether a flow is one by which the leg's phone is registered: it has proved itself there. A
// neighbour at the same host has not.
func (a *Agent) atHome(l *Leg, f sip.Flow) bool {
	if l.phone == "" || a.cfg.Phones.Phone(l.tenant, l.account, f) != l.phone {
		return false
	}
	now, ok := a.cfg.Phones.Home(l.tenant, l.account, l.phone, f)
	if !ok || now != f {
		return false
	}
	l.home = f
	return true
}

// meant is whom a GRUU means: the number to route by, and the device of it (RFC 5627). gruu is false for any
// other URI, which means no device. ok is false when it leads nowhere, which is answered 404 (§6.1).
func (a *Agent) meant(tenant string, u sip.URI) (number, device string, gruu, ok bool) {
	if a.cfg.Phones == nil || u.Params == "" || !u.Params.Has("gr") {
		return "", "", false, true
	}
	number, device, ok = a.cfg.Phones.GRUU(tenant, u)
	return number, device, true, ok
}
