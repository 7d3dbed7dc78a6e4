package registrar

import (
	"strings"
	"time"

	"santral/sip"
	"santral/store"
)

// gruu gives the value of the gr parameter of an instance: the URN without its brackets. An instance that
// is no URN gets no GRUU (RFC 5627 §4.1).
func gruu(instance string) string {
	urn, ok := strings.CutSuffix(strings.TrimPrefix(instance, "<"), ">")
	if !ok || len(urn) < 5 || !strings.EqualFold(urn[:4], "urn:") {
		return ""
	}
	for i := 0; i < len(urn); i++ {
		switch c := urn[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', strings.IndexByte(":-_.+/", c) >= 0:
		default:
			return ""
		}
	}
	return urn
}

// home begins the GRUUs of a binding: the AOR's own host, which the phone has found us by, the listener that
// its REGISTER came to, and the transport that this is for. A binding of before a restart has no flow until it
// is refreshed. A phone over TLS that names itself by a sips URI gets sips GRUUs.
func (r *Registrar) home(host string, b *binding) sip.URI {
	u, t := sip.URI{Scheme: "sip", Host: host, Port: r.cfg.Port}, sip.UDP
	if b.flow.Remote.IsValid() && r.cfg.SentBy != nil {
		t = b.flow.Transport
		u.Port = r.cfg.SentBy(b.flow).Port
	}
	if u.Port == t.Port() {
		u.Port = 0
	}
	if u.Params = t.Param(); strings.HasPrefix(b.contact, "sips:") && t.Secure() {
		if u.Scheme = "sips"; t == sip.TLS {
			u.Params = "" // RFC 3261 §19.1.2: it says so already
		}
	}
	return u
}

// PublicGRUU gives the public GRUU of a binding (RFC 5627 §3.1.1), "" when it has none. host is that of
// the account's AOR.
func (r *Registrar) PublicGRUU(b *store.Binding, host string) string {
	key, own := fromRow(*b)
	return r.public(key.account, &own, host)
}

func (r *Registrar) public(account string, b *binding, host string) string {
	urn := gruu(b.instance)
	if urn == "" {
		return ""
	}
	u := r.home(host, b)
	u.User = sip.EscapeUser(account)
	u.Params += sip.Params(";gr=" + urn)
	return u.String()
}

// temporary gives a new temporary GRUU of a binding (RFC 5627 §3.1.2), "" when it can have none.
func (r *Registrar) temporary(key aor, b *binding, host string, now time.Time) string {
	if gruu(b.instance) == "" {
		return ""
	}
	u := r.home(host, b)
	if u.User = r.keys.temporary(key.tenant, key.account, b, now); u.User == "" {
		return ""
	}
	u.Params += ";gr"
	return u.String()
}

// GRUU reads a Request-URI with a gr parameter that names a device of an account of ours: whose it is, and
// the device as call.Target.Device names it. ok is false for one that we never gave or that is no longer
// good, which is answered 404 (RFC 5627 §6.1); a public one is good whether the device is registered now
// or not.
func (r *Registrar) GRUU(tenant string, u sip.URI) (account, device string, ok bool) {
	urn, ok := u.Params.Get("gr")
	user := u.Username()
	switch {
	case !ok:
		return "", "", false
	case urn != "":
		if r.cfg.Current().Account(tenant, user) == nil {
			return "", "", false
		}
		return user, "<" + sip.Unescape(urn) + ">", true
	}
	t, ok := r.keys.ofTemporary(tenant, user)
	if !ok {
		return "", "", false
	}
	for _, b := range r.table.live(aor{tenant, t.account}, time.Now()) {
		if b.registered <= t.given && hashed(b.instance) == t.instance && hashed(b.callID) == t.callID {
			return t.account, b.instance, true
		}
	}
	return "", "", false
}
