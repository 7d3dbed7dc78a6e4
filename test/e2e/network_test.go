package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"santral/test/phone"
)

// exchangeOn starts `santral serve` on a host with a boot file, and waits until it serves.
func exchangeOn(t *testing.T, h *phone.Host, advertise string) {
	t.Helper()
	folder := t.TempDir()
	tenants := filepath.Join(folder, "tenants")
	if err := os.MkdirAll(tenants, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		filepath.Join(folder, "santral.yaml"): fmt.Sprintf(`listen:
  - {transport: udp, address: "0.0.0.0:5060", advertise: %s}
  - {transport: tcp, address: "0.0.0.0:5060", advertise: %s}
http: 127.0.0.1:8080
media: {address: 0.0.0.0, ports: 20000-20099, advertise: %s}
data: data
tenants: tenants
digest: [sha256, md5]
`, advertise, advertise, advertise),
		filepath.Join(tenants, "home.yaml"): `tenant: home
domains: [home.example]
default: true
extensions:
  - {number: 101, password: correct-horse}
  - {number: 102, password: correct-horse}
`,
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := &phone.Output{}
	cmd := h.Command(phone.Program(t), "serve", "--config", filepath.Join(folder, "santral.yaml"))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	phone.Eventually(t, 10*time.Second, "the exchange serves", func() bool { return out.Contains("serves SIP") })
}

// summary is what `santral phone` prints, as far as these tests look.
type summary struct {
	Call struct {
		Received uint64 `json:"received"`
		Sent     uint64 `json:"sent"`
	} `json:"call"`
}

// talkBetween lets 101 on one host call 102 on another through the exchange, over a transport, and
// wants sound in both directions.
func talkBetween(t *testing.T, caller *phone.Host, callerServer string, callee *phone.Host, calleeServer, transport string) {
	t.Helper()
	said := phone.Speech(t, "en", "one two three", 5)
	start := func(h *phone.Host, server, user string, args ...string) chan summary {
		out := &phone.Output{}
		cmd := h.Command(phone.Program(t), append([]string{"phone", "--server", server, "--transport", transport, "--user", user, "--password", "correct-horse", "--loop", "--play", said}, args...)...)
		result := make(chan summary, 1)
		stderr := &phone.Output{}
		cmd.Stdout, cmd.Stderr = out, stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		go func() {
			cmd.Wait()
			var s summary
			json.Unmarshal([]byte(out.String()), &s)
			t.Logf("%s: %s%s", user, out, stderr)
			result <- s
		}()
		if user == "102" {
			phone.Eventually(t, 10*time.Second, "102 registers: "+stderr.String(), func() bool { return stderr.Contains("registered") })
		}
		return result
	}
	answered := start(callee, calleeServer, "102", "--answer")
	called := start(caller, callerServer, "101", "--call", "102", "--hangup-after", "3s")
	for who, result := range map[string]chan summary{"caller": called, "callee": answered} {
		select {
		case s := <-result:
			if s.Call.Received < 100 || s.Call.Sent < 100 {
				t.Errorf("%s sent %d packets and heard %d, want at least 100 each way", who, s.Call.Sent, s.Call.Received)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s does not end", who)
		}
	}
}

func TestALocalNetwork(t *testing.T) {
	x, a, b, lan := phone.NewHost(t, "x"), phone.NewHost(t, "a"), phone.NewHost(t, "b"), phone.NewHost(t, "lan")
	lan.Forward()
	phone.Join(t, x, "10.1.0.1/24", lan, "10.1.0.254/24")
	phone.Join(t, a, "10.1.1.2/24", lan, "10.1.1.254/24")
	phone.Join(t, b, "10.1.2.2/24", lan, "10.1.2.254/24")
	x.Route("10.1.0.254")
	a.Route("10.1.1.254")
	b.Route("10.1.2.254")
	exchangeOn(t, x, "route")
	for _, transport := range []string{"udp", "tcp"} {
		talkBetween(t, a, "10.1.0.1:5060", b, "10.1.0.1:5060", transport)
	}
}

// TestTwoInterfaces has a phone on each of two networks that know nothing of each other: each must
// be told the address on its own side, in signalling and for media.
func TestTwoInterfaces(t *testing.T) {
	x, a, b := phone.NewHost(t, "x"), phone.NewHost(t, "a"), phone.NewHost(t, "b")
	phone.Join(t, x, "10.1.0.1/24", a, "10.1.0.2/24")
	phone.Join(t, x, "10.2.0.1/24", b, "10.2.0.2/24")
	exchangeOn(t, x, "route")
	talkBetween(t, a, "10.1.0.1:5060", b, "10.2.0.1:5060", "udp")
	talkBetween(t, b, "10.2.0.1:5060", a, "10.1.0.1:5060", "tcp")
}

// TestAPublicAddressInFront has the exchange behind a router that owns the public address: phones
// outside are told that one, phones inside the local one.
func TestAPublicAddressInFront(t *testing.T) {
	x, router, outside, inside := phone.NewHost(t, "x"), phone.NewHost(t, "r"), phone.NewHost(t, "o"), phone.NewHost(t, "i")
	phone.Join(t, x, "192.168.7.2/24", router, "192.168.7.1/24")
	phone.Join(t, outside, "198.51.100.9/24", router, "198.51.100.1/24")
	phone.Join(t, x, "192.168.8.1/24", inside, "192.168.8.2/24")
	router.Run("ip", "address", "add", "203.0.113.5/32", "dev", "lo")
	router.Forward()
	x.Route("192.168.7.1")
	outside.Route("198.51.100.1")
	router.NAT("203.0.113.5", "192.168.7.2", "5060", "20000-20099")
	exchangeOn(t, x, "{public: 203.0.113.5}")
	talkBetween(t, outside, "203.0.113.5:5060", inside, "192.168.8.1:5060", "udp")
	talkBetween(t, inside, "192.168.8.1:5060", outside, "203.0.113.5:5060", "udp")
}

// TestAContainer has the exchange in a container: a private address behind its host, which hands the
// published ports in.
func TestAContainer(t *testing.T) {
	x, host, a, b := phone.NewHost(t, "x"), phone.NewHost(t, "h"), phone.NewHost(t, "a"), phone.NewHost(t, "b")
	phone.Join(t, x, "172.17.0.2/16", host, "172.17.0.1/16")
	phone.Join(t, host, "10.9.0.1/24", a, "10.9.0.2/24")
	phone.Join(t, host, "10.8.0.1/24", b, "10.8.0.2/24")
	host.Forward()
	x.Route("172.17.0.1")
	a.Route("10.9.0.1")
	b.Route("10.8.0.1")
	host.NAT("10.9.0.1", "172.17.0.2", "5060", "20000-20099")
	exchangeOn(t, x, "{public: 10.9.0.1}")
	talkBetween(t, a, "10.9.0.1:5060", b, "10.9.0.1:5060", "udp")
}
