package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/base/cert"
	"santral/test/phone"
)

// pemPair writes a certificate and its key.
func pemPair(t *testing.T, c *tls.Certificate, certFile, keyFile string) {
	t.Helper()
	var chain []byte
	for _, der := range c.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{certFile: chain, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A certificate from files is read again at SIGHUP: who comes then is shown the new one, and the
// connection that was there goes on.
func TestANewCertificateCutsNobody(t *testing.T) {
	folder := t.TempDir()
	authority, err := cert.OpenAuthority(folder)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(folder, "c.pem"), filepath.Join(folder, "k.pem")
	issue := func() {
		c, err := authority.Issue([]string{"localhost"}, nil, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		pemPair(t, c, certFile, keyFile)
	}
	issue()
	sip, web := phone.FreePort(t), phone.FreePort(t)
	x := phone.Serve(t, folder, fmt.Sprintf(`listen: [{transport: tls, address: "127.0.0.1:%d"}]
http: 127.0.0.1:%d
media: {address: 127.0.0.1, ports: 21000-21099}
tls: {name: localhost, certificate: c.pem, key: k.pem}
data: data
tenants: tenants
`, sip, web), "tenant: home\ndomains: [localhost]\ndefault: true\nextensions:\n  - {number: 101, password: correct-horse}\n")

	at := fmt.Sprintf("localhost:%d", sip)
	dial := func() (*tls.Conn, error) {
		return tls.Dial("tcp", at, &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"})
	}
	old, err := dial()
	if err != nil {
		t.Fatalf("%v\n%s", err, x.Out)
	}
	defer old.Close()
	asks := func(id string) {
		t.Helper()
		fmt.Fprintf(old, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/TLS %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:a@localhost>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", at, old.LocalAddr(), id, at, id)
		old.SetReadDeadline(time.Now().Add(soon))
		b := make([]byte, 12)
		if _, err := io.ReadFull(old, b); err != nil || !strings.HasPrefix(string(b), "SIP/2.0 200") {
			t.Fatalf("%s: %q %v\n%s", id, b, err, x.Out)
		}
		rest := make([]byte, 4096)
		old.Read(rest)
	}
	asks("before")
	first := old.ConnectionState().PeerCertificates[0]
	issue()
	x.Reload()
	phone.Eventually(t, soon, "the new certificate is shown", func() bool {
		c, err := dial()
		if err != nil {
			return false
		}
		defer c.Close()
		return !c.ConnectionState().PeerCertificates[0].Equal(first)
	})
	asks("after")
	if err := os.WriteFile(keyFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.Reload()
	phone.Eventually(t, soon, "a bad file is said", func() bool { return x.Out.Contains("read the certificate") })
	if c, err := dial(); err != nil {
		t.Errorf("after a bad file: %v", err)
	} else {
		c.Close()
	}
	asks("later")
}
