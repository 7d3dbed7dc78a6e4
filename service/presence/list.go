package presence

import (
	"strconv"
	"strings"

	"santral/sip"
	"santral/sip/event"
	"santral/tenant"
)

// maxBody is about how much one notification of a list may hold, so that it fits into a datagram: what does
// not fit follows in the next one.
const maxBody = 48 << 10

// openList subscribes to a list of accounts: one subscription, one back-end within the house for each
// account (RFC 4662 §4).
func (h *House) openList(s *event.Subscription, v view, list *tenant.List, host string) (event.Source, *event.Refusal) {
	if !s.Request().List { // RFC 4662 §4.3
		return nil, &event.Refusal{Status: 421, Headers: []sip.Header{{Kind: sip.Require, Value: event.EventList}}}
	}
	s.Demand(event.EventList) // RFC 4662 §4.1
	w := &listWatch{h: h, view: v, host: host, uri: uriOf(list.Name, host), name: list.Title, boundary: h.cfg.Random.Token(16)}
	w.entries = make([]entry, len(list.Numbers))
	for i, number := range list.Numbers {
		e := &w.entries[i]
		e.r = h.of(key{s.Request().Who.Tenant, number})
		e.member = e.r.group(v).Join(s.Shard(), func() {
			e.dirty = true
			s.Changed()
		})
	}
	return w, nil
}

// listWatch is one subscription to a list (event.Source). It belongs to the subscription's shard.
type listWatch struct {
	h        *House
	view     view
	host     string
	uri      string
	name     string
	boundary string
	entries  []entry
}

// entry is one account of it.
type entry struct {
	r      *resource
	member *event.Member
	dirty  bool
}

// State implements event.Source: the accounts that have changed, or all of them (RFC 4662 §5.2).
func (w *listWatch) State(s *event.Subscription, full bool) event.Body {
	var list, parts strings.Builder
	version := s.Version()
	left := false
	for i := range w.entries {
		e := &w.entries[i]
		e.dirty = e.dirty || full
		switch {
		case e.dirty && parts.Len() > maxBody: // its turn comes with the next notification
			left = true
			if full {
				w.resource(&list, e, "")
			}
		case e.dirty:
			e.dirty = false
			cid := strconv.Itoa(i) + "." + w.boundary + "@lists"
			w.resource(&list, e, cid)
			body := w.h.body(e.r, w.view, w.host)
			content := body.Head
			if body.Tail != "" {
				content += strconv.FormatUint(version, 10) + body.Tail // gaps do no harm to full states
			}
			w.part(&parts, cid, body.Type+";charset=\"UTF-8\"", content)
		}
	}
	var b strings.Builder
	head := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="` + text(w.uri) +
		`" version="` + strconv.FormatUint(version, 10) + `" fullState="` + strconv.FormatBool(full) + "\">\n"
	if w.name != "" {
		head += " <name>" + text(w.name) + "</name>\n"
	}
	root := "rlmi." + w.boundary + "@lists"
	w.part(&b, root, "application/rlmi+xml;charset=\"UTF-8\"", head+list.String()+"</list>\n")
	b.WriteString(parts.String())
	b.WriteString("--" + w.boundary + "--\r\n")
	if left {
		s.Shard().Do(s.Changed)
	}
	return event.Body{
		Type:    `multipart/related;type="application/rlmi+xml";start="<` + root + `>";boundary="` + w.boundary + `"`,
		Head:    b.String(),
		Headers: []sip.Header{{Kind: sip.Require, Value: event.EventList}}, // RFC 4662 §4.5
	}
}

// resource writes one account of the list; cid is "" for one whose state comes later.
func (w *listWatch) resource(b *strings.Builder, e *entry, cid string) {
	b.WriteString(` <resource uri="` + text(uriOf(e.r.account, w.host)) + `"`)
	if cid == "" {
		b.WriteString("/>\n")
		return
	}
	b.WriteString(">")
	if a := w.h.cfg.Current().Account(e.r.tenant, e.r.account); a != nil && a.Name != "" {
		b.WriteString("<name>" + text(a.Name) + "</name>")
	}
	b.WriteString(`<instance id="` + text(e.r.account) + `" state="active" cid="` + cid + "\"/></resource>\n")
}

// part writes one part of the multipart body (RFC 2046 §5.1.1, RFC 2387).
func (w *listWatch) part(b *strings.Builder, cid, contentType, content string) {
	b.WriteString("--" + w.boundary + "\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <" + cid + ">\r\nContent-Type: " + contentType + "\r\n\r\n" + content + "\r\n")
}

// Over implements event.Source.
func (w *listWatch) Over(*event.Subscription) {
	for i := range w.entries {
		w.entries[i].member.Leave()
	}
}
