package endpoint

import (
	"slices"
	"strings"

	"santral/sip"
)

// inspect makes the checks that need no state (RFC 3261 §8.2.1, §8.2.2, §16.3). When one fails it
// answers and reports false.
func (s *Shard) inspect(in *sip.Inbound, inDialog bool) bool {
	m, cfg := in.Msg, &s.e.cfg
	if !slices.Contains(cfg.Allow, m.Method) {
		status := cfg.Refuse[m.Method]
		if status == 0 {
			status = 405 // RFC 3261 §21.4.6: known, and not served here
			if !known(m.Method) {
				status = 501 // RFC 3261 §21.5.2
			}
		}
		s.refuse(in, status, "", sip.Header{Kind: sip.Allow, Value: s.e.allow})
		return false
	}
	scheme, _, _ := strings.Cut(m.RequestURI, ":")
	if !slices.ContainsFunc(cfg.Schemes, func(ours string) bool { return strings.EqualFold(ours, scheme) }) {
		s.refuse(in, 416, "") // RFC 3261 §8.2.2.1
		return false
	}
	if !inDialog && !in.Flow.Transport.Secure() && strings.EqualFold(scheme, "sips") {
		s.refuse(in, 403, "SIPS Needs TLS") // RFC 3261 §26.2.2: on every hop, and so on the last one to us
		return false
	}
	if hops, ok := m.MaxForwards(); ok && hops == 0 && !inDialog && forwards(m) {
		s.refuse(in, 483, "") // RFC 3261 §16.3 item 3
		return false
	}
	if m.Has(sip.Require) || m.Has(sip.ProxyRequire) {
		if missing := s.missing(m); missing != "" {
			s.refuse(in, 420, "", sip.Header{Kind: sip.Unsupported, Value: missing}) // RFC 3261 §8.2.2.3
			return false
		}
	}
	return true
}

// known reports whether a method is one that we know by name.
func known(m sip.Method) bool {
	switch m {
	case sip.INVITE, sip.ACK, sip.BYE, sip.CANCEL, sip.OPTIONS, sip.REGISTER, sip.PRACK, sip.UPDATE,
		sip.INFO, sip.SUBSCRIBE, sip.NOTIFY, sip.REFER, sip.MESSAGE, sip.PUBLISH:
		return true
	}
	return false
}

// forwards reports whether a request is one that we would send on. REGISTER ends here, and so does an
// OPTIONS that names the server itself, which is how a route is traced (RFC 3261 §11).
func forwards(m *sip.Message) bool {
	switch m.Method {
	case sip.REGISTER:
		return false
	case sip.OPTIONS:
		return strings.IndexByte(m.RequestURI, '@') >= 0
	}
	return true
}

// missing lists the option tags that a request demands and we do not have. Proxy-Require counts too:
// the other side of a call is reached through us as through a proxy.
func (s *Shard) missing(m *sip.Message) string {
	var list []string
	for _, kind := range [...]sip.Kind{sip.Require, sip.ProxyRequire} {
		for tag := range m.Values(kind) {
			if !slices.ContainsFunc(s.e.cfg.Extensions, func(ours string) bool { return strings.EqualFold(ours, tag) }) {
				list = append(list, tag)
			}
		}
	}
	return strings.Join(list, ", ")
}
