package server

import (
	"santral/call/sipleg"
	"santral/media/session"
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
			Diversion: sipleg.DiversionForm(k.Manners.Diversion), Pass: k.Manners.Pass, Media: profile(&k.Media),
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
		m.Withhold, m.Conceal, m.Media = a.Withhold, a.Connected, profile(&a.Media)
	}
	return m
}

// profile is how media is negotiated by what a tenant's document says.
func profile(m *tenant.Media) session.Profile {
	p := session.Profile{
		Codecs: m.Codecs, Ptime: m.Ptime, DTLS: m.Keys == tenant.KeysDTLS, ICE: m.ICE.Or(false),
		NoVideo: !m.Video.Or(true), NoEarly: !m.Early.Or(true),
		Lossy: m.Lossy.Or(false), Noise: m.Noise.Or(false), Red: m.Redundancy.Or(m.Lossy.Or(false)),
		Gain: m.Gain.Or(false), Denoise: m.Denoise.Or(false),
	}
	switch m.Digits {
	case tenant.DigitsEvents:
		p.Digits = session.DigitsEvents
	case tenant.DigitsInfo:
		p.Digits = session.DigitsInfo
	case tenant.DigitsInband:
		p.Digits = session.DigitsInband
	}
	switch m.SRTP {
	case tenant.SRTPOff:
		p.Secure = session.SecureOff
	case tenant.SRTPRequired:
		p.Secure = session.SecureRequired
	}
	switch m.Fax {
	case tenant.FaxSound:
		p.Fax = session.FaxSound
	case tenant.FaxNone:
		p.Fax = session.FaxRefuse
	}
	return p
}
