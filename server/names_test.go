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
	"santral/sip/siptest"
	"santral/tenant"
)

// A carrier that is known by its name alone, with two servers behind NAPTR and SRV records of which the first
// is dead: the call stands within three seconds, the second one at once, and the trace says why.
func TestACarrierByItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := siptest.NewStage(t, 1)
		st.Net().SetDefault(vnet.Link{Latency: 5 * time.Millisecond})
		kernel := network
		network = st.Host("santral", "192.0.2.1")
		defer func() { network = kernel }()
		names := netip.MustParseAddrPort("192.0.2.53:53")
		siptest.StartNames(t, st.Net().Host(names.Addr()), names, `
carrier.example.           3600 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.carrier.example.
_sip._udp.carrier.example. 3600 IN SRV 10 0 5060 one.carrier.example.
_sip._udp.carrier.example. 3600 IN SRV 20 0 5060 two.carrier.example.
one.carrier.example.       3600 IN A 198.51.100.1
two.carrier.example.       3600 IN A 198.51.100.2
.                          3600 IN SOA ns. root. 1 3600 600 86400 300
`)
		w := newStage(t, netip.MustParseAddrPort("192.0.2.1:5060"))
		w.net, w.boot.DNS, w.boot.Silent = st.Net(), []netip.AddrPort{names}, 2*time.Second
		var problems doc.Problems
		w.tenants = append(w.tenants, tenant.Read("tenant.yaml", []byte(company+`
trunks:
  - {name: carrier, mode: static, to: carrier.example, addresses: [198.51.100.0/24], numbers: [02122000101]}
routes:
  - {prefix: "0", trunks: [carrier]}
`), &problems))
		tenant.Check(w.tenants, &problems)
		w.must(problems.Err())
		w.play(func(w *stage) {
			one, two := st.Phone("one", "198.51.100.1:5060"), st.Phone("two", "198.51.100.2:5060")
			defer one.Close()
			defer two.Close()
			a := w.extension("101", "192.0.2.11")
			for _, most := range []time.Duration{3 * time.Second, time.Second} {
				began := time.Now()
				c := w.calls(a, "02133445566")
				answers(two, rings(two))
				_, err := c.Wait(w.ctx, phone.Talks)
				w.must(err)
				if took := time.Since(began); took > most {
					t.Errorf("the call stands after %v, want at most %v", took, most)
				}
				call := string(w.x.control.Calls("")[0].ID)
				ids := append(w.x.callIDs(call), call)
				c.Hangup()
				gone(two)
				w.ended(c)
				entries, err := w.x.trace.Read(ids)
				w.must(err)
				said := false
				for _, e := range entries {
					said = said || strings.Contains(e.Decision, "198.51.100.1:5060 over UDP says nothing: 198.51.100.2:5060 over UDP is next")
				}
				if said != (most > time.Second) {
					t.Errorf("that the first server is dead is told: %v", said)
				}
			}
			if n := w.x.endpoint.Load().Stats(); n.Dead != 1 || n.Silent != 1 {
				t.Errorf("%+v", n)
			}
			w.wait(time.Minute)
			w.free()
		})
	})
}
