package presence

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"santral/sip/event"
	"santral/store"
)

const regInfo = "application/reginfo+xml"

// regOf is the registration document of an account (RFC 3680 §5.1), always the full state: its bindings of
// now, and those that have ended a moment ago with what ended them.
func (h *House) regOf(k key, host string, now time.Time) event.Body {
	bindings := h.cfg.Bindings(k.tenant, k.account)
	state := "init"
	for i := range bindings {
		if !bindings[i].Event.Ended() {
			state = "active"
			break
		}
		state = "terminated"
	}
	var b strings.Builder
	b.WriteString("\" state=\"full\">\n" + ` <registration aor="` + text(uriOf(k.account, host)) + `" id="` + text(k.account) + `" state="` + state + "\">\n")
	for i := range bindings {
		gruu := ""
		if h.cfg.GRUU != nil && !bindings[i].Event.Ended() {
			gruu = h.cfg.GRUU(&bindings[i], host)
		}
		contactOf(&b, &bindings[i], gruu, now)
	}
	b.WriteString(" </registration>\n</reginfo>\n")
	head := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" xmlns:gr="urn:ietf:params:xml:ns:gruuinfo" version="`
	return event.Body{Type: regInfo, Head: head, Tail: b.String()}
}

// contactOf writes one binding, with its public GRUU where it has one (RFC 5628 §5).
func contactOf(b *strings.Builder, c *store.Binding, gruu string, now time.Time) {
	sum := fnv.New64a()
	sum.Write([]byte(c.Contact))
	b.WriteString(`  <contact id="` + strconv.FormatUint(sum.Sum64(), 36))
	if c.Event.Ended() {
		b.WriteString(`" state="terminated" event="` + c.Event.String())
	} else {
		b.WriteString(`" state="active" event="` + c.Event.String())
		b.WriteString(`" expires="` + strconv.Itoa(max(int(c.Expires.Sub(now)/time.Second), 0)))
	}
	b.WriteString(`" duration-registered="` + strconv.Itoa(max(int(now.Sub(c.Registered)/time.Second), 0)))
	if c.Q < 1000 {
		b.WriteString(`" q="` + strconv.FormatFloat(float64(c.Q)/1000, 'f', -1, 64))
	}
	if c.CallID != "" {
		b.WriteString(`" callid="` + text(c.CallID) + `" cseq="` + strconv.FormatUint(uint64(c.CSeq), 10))
	}
	b.WriteString(`"><uri>` + text(c.Contact) + "</uri>")
	if c.InstanceID != "" {
		b.WriteString(`<unknown-param name="+sip.instance">` + text("\"<"+strings.Trim(c.InstanceID, "\"<>")+">\"") + "</unknown-param>")
	}
	if gruu != "" {
		b.WriteString(`<gr:pub-gruu uri="` + text(gruu) + `"/>`)
	}
	b.WriteString("</contact>\n")
}
