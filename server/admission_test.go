package server

import (
	"strings"
	"testing"
	"time"

	"santral/call"
	"santral/phone"
	"santral/sip"
	"santral/sip/siptest"
)

// office is a tenant whose carrier has two channels, with a line, a group, a class that asks for a PIN, and an address.
const office = `
tenant: acme
domains: [acme.example]
default: true
country: ir
area: "21"
sites:
  - {site: hq, name: Headquarters, address: {country: IR, city: Tehran, street: Valiasr, house: "12"}}
classes:
  - {class: careful, permits: {international: pin}}
extensions:
  - {number: "101", name: Sara, password: a long secret, channels: 1, pin: "4711"}
  - {number: "102", name: Ali, password: a long secret, channels: 2, class: careful, pin: "4711"}
  - {number: "103", password: a long secret, channels: 2}
  - {number: "104", password: a long secret, channels: 2}
lines:
  - {number: "22000001", password: a long secret, state: suspended}
groups:
  - {group: desk, name: Desk, number: "500", members: ["101", "103", "104"], whole: 20, overflow: refuse:busy}
trunks:
  - {name: one, mode: static, to: "198.51.100.1", addresses: [198.51.100.1], trust: true, channels: 10, channels-out: 1, numbers: [{number: 02144440000-02144440009, to: "101"}]}
routes:
  - {prefix: "0", trunks: [one], causes: [486]}
`

// An emergency is called from a line and by a trunk that are both in use: both calls end with the reason, and the service
// is told where the caller is.
func TestAnEmergencyFromABusyLine(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("carrier", "198.51.100.1:5060")
		defer carrier.Close()
		a, b, d := w.extension("101", "192.0.2.11"), w.extension("103", "192.0.2.13"), w.extension("104", "192.0.2.14")
		other := w.calls(b, "02133445566")
		first := rings(carrier)
		answers(carrier, first)
		_, err := other.Wait(w.ctx, phone.Talks)
		w.must(err)
		w.wait(time.Second)
		mine := w.calls(a, "104")
		theirs, err := d.Answer(w.ctx)
		w.must(err)
		w.wait(time.Second)
		help, err := a.Call(w.ctx, "110")
		w.must(err)
		bye := carrier.Want("BYE")
		carrier.Reply(bye, "200 OK")
		if reason := bye.Get(sip.ReasonKind); !strings.Contains(reason, "preemption;cause=1") || !strings.Contains(reason, "Q.850;cause=8") {
			t.Errorf("the call in the way ends with %q", reason)
		}
		in := rings(carrier)
		for _, want := range []string{"Priority: emergency", "Geolocation: <cid:", "Geolocation-Routing: yes", "multipart/mixed", "application/pidf+xml", "Tehran", "Valiasr", "m=audio "} {
			if !strings.Contains(in.Text, want) {
				t.Errorf("the service is not told %q:\n%s", want, in.Text)
			}
		}
		answers(carrier, in)
		_, err = help.Wait(w.ctx, phone.Talks)
		w.must(err)
		w.ended(other)
		w.ended(mine)
		w.ended(theirs)
		w.wait(time.Second)
		help.Hangup()
		gone(carrier)
		w.ended(help)
		w.free()
		if r := w.last(); r.AnsweredBy != "one" || r.Calls != "emergency" {
			t.Errorf("the record is %+v", r)
		}
		if w.x.channels.Emergencies() != 1 {
			t.Errorf("%d emergencies are counted", w.x.channels.Emergencies())
		}
	}, office)
}

// A line that is suspended calls nobody but for help, and is called by nobody.
func TestASuspendedLine(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("carrier", "198.51.100.1:5060")
		defer carrier.Close()
		a, b := w.extension("22000001", "192.0.2.11"), w.extension("103", "192.0.2.13")
		refused := func(p *party, number string, status int) {
			w.Helper()
			c, err := p.Call(w.ctx, number)
			w.must(err)
			if over, err := c.Wait(w.ctx, phone.Talks); err == nil || over.Status != status {
				t.Errorf("%s is told %+v, %v, want %d", number, over, err, status)
			}
			w.ended(c)
		}
		refused(a, "103", call.Barred.SIP)
		refused(b, "22000001", call.OutOfService.SIP)
		help, err := a.Call(w.ctx, "115")
		w.must(err)
		in := rings(carrier)
		answers(carrier, in)
		_, err = help.Wait(w.ctx, phone.Talks)
		w.must(err)
		help.Hangup()
		gone(carrier)
		w.ended(help)
		w.free()
	}, office)
}

// A group rings its members for whoever calls it; who is busy or away is passed over, and the record says who answered.
func TestAGroup(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		a, b := w.extension("102", "192.0.2.12"), w.extension("103", "192.0.2.13")
		c := w.calls(a, "500")
		ringing, err := b.Ringing(w.ctx)
		w.must(err)
		if ringing.Name() != "Desk: Ali" || ringing.Number() != "102" {
			t.Errorf("a member is shown %q, %s", ringing.Name(), ringing.Number())
		}
		w.wait(time.Second)
		ringing.Answer()
		_, err = c.Wait(w.ctx, phone.Talks)
		w.must(err)
		w.wait(time.Second)
		c.Hangup()
		w.ended(c)
		w.free()
		if r := w.last(); r.AnsweredBy != "103" {
			t.Errorf("the record says that %q answered", r.AnsweredBy)
		}
		c = w.calls(a, "500")
		if over, err := c.Wait(w.ctx, phone.Talks); err == nil || over.Status != call.Busy.SIP {
			t.Errorf("nobody takes the call: %+v, %v", over, err)
		}
		w.ended(c)
		w.free()
	}, office)
}

// A call abroad asks for the PIN, and goes on as the same call.
func TestACallWithAPIN(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("carrier", "198.51.100.1:5060")
		defer carrier.Close()
		a := w.extension("102", "192.0.2.12")
		c := w.calls(a, "004930123456")
		_, err := c.Wait(w.ctx, phone.Talks)
		w.must(err)
		w.wait(time.Second)
		w.must(c.SendDigits(w.ctx, "4712#"))
		w.wait(5 * time.Second)
		w.must(c.SendDigits(w.ctx, "4711#"))
		in := rings(carrier)
		answers(carrier, in)
		w.wait(2 * time.Second)
		c.Hangup()
		gone(carrier)
		w.ended(c)
		w.free()
		if r := w.last(); r.AnsweredBy != "one" || r.Dialled != "004930123456" {
			t.Errorf("the record is %+v", r)
		}
		if n := w.x.records.strangers.Totals()["wrong PIN"]; n != 1 {
			t.Errorf("the security log has %d wrong PINs", n)
		}
	}, office)
}
