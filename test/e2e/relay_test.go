package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// relays is what the exchange tells an account of its server of relays.
type relays struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

func relaysFor(t *testing.T, x *phone.Exchange, account string) (r relays) {
	t.Helper()
	if err := json.Unmarshal(x.Post("/api/v1/turn/site/"+account, ""), &r); err != nil || r.Credential == "" {
		t.Fatalf("credentials of %s: %+v, %v", account, r, err)
	}
	return r
}

// TestABrowserBehindAFirewall: first no datagram but those of the server of relays passes between the browser and the
// exchange, then none at all, and the browser's media comes by TCP and by TLS.
func TestABrowserBehindAFirewall(t *testing.T) {
	t.Parallel()
	phone.Need(t, "iptables")
	phone.Need(t, "chromium")
	phone.Need(t, "baresip")
	if !phone.Alone(t) {
		return
	}
	filter := func(rules ...string) {
		for _, r := range rules {
			if out, err := exec.Command("iptables", strings.Fields(r)...).CombinedOutput(); err != nil {
				t.Fatalf("iptables %s: %v\n%s", r, err, out)
			}
		}
	}
	x := phone.Serve(t, t.TempDir(), `listen:
  - {transport: udp, address: "127.0.0.1:5060"}
http: 127.0.0.1:8080
https: 127.0.0.1:8443
media: {address: 127.0.0.1, ports: 20000-20099, port: 30000, turn: {address: "127.0.0.1:3478", tls: "127.0.0.1:5349", host: localhost, secret: a-secret-of-this-test}}
data: data
tenants: tenants
digest: [md5]
`, site([2]string{"101", ""}, [2]string{"102", ""}))
	x.Ready.SIP, x.Ready.Realm, x.Ready.WS = "127.0.0.1:5060", "site.example", "ws://localhost:8080/ws"
	// The phone's signalling and media pass, and its answers; the port of browsers is not among them.
	const relay = "OUTPUT -p udp --%s 3478 -j ACCEPT"
	for _, end := range []string{"dport", "sport"} {
		filter("-A OUTPUT -p udp --"+end+" 5060 -j ACCEPT", "-A OUTPUT -p udp --"+end+" 20000:20099 -j ACCEPT", "-A "+fmt.Sprintf(relay, end))
	}
	filter("-A OUTPUT -p udp -j DROP")
	pageSays, aliSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
	b := page101(t, x, pageSays)
	ali := phone.StartBaresip(t, x.Account("102", "udp"), aliSays)
	r := relaysFor(t, x, "101")
	for _, way := range []string{"turn:localhost:3478?transport=udp", "turn:localhost:3478?transport=tcp", "turns:localhost:5349?transport=tcp"} {
		if !strings.Contains(strings.Join(r.URLs, " "), way) {
			t.Fatalf("the ways to relays are %v, want %s among them", r.URLs, way)
		}
		if way == "turn:localhost:3478?transport=tcp" {
			for _, end := range []string{"dport", "sport"} {
				filter("-D " + fmt.Sprintf(relay, end))
			}
		}
		b.Tell(fmt.Sprintf(`window.ice = [{urls: %q, username: %q, credential: %q}]; window.policy = "relay"`, way, r.Username, r.Credential))
		ali.Out.Reset()
		ali.Anew()
		b.Call("102", x.Realm)
		ali.Wait("CALL_INCOMING")
		ali.Command("accept", "")
		b.Wait("talks")
		ali.Wait("CALL_ESTABLISHED")
		time.Sleep(6 * time.Second)
		if s := b.Selected(); !strings.HasPrefix(s, "relay host") {
			t.Errorf("%s: media goes by %q, want a relay", way, s)
		}
		if n := x.Metric("santral_turn_relays"); n < 1 {
			t.Errorf("%s: %v relays", way, n)
		}
		heard := b.Heard()
		b.Tell("window.session.terminate()")
		ali.Wait("CALL_CLOSED")
		understood(t, "the phone, by "+way+",", ali.Heard(), pageSays)
		understood(t, "the page, by "+way+",", heard, aliSays)
	}
}

// coturn's own clients ask for their address, and have a relay that reaches our port of browsers and nobody else's.
func TestClientsOfCoturn(t *testing.T) {
	t.Parallel()
	phone.Need(t, "turnutils_uclient")
	phone.Need(t, "turnutils_stunclient")
	media, turn := phone.FreePort(t), phone.FreePort(t)
	x := phone.StartServeMedia(t, "site.example", fmt.Sprintf(`, port: %d, turn: {address: "127.0.0.1:%d", host: 127.0.0.1, secret: a-secret-of-this-test}`, media, turn), site([2]string{"101", ""}))
	r := relaysFor(t, x, "101")
	run := func(program string, args ...string) string {
		out, _ := exec.Command("timeout", append([]string{"7", program}, args...)...).CombinedOutput() // its status says nothing
		return string(out)
	}
	for _, port := range []int{media, turn} {
		if out := run("turnutils_stunclient", "-p", fmt.Sprint(port), "127.0.0.1"); !regexp.MustCompile(`reflexive addr: 127\.0\.0\.1:\d+`).MatchString(out) {
			t.Errorf("at port %d:\n%s", port, out)
		}
	}
	client := func(password string, host string, port int, more ...string) string {
		return run("turnutils_uclient", append(more, "-v", "-n", "3", "-m", "1", "-c", "-u", r.Username, "-w", password, "-e", host, "-r", fmt.Sprint(port), "-p", fmt.Sprint(turn), "127.0.0.1")...)
	}
	const allocated, refreshed, bound, sent = "Received relay addr", "refresh response received", "success: 0x", "tot_send_msgs=3"
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var all sync.WaitGroup
	for _, c := range []struct {
		what, password, host string
		port                 int
		way, want, never     []string
	}{
		{"channels", r.Credential, "127.0.0.1", media, nil, []string{allocated, refreshed, bound, sent}, nil},
		{"over TCP", r.Credential, "127.0.0.1", media, []string{"-t"}, []string{allocated, refreshed, bound, sent}, nil},
		{"indications", r.Credential, "127.0.0.1", media, []string{"-s"}, []string{allocated, refreshed, "create perm sent", sent}, nil},
		{"a wrong password", "wrong", "127.0.0.1", media, nil, []string{"Cannot complete Allocation"}, []string{allocated}},
		{"somebody else's port", r.Credential, "127.0.0.1", l.LocalAddr().(*net.UDPAddr).Port, nil, []string{allocated, sent}, nil},
		{"somebody else's address", r.Credential, "127.0.0.9", media, nil, []string{allocated}, []string{bound, sent}},
	} {
		all.Go(func() {
			out := client(c.password, c.host, c.port, c.way...)
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%s: no %q:\n%s", c.what, want, out)
				}
			}
			for _, never := range c.never {
				if strings.Contains(out, never) {
					t.Errorf("%s: %q:\n%s", c.what, never, out)
				}
			}
		})
	}
	all.Wait()
	l.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, from, err := l.ReadFrom(make([]byte, 2048)); err == nil {
		t.Errorf("%d octets reached somebody else from %v", n, from)
	}
}
