package sipleg

import (
	"testing"

	"santral/call"
	"santral/sip"
)

// What a call to a sips URI may go out by (RFC 3261 §26.2.2).
func TestWaysOfASIPSCall(t *testing.T) {
	flow := func(t sip.Transport) string { return t.String() + " 192.0.2.1:5061 192.0.2.7:40000 7" }
	for name, c := range map[string]struct {
		to   call.Target
		uri  string // "" where there is no way
		next string
	}{
		"a phone over TLS":       {call.Target{URI: "sip:102@192.0.2.7:40000;transport=tls", Flow: flow(sip.TLS)}, "sip:102@192.0.2.7:40000;transport=tls", ""},
		"a browser over TLS":     {call.Target{URI: "sip:102@x.invalid;transport=ws", Flow: flow(sip.WSS)}, "sip:102@x.invalid;transport=ws", ""},
		"a browser without":      {call.Target{URI: "sip:102@x.invalid;transport=ws", Flow: flow(sip.WS)}, "", ""},
		"a phone over TCP":       {call.Target{URI: "sip:102@192.0.2.7", Flow: flow(sip.TCP)}, "", ""},
		"a phone over UDP":       {call.Target{URI: "sip:102@192.0.2.7", Flow: flow(sip.UDP)}, "", ""},
		"another exchange":       {call.Target{URI: "sip:102@example.net"}, "sips:102@example.net", "sips:102@example.net"},
		"behind a proxy":         {call.Target{URI: "sip:102@192.0.2.7", Path: []string{"<sip:edge.example.net;lr>"}}, "sips:102@192.0.2.7", "sips:edge.example.net;lr"},
		"what is no SIP address": {call.Target{URI: "tel:+98212345"}, "", ""},
	} {
		uri, to, err := way(c.to, call.Tel{})
		if err != nil {
			t.Fatal(name, err)
		}
		if ok := secure(&uri, &to); ok != (c.uri != "") || ok && (uri != c.uri || !to.HasFlow && to.URI.String() != c.next) {
			t.Errorf("%s: %v %s by %s", name, ok, uri, to.URI)
		}
	}
}
