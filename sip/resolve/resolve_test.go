package resolve

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"santral/base/vnet"
	"santral/sip"
)

func TestResolve(t *testing.T) {
	n := vnet.New(1)
	r := New(Config{Net: n.Host(netip.MustParseAddr("192.0.2.1"))})
	defer r.Close()
	n.SetName("pbx.example", netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7"))
	for uri, want := range map[string]string{
		"sip:101@192.0.2.5":                           "UDP 192.0.2.5:5060",
		"sip:192.0.2.5:5070":                          "UDP 192.0.2.5:5070",
		"sip:101@192.0.2.5;transport=tcp":             "TCP 192.0.2.5:5060",
		"sip:101@192.0.2.5:99;transport=TCP":          "TCP 192.0.2.5:99",
		"sips:101@192.0.2.5":                          "TLS 192.0.2.5:5061",
		"sips:101@192.0.2.5;transport=tcp":            "TLS 192.0.2.5:5061",
		"sips:101@192.0.2.5;transport=ws":             "WSS 192.0.2.5:443",
		"sip:101@192.0.2.5;transport=ws":              "WS 192.0.2.5:80",
		"sip:101@192.0.2.5;transport=tls":             "TLS 192.0.2.5:5061",
		"sip:101@[2001:db8::5]":                       "UDP [2001:db8::5]:5060",
		"sip:101@[2001:db8::5]:5070":                  "UDP [2001:db8::5]:5070",
		"sip:101@[::ffff:192.0.2.5]":                  "UDP 192.0.2.5:5060",
		"sip:101@example.com:5070;maddr=192.0.2.6":    "UDP 192.0.2.6:5070",
		"sip:101@192.0.2.5;maddr=pbx.example":         "UDP 192.0.2.7:5060 UDP [2001:db8::7]:5060",
		"sip:101@pbx.example":                         "UDP 192.0.2.7:5060 UDP [2001:db8::7]:5060",
		"sip:101@pbx.example:5070;transport=tcp":      "TCP 192.0.2.7:5070 TCP [2001:db8::7]:5070",
		"sip:101@no.example":                          "!no such host",
		"tel:+982122000001":                           "!not a SIP URI",
		"sip:101@192.0.2.5;transport=carrier-pigeons": "!not known",
	} {
		u, err := sip.ParseURI(uri)
		if err != nil {
			t.Fatal(uri, err)
		}
		hops, err := r.Resolve(t.Context(), u)
		hop, numeric := Numeric(u)
		if text, fails := strings.CutPrefix(want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), text) || numeric {
				t.Error(uri, hops, err)
			}
			continue
		}
		var got []string
		for _, h := range hops {
			got = append(got, h.Transport.String()+" "+h.Addr.String())
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v %v, want %s", uri, got, err, want)
		}
		if isName := strings.Contains(want, "::7"); numeric == isName || numeric && hop != hops[0] {
			t.Error(uri, "numeric:", numeric, hop)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Resolve(ctx, sip.URI{Scheme: "sip", Host: "pbx.example"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkNumeric(b *testing.B) {
	u, err := sip.ParseURI("sip:101@192.0.2.5:5070;transport=tcp")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Numeric(u); !ok {
			b.Fatal("not numeric")
		}
	}
}
