package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/base/doc"
)

func read(t *testing.T, text string) (*Boot, *doc.Problems) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "santral.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var problems doc.Problems
	return Read(file, &problems), &problems
}

func TestTheBootFile(t *testing.T) {
	b, problems := read(t, `
listen:
  - {transport: udp, address: "0.0.0.0:5060", advertise: {public: 203.0.113.5, local: [10.0.0.0/8]}}
  - {transport: tcp, address: "[::]:5060", advertise: {stun: "stun.example:3478"}}
  - {transport: udp, address: "127.0.0.1:5062", advertise: route}
http: 127.0.0.1:9090
media: {address: 0.0.0.0, ports: 20001-20100, dead_after: 30s, dscp: 40, g729: libbcg729.so.0}
data: data
tenants: /etc/santral/tenants
digest: [md5]
log: debug
drain: 1m
session: {expires: 10m, min: 2m}
dns: [192.0.2.53, "[2001:db8::53]:5353"]
silent: 1500ms
allow: [192.0.2.7, 10.1.2.3/8]
calls: 5000
overload: 20ms
hep: {to: "homer.example:9060", transport: tcp, id: 2001, auth_key: secret}
voices: {folder: voices, asterisk: {en: /usr/share/sounds, fa: sounds/fa}}
`)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if len(b.Listen) != 3 || b.Listen[0].Advertise.Public.String() != "203.0.113.5" || b.Listen[1].Advertise.STUN != "stun.example:3478" {
		t.Errorf("listeners %+v", b.Listen)
	}
	if b.Media.First != 20002 || b.Media.Last != 20100 || b.Media.DeadAfter != 30*time.Second || b.Media.DSCP != 40 || b.Media.Pictures != 34 || b.Media.G729 != "libbcg729.so.0" {
		t.Errorf("media %+v", b.Media)
	}
	if !filepath.IsAbs(b.Data) || filepath.Base(b.Data) != "data" || b.Drain != time.Minute || b.Digest[0] != "md5" {
		t.Errorf("boot %+v", b)
	}
	if len(b.DNS) != 2 || b.DNS[0].String() != "192.0.2.53:53" || b.DNS[1].String() != "[2001:db8::53]:5353" || b.Silent != 1500*time.Millisecond {
		t.Errorf("names %v, silent %v", b.DNS, b.Silent)
	}
	if v := b.Voices; !filepath.IsAbs(v.Folder) || filepath.Base(v.Folder) != "voices" || v.Asterisk["en"] != "/usr/share/sounds" || !filepath.IsAbs(v.Asterisk["fa"]) {
		t.Errorf("voices %+v", v)
	}
	if b.Session != (Session{10 * time.Minute, 2 * time.Minute}) {
		t.Errorf("session %+v", b.Session)
	}
	if len(b.Allow) != 2 || b.Allow[0].String() != "192.0.2.7/32" || b.Allow[1].String() != "10.0.0.0/8" || b.Calls != 5000 || b.Overload != 20*time.Millisecond {
		t.Errorf("allow %v, calls %d, overload %v", b.Allow, b.Calls, b.Overload)
	}
	if b.HEP != (Capture{To: "homer.example:9060", Transport: "tcp", ID: 2001, Key: "secret"}) {
		t.Errorf("capture %+v", b.HEP)
	}
}

func TestEveryProblemOfTheBootFileIsSaid(t *testing.T) {
	_, problems := read(t, `
listen:
  - {transport: sctp, address: "5060"}
  - {transport: udp, address: "0.0.0.0:5060", advertise: {public: home, stun: nowhere}}
media: {ports: 10-20}
digest: [rot13]
drain: soon
session: {expires: 80s, min: 10s}
dns: [ns.example]
silent: 1h
hep: {to: homer, id: 0}
allow: [everybody]
database: mysql://x
`)
	text := problems.Err().Error()
	for _, want := range []string{
		`:3:17: "sctp" is not known here; write one of udp, tcp, tls`,
		`must be an address with a port`,
		`must be the address that the world reaches us at`,
		`must be a STUN server's host:port`,
		`must be a range of at least 4 ports`,
		`"rot13" is not known here`,
		`must be a time from 0s to 24h0m0s`,
		`must be a postgres:// address`,
		`must be 0s or at least 1m30s`,
		`must be a time from 1m30s to 1h0m0s`,
		`must be a name server's address`,
		`must be a capture server's host:port`,
		`must be a network such as 192.168.0.0/16, or an address`,
		`must be a time from 500ms to 30s`,
		`key "data" is missing`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said in:\n%s", want, text)
		}
	}
}

// What a boot file says of TLS and of browsers, and every mistake in it with its place.
func TestTLSOfTheBootFile(t *testing.T) {
	b, problems := read(t, `
listen: [{transport: tls, address: "0.0.0.0:5061"}]
https: 0.0.0.0:8443
tls:
  name: PBX.example.com
  acme: {domains: [pbx.example.com], email: admin@example.com, directory: "https://acme.example.net/directory"}
origins: ["https://phone.example.com", "http://localhost:3000"]
data: data
tenants: tenants
`)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if b.Listen[0].Transport != "tls" || b.HTTPS.Port() != 8443 || b.TLS.Name != "pbx.example.com" || b.TLS.ACME.Domains[0] != "pbx.example.com" || len(b.Origins) != 2 {
		t.Errorf("%+v", b)
	}
	_, problems = read(t, `
listen: [{transport: tls, address: "0.0.0.0:5061"}]
tls:
  name: 192.0.2.1
  certificate: nowhere.pem
  client_roots: santral.yaml
  acme: {domains: [localhost], email: nobody, directory: "http://acme.example.net"}
origins: [phone.example.com]
data: data
tenants: tenants
`)
	text := problems.Err().Error()
	for _, want := range []string{
		`:4:9: must be a host name that phones can look up`,
		`:5:16: can't be read`,
		`:6:17: holds no certificate`,
		`must be a public host name`,
		`must be an address that the authority can write to`,
		`must be the https:// address of an ACME directory`,
		`write certificate and key, both`,
		`must be an origin such as`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said in:\n%s", want, text)
		}
	}
}

// The API is served over TLS unless the boot file says otherwise, and tokens don't come in plain from elsewhere.
func TestTheAPIIsServedOverTLS(t *testing.T) {
	const plain = "listen: [{transport: udp, address: \"0.0.0.0:5060\"}]\ndata: data\ntenants: tenants\n"
	for text, good := range map[string]func(*Boot) bool{
		"": func(b *Boot) bool {
			return b.HTTPS.String() == DefaultHTTPS && b.Usual && !b.Plain && b.Metrics == "local"
		},
		"https: off\n":            func(b *Boot) bool { return !b.HTTPS.IsValid() && !b.Usual },
		"https: 127.0.0.1:9443\n": func(b *Boot) bool { return b.HTTPS.Port() == 9443 && !b.Usual },
		"http_plain: true\nmetrics: open\nproxies: [10.0.0.1, 192.0.2.0/24]\n": func(b *Boot) bool {
			return b.Plain && b.Metrics == "open" && len(b.Proxies) == 2 && b.Proxies[0].String() == "10.0.0.1/32"
		},
	} {
		if b, problems := read(t, plain+text); problems.Err() != nil || !good(b) {
			t.Errorf("%q: %+v, %v", text, b, problems.Err())
		}
	}
	for _, text := range []string{"https: on\n", "http_plain: perhaps\n", "metrics: closed\n", "proxies: [everybody]\n"} {
		if _, problems := read(t, plain+text); problems.Err() == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
