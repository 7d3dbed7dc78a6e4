package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// attempts are the trunks that a call was tried by, each with its status.
func attempts(c phone.CDR) (list []string) {
	for _, leg := range c.Legs {
		if name, _ := leg["trunk"].(string); name != "" {
			list = append(list, fmt.Sprint(name, " ", leg["sip"]))
		}
	}
	return list
}

// SIPps are five carriers: one says 503, one is dead, one is busy, one answers and sends no media, one is well. A call comes
// through, each attempt stands in its record with its cause, and the carrier without media loses the next call.
func TestFailoverAmongCarriers(t *testing.T) {
	phone.Need(t, "sipp")
	sick, dead, busy, mute, fine := phone.FreePort(t), phone.FreePort(t), phone.FreePort(t), phone.FreePort(t), phone.FreePort(t)
	x := phone.StartExchange(t, "--digest", "md5", "--tenant", phone.File(t, "office.yaml", office+fmt.Sprintf(`trunks:
  - {name: sick, mode: static, to: "127.0.0.31:%d"}
  - {name: dead, mode: static, to: "127.0.0.32:%d"}
  - {name: busy, mode: static, to: "127.0.0.33:%d"}
  - {name: mute, mode: static, to: "127.0.0.34:%d"}
  - {name: fine, mode: static, to: "127.0.0.35:%d"}
routes: [{prefix: "0", trunks: [sick, dead, busy, mute, fine], causes: [486]}]
`, sick, dead, busy, mute, fine)))
	at := func(scenario, host string, port int, flags ...string) {
		phone.StartSIPp(t, scenario, x.SIP, append([]string{"-i", host, "-mi", host, "-p", fmt.Sprint(port)}, flags...)...)
	}
	at(phone.TrunkRefuses("503 Service Unavailable"), "127.0.0.31", sick)
	at(phone.TrunkRefuses("486 Busy Here"), "127.0.0.33", busy)
	at(phone.Answer, "127.0.0.34", mute)
	at(phone.Answer, "127.0.0.35", fine, "-rtp_echo")
	time.Sleep(500 * time.Millisecond) // SIPp does not say when it listens
	sound := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)
	dialsFor(t, x, "02133445566", sound)
	want := []string{"sick 503", "dead 408", "busy 486", "mute 200"}
	if got := attempts(record(t, x, "101", "02133445566")); !slices.Equal(got, want) {
		t.Errorf("the first call was tried by %q, want %q", got, want)
	}
	dialsFor(t, x, "02133445577", sound)
	c := record(t, x, "101", "02133445577")
	if got := attempts(c); len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "fine") || slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "mute") }) {
		t.Errorf("the next call was tried by %q, though nothing is heard by mute", got)
	}
}

// dialsFor has extension 101 call a number, talk for four seconds and hang up.
func dialsFor(t *testing.T, x *phone.Exchange, number, sound string) {
	t.Helper()
	cmd := exec.Command(phone.Program(t), "phone", "--server", x.SIP, "--user", "101", "--password", phone.Password, "--call", number, "--play", sound, "--hangup-after", "4s")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the call to %s: %v\n%s", number, err, out)
	}
}

// A phone on a line that is in use calls for help: the call in its way ends with the reason, and the carrier, a SIPp, is told
// where the line is.
func TestHelpFromABusyLine(t *testing.T) {
	phone.Need(t, "sipp")
	port := phone.FreePort(t)
	x := phone.StartServe(t, "home.example", fmt.Sprintf(`tenant: home
domains: [home.example]
default: true
country: ir
area: "21"
sites: [{site: hq, address: {country: IR, city: Tehran, street: Valiasr, house: "12"}}]
lines: [{number: "22000001", password: %[1]s}]
extensions: [{number: "101", password: %[1]s, channels: 2}]
trunks: [{name: carrier, mode: static, to: "127.0.0.36:%[2]d", addresses: [127.0.0.36], trust: true}]
routes: [{prefix: "0", trunks: [carrier]}]
`, phone.Password, port))
	s := phone.StartSIPp(t, phone.TrunkTakes("X-Centre: 4", "Priority: emergency", "Geolocation: .cid:", "Geolocation-Routing: yes", "Content-Type: multipart/mixed", "Content-Type: application/pidf.xml", "Tehran", "m=audio"),
		x.SIP, "-i", "127.0.0.36", "-p", fmt.Sprint(port), "-m", "1")
	b := x.UDP(t, "").Agent("101").Register()
	a := x.UDP(t, "").Agent("22000001").Register()
	first := a.Dial("101", media)
	in := b.Ring()
	in.Tell(200, "OK", media)
	first.Response(200, soon)
	first.Ack("")
	in.Expect("ACK", soon)
	help := a.Dial("110", media)
	bye := in.Expect("BYE", soon)
	in.Agree(bye)
	if reason := bye.Get("Reason"); !strings.Contains(reason, "preemption;cause=1") || !strings.Contains(reason, "Q.850;cause=8") {
		t.Errorf("the other side is told %q", reason)
	}
	first.Agree(first.Expect("BYE", soon))
	help.Response(200, soon)
	help.Ack("")
	help.Bye()
	s.Wait(t, 10*time.Second)
	if n := x.Metric("santral_emergency_calls_total", ""); n != 1 {
		t.Errorf("%v emergencies are counted", n)
	}
}
