package access

import (
	"net/netip"
	"strings"

	"santral/call"
	"santral/sip"
	"santral/sip/digest"
	"santral/tenant"
)

// Carrier is a trunk whose registrar is reached at an address: what comes from there may be a call of
// its.
type Carrier struct {
	Tenant string
	Trunk  string
	User   string // of the Contact that we registered with
}

// mayTrunk reports whether a request is of a kind that trunks send: calls, and what a PBX registers. What
// else there is outside of dialogs is an account's alone.
func mayTrunk(req *sip.Message) bool {
	return req.Method == sip.INVITE || req.Method == sip.REGISTER || req.ToTag() != ""
}

// trunkAt finds the trunk that a request comes by without any credential: by its source, by the client
// certificate of its connection, or because we are registered where it comes from. proved is false for
// a trunk that has a password besides.
func (d *Door) trunkAt(s *tenant.Snapshot, req *sip.Message, flow sip.Flow) (k *tenant.Trunk, proved bool) {
	if req.Method == sip.REGISTER || !mayTrunk(req) {
		return nil, false
	}
	source := flow.Remote.Addr().Unmap()
	k = s.TrunkAt(source)
	if k == nil || len(k.Certificates) > 0 {
		if shown := d.certified(s, flow); k == nil && shown != nil && len(shown.Addresses) == 0 {
			k = shown
		} else if shown != k {
			k = nil // what is written of a trunk must all be so
		}
	}
	if k != nil {
		return k, !k.Asked()
	}
	if d.cfg.Carriers != nil && s.Registering() {
		k = carrier(s, req, d.cfg.Carriers(source))
	}
	return k, k != nil
}

// certified is the trunk that the client certificate of a flow proves, or nil.
func (d *Door) certified(s *tenant.Snapshot, flow sip.Flow) *tenant.Trunk {
	if d.cfg.Certificate == nil || !s.Certified() || flow.Transport != sip.TLS && flow.Transport != sip.WSS {
		return nil
	}
	return s.TrunkOf(d.cfg.Certificate(flow))
}

// carrier picks, of the trunks that are registered where a request comes from, the one that it is for:
// by the Contact that it was told, else by the called number. Phones may be there too.
func carrier(s *tenant.Snapshot, req *sip.Message, there []Carrier) *tenant.Trunk {
	if len(there) == 0 {
		return nil
	}
	user := ""
	if u, err := req.URI(); err == nil {
		user = u.Username()
	}
	for _, c := range there {
		if c.User != "" && c.User == user {
			return s.Trunk(c.Tenant, c.Trunk)
		}
	}
	var found *tenant.Trunk
	for _, c := range there {
		k := s.Trunk(c.Tenant, c.Trunk)
		if k == nil {
			continue
		}
		if k.Has(tenant.RewriteNumber(k.In.Called, Called(k, req, ""))) != nil {
			if found != nil && found != k {
				return nil // two could be meant
			}
			found = k
		}
	}
	return found
}

// Called gives the number that an INVITE of a trunk calls, from where the trunk writes it. Where nothing
// stands there, the Request-URI tells, unless it is our own Contact, whose user is contact, "" for none: a
// registrar that calls us at it (RFC 3261 §16.5) leaves the number elsewhere. Rules are not applied.
func Called(k *tenant.Trunk, req *sip.Message, contact string) string {
	field := sip.UnknownKind
	switch k.Called {
	case tenant.CalledInTo:
		field = sip.To
	case tenant.CalledInPCalledPartyID:
		field = sip.PCalledPartyID
	case tenant.CalledInDiversion:
		field = sip.Diversion
	}
	if number, ok := numberIn(req, field); ok {
		return number
	}
	u, err := req.URI()
	if err != nil {
		return ""
	}
	number := u.Number()
	if contact != "" && number == contact {
		return atContact(k, req)
	}
	return number
}

// atContact gives the number that a call to our Contact is for: where the one that registered is meant, and
// has no number of that name, it is the trunk's first.
func atContact(k *tenant.Trunk, req *sip.Message) string {
	number, ok := numberIn(req, sip.PCalledPartyID) // RFC 7315 §4.2: the Request-URI of before
	if !ok {
		number, _ = numberIn(req, sip.To)
	}
	if number == k.User && k.Has(tenant.RewriteNumber(k.In.Called, number)) == nil {
		return k.Own()
	}
	return number
}

// numberIn gives the number of the first address in a header field; ok is false when there is none.
func numberIn(req *sip.Message, field sip.Kind) (number string, ok bool) {
	if field == sip.UnknownKind {
		return "", false
	}
	for v := range req.Values(field) {
		a, err := sip.ParseAddress(v)
		if err != nil {
			return "", false
		}
		return a.URI.Number(), true
	}
	return "", false
}

// trunkUser finds the trunk of an owner, a tenant or the operator, that a user name of digest means, as far as it may come from there: one that
// has addresses comes from them.
func trunkUser(s *tenant.Snapshot, owner, user string, source netip.Addr) *tenant.Trunk {
	k := s.TrunkUser(owner, user)
	if k == nil || user != k.DigestUser() || len(k.Addresses) > 0 && s.TrunkAt(source) != k {
		return nil
	}
	return k
}

// trunkHash gives the hashes of a trunk's password.
func (d *Door) trunkHash(s *tenant.Snapshot, k *tenant.Trunk, realm string) digest.HA1 {
	return d.hashOf(s, k, k.Tenant, k.DigestUser(), realm, k.Credential)
}

// Caller is who calls by a trunk. A trusted trunk says who; any other may say one of its own numbers
// and is known by its first one otherwise (RFC 3325 §5).
func Caller(s *tenant.Snapshot, k *tenant.Trunk, req *sip.Message, flow sip.Flow) call.Party {
	p := call.Party{Tenant: k.Tenant, Trunk: k.Name, Number: k.Own(), Source: flow.Remote, Site: k.Site}
	number, name := said(req)
	number = tenant.RewriteNumber(k.In.Calling, number)
	switch {
	case number == "":
	case k.Trust:
		p.Number, p.Name = number, name
	case owns(s, k, number):
		p.Number = number
	case k.PBX && number != p.Number:
		p.Said = number
	}
	return p
}

// owns reports whether a number is a trunk's to present: one of its own, in whatever spelling, or one of its tenant's that
// leads to it.
func owns(s *tenant.Snapshot, k *tenant.Trunk, number string) bool {
	x := s.Index(k.Tenant)
	if x == nil {
		return k.Has(number) != nil
	}
	at := x.Place(k.Site)
	public := at.Plan.UnderstandPeer(number, at.Area).E164
	if k.HasPublic(number, public) != nil {
		return true
	}
	if !k.PBX {
		return false
	}
	o, _ := x.Owned(number, public)
	return o != nil && o.Target.Kind == tenant.ToTrunk && o.Target.Name == k.Name
}

// said is what a request says of who calls: by its asserted identity, else by From.
func said(req *sip.Message) (number, name string) {
	for v := range req.Values(sip.PAssertedIdentity) {
		if a, err := sip.ParseAddress(v); err == nil && presentable(a.URI.Number()) {
			return a.URI.Number(), text(a.Display)
		}
	}
	from, err := req.From()
	if err != nil || !presentable(from.URI.Number()) {
		return "", ""
	}
	return from.URI.Number(), text(from.Display)
}

// maxPresented bounds a number or a name that a trunk says.
const maxPresented = 128

// presentable reports whether a user part can stand for a number in records and towards others.
func presentable(user string) bool {
	if user == "" || len(user) > maxPresented {
		return false
	}
	for i := 0; i < len(user); i++ {
		if user[i] <= ' ' || user[i] >= 0x7f {
			return false
		}
	}
	return true
}

// text is a display name without what does not belong into one.
func text(name string) string {
	if len(name) > maxPresented || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return ""
	}
	return name
}
