package trunk

import (
	"strings"

	"santral/call"
	"santral/sip"
	"santral/tenant"
)

// maxRewritten bounds a header value that a rule made; a longer one stays as it was.
const maxRewritten = 1024

// Apply gives a message as the rules for header fields make it: a copy, or the message itself when there
// are none. What names a dialog no rule can name (see tenant).
func Apply(rules []tenant.HeaderRule, m *sip.Message) *sip.Message {
	if len(rules) == 0 {
		return m
	}
	m = m.Clone()
	Change(rules, m)
	return m
}

// Change is Apply on a message that is nobody else's.
func Change(rules []tenant.HeaderRule, m *sip.Message) {
	for i := range rules {
		switch r := &rules[i]; r.Do {
		case tenant.AddHeader:
			m.AddName(r.Name, r.Value)
		case tenant.RemoveHeader:
			remove(r, m)
		case tenant.RewriteHeader:
			rewrite(r, m)
		}
	}
}

func remove(r *tenant.HeaderRule, m *sip.Message) {
	if r.Match == nil {
		m.DelName(r.Name)
		return
	}
	kept := m.Headers[:0]
	for i := range m.Headers {
		if h := &m.Headers[i]; !named(h, r.Name) || !r.Match.MatchString(h.Value) {
			kept = append(kept, *h)
		}
	}
	m.Headers = kept
}

func rewrite(r *tenant.HeaderRule, m *sip.Message) {
	for i := range m.Headers {
		h := &m.Headers[i]
		if !named(h, r.Name) || !r.Match.MatchString(h.Value) {
			continue
		}
		value := r.Match.ReplaceAllString(h.Value, r.Replace)
		if len(value) <= maxRewritten && !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			h.Value = value
		}
	}
}

// named reports whether a line is of a field, whatever form of its name stands there.
func named(h *sip.Header, name string) bool {
	if kind := sip.KindOf(name); kind != sip.UnknownKind {
		return h.Kind == kind
	}
	return h.Kind == sip.UnknownKind && strings.EqualFold(h.Name, name)
}

// Cause gives a refusal as the rules for causes make it.
func Cause(causes map[int]int, c call.Cause) call.Cause {
	to, ok := causes[c.SIP]
	if !ok {
		return c
	}
	mapped := call.FromStatus(to)
	mapped.After = c.After
	return mapped
}
