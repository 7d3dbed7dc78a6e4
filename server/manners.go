package server

import (
	"santral/call/sipleg"
	"santral/tenant"
)

// manners tells a leg how its peer is spoken with, by the snapshot of now.
func (s *server) manners(p sipleg.Peer) sipleg.Manners {
	snapshot := s.current.Load()
	if p.Trunk != "" {
		k := snapshot.Trunk(p.Tenant, p.Trunk)
		if k == nil {
			return sipleg.Manners{}
		}
		m := sipleg.Manners{
			Trusted: k.Trust, From: !k.Doubt, Identity: sipleg.IdentityForm(k.Manners.Identity),
			Diversion: sipleg.DiversionForm(k.Manners.Diversion), Pass: k.Manners.Pass,
		}
		if rules := k.In.Calling; len(rules) > 0 {
			m.Presents = func(number string) string { return tenant.RewriteNumber(rules, number) }
		}
		return m
	}
	t := snapshot.Tenant(p.Tenant)
	if t == nil {
		return sipleg.Manners{}
	}
	m := sipleg.Manners{
		Identity: sipleg.IdentityForm(t.Phones.Identity), Diversion: sipleg.DiversionForm(t.Phones.Diversion), Pass: t.Phones.Pass,
		Intercom: t.Phones.Intercom, Source: t.Phones.Source,
	}
	if a := snapshot.Account(p.Tenant, p.Account); a != nil {
		m.Withhold = a.Withhold
	}
	return m
}
