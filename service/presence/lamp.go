package presence

import (
	"strings"

	"santral/call"
	"santral/sip/event"
)

const dialogInfo = "application/dialog-info+xml"

// lampOf is the dialog-info document of an account's legs (RFC 4235 §4.1): always the full state, so that
// what was lost on the way is made good by what comes next. A lamp without a call is an empty one. mu is
// held.
func (r *resource) lampOf(host string) event.Body {
	own := text(uriOf(r.account, host))
	head := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="`
	var b strings.Builder
	b.WriteString(`" state="full" entity="`)
	b.WriteString(own)
	b.WriteString("\">\n")
	for i := range r.calls {
		dialogOf(&b, &r.calls[i], own, host)
	}
	b.WriteString("</dialog-info>\n")
	return event.Body{Type: dialogInfo, Head: head, Tail: b.String()}
}

// dialogOf writes one leg, seen from its account's phone: what is local to that is remote to us. Call-ID and
// tags are those that an INVITE with Replaces quotes to pick the call up (RFC 3891, RFC 4235 §4.1.2).
func dialogOf(b *strings.Builder, a *call.Appearance, own, host string) {
	b.WriteString(` <dialog id="`)
	b.WriteString(text(string(a.Call) + "-" + string(a.Leg)))
	if d := a.Dialog; d.CallID != "" {
		b.WriteString(`" call-id="` + text(d.CallID) + `" local-tag="` + text(d.Remote) + `" remote-tag="` + text(d.Local))
	}
	b.WriteString(`" direction="`)
	if a.Direction == call.In {
		b.WriteString("initiator")
	} else {
		b.WriteString("recipient")
	}
	b.WriteString("\">\n  <state>")
	b.WriteString(a.State.String())
	b.WriteString("</state>\n  <local><identity>" + own + `</identity><target uri="` + own + `">`)
	if a.Held { // RFC 4235 §4.1.6.2, RFC 3840's rendering: it holds, and hears nobody
		b.WriteString(`<param pname="+sip.rendering" pval="no"/>`)
	}
	b.WriteString("</target></local>\n  <remote><identity")
	if a.Other.Name != "" {
		b.WriteString(` display="` + text(a.Other.Name) + `"`)
	}
	other := anonymous
	if a.Number != "" {
		other = uriOf(a.Number, host)
	}
	b.WriteString(">" + text(other) + `</identity><target uri="` + text(other) + "\"/></remote>\n </dialog>\n")
}

// anonymous stands for who does not want to be known (RFC 3323 §4.1.1.3).
const anonymous = "sip:anonymous@anonymous.invalid"
