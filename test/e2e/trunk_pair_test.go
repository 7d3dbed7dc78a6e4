package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// TestTwoExchanges joins two exchanges by a trunk: the customer's registers at the carrier's for all its numbers
// at once (RFC 6140), calls go both ways, and the customer certifies the carrier.
func TestTwoExchanges(t *testing.T) {
	carrier := phone.StartExchange(t, "--tenant", phone.File(t, "carrier.yaml", `tenant: carrier
domains: [carrier.test, 127.0.0.1]
default: true
extensions: [{number: "101", password: correct-horse, channels: 5}]
trunks: [{name: office, mode: registered, user: office, password: correct-horse, numbers: [02122000100-02122000199]}]
`))
	customer := phone.StartExchange(t, "--tenant", phone.File(t, "office.yaml", office+fmt.Sprintf(`trunks:
  - name: carrier
    mode: register
    to: "%s"
    domain: carrier.test
    user: office
    password: correct-horse
    gin: true
    numbers: [{number: 02122000100-02122000199, to: "101"}]
    options: 5s
    out: [{calling: '^101$', replace: '02122000101'}]
routes: [{prefix: "9", trunks: [carrier], strip: 1}]
`, carrier.SIP)))
	phone.Eventually(t, 10*time.Second, "the customer is registered", func() bool {
		return customer.Metric("santral_trunk_up", `trunk="carrier"`) == 1
	})
	sound := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)
	answering := func(x *phone.Exchange) {
		t.Helper()
		cmd := exec.Command(phone.Program(t), "phone", "--server", x.SIP, "--user", "101", "--password", phone.Password, "--answer", "--play", sound, "--loop")
		out := &phone.Output{}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		t.Cleanup(func() {
			cmd.Process.Kill()
			<-done
		})
		phone.Eventually(t, 10*time.Second, "101 is registered", func() bool {
			return x.Metric("santral_registrations") >= 1 && strings.Contains(x.Run("registrations"), "101")
		})
	}

	answering(customer)
	dials(t, carrier, "02122000155", sound)
	if c := record(t, carrier, "101", "02122000155"); c.State != "answered" || c.Legs[1]["trunk"] != "office" {
		t.Errorf("the carrier's record %+v", c)
	}
	if c := record(t, customer, "02122000100", "02122000155"); c.State != "answered" || c.Legs[0]["trunk"] != "carrier" {
		t.Errorf("the customer's record %+v", c)
	}

	answering(carrier)
	report, err := exec.Command(phone.Program(t), "trunk", "certify", "carrier", "--call", "101", "--data", customer.Data).CombinedOutput()
	t.Logf("santral trunk certify:\n%s", report)
	if err == nil {
		t.Error("an extension is no E.164 number, and the certification does not say so")
	}
	for _, clause := range []string{"registration/digest", "registration/expires", "registration/gin", "options/answer", "options/methods", "call/trying", "call/answer", "call/codec", "call/hold", "call/resume", "call/dtmf", "call/bye"} {
		found := false
		for line := range strings.Lines(string(report)) {
			found = found || strings.HasPrefix(line, clause+" ") && strings.Contains(line, " passed ")
		}
		if !found {
			t.Errorf("%s is not passed", clause)
		}
	}
}
