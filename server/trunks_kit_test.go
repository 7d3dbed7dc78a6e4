package server

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/doc"
	"santral/base/vnet"
	"santral/phone"
	"santral/sip"
	"santral/sip/siptest"
	"santral/store"
	"santral/tenant"
)

// company is a tenant document with two extensions; what a test adds stands behind it.
const company = `
tenant: acme
domains: [acme.example]
default: true
extensions:
  - {number: "101", name: Sara, password: a long secret, channels: 9}
  - {number: "102", password: a long secret, channels: 9}
`

// withTrunks plays a scene in which carriers and PBXs are scripts and the accounts' phones are telephones.
func withTrunks(t *testing.T, scene func(w *stage, st *siptest.Stage), documents ...string) {
	withReady(t, func(*siptest.Stage) {}, scene, documents...)
}

// withReady is withTrunks where somebody must be there before the exchange begins to register and to ask.
func withReady(t *testing.T, ready func(st *siptest.Stage), scene func(w *stage, st *siptest.Stage), documents ...string) {
	synctest.Test(t, func(t *testing.T) {
		st := siptest.NewStage(t, 1)
		st.Net().SetDefault(vnet.Link{Latency: 5 * time.Millisecond})
		kernel := network
		network = st.Host("santral", "192.0.2.1")
		defer func() { network = kernel }()
		w := newStage(t, netip.MustParseAddrPort("192.0.2.1:5060"))
		w.net = st.Net()
		var problems doc.Problems
		for _, text := range documents {
			w.tenants = append(w.tenants, tenant.Read("tenant.yaml", []byte(text), &problems))
		}
		tenant.Check(w.tenants, &problems)
		w.must(problems.Err())
		w.boot.Silent = 2 * time.Second
		ready(st)
		w.play(func(w *stage) { scene(w, st) })
	})
}

// exchange is where carriers reach us.
var exchange = netip.MustParseAddrPort("192.0.2.1:5060")

// extension is a telephone of the company's.
func (w *stage) extension(number, addr string) *party {
	w.Helper()
	a := netip.MustParseAddr(addr)
	return w.phone(number, w.net.Host(a), netip.AddrPortFrom(a, 5060), sip.UDP)
}

// voice is a description of a script's.
func voice(p *siptest.Phone) string {
	host := p.Addr().Addr().String()
	return strings.Join([]string{"Content-Type: application/sdp", "", "v=0", "o=- 1 1 IN IP4 " + host, "s=-", "c=IN IP4 " + host, "t=0 0",
		"m=audio 40000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", ""}, "\n")
}

// rings has a carrier take the call that comes, and gives its INVITE.
func rings(p *siptest.Phone) siptest.Got {
	in := p.Want("INVITE")
	p.Reply(in, "100 Trying")
	p.Reply(in, "180 Ringing")
	return in
}

// answers has it answer, and waits for the ACK.
func answers(p *siptest.Phone, in siptest.Got) {
	p.Reply(in, "200 OK", voice(p))
	p.Want("ACK")
}

// gone answers the BYE of a call that is over.
func gone(p *siptest.Phone) {
	p.Reply(p.Want("BYE"), "200 OK")
}

// calls dials from a phone and waits until it talks.
func (w *stage) calls(a *party, number string) *phone.Call {
	w.Helper()
	c, err := a.Call(w.ctx, number)
	w.must(err)
	return c
}

// last is the record of the newest call, once all are over.
func (w *stage) last() store.CDR {
	w.Helper()
	page, _, err := w.x.records.CDRs(w.ctx, store.CDRFilter{}, "", 1)
	w.must(err)
	if len(page) != 1 {
		w.Fatal("there is no record")
	}
	return page[0]
}
