package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"santral/phone"
	"santral/sip"
	"santral/sip/siptest"
	"santral/store"
)

const twoCarriers = company + `
trunks:
  - name: one
    mode: static
    to: 198.51.100.1
    addresses: [198.51.100.1]
    domain: carrier.example
    numbers: [{number: "02122000101", to: "101"}]
    trust: true
    channels: 2
    out:
      - {calling: '^101$', replace: '02122000101'}
      - {add: X-Customer, value: "17"}
    in:
      - {calling: '^\+98(\d+)$', replace: '0$1'}
      - {remove: X-Internal}
      - {cause: 480, becomes: 486}
  - {name: two, mode: static, to: 198.51.100.2, addresses: [198.51.100.2], numbers: [02122000102]}
routes:
  - {prefix: "0", trunks: [one, two], strip: 1, prepend: "+98", patience: 10s}
  - {prefix: "09", trunks: [two]}
`

// A call out by a route: the number as the carrier wants it, our identity there, and nothing of the inside.
func TestACallOutByATrunk(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("carrier", "198.51.100.1:5060")
		defer carrier.Close()
		a := w.extension("101", "192.0.2.11")
		c := w.calls(a, "02133445566")
		in := rings(carrier)
		if in.RequestURI != "sip:+982133445566@198.51.100.1" || in.Get(sip.To) != "<sip:+982133445566@198.51.100.1>" {
			t.Errorf("it is called at %s, To %s", in.RequestURI, in.Get(sip.To))
		}
		if !strings.HasPrefix(in.Get(sip.From), `"Sara" <sip:02122000101@carrier.example>;tag=`) {
			t.Errorf("From %s", in.Get(sip.From))
		}
		if in.GetName("X-Customer") != "17" {
			t.Errorf("the rule's field is %q", in.GetName("X-Customer"))
		}
		for _, inside := range []string{"192.0.2.11", ":101@", "<sip:101", "acme.example", "Authorization"} {
			if strings.Contains(in.Text, inside) {
				t.Errorf("%q of the inside is told to the carrier:\n%s", inside, in.Text)
			}
		}
		answers(carrier, in)
		_, err := c.Wait(w.ctx, phone.Talks)
		w.must(err)
		w.wait(2 * time.Second)
		c.Hangup()
		gone(carrier)
		st.Golden("trunk-out")
		w.ended(c)
		w.free()
		r := w.last()
		if r.To != "one, two" || r.AnsweredBy != "one" || len(r.Legs) != 2 || r.Legs[1].Trunk != "one" || r.Legs[1].Number != "+982133445566" || r.FromAccount != "101" {
			t.Errorf("record %+v", r)
		}
	}, twoCarriers)
}

// A call in: the carrier's number rings an account, its identity is believed as far as it is trusted, and it
// can't go anywhere else.
func TestACallInByATrunk(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("carrier", "198.51.100.1:5060")
		defer carrier.Close()
		a := w.extension("101", "192.0.2.11")
		invite := carrier.Request(sip.INVITE, "sip:02122000101@192.0.2.1", 1, "P-Asserted-Identity: <sip:+982199@carrier.example>", "X-Internal: yes", voice(carrier))
		carrier.Send(exchange, invite)
		c, err := a.Answer(w.ctx)
		w.must(err)
		carrier.Want("180")
		ok := carrier.Want("200")
		carrier.Send(exchange, carrier.Ack(invite, ok))
		w.wait(2 * time.Second)
		for _, inside := range []string{"192.0.2.11", "sip:101@", "acme.example"} {
			if strings.Contains(ok.Text, inside) {
				t.Errorf("%q of the inside is told to the carrier:\n%s", inside, ok.Text)
			}
		}
		for _, m := range a.came {
			if m.Method == sip.INVITE && !strings.Contains(m.Get(sip.From), "sip:02199@") {
				t.Errorf("the phone is told %s", m.Get(sip.From))
			}
		}
		st.Golden("trunk-in")
		carrier.Send(exchange, carrier.Within(invite, ok, sip.BYE, 2))
		carrier.Want("200")
		w.ended(c)
		w.free()
		r := w.last()
		if r.FromTrunk != "one" || r.FromNumber != "02199" || r.FromAccount != "" || r.AnsweredBy != "101" || r.Legs[0].Trunk != "one" || r.State != store.Answered {
			t.Errorf("record %+v", r)
		}
		for i, dialled := range []string{"02122000102", "02133445566", "102", "*43"} {
			invite := carrier.Request(sip.INVITE, "sip:"+dialled+"@192.0.2.1", 2+i, voice(carrier))
			carrier.Send(exchange, invite)
			no := carrier.Want("404")
			carrier.Send(exchange, carrier.Ack(invite, no))
		}
	}, twoCarriers)
}

// Failover: a dead carrier, one that is full, one that says 503, and one without a channel; the call comes
// through by the second, within three seconds, and the record shows every attempt.
func TestFailoverBetweenTrunks(t *testing.T) {
	for _, c := range []struct {
		name  string
		first func(p *siptest.Phone) // what the first carrier does with the INVITE
		cause int
		most  time.Duration
	}{
		{"silent", func(p *siptest.Phone) { p.Want("INVITE") }, 408, 3 * time.Second},
		{"503", func(p *siptest.Phone) {
			p.Reply(p.Want("INVITE"), "503 Service Unavailable", "Retry-After: 60")
			p.Want("ACK")
		}, 503, time.Second},
		{"500 after ringing", func(p *siptest.Phone) {
			in := p.Want("INVITE")
			p.Reply(in, "180 Ringing")
			p.Reply(in, "500 Server Internal Error")
			p.Want("ACK")
		}, 500, time.Second},
		{"no circuit", func(p *siptest.Phone) {
			p.Reply(p.Want("INVITE"), "480 Temporarily Unavailable", `Reason: Q.850;cause=34;text="no circuit"`)
			p.Want("ACK")
		}, 486, time.Second}, // the carrier's 480 becomes 486 by rule, and is the callee's word then
		{"trying for ever", func(p *siptest.Phone) {
			p.Reply(p.Want("INVITE"), "100 Trying")
			in := p.Want("CANCEL")
			p.Reply(in, "200 OK")
		}, 408, 11 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			withTrunks(t, func(w *stage, st *siptest.Stage) {
				one, two := st.Phone("one", "198.51.100.1:5060"), st.Phone("two", "198.51.100.2:5060")
				defer one.Close()
				defer two.Close()
				a := w.extension("101", "192.0.2.11")
				began := time.Now()
				ours := w.calls(a, "02133445566")
				c.first(one)
				if c.cause == 486 {
					over, err := ours.Wait(w.ctx, phone.Talks)
					if err == nil || over.Status != 486 {
						t.Errorf("the caller is told %+v, %v", over, err)
					}
					w.ended(ours)
					w.free()
					return
				}
				in := rings(two)
				if took := time.Since(began); took > c.most {
					t.Errorf("the second carrier is asked after %v", took)
				}
				answers(two, in)
				_, err := ours.Wait(w.ctx, phone.Talks)
				w.must(err)
				ours.Hangup()
				gone(two)
				w.ended(ours)
				w.wait(time.Minute)
				w.free()
				r := w.last()
				if len(r.Legs) != 3 || r.Legs[1].Trunk != "one" || r.Legs[1].SIP != c.cause || r.Legs[2].Trunk != "two" || r.AnsweredBy != "two" {
					t.Errorf("the record's legs are %+v", r.Legs)
				}
			}, twoCarriers)
		})
	}
}

// What the callee decided is asked of nobody else, and a number that no route takes of nobody at all.
func TestABusyCalleeIsNotAskedTwice(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		one, two := st.Phone("one", "198.51.100.1:5060"), st.Phone("two", "198.51.100.2:5060")
		defer one.Close()
		defer two.Close()
		a := w.extension("101", "192.0.2.11")
		for _, c := range []struct {
			number, answer string
			status         int
		}{{"02133445566", "486 Busy Here", 486}, {"02133445567", "404 Not Found", 404}, {"02133445568", "603 Decline", 603}, {"733", "", 404}} {
			ours := w.calls(a, c.number)
			if c.answer != "" {
				one.Reply(one.Want("INVITE"), c.answer)
				one.Want("ACK")
			}
			over, err := ours.Wait(w.ctx, phone.Talks)
			if err == nil || over.Status != c.status {
				t.Errorf("%s: %+v, %v", c.number, over, err)
			}
			w.ended(ours)
		}
		two.Quiet(time.Second)
		w.free()
	}, twoCarriers)
}

// A trunk's channels bound its calls in both directions together; the next trunk takes what is too much.
func TestTheChannelsOfATrunk(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		one, two := st.Phone("one", "198.51.100.1:5060"), st.Phone("two", "198.51.100.2:5060")
		defer one.Close()
		defer two.Close()
		a := w.extension("101", "192.0.2.11")
		var ours []*phone.Call
		for i := range 3 {
			ours = append(ours, w.calls(a, fmt.Sprintf("0213344556%d", i)))
			to := one
			if i == 2 {
				to = two
			}
			answers(to, rings(to))
			_, err := ours[i].Wait(w.ctx, phone.Talks)
			w.must(err)
		}
		if in, out := w.x.channels.TrunkInUse("acme", "one"); in != 0 || out != 2 {
			t.Errorf("%d in and %d out", in, out)
		}
		invite := one.Request(sip.INVITE, "sip:02122000101@192.0.2.1", 1, voice(one))
		one.Send(exchange, invite)
		no := one.Want("503")
		one.Send(exchange, one.Ack(invite, no))
		if !strings.Contains(no.Get(sip.ReasonKind), "cause=34") {
			t.Errorf("Reason %q", no.Get(sip.ReasonKind))
		}
		for i, c := range ours {
			c.Hangup()
			if i == 2 {
				gone(two)
			} else {
				gone(one)
			}
		}
		w.ended(ours...)
		w.free()
		page, _, err := w.x.records.CDRs(w.ctx, store.CDRFilter{Account: "101"}, "", 10)
		w.must(err)
		for _, r := range page {
			if r.Dialled == "02133445562" && (len(r.Legs) != 3 || r.Legs[1].Trunk != "one" || r.Legs[1].Q850 != 34) {
				t.Errorf("the passed trunk is not in the record: %+v", r.Legs)
			}
		}
	}, twoCarriers)
}

// Two tenants with the same numbers and trunk names never reach each other's.
func TestTrunksOfTwoTenants(t *testing.T) {
	other := `
tenant: other
domains: [other.example]
extensions: [{number: "101", password: a long secret}]
trunks: [{name: one, mode: static, to: 198.51.100.9, addresses: [198.51.100.9], numbers: [{number: "02122000101", to: "101"}]}]
`
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		theirs, stranger := st.Phone("theirs", "198.51.100.9:5060"), st.Phone("stranger", "198.51.100.10:5060")
		defer theirs.Close()
		defer stranger.Close()
		a := w.extension("101", "192.0.2.11") // acme's
		invite := theirs.Request(sip.INVITE, "sip:02122000101@192.0.2.1", 1, voice(theirs))
		theirs.Send(exchange, invite)
		no := theirs.Want("480") // other's 101 is registered nowhere
		theirs.Send(exchange, theirs.Ack(invite, no))
		invite = stranger.Request(sip.INVITE, "sip:02122000101@192.0.2.1", 1, voice(stranger))
		stranger.Send(exchange, invite)
		no = stranger.Want("401")
		stranger.Send(exchange, stranger.Ack(invite, no))
		w.wait(time.Second)
		for _, m := range a.came {
			if m.Method == sip.INVITE {
				t.Errorf("acme's phone rings:\n%s", m)
			}
		}
		if r := w.last(); r.Tenant != "other" || r.FromTrunk != "one" {
			t.Errorf("record %+v", r)
		}
		w.free()
	}, twoCarriers, other)
}

// A trusted carrier that writes the caller's number into From alone, as most do, is believed; a person whose number
// it withholds by the same field is nobody.
func TestACarrierThatSaysWhoCallsInFromAlone(t *testing.T) {
	for name, c := range map[string]struct{ doc, from, want, record string }{
		"from alone":     {"", `"Bank" <sip:+982188881000@carrier.example>`, `"Bank" <sip:02188881000@`, "02188881000"},
		"anonymous":      {"", `"Anonymous" <sip:anonymous@anonymous.invalid>`, `"Anonymous" <sip:anonymous@anonymous.invalid>`, ""},
		"not to believe": {"\n    believe-from: false", `"Bank" <sip:+982188881000@carrier.example>`, `"Anonymous" <sip:anonymous@anonymous.invalid>`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			withTrunks(t, func(w *stage, st *siptest.Stage) {
				carrier := st.Phone("carrier", "198.51.100.1:5060")
				defer carrier.Close()
				a := w.extension("101", "192.0.2.11")
				m, err := sip.ParseMessage(carrier.Request(sip.INVITE, "sip:02122000101@192.0.2.1", 1, voice(carrier)))
				w.must(err)
				m.Set(sip.From, c.from+";tag=f1")
				invite := m.String()
				carrier.Send(exchange, invite)
				talk, err := a.Answer(w.ctx)
				w.must(err)
				carrier.Want("180")
				ok := carrier.Want("200")
				carrier.Send(exchange, carrier.Ack(invite, ok))
				for _, m := range a.came {
					if m.Method == sip.INVITE && !strings.HasPrefix(m.Get(sip.From), c.want) {
						t.Errorf("the phone is told %s", m.Get(sip.From))
					}
				}
				carrier.Send(exchange, carrier.Within(invite, ok, sip.BYE, 2))
				carrier.Want("200")
				w.ended(talk)
				w.free()
				if r := w.last(); r.FromNumber != c.record || r.FromTrunk != "one" {
					t.Errorf("record %+v", r)
				}
			}, strings.Replace(twoCarriers, "    trust: true", "    trust: true"+c.doc, 1))
		})
	}
}
