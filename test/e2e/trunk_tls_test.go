package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// TestATrunkOverTLS has one exchange register at another over TLS alone, whose certificate is checked, and
// certifies it: the call goes over TLS too.
func TestATrunkOverTLS(t *testing.T) {
	carrier := phone.StartExchange(t, "--tenant", phone.File(t, "carrier.yaml", `tenant: carrier
domains: [localhost, 127.0.0.1]
realm: carrier.test
default: true
extensions: [{number: "101", password: correct-horse, channels: 5}]
trunks: [{name: office, mode: registered, user: office, password: correct-horse, numbers: ["+982122000100"]}]
`))
	media := 30000 + phone.FreePort(t)%10000
	x := phone.Serve(t, t.TempDir(), fmt.Sprintf(`listen:
  - {transport: udp, address: "127.0.0.1:%d"}
  - {transport: tls, address: "127.0.0.1:%d"}
tls: {name: localhost, roots: %q}
http: 127.0.0.1:%d
media: {address: 127.0.0.1, ports: %d-%d}
data: data
tenants: tenants
digest: [sha256, md5]
`, phone.FreePort(t), phone.FreePort(t), carrier.Authority(), phone.FreePort(t), media, media+99), office+fmt.Sprintf(`trunks:
  - name: carrier
    mode: register
    to: "sip:localhost:%s;transport=tls"
    user: office
    password: correct-horse
    numbers: [{number: "+982122000100", to: "101"}]
    trust: true
    options: 5s
`, carrier.TLS[strings.LastIndexByte(carrier.TLS, ':')+1:]))
	ask := func(args ...string) string {
		text, _ := exec.Command(phone.Program(t), append(args, "--data", x.Data)...).CombinedOutput()
		return string(text)
	}
	defer func() {
		if t.Failed() {
			t.Logf("the customer says\n%s\n%s", x.Out, ask("trunks"))
		}
	}()
	phone.Eventually(t, 15*time.Second, "it is registered over TLS", func() bool { return strings.Contains(ask("trunks", "--json"), `"state":"registered"`) })

	sound := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)
	callee := exec.Command(phone.Program(t), "phone", "--server", carrier.SIP, "--user", "101", "--password", phone.Password, "--answer", "--play", sound, "--loop")
	if err := callee.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		callee.Process.Kill()
		callee.Wait()
	})
	phone.Eventually(t, 10*time.Second, "101 is registered", func() bool { return strings.Contains(carrier.Run("registrations"), "\n101 ") })
	report := ask("trunk", "certify", "carrier", "--call", "101")
	t.Logf("santral trunk certify:\n%s", report)
	for _, clause := range []string{"registration/digest", "options/answer", "call/answer", "call/identity", "call/hold", "call/bye", "call/tls"} {
		found := false
		for line := range strings.Lines(report) {
			found = found || strings.HasPrefix(line, clause+" ") && strings.Contains(line, " passed ")
		}
		if !found {
			t.Errorf("%s is not passed", clause)
		}
	}
}
