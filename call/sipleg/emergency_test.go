package sipleg

import (
	"strings"
	"testing"

	"santral/call"
	"santral/call/calltest"
	"santral/sip"
	"santral/sip/invite"
)

const pidf = `<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:site"/>`

// helpful has 112 lead to an emergency service by the trusted trunk.
func helpful(h *trunked, location string) {
	h.Leads("112", call.Destination{Kind: call.ToTrunks, Tenant: calltest.Tenant, Number: "112", Hidden: call.Show, Presents: "+982188880000",
		Ways: []call.Way{{Tenant: calltest.Tenant, Trunk: "friend"}}, Emergency: &call.Emergency{Location: location}})
}

// TestEmergencyTellsWhereItIs: the INVITE of an emergency says that it is one and carries the site's address beside the
// description (RFC 6442 §3); what follows within the dialog is a description alone. A withheld number is shown.
func TestEmergencyTellsWhereItIs(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		helpful(h, pidf)
		h.manners[""] = Manners{Withhold: true}
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.21", "112")
		a.invite("112", a.sdp)
		got := b.rings()
		where, _ := strings.CutPrefix(got.Get(sip.Geolocation), "<cid:")
		where = strings.TrimSuffix(where, ">")
		kind := got.Get(sip.ContentType)
		if got.Get(sip.Priority) != "emergency" || got.Get(sip.GeolocationRouting) != "yes" || where == "" || !strings.HasPrefix(kind, "multipart/mixed;boundary=") {
			t.Fatalf("the service is told\n%s", got)
		}
		_, mark, _ := strings.Cut(kind, "boundary=")
		parts := strings.Split("\r\n"+got.Body, "\r\n--"+mark)
		if len(parts) != 4 || parts[3] != "--\r\n" || !strings.Contains(parts[1], "Content-Type: application/sdp\r\n\r\nv=0\r\n") ||
			!strings.Contains(parts[2], "Content-Type: application/pidf+xml\r\nContent-ID: <"+where+">\r\nContent-Disposition: by-reference;handling=optional\r\n\r\n"+pidf) {
			t.Errorf("the body is %q", parts)
		}
		if text, bad := sessionPart(got); bad != nil || !strings.HasPrefix(text, "v=0") {
			t.Errorf("its description is not found: %q", text)
		}
		if from := got.Get(sip.From); !strings.Contains(from, "+982188880000") {
			t.Errorf("it comes from %s", from)
		}
		a.status(180)
		b.picksUp()
		a.answered("")
		hold := a.asks(sip.INVITE, audio(a.addr, 4000, "sendonly"))
		change := b.want(sip.INVITE)
		if change.Get(sip.ContentType) != invite.ContentType || change.Has(sip.Geolocation) || !strings.HasPrefix(change.Body, "v=0") {
			t.Errorf("a change is offered as\n%s", change)
		}
		b.reply(change, 200, audio(b.addr, 4000, "recvonly"))
		b.want(sip.ACK)
		seq, _ := hold.CSeq()
		a.status(200)
		a.ack(seq.Seq, "")
		a.leaves(b)
	})
}

// TestEmergencyWithoutItsPlace: a carrier that can't read the location gets the call without it.
func TestEmergencyWithoutItsPlace(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		helpful(h, pidf)
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.21", "112")
		a.invite("112", a.sdp)
		first := b.want(sip.INVITE)
		b.reply(first, 415, "")
		b.want(sip.ACK)
		got := b.rings()
		if got.Has(sip.Geolocation) || got.Get(sip.ContentType) != invite.ContentType || got.Get(sip.Priority) != "emergency" || got.CallID() == first.CallID() {
			t.Errorf("it is called again as\n%s", got)
		}
		a.status(180)
		b.picksUp()
		a.answered("")
		a.leaves(b)
	})
}
