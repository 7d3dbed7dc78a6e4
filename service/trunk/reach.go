package trunk

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"strings"
	"time"

	"santral/access"
	"santral/call"
	"santral/sip"
	"santral/tenant"
)

// Targets gives the places to try for a number, way after way (call.Trunks). Places that are down and
// trunks that are not registered have none; what only returns comes last when it is not its turn.
func (t *Trunks) Targets(ways []call.Way, number string) (targets []call.Target) {
	var late []call.Target
	for i := range ways {
		w := &ways[i]
		k := t.find(w.Tenant, w.Trunk)
		if k == nil {
			continue
		}
		number := w.Sent(number)
		called := tenant.RewriteNumber(k.noun().Out.Called, number)
		from := len(targets)
		if k.noun().Mode == tenant.Registered {
			targets = append(targets, k.contacts(called)...)
			tell(targets[from:], w, number)
			continue
		}
		now := time.Now()
		k.mu.Lock()
		usable, path := k.registeredLocked(now), k.pathLocked()
		k.mu.Unlock()
		if !usable {
			continue
		}
		first, rest := k.choose(now)
		for _, p := range first {
			targets = append(targets, k.target(p, called, path))
		}
		tell(targets[from:], w, number)
		from = len(late)
		for _, p := range rest {
			late = append(late, k.target(p, called, path))
		}
		tell(late[from:], w, number)
	}
	return append(targets, late...)
}

// tell notes on places which way they are of.
func tell(targets []call.Target, w *call.Way, number string) {
	for i := range targets {
		t := &targets[i]
		t.Tenant, t.Number, t.Patience = w.Tenant, number, w.Patience
		tell(t.Else, w, number)
	}
}

func (k *trunk) target(p *place, called string, path []string) call.Target {
	return call.Target{URI: withUser(p.uri, called), Path: path, Device: k.noun().Name, Trunk: k.noun().Name}
}

// pathLocked is what our requests are routed by before their own URI: the registrar's Service-Route
// (RFC 3608 §6.1), else the trunk's proxy.
func (k *trunk) pathLocked() []string {
	if len(k.routes) > 0 {
		return k.routes
	}
	return k.proxy()
}

// proxy is the route to the trunk's proxy, none when it has none.
func (k *trunk) proxy() []string {
	if k.noun().Proxy == "" {
		return nil
	}
	uri := k.noun().Proxy
	if !strings.Contains(uri, ";lr") {
		uri += ";lr"
	}
	return []string{"<" + uri + ">"}
}

// contacts are where a PBX that registers here takes a call for one of its numbers: at its contact with the
// number as the user, whether it registered all of them at once (RFC 6140 §7.1) or by one name.
func (k *trunk) contacts(number string) (targets []call.Target) {
	if k.house.cfg.Contacts == nil || k.silent() {
		return nil
	}
	list, _ := k.house.cfg.Contacts.Contacts(k.noun().Tenant, k.noun().User)
	for _, t := range list {
		t, ok := k.contact(t, number)
		if !ok {
			continue
		}
		var flows []call.Target
		for _, o := range t.Else {
			if o, ok := k.contact(o, number); ok {
				flows = append(flows, o)
			}
		}
		t.Else = flows
		targets = append(targets, t)
	}
	return targets
}

// contact is a binding of a PBX as the place of one of its numbers.
func (k *trunk) contact(t call.Target, number string) (call.Target, bool) {
	u, err := sip.ParseURI(t.URI)
	u.User, u.Params = sip.EscapeUser(number), u.Params.Without("bnc")
	t.URI, t.Trunk = u.String(), k.noun().Name
	return t, err == nil
}

// Contact is the user of our Contact at a carrier that we register at, "" for other trunks: there it is
// the number that calls.
func (t *Trunks) Contact(tenantID, trunkName string) string {
	if k := t.find(tenantID, trunkName); k != nil && k.reg != nil && !k.noun().GIN {
		return k.token
	}
	return ""
}

// Realm is the one whose challenges a trunk's calls may answer: the document's, that of the registrar's own
// challenge, or, where nobody registers, the domain. "" answers none.
func (t *Trunks) Realm(tenantID, trunkName string) string {
	k := t.find(tenantID, trunkName)
	if k == nil {
		return ""
	}
	if k.noun().Realm != "" || k.reg == nil {
		return cmp.Or(k.noun().Realm, k.noun().Domain)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.realm
}

// silent reports that a PBX which registers here does not answer when it is asked.
func (k *trunk) silent() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.places) == 1 && k.places[0].health == Down
}

// withUser puts a user into a URI of a place.
func withUser(uri, user string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	return scheme + ":" + sip.EscapeUser(user) + "@" + rest
}

// hostPart is a URI without its user.
func hostPart(uri string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + ":" + rest
}

// At gives the trunks whose registrar or places are at an address, or whose document says that their calls
// come from there (access.DoorConfig.Carriers).
func (t *Trunks) At(source netip.Addr) (list []access.Carrier) {
	if at := t.at.Load(); at != nil {
		list = (*at)[source]
	}
	for _, n := range t.now.Load().wide {
		if n.prefix.Contains(source) {
			list = append(list[:len(list):len(list)], n.of)
		}
	}
	return list
}

// Bounds of what is remembered of where a carrier is.
const (
	maxFound   = 64
	foundFor   = 2 * time.Hour // beyond the last time that it was found there
	locateTime = 10 * time.Second
)

// locate finds where a carrier is, apart from where it answered. It waits, so it has a goroutine of its own.
func (k *trunk) locate() {
	resolve := k.house.cfg.Resolve
	if resolve == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), locateTime)
	defer stop()
	for _, text := range append([]string{k.noun().Registrar, k.noun().Proxy}, k.noun().To...) {
		u, err := sip.ParseURI(text)
		if text == "" || err != nil {
			continue
		}
		hops, err := resolve(ctx, u)
		if err != nil {
			continue
		}
		list := make([]netip.Addr, 0, len(hops))
		for _, h := range hops {
			list = append(list, h.Addr.Addr().Unmap())
		}
		k.find(list...)
	}
}

// find notes addresses of the carrier's, and tells the door.
func (k *trunk) find(addrs ...netip.Addr) {
	now := time.Now()
	k.mu.Lock()
	before := len(k.found)
	maps.DeleteFunc(k.found, func(_ netip.Addr, until time.Time) bool { return now.After(until) })
	changed := len(k.found) != before
	for _, a := range addrs {
		if _, known := k.found[a]; !known && len(k.found) >= maxFound {
			continue
		} else if !known {
			changed = true
		}
		k.found[a] = now.Add(foundFor)
	}
	k.mu.Unlock()
	if changed {
		k.house.publish()
	}
}

// publish makes the table of addresses anew.
func (t *Trunks) publish() {
	t.atMu.Lock()
	defer t.atMu.Unlock()
	at := map[netip.Addr][]access.Carrier{}
	for _, k := range t.now.Load().list {
		k.mu.Lock()
		for a := range k.found {
			at[a] = append(at[a], k.carrier())
		}
		k.mu.Unlock()
	}
	t.at.Store(&at)
}
