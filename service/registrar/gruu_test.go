package registrar

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/sip"
	"santral/store"
)

// gruus registers 101's desk phone and gives its GRUUs.
func (h *house) gruus(more ...string) (public, temporary sip.URI) {
	h.t.Helper()
	res := h.send(append([]string{"Contact: <sip:101@192.0.2.101>" + desk, knows}, more...)...)
	a, err := sip.ParseAddress(contacts(res)[0])
	if err != nil {
		h.t.Fatal(err)
	}
	text, _ := a.Params.Get("pub-gruu")
	if public, err = sip.ParseURI(text); err != nil {
		h.t.Fatalf("pub-gruu %q: %v", text, err)
	}
	text, _ = a.Params.Get("temp-gruu")
	if temporary, err = sip.ParseURI(text); err != nil {
		h.t.Fatalf("temp-gruu %q: %v", text, err)
	}
	return public, temporary
}

// meant gives what a GRUU names.
func (h *house) meant(u sip.URI) string {
	account, device, ok := h.reg.GRUU("t", u)
	if !ok {
		return "nothing"
	}
	return account + " " + device
}

const deskName = "101 <urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"

// RFC 5627 §5.2: a phone gets both sorts, with our port, and both lead to it.
func TestGRUU(t *testing.T) {
	h := newHouse(t)
	public, temporary := h.gruus()
	want(t, "public", public.String(), "sip:101@example.net;gr=urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF")
	want(t, "public means", h.meant(public), deskName)
	want(t, "temporary means", h.meant(temporary), deskName)
	if s := temporary.String(); !strings.HasSuffix(s, "@example.net;gr") || strings.Contains(s, "101@") || strings.Contains(s, "uuid") {
		t.Errorf("temporary %s", s)
	}
	_, second := h.gruus()
	if temporary.User == second.User || temporary.User[:20] == second.User[:20] {
		t.Errorf("%s and %s can be linked", temporary.User, second.User)
	}
	want(t, "the older one is good still", h.meant(temporary), deskName)
	h = h.restart()
	want(t, "public after a restart", h.meant(public), deskName)
	want(t, "temporary after a restart", h.meant(temporary), deskName)

	res := h.send("Contact: <sip:101@192.0.2.101>"+desk, "CSeq: 90 REGISTER")
	if strings.Contains(strings.Join(contacts(res), " "), "gruu") {
		t.Errorf("unasked: %q", contacts(res))
	}
	res = h.send("Contact: <sip:102@192.0.2.102>;+sip.instance=\"<not a URN>\"", knows, "Call-ID: x", "CSeq: 91 REGISTER")
	if strings.Count(strings.Join(contacts(res), " "), "pub-gruu") != 1 {
		t.Errorf("an instance that is no URN: %q", contacts(res))
	}
	want(t, "a GRUU as a contact", h.send("Contact: <"+public.String()+">", "CSeq: 92 REGISTER").Status, 403)
}

// A GRUU leads back to the listener that its phone has registered at, by its transport.
func TestGRUUsOfEachTransport(t *testing.T) {
	h := newHouse(t)
	flow := func(p sip.Transport, port uint16) sip.Flow {
		return sip.Flow{Transport: p, Local: netip.AddrPortFrom(us.Addr(), port), Remote: phone, Conn: uint64(p)}
	}
	for _, c := range []struct {
		flow          sip.Flow
		contact, want string // what the GRUUs begin and end with, around the user
	}{
		{flow(sip.UDP, 5060), "sip:101@192.0.2.101", "sip:@example.net"},
		{flow(sip.UDP, 5080), "sip:101@192.0.2.101", "sip:@example.net:5080"},
		{flow(sip.TCP, 5060), "sip:101@192.0.2.101", "sip:@example.net;transport=tcp"},
		{flow(sip.TLS, 5061), "sip:101@192.0.2.101", "sip:@example.net;transport=tls"},
		{flow(sip.TLS, 5071), "sip:101@192.0.2.101", "sip:@example.net:5071;transport=tls"},
		{flow(sip.TLS, 5061), "sips:101@192.0.2.101", "sips:@example.net"},
		{flow(sip.TLS, 5071), "sips:101@192.0.2.101", "sips:@example.net:5071"},
		{flow(sip.TCP, 5060), "sips:101@192.0.2.101", "sip:@example.net;transport=tcp"},
		{flow(sip.WS, 8080), "sip:101@x.invalid;transport=ws", "sip:@example.net:8080;transport=ws"},
		{flow(sip.WSS, 443), "sips:101@x.invalid;transport=ws", "sips:@example.net;transport=ws"},
	} {
		res := h.from("101", c.flow, "Contact: <"+c.contact+">"+desk, knows)
		a, err := sip.ParseAddress(contacts(res)[0])
		if err != nil {
			t.Fatal(err)
		}
		for name, gr := range map[string]string{"pub-gruu": ";gr=urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF", "temp-gruu": ";gr"} {
			text, _ := a.Params.Get(name)
			u, err := sip.ParseURI(text)
			if err != nil {
				t.Fatalf("%s of %s: %q: %v", name, c.flow, text, err)
			}
			want(t, name+" means", h.meant(u), deskName)
			u.User = ""
			want(t, name, strings.Replace(u.String(), ":", ":@", 1), c.want+gr)
		}
		rows := h.reg.Bindings("t", "101")
		text, _ := a.Params.Get("pub-gruu")
		want(t, "of the row", h.reg.PublicGRUU(&rows[0], "example.net"), text)
	}
	h = h.restart()
	row := store.Binding{Tenant: "t", Account: "101", InstanceID: "<urn:uuid:1>", Contact: "sip:101@192.0.2.101"}
	want(t, "without a flow", h.reg.PublicGRUU(&row, "example.net"), "sip:101@example.net:5070;gr=urn:uuid:1")
}

// RFC 5627 §5.1, §5.3: temporary GRUUs end with the Call-ID and with the binding, and do not come back; public
// ones stay.
func TestTemporaryGRUUsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		public, first := h.gruus("Call-ID: one")
		time.Sleep(time.Second)
		_, second := h.gruus("Call-ID: two")
		want(t, "after a new Call-ID", h.meant(first), "nothing")
		want(t, "the new one", h.meant(second), deskName)
		time.Sleep(time.Second)
		_, third := h.gruus("Call-ID: one")
		want(t, "the first Call-ID again", h.meant(first), "nothing")
		want(t, "the second's", h.meant(second), "nothing")
		time.Sleep(time.Second)
		h.send("Contact: <sip:101@192.0.2.101>;expires=0"+desk, "Call-ID: one")
		want(t, "without a binding", h.meant(third), "nothing")
		want(t, "public without a binding", h.meant(public), deskName)
		time.Sleep(time.Second)
		h.gruus("Call-ID: one")
		want(t, "bound again", h.meant(third), "nothing")
		_, last := h.gruus("Call-ID: one")
		time.Sleep(2 * time.Hour)
		want(t, "expired", h.meant(last), "nothing")
	})
}

// Nobody makes a GRUU but we, and none crosses from one tenant to another.
func TestForgedGRUUs(t *testing.T) {
	h := newHouse(t)
	public, temporary := h.gruus()
	for i := len(temporaryPrefix); i < len(temporary.User); i++ {
		other := "A"
		if temporary.User[i] == 'A' {
			other = "B"
		}
		forged := temporary
		forged.User = temporary.User[:i] + other + temporary.User[i+1:]
		if got := h.meant(forged); got != "nothing" {
			t.Fatalf("forged at %d: %s", i, got)
		}
	}
	for _, user := range []string{"101", temporaryPrefix, temporaryPrefix + "AAAA", temporaryPrefix + strings.Repeat("A", 2000), ""} {
		want(t, user, h.meant(sip.URI{Scheme: "sip", User: user, Host: "example.net", Params: ";gr"}), "nothing")
	}
	if _, _, ok := h.reg.GRUU("t-b", temporary); ok {
		t.Error("one tenant's is another's")
	}
	public.User = "999"
	want(t, "nobody's", h.meant(public), "nothing")
	public.User, public.Params = "101", ""
	want(t, "none", h.meant(public), "nothing")
}

func BenchmarkRegisterOutbound(b *testing.B) {
	r := open(b)
	req, flow := deskPhone(b, 1, 1)
	req.Set(sip.Supported, "path, outbound, gruu")
	req.Set(sip.Contact, req.Get(sip.Contact)+";reg-id=1")
	b.ReportAllocs()
	for seq := 2; b.Loop(); seq++ {
		req.Set(sip.CSeqKind, sip.CSeq{Seq: uint32(seq), Method: sip.REGISTER}.String())
		r.Register(req, flow, party("101"), func(*sip.Message) {})
	}
}
