package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/base/cert"
	"santral/test/phone"
)

// carrierTLS is a carrier's TLS port that answers nothing and tells of every request's first line, and of
// the names that its clients prove.
func carrierTLS(t *testing.T, own *tls.Certificate, lines chan<- string) (port uint16) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*own}, ClientAuth: tls.RequestClientCert})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					if strings.HasSuffix(line, "SIP/2.0\r\n") {
						proved := ""
						if p := c.(*tls.Conn).ConnectionState().PeerCertificates; len(p) > 0 {
							proved = p[0].Subject.CommonName
						}
						lines <- strings.TrimSpace(line) + " by " + proved
					}
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

// A call to a carrier over TLS leaves only when the carrier proves the name that the trunk has, and our
// own certificate is shown to it; the log says who was another.
func TestACarrierProvesItsName(t *testing.T) {
	folder := t.TempDir()
	authority, err := cert.OpenAuthority(folder)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(names []string, addrs ...netip.Addr) *tls.Certificate {
		c, err := authority.Issue(names, addrs, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	lines := make(chan string, 16)
	right := carrierTLS(t, issue([]string{"localhost"}), lines)
	wrong := carrierTLS(t, issue([]string{"carrier.example"}, netip.MustParseAddr("127.0.0.1")), lines)
	pemPair(t, issue([]string{"pbx.example"}), filepath.Join(folder, "c.pem"), filepath.Join(folder, "k.pem"))
	sip, web := phone.FreePort(t), phone.FreePort(t)
	x := phone.Serve(t, folder, fmt.Sprintf(`listen:
  - {transport: udp, address: "127.0.0.1:%d"}
  - {transport: tls, address: "127.0.0.1:%d"}
http: 127.0.0.1:%d
media: {address: 127.0.0.1, ports: 21200-21299}
tls: {name: pbx.example, certificate: c.pem, key: k.pem, roots: ca.pem}
data: data
tenants: tenants
`, sip, sip+2, web), fmt.Sprintf(`tenant: home
domains: [pbx.example]
default: true
extensions:
  - {number: 101, password: correct-horse, channels: 4}
trunks:
  - {name: right, mode: static, to: "sip:localhost:%d;transport=tls"}
  - {name: wrong, mode: static, to: "sip:localhost:%d;transport=tls"}
routes:
  - {prefix: "1", trunks: [right]}
  - {prefix: "2", trunks: [wrong]}
`, right, wrong))
	dial := func(number string) *exec.Cmd {
		c := exec.Command(phone.Program(t), "phone", "--server", fmt.Sprintf("127.0.0.1:%d", sip), "--user", "101", "--password", "correct-horse", "--no-register", "--call", number, "--within", "4s")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := dial("1234567")
	select {
	case line := <-lines:
		if !strings.HasPrefix(line, "INVITE sip:1234567@localhost") || !strings.HasSuffix(line, " by pbx.example") {
			t.Errorf("the carrier hears %q", line)
		}
	case <-time.After(soon):
		t.Errorf("the right carrier hears nothing:\n%s", x.Out)
	}
	second := dial("2234567")
	phone.Eventually(t, soon, "the log says who was another", func() bool {
		return x.Out.Contains("does not prove to be localhost: its certificate is for carrier.example")
	})
	first.Process.Kill()
	first.Wait()
	if err := second.Wait(); err == nil {
		t.Error("a call over a carrier that is another came about")
	}
	for len(lines) > 0 {
		if line := <-lines; strings.Contains(line, "2234567") {
			t.Errorf("the wrong carrier hears %q", line)
		}
	}
}
