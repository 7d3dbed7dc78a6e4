package registrar

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"santral/call"
	"santral/sip"
)

// Contacts implements call.Contacts: the account's phones, best first. Several flows of one phone are one
// target, the newest, with the others to fall back on (RFC 5626 §5.3), so that it rings once.
func (r *Registrar) Contacts(tenantID, account string) (targets []call.Target, ok bool) {
	if s := r.cfg.Current(); s.Account(tenantID, account) == nil && s.TrunkUser(tenantID, account) == nil {
		return nil, false
	}
	list := r.table.live(aor{tenantID, account}, time.Now())
	var flows []int // places of an instance's bindings in list
	for i := range list {
		b := &list[i]
		if b.instance == "" || len(list) == 1 {
			if t, ok := r.target(account, b); ok {
				targets = append(targets, t)
			}
			continue
		}
		if slices.ContainsFunc(list[:i], func(x binding) bool { return x.instance == b.instance }) {
			continue
		}
		flows = flows[:0]
		for j := i; j < len(list); j++ {
			if list[j].instance == b.instance {
				flows = append(flows, j)
			}
		}
		slices.SortStableFunc(flows, func(x, y int) int { return list[x].newer(&list[y]) })
		var first call.Target
		found := false
		for _, j := range flows {
			t, ok := r.target(account, &list[j])
			switch {
			case !ok:
			case found:
				first.Else = append(first.Else, t)
			default:
				first, found = t, true
			}
		}
		if found {
			targets = append(targets, first)
		}
	}
	return targets, true
}

// newer orders flows: the one that the phone said last comes first.
func (b *binding) newer(c *binding) int {
	if d := c.refreshed() - b.refreshed(); d != 0 {
		return int(d)
	}
	return int(c.cseq) - int(b.cseq)
}

// target is where a binding is called; ok is false when its connection has ended.
func (r *Registrar) target(account string, b *binding) (t call.Target, ok bool) {
	t = call.Target{URI: b.contact, Device: b.instance, Account: account, Agent: b.userAgent, Phone: b.phone()}
	if t.Device == "" {
		t.Device = b.userAgent
	}
	switch {
	case b.path != "":
		t.Path = strings.Split(b.path, "\n")
	case b.byFlow:
		if r.cfg.Alive != nil && !r.cfg.Alive(b.flow) {
			return t, false
		}
		t.Flow = b.flow.String()
	}
	return t, true
}

// phone names the phone over its registrations: its instance or, where it says none, the Call-ID that it
// keeps (RFC 3261 §10.2.4), with the user of its Contact, since some write the same Call-ID for several lines.
func (b *binding) phone() string {
	if b.instance != "" {
		return b.instance
	}
	return b.callID + " " + b.user()
}

// is reports whether a binding is of a phone of that name.
func (b *binding) is(phone string) bool {
	if b.instance != "" {
		return b.instance == phone
	}
	rest, ok := strings.CutPrefix(phone, b.callID)
	return ok && len(rest) > 0 && rest[0] == ' ' && rest[1:] == b.user()
}

// user is the user part of a binding's Contact.
func (b *binding) user() string {
	u, err := sip.ParseURI(b.contact)
	if err != nil {
		return ""
	}
	return u.User
}

// Phone names the phone of an account that has registered over a flow, "" when none has.
func (r *Registrar) Phone(tenant, account string, f sip.Flow) string {
	for _, b := range r.table.of(aor{tenant, account}).get(aor{tenant, account}) {
		if b.flow == f && b.path == "" {
			return b.phone()
		}
	}
	return ""
}

// Moves counts how often a phone came, went, or came by another way: while it stands still Home gives what
// it gave. It is never 0.
func (r *Registrar) Moves() uint64 { return r.table.moves.Load() }

// Home gives the flow by which a phone of an account is reached now: the flow that is asked about, as long
// as the phone keeps it, otherwise the one that it has registered over last. A phone without an instance that
// registers from elsewhere by its old Call-ID has moved, though its old binding is still there. ok is false
// when it is not registered, or is reached through a proxy.
func (r *Registrar) Home(tenant, account, phone string, f sip.Flow) (now sip.Flow, ok bool) {
	if phone == "" {
		return sip.Flow{}, false
	}
	var best *binding
	at := time.Now().UnixMilli()
	list := r.table.of(aor{tenant, account}).get(aor{tenant, account})
	for i := range list {
		b := &list[i]
		if b.expires <= at || b.path != "" || !b.is(phone) || !b.flow.Remote.IsValid() {
			continue
		}
		if b.flow.Transport.Stream() && r.cfg.Alive != nil && !r.cfg.Alive(b.flow) {
			continue
		}
		if b.instance != "" && b.at(f) {
			return f, true
		}
		if best == nil || b.newer(best) < 0 {
			best = b
		}
	}
	switch {
	case best == nil:
		return sip.Flow{}, false
	case best.at(f):
		return f, true
	}
	return best.way(), true
}

// at reports whether a binding came by a flow, or, where its phone is reached at its Contact, from that host.
func (b *binding) at(f sip.Flow) bool {
	return b.flow == f || !b.byFlow && b.flow.Transport == f.Transport && b.flow.Remote.Addr() == f.Remote.Addr()
}

// way is the flow by which a binding's phone takes requests: at its Contact where that is not behind its
// REGISTER's flow, whose port may be another.
func (b *binding) way() sip.Flow {
	f := b.flow
	if b.byFlow {
		return f
	}
	if u, err := sip.ParseURI(b.contact); err == nil {
		if addr, ok := u.HostPort().Addr(); ok && addr.Unmap() == f.Remote.Addr() {
			port := u.Port
			if port == 0 {
				port = 5060
			}
			f.Remote = netip.AddrPortFrom(addr.Unmap(), port)
		}
	}
	return f
}
