package dialog

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"santral/sip"
)

func message(t *testing.T, lines ...string) *sip.Message {
	t.Helper()
	m, err := sip.ParseMessage(strings.Join(lines, "\r\n") + "\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func invite(t *testing.T, more ...string) *sip.Message {
	t.Helper()
	return message(t, append([]string{
		"INVITE sip:bob@biloxi.example SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK74",
		"Max-Forwards: 70",
		"From: \"Alice\" <sip:alice@atlanta.example>;tag=a1",
		"To: Bob <sip:bob@biloxi.example>",
		"Call-ID: 3848276298220188511@atlanta.example",
		"CSeq: 314159 INVITE",
	}, more...)...)
}

// TestServerSide follows RFC 3261 §12.1.1: route set in the order received, tags crossed.
func TestServerSide(t *testing.T) {
	d, err := FromRequest(invite(t,
		"Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>",
		"Contact: <sip:alice@192.0.2.4:5062>"), "b1")
	if err != nil {
		t.Fatal(err)
	}
	req := d.Request(sip.BYE)
	want := strings.Join([]string{
		"BYE sip:alice@192.0.2.4:5062 SIP/2.0",
		"Route: <sip:p2.example;lr>",
		"Route: <sip:p1.example;lr>",
		"Max-Forwards: 70",
		"From: Bob <sip:bob@biloxi.example>;tag=b1",
		"To: \"Alice\" <sip:alice@atlanta.example>;tag=a1",
		"Call-ID: 3848276298220188511@atlanta.example",
		"CSeq: 1 BYE",
		"Content-Length: 0",
	}, "\r\n") + "\r\n\r\n"
	if got := req.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if hop := d.NextHop(); hop != "sip:p2.example;lr" {
		t.Errorf("next hop %q", hop)
	}
}

// TestClientSide follows RFC 3261 §12.1.2 and §13.2.2.4: the route set turned round, computed anew
// from the 2xx.
func TestClientSide(t *testing.T) {
	req := invite(t, "Contact: <sip:alice@192.0.2.4>")
	ringing := sip.NewResponse(req, 180, "")
	ringing.SetToTag("b1")
	ringing.Add(sip.RecordRoute, "<sip:p1.example;lr>")
	d, err := FromResponse(req, ringing)
	if err != nil {
		t.Fatal(err)
	}
	if d.State != Early || d.Target != "sip:bob@biloxi.example" || d.LocalSeq != 314159 {
		t.Fatalf("early dialog %+v", d)
	}
	ok := sip.NewResponse(req, 200, "")
	ok.SetToTag("b1")
	ok.Add(sip.RecordRoute, "<sip:p2.example;lr>")
	ok.Add(sip.RecordRoute, "<sip:p1.example;lr>")
	ok.Add(sip.Contact, "<sip:bob@198.51.100.7:5080;transport=udp>")
	d.Confirm(ok)
	if d.State != Confirmed || strings.Join(d.Routes, " ") != "<sip:p1.example;lr> <sip:p2.example;lr>" {
		t.Fatalf("confirmed dialog %+v", d)
	}
	ack := d.Ack(314159)
	if ack.RequestURI != "sip:bob@198.51.100.7:5080;transport=udp" || ack.Get(sip.CSeqKind) != "314159 ACK" {
		t.Errorf("ACK\n%s", ack)
	}
	if bye := d.Request(sip.BYE); bye.Get(sip.CSeqKind) != "314160 BYE" {
		t.Errorf("BYE\n%s", bye)
	}
}

// TestStrictRoute has a first route without lr: the request is addressed to it and the target
// closes the list (RFC 3261 §12.2.1.1).
func TestStrictRoute(t *testing.T) {
	d := &Dialog{Target: "sip:b@198.51.100.7", Routes: []string{"<sip:old.example;method=X?h=1>", "<sip:p2.example;lr>"}}
	req := d.Request(sip.INFO)
	var routes []string
	for r := range req.Values(sip.Route) {
		routes = append(routes, r)
	}
	if req.RequestURI != "sip:old.example" || strings.Join(routes, " ") != "<sip:p2.example;lr> <sip:b@198.51.100.7>" {
		t.Errorf("request\n%s", req)
	}
}

func TestNoDialog(t *testing.T) {
	for _, lines := range [][]string{
		nil,
		{"Contact: *"},
		{"Contact: <sip:a@192.0.2.4>, <sip:b@192.0.2.4>"},
	} {
		if _, err := FromRequest(invite(t, lines...), "b1"); err == nil {
			t.Errorf("a dialog out of %q", lines)
		}
	}
	req := invite(t, "Contact: <sip:alice@192.0.2.4>")
	if _, err := FromResponse(req, sip.NewResponse(req, 180, "")); err == nil {
		t.Error("a dialog out of a 180 without tag")
	}
}

// TestOrder is RFC 3261 §12.2.2: what is older than what was seen is refused, gaps are fine.
func TestOrder(t *testing.T) {
	d := &Dialog{}
	for _, step := range []struct {
		seq uint32
		ok  bool
	}{{7, true}, {7, false}, {6, false}, {100, true}, {8, false}, {101, true}, {1<<31 - 1, true}} {
		if got := d.Receive(step.seq); got != step.ok {
			t.Errorf("CSeq %d: %v", step.seq, got)
		}
	}
}

func TestRefresh(t *testing.T) {
	d := &Dialog{Target: "sip:a@192.0.2.4", Routes: []string{"<sip:p1.example;lr>"}}
	again := invite(t, "Contact: <sip:a@192.0.2.99>", "Record-Route: <sip:other.example;lr>")
	if !d.Refresh(again) || d.Target != "sip:a@192.0.2.99" || d.NextHop() != "sip:p1.example;lr" {
		t.Errorf("refreshed dialog %+v", d)
	}
	if d.Refresh(invite(t)) {
		t.Error("refreshed by a request without Contact")
	}
}

func TestDialogIsData(t *testing.T) {
	d, _ := FromRequest(invite(t, "Contact: <sip:alice@192.0.2.4>", "Record-Route: <sip:p1.example;lr>"), "b1")
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Dialog
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if a, b := d.Request(sip.BYE).String(), back.Request(sip.BYE).String(); a != b {
		t.Errorf("before\n%s\nafter\n%s", a, b)
	}
}

func TestRecordRouteIsCopied(t *testing.T) {
	req := invite(t, "Record-Route: <sip:p2.example;lr>", "Record-Route: <sip:p1.example;lr>")
	res := sip.NewResponse(req, 200, "")
	CopyRecordRoute(res, req)
	var got []string
	for v := range res.Values(sip.RecordRoute) {
		got = append(got, v)
	}
	if strings.Join(got, " ") != "<sip:p2.example;lr> <sip:p1.example;lr>" {
		t.Errorf("Record-Route %q", got)
	}
}

func TestByFlow(t *testing.T) {
	for _, c := range []struct {
		name      string
		contact   string
		claimed   sip.HostPort
		symmetric bool
		transport sip.Transport
		remote    string
		want      bool
	}{
		{"plain phone", "sip:a@192.0.2.4:5062", sip.HostPort{Host: "192.0.2.4", Port: 5062}, true, sip.UDP, "192.0.2.4:5062", true},
		{"listens elsewhere", "sip:a@192.0.2.4:5060", sip.HostPort{Host: "192.0.2.4", Port: 5060}, false, sip.UDP, "192.0.2.4:40000", false},
		{"sends by rport", "sip:a@192.0.2.4:5060", sip.HostPort{Host: "192.0.2.4", Port: 5060}, true, sip.UDP, "192.0.2.4:40000", true},
		{"names another port on purpose", "sip:a@192.0.2.4:5090", sip.HostPort{Host: "192.0.2.4", Port: 5060}, true, sip.UDP, "192.0.2.4:5060", false},
		{"behind a translator", "sip:a@10.0.0.4:5060", sip.HostPort{Host: "10.0.0.4", Port: 5060}, true, sip.UDP, "203.0.113.9:31000", true},
		{"behind a translator, no rport", "sip:a@10.0.0.4:5060", sip.HostPort{Host: "10.0.0.4"}, false, sip.UDP, "203.0.113.9:31000", true},
		{"behind a proxy that does not record", "sip:a@198.51.100.8:5060", sip.HostPort{Host: "192.0.2.4", Port: 5060}, true, sip.UDP, "192.0.2.4:5060", false},
		{"private contact behind a public proxy", "sip:a@192.168.1.8", sip.HostPort{Host: "192.0.2.4"}, true, sip.UDP, "192.0.2.4:5060", true},
		{"two private networks", "sip:a@10.1.0.8", sip.HostPort{Host: "10.0.0.2"}, true, sip.UDP, "10.0.0.2:5060", false},
		{"a browser's name", "sip:x@k3l.invalid;transport=ws", sip.HostPort{Host: "k3l.invalid"}, true, sip.WS, "203.0.113.9:31000", true},
		{"a name that was claimed", "sip:a@phone.example", sip.HostPort{Host: "phone.example"}, true, sip.UDP, "203.0.113.9:31000", true},
		{"a name of its own", "sip:a@phone.example", sip.HostPort{Host: "192.0.2.4"}, true, sip.UDP, "192.0.2.4:5060", false},
		{"a connection", "sip:a@192.0.2.4:5060;transport=tcp", sip.HostPort{Host: "192.0.2.4"}, false, sip.TCP, "192.0.2.4:40000", true},
		{"a flow", "sip:a@192.0.2.4:5090;ob", sip.HostPort{Host: "192.0.2.4", Port: 5060}, true, sip.UDP, "192.0.2.4:5060", true},
		{"a GRUU", "sip:a@example.net;gr=urn:uuid:1", sip.HostPort{Host: "192.0.2.4", Port: 5060}, true, sip.UDP, "192.0.2.4:5060", true},
		{"IPv6", "sip:a@[2001:db8::4]:5060", sip.HostPort{Host: "2001:db8::4", Port: 5060}, true, sip.UDP, "[2001:db8::4]:5060", true},
	} {
		uri, err := sip.ParseURI(c.contact)
		if err != nil {
			t.Fatal(err)
		}
		flow := sip.Flow{Transport: c.transport, Remote: netip.MustParseAddrPort(c.remote)}
		if got := ByFlow(uri, c.claimed, c.symmetric, flow); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func BenchmarkDialog(b *testing.B) {
	req, err := sip.ParseMessage("INVITE sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK74\r\nMax-Forwards: 70\r\n" +
		"From: \"Alice\" <sip:alice@192.0.2.1>;tag=a1\r\nTo: <sip:bob@192.0.2.1>\r\nCall-ID: 38482\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.4:5060>\r\n\r\n")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		d, err := FromRequest(req, "b1")
		if err != nil {
			b.Fatal(err)
		}
		d.Request(sip.BYE)
	}
}
