package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// office is a tenant with one extension; the trunks stand behind it.
const office = `tenant: office
domains: [office.test, 127.0.0.1]
default: true
extensions: [{number: "101", name: Sara, password: correct-horse, channels: 5}]
`

// registerSIPp registers a number of a SIPp that answers at a port, at whoever listens at server.
func registerSIPp(t *testing.T, server, user string, port int) {
	t.Helper()
	csv := phone.CSV(t, []string{user, phone.AuthField(user, phone.Password), fmt.Sprint(port), "UDP"})
	phone.StartSIPp(t, phone.Register, server, "-m", "1", "-inf", csv).Wait(t, 20*time.Second)
}

// dials has extension 101 call a number, talk for two seconds and hang up.
func dials(t *testing.T, x *phone.Exchange, number, sound string) {
	t.Helper()
	cmd := exec.Command(phone.Program(t), "phone", "--server", x.SIP, "--user", "101", "--password", phone.Password, "--call", number, "--play", sound, "--hangup-after", "2s")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the call to %s: %v\n%s", number, err, out)
	}
}

// SIPp is a carrier, known by its address: it takes our calls and calls us, by the numbers that are ours.
func TestSIPpIsACarrier(t *testing.T) {
	dead, living, phones := phone.FreePort(t), phone.FreePort(t), phone.FreePort(t)
	x := phone.StartExchange(t, "--digest", "md5", "--tenant", phone.File(t, "office.yaml", office+fmt.Sprintf(`trunks:
  - {name: dead, mode: static, to: "127.0.0.6:%d"}
  - name: carrier
    mode: static
    to: "127.0.0.5:%d"
    addresses: [127.0.0.5]
    trust: true
    numbers: [{number: "02122000101", to: "101"}]
    in: [{calling: '^\+98(\d+)$', replace: '0$1'}]
routes: [{prefix: "0", trunks: [dead, carrier], strip: 1, prepend: "+98"}]
`, dead, living)))
	phone.StartSIPp(t, phone.Answer, x.SIP, "-m", "3", "-p", fmt.Sprint(living), "-i", "127.0.0.5", "-mi", "127.0.0.5", "-rtp_echo")
	sound := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)

	// Out: the first carrier is dead, and the call comes through by the second within three seconds.
	began := time.Now()
	dials(t, x, "02133445566", sound)
	if took := time.Since(began); took > 2*time.Second+6*time.Second {
		t.Errorf("the call took %v in all", took)
	}
	c := record(t, x, "101", "02133445566")
	if c.State != "answered" || len(c.Legs) != 3 || c.Legs[1]["trunk"] != "dead" || c.Legs[2]["trunk"] != "carrier" {
		t.Errorf("record %+v", c)
	}

	report := x.Run("trunks")
	if !strings.Contains(report, "carrier") || !strings.Contains(report, "up") {
		t.Errorf("santral trunks:\n%s", report)
	}

	// In: the carrier's call rings the extension's phone.
	ring := phone.StartSIPp(t, phone.Answer, x.SIP, "-m", "1", "-p", fmt.Sprint(phones), "-rtp_echo")
	registerSIPp(t, x.SIP, "101", phones)
	csv := phone.CSV(t, []string{"02122000101"})
	phone.StartSIPp(t, phone.CarrierCalls, x.SIP, "-m", "1", "-i", "127.0.0.5", "-mi", "127.0.0.5", "-inf", csv).Wait(t, 20*time.Second)
	ring.Wait(t, 10*time.Second)
	if c := record(t, x, "02199", "02122000101"); c.State != "answered" || c.Legs[0]["trunk"] != "carrier" {
		t.Errorf("record %+v", c)
	}
}

// Kamailio is a carrier: it takes our registration and our calls with digest, and brings calls to the Contact
// that we registered.
func TestKamailioIsACarrier(t *testing.T) {
	k := phone.StartCarrier(t, phone.Password, "127.0.0.1")
	x := phone.StartExchange(t, "--digest", "md5", "--tenant", phone.File(t, "office.yaml", office+fmt.Sprintf(`trunks:
  - name: carrier
    mode: register
    to: "%[1]s"
    domain: carrier.test
    user: "02122000100"
    password: correct-horse
    numbers: [{number: "02122000100", to: "101"}]
    trust: true
    called: to
    expires: 2m
    options: 5s
    out: [{calling: '^101$', replace: '02122000100'}]
routes: [{prefix: "0", trunks: [carrier]}]
`, k.Addr)))
	phone.Eventually(t, 10*time.Second, "we are registered at Kamailio", func() bool {
		return x.Metric("santral_trunk_up", `trunk="carrier"`) == 1
	})
	subscriber, ours := phone.FreePort(t), phone.FreePort(t)

	// Out, challenged by 407.
	callee := phone.StartSIPp(t, phone.Answer, k.Addr, "-m", "1", "-i", "127.0.0.4", "-mi", "127.0.0.4", "-p", fmt.Sprint(subscriber), "-rtp_echo")
	csv := phone.CSV(t, []string{"02199", phone.AuthField("02199", phone.Password), fmt.Sprint(subscriber), "UDP"})
	phone.StartSIPp(t, phone.Register, k.Addr, "-m", "1", "-inf", csv, "-i", "127.0.0.4").Wait(t, 20*time.Second)
	sound := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)
	dials(t, x, "02199", sound)
	callee.Wait(t, 20*time.Second)
	if c := record(t, x, "101", "02199"); c.State != "answered" || c.Legs[1]["trunk"] != "carrier" {
		t.Errorf("record %+v", c)
	}

	// In, at the Contact that Kamailio has of us.
	ring := phone.StartSIPp(t, phone.Answer, x.SIP, "-m", "1", "-p", fmt.Sprint(ours), "-rtp_echo")
	registerSIPp(t, x.SIP, "101", ours)
	phone.StartSIPp(t, phone.CarrierCalls, k.Addr, "-m", "1", "-i", "127.0.0.4", "-mi", "127.0.0.4", "-inf", phone.CSV(t, []string{"02122000100"})).Wait(t, 20*time.Second)
	ring.Wait(t, 10*time.Second)
	if c := record(t, x, "+982199", "02122000100"); c.State != "answered" || c.Legs[0]["trunk"] != "carrier" {
		t.Errorf("record %+v", c)
	}

	// Spoofed: from elsewhere the same call is challenged.
	host, port, _ := net.SplitHostPort(x.SIP)
	c, err := net.Dial("udp", net.JoinHostPort(host, port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "INVITE sip:02122000100@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKspoof;rport\r\nMax-Forwards: 70\r\nFrom: <sip:02199@carrier.test>;tag=1\r\nTo: <sip:02122000100@carrier.test>\r\nCall-ID: spoof\r\nCSeq: 1 INVITE\r\nContact: <sip:a@%[2]s>\r\nContent-Length: 0\r\n\r\n", x.SIP, c.LocalAddr())
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 4096)
	if n, err := c.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "SIP/2.0 401 ") {
		t.Errorf("a third source gets %v\n%s", err, b[:n])
	}
}
