package access

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"santral/sip"
)

var edgeAddr = netip.MustParseAddrPort("192.0.2.50:5060")

func isEdge(a netip.Addr) bool { return netip.MustParsePrefix("192.0.2.48/29").Contains(a) }

func throughEdge(t *testing.T, vias ...string) *sip.Message {
	t.Helper()
	text := "REGISTER sip:example.net SIP/2.0\r\n"
	for _, v := range vias {
		text += "Via: SIP/2.0/" + v + "\r\n"
	}
	m, err := sip.ParseMessage(text + "From: <sip:101@example.net>;tag=1\r\nTo: <sip:101@example.net>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Who a request comes from is what a proxy of ours says, and never what anybody else does.
func TestOrigin(t *testing.T) {
	own := "UDP 192.0.2.50;branch=z9hG4bKe"
	for name, c := range map[string]struct {
		from string
		vias []string
		want string
	}{
		"a phone":                     {"203.0.113.7:5062", []string{"UDP 10.0.0.5;branch=z9hG4bK1;received=203.0.113.7;rport=5062", "UDP 198.51.100.1;branch=z9hG4bK0"}, "203.0.113.7:5062"},
		"behind the proxy":            {"192.0.2.50:5060", []string{own, "UDP 10.0.0.5;branch=z9hG4bK1;received=203.0.113.7;rport=40000"}, "203.0.113.7:40000"},
		"in the open behind it":       {"192.0.2.50:5060", []string{own, "TCP 203.0.113.7:5071;branch=z9hG4bK1"}, "203.0.113.7:5071"},
		"behind two of ours":          {"192.0.2.50:5060", []string{own, "UDP 192.0.2.51;branch=z9hG4bKf", "UDP 203.0.113.7;branch=z9hG4bK1"}, "203.0.113.7:5060"},
		"with a Via of its invention": {"192.0.2.50:5060", []string{own, "UDP 10.0.0.5;branch=z9hG4bK1;received=203.0.113.7;rport=1", "UDP 10.9.9.9;branch=z;received=198.51.100.1;rport=2"}, "203.0.113.7:1"},
		"the proxy itself":            {"192.0.2.50:5060", []string{own}, "invalid AddrPort"},
		"a name":                      {"192.0.2.50:5060", []string{own, "UDP phone.example;branch=z9hG4bK1"}, "invalid AddrPort"},
	} {
		d := NewDoor(DoorConfig{Edges: isEdge})
		flow := sip.Flow{Transport: sip.UDP, Remote: netip.MustParseAddrPort(c.from)}
		if got := d.Origin(throughEdge(t, c.vias...), flow).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// One phone that guesses behind the proxy is banned, and its neighbours are not.
func TestAProxyIsNotBanned(t *testing.T) {
	g := NewGuard(DefaultLimits)
	banned := ""
	d := NewDoor(DoorConfig{Edges: isEdge, Guard: g, Note: func(what string, _ *sip.Message, f sip.Flow) {
		if what == "banned" {
			banned = f.Remote.String()
		}
	}})
	own := "UDP 192.0.2.50;branch=z9hG4bKe"
	flow := sip.Flow{Transport: sip.UDP, Remote: edgeAddr}
	bad := throughEdge(t, own, "UDP 10.0.0.5;branch=z9hG4bK1;received=203.0.113.7;rport=40000")
	good := throughEdge(t, own, "UDP 10.0.0.6;branch=z9hG4bK1;received=203.0.113.8;rport=40000")
	unknown := throughEdge(t, own, "UDP phone.example;branch=z9hG4bK1")
	for range DefaultLimits.BanAfter {
		d.refuse(wrongCredentials, bad, flow)
		d.refuse(wrongCredentials, unknown, flow)
	}
	now := time.Now()
	hears := func(m *sip.Message) bool { return g.Hear(d.Origin(m, flow), now) }
	if banned != "203.0.113.7:40000" || hears(bad) || !hears(good) || !hears(unknown) || !g.Hear(edgeAddr, now) {
		t.Errorf("banned %q; heard: %v %v %v", banned, hears(bad), hears(good), hears(unknown))
	}
	if list := g.Bans(now); len(list) != 1 || !strings.HasPrefix(list[0].Source.String(), "203.0.113.7:") {
		t.Errorf("bans %v", list)
	}
	for range 10 * int(DefaultLimits.PortBurst) {
		if !g.Ask(d.Origin(unknown, flow), now) {
			t.Fatal("the proxy itself is limited")
		}
	}
}
