package config

import (
	"net/netip"
	"strings"
	"testing"
)

const plain = "listen:\n  - {transport: udp, address: \"0.0.0.0:5060\"}\ndata: data\ntenants: tenants\n"

// What a boot file says of the port of browsers and of relays, and every mistake in it with its place.
func TestMediaOfBrowsers(t *testing.T) {
	b, problems := read(t, plain+`https: 0.0.0.0:8443
media: {port: 30000, ice: full, pictures: 0, turn: {address: "0.0.0.0:3478", tls: "0.0.0.0:5349", host: pbx.example, secret: sixteen-letters!}}
`)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	want := TURN{netip.MustParseAddrPort("0.0.0.0:3478"), netip.MustParseAddrPort("0.0.0.0:5349"), "pbx.example", "sixteen-letters!"}
	if m := b.Media; m.Port != 30000 || m.ICE != "full" || m.Pictures != 0 || m.DSCP != DefaultDSCP || m.TURN != want {
		t.Errorf("media %+v", m)
	}
	for text, want := range map[string]string{
		"{ice: half}":                `:5:14: "half" is not known here; write one of lite, full`,
		"{port: 0}":                  "whole number from 1 to 65535",
		"{dscp: 64}":                 "whole number from 0 to 63",
		"{g729: ''}":                 "name or path of a library",
		"{turn: {}}":                 "must have an address or a tls",
		"{turn: {address: here}}":    "must be an address with a port",
		"{turn: {secret: short}}":    "at least 16 characters",
		"{turn: {host: 'a b'}}":      "must be the name or the IPv4 address",
		`{turn: {tls: "[::]:5349"}}`: ":5:9: turn: tls needs the certificate of a listener for tls, or of https: open one",
	} {
		_, problems := read(t, plain+"media: "+text+"\nhttps: off\n")
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s…", text, err, want)
		}
	}
}
