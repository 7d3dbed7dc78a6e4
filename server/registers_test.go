package server

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/phone"
	"santral/service/trunk"
	"santral/sip"
	"santral/sip/digest"
	"santral/sip/siptest"
)

const registering = company + `
trunks:
  - name: carrier
    mode: register
    to: 198.51.100.1
    registrar: sip:198.51.100.1
    domain: carrier.example
    user: "982122000100"
    auth-user: u4711
    password: correct-horse
    numbers: [{number: "02122000100", to: "101"}]
    trust: true
routes: [{prefix: "0", trunks: [carrier]}]
`

const asks = `WWW-Authenticate: Digest realm="carrier.example", nonce="n1", qop="auth", algorithm=SHA-256`

// signedBy fails the test unless a request is signed with a password (RFC 7616 §3.4.1).
func signedBy(t *testing.T, m siptest.Got, field sip.Kind, user, password, nonce string) {
	t.Helper()
	value := m.Get(field)
	part := func(name string) string {
		_, rest, _ := strings.Cut(value, " "+name+"=")
		v, _, _ := strings.Cut(rest, ",")
		return strings.Trim(v, `"`)
	}
	hash := func(parts ...string) string {
		sum := sha256.Sum256([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum[:])
	}
	want := hash(hash(user, "carrier.example", password), nonce, part("nc"), part("cnonce"), "auth", hash(string(m.Method), m.RequestURI))
	if part("username") != user || part("response") != want {
		t.Errorf("%s of %s is %q", field, m.Method, value)
	}
}

// registered has the carrier take the registration, and gives its REGISTER.
func registered(t *testing.T, carrier *siptest.Phone, expires string, extra ...string) siptest.Got {
	t.Helper()
	first := carrier.Want("REGISTER")
	if first.Has(sip.Authorization) {
		t.Errorf("the first REGISTER is signed: %s", first.Get(sip.Authorization))
	}
	carrier.Reply(first, "401 Unauthorized", asks)
	again := carrier.Want("REGISTER")
	signedBy(t, again, sip.Authorization, "u4711", "correct-horse", "n1")
	carrier.Reply(again, "200 OK", append([]string{"Contact: " + again.Get(sip.Contact) + ";expires=" + expires}, extra...)...)
	return again
}

// We register at a carrier, calls come and go by it, and both are known from what a third party tries.
func TestATrunkRegistersAtACarrier(t *testing.T) {
	var carrier, thief *siptest.Phone
	withReady(t, func(st *siptest.Stage) {
		carrier, thief = st.Phone("carrier", "198.51.100.1:5060"), st.Phone("thief", "198.51.100.66:5060")
	}, func(w *stage, st *siptest.Stage) {
		defer carrier.Close()
		defer thief.Close()
		again := registered(t, carrier, "120", "Service-Route: <sip:edge@198.51.100.1;lr>", "Path: <sip:p.carrier.example;lr>")
		if again.RequestURI != "sip:198.51.100.1" || again.Get(sip.To) != "<sip:982122000100@carrier.example>" {
			t.Errorf("it registers %s at %s", again.Get(sip.To), again.RequestURI)
		}
		if again.Get(sip.Allow) != allow {
			t.Errorf("it says that we serve %q", again.Get(sip.Allow))
		}
		w.wait(time.Second)
		k, _ := w.x.trunks.Get("acme", "carrier")
		if !k.Up || k.State != "unproven" || len(k.Registration.Routes) != 1 || len(k.Registration.Path) != 1 || k.Registration.Realm != "carrier.example" {
			t.Errorf("the trunk is %+v", k)
		}

		// In, at the Contact that only the carrier knows.
		a := w.extension("101", "192.0.2.11")
		contact, err := sip.ParseAddress(again.Get(sip.Contact))
		w.must(err)
		if strings.Contains(contact.URI.User, "2122000100") || len(contact.URI.User) < 16 {
			t.Errorf("the Contact's user can be told beforehand: %s", contact.URI.User)
		}
		invite := carrier.Request(sip.INVITE, "sip:02122000100@192.0.2.1", 1, voice(carrier))
		carrier.Send(exchange, invite)
		in, err := a.Answer(w.ctx)
		w.must(err)
		carrier.Want("180")
		ok := carrier.Want("200")
		carrier.Send(exchange, carrier.Ack(invite, ok))

		// A third party knows the number, and even the Contact.
		for i, uri := range []string{"sip:02122000100@192.0.2.1", contact.URI.String()} {
			invite := thief.Request(sip.INVITE, uri, 1+i, voice(thief))
			thief.Send(exchange, invite)
			no := thief.Want("401")
			thief.Send(exchange, thief.Ack(invite, no))
		}

		// Out: along the Service-Route, and the carrier's challenge is answered, once.
		out := w.calls(a, "02133445566")
		first := carrier.Want("INVITE")
		if first.Get(sip.Route) != "<sip:edge@198.51.100.1;lr>" {
			t.Errorf("Route %q", first.Get(sip.Route))
		}
		if !strings.Contains(first.Get(sip.Contact), contact.URI.User) {
			t.Errorf("Contact %q", first.Get(sip.Contact))
		}
		carrier.Reply(first, "407 Proxy Authentication Required", strings.Replace(asks, "WWW-Authenticate", "Proxy-Authenticate", 1))
		carrier.Want("ACK")
		second := carrier.Want("INVITE")
		signedBy(t, second, sip.ProxyAuthorization, "u4711", "correct-horse", "n1")
		answers(carrier, second)
		_, err = out.Wait(w.ctx, phone.Talks)
		w.must(err)
		out.Hangup()
		gone(carrier)
		st.Golden("trunk-registers")
		w.ended(out)
		carrier.Send(exchange, carrier.Within(invite, ok, sip.BYE, 2))
		carrier.Want("200")
		w.ended(in)

		// At the Contact itself, as a registrar calls whom it has registered: the number stands in To, or was
		// there before, and the one that registered is the first number.
		for i, before := range []string{"To: <sip:02122000100@carrier.example>", "To: <sip:982122000100@carrier.example>", "P-Called-Party-ID: <sip:02122000100@carrier.example>\nTo: <sip:x@carrier.example>"} {
			text := carrier.Request(sip.INVITE, contact.URI.String(), 11+i, voice(carrier))
			invite := strings.Replace(text, "To: <"+contact.URI.String()+">", strings.ReplaceAll(before, "\n", "\r\n"), 1)
			carrier.Send(exchange, invite)
			in, err := a.Answer(w.ctx)
			w.must(err)
			carrier.Want("180")
			ok := carrier.Want("200")
			carrier.Send(exchange, carrier.Ack(invite, ok))
			carrier.Send(exchange, carrier.Within(invite, ok, sip.BYE, 20))
			carrier.Want("200")
			w.ended(in)
		}

		// A challenge of another realm is somebody else's.
		out = w.calls(a, "02133445566")
		first = carrier.Want("INVITE")
		carrier.Reply(first, "407 Proxy Authentication Required", `Proxy-Authenticate: Digest realm="evil.example", nonce="x", algorithm=MD5`)
		carrier.Want("ACK")
		over, err := out.Wait(w.ctx, phone.Talks)
		if err == nil || over.Status != 403 {
			t.Errorf("the caller is told %+v, %v", over, err)
		}
		w.ended(out)
		w.free()

		// The end of the exchange takes the registration back.
		left := make(chan struct{})
		go func() {
			w.x.trunks.Stop(w.ctx)
			close(left)
		}()
		last := carrier.Want("REGISTER")
		if last.Get(sip.Expires) != "0" || last.Get(sip.Contact) != again.Get(sip.Contact) {
			t.Errorf("at the end it registers %s for %s", last.Get(sip.Contact), last.Get(sip.Expires))
		}
		carrier.Reply(last, "200 OK")
		<-left
	}, registering)
}

// A registration is refreshed before the carrier forgets it, as soon as the carrier wants it, and never given up.
func TestHowARegistrationGoesOn(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(t *testing.T, p *siptest.Phone) // of the carrier, to the first REGISTERs
		state  string
		fault  trunk.Fault
		least  time.Duration // until the next REGISTER
		most   time.Duration
	}{
		{"refreshed", func(t *testing.T, p *siptest.Phone) { registered(t, p, "120") }, "unproven", trunk.NoFault, 90 * time.Second, 97 * time.Second},
		{"too brief", func(t *testing.T, p *siptest.Phone) {
			first := p.Want("REGISTER")
			p.Reply(first, "423 Interval Too Brief", "Min-Expires: 7200")
			again := p.Want("REGISTER")
			if again.Get(sip.Expires) != "7200" {
				t.Errorf("Expires %s after 423", again.Get(sip.Expires))
			}
			p.Reply(again, "200 OK", "Contact: "+again.Get(sip.Contact), "Expires: 7200")
		}, "unproven", trunk.NoFault, 5400 * time.Second, 5761 * time.Second},
		{"wrong password", func(t *testing.T, p *siptest.Phone) {
			p.Reply(p.Want("REGISTER"), "401 Unauthorized", asks)
			p.Reply(p.Want("REGISTER"), "401 Unauthorized", strings.Replace(asks, "n1", "n2", 1))
		}, "auth-failed", trunk.AuthFailed, 15 * time.Minute, 31 * time.Minute},
		{"wrong password, said by 403", func(t *testing.T, p *siptest.Phone) {
			p.Reply(p.Want("REGISTER"), "401 Unauthorized", asks)
			p.Reply(p.Want("REGISTER"), "403 Forbidden")
		}, "auth-failed", trunk.AuthFailed, 15 * time.Minute, 31 * time.Minute},
		{"stale", func(t *testing.T, p *siptest.Phone) {
			p.Reply(p.Want("REGISTER"), "401 Unauthorized", asks)
			p.Reply(p.Want("REGISTER"), "401 Unauthorized", strings.Replace(asks, "n1", "n2", 1)+", stale=true")
			again := p.Want("REGISTER")
			signedBy(t, again, sip.Authorization, "u4711", "correct-horse", "n2")
			p.Reply(again, "200 OK", "Contact: "+again.Get(sip.Contact)+";expires=600")
		}, "unproven", trunk.NoFault, 450 * time.Second, 481 * time.Second},
		{"refused", func(t *testing.T, p *siptest.Phone) { p.Reply(p.Want("REGISTER"), "403 Forbidden") },
			"refused", trunk.Refused, time.Minute, 2*time.Minute + time.Second},
		{"unknown", func(t *testing.T, p *siptest.Phone) { p.Reply(p.Want("REGISTER"), "404 Not Found") },
			"unknown-domain", trunk.UnknownDomain, 15 * time.Second, 31 * time.Second},
		{"overloaded", func(t *testing.T, p *siptest.Phone) {
			p.Reply(p.Want("REGISTER"), "503 Service Unavailable", "Retry-After: 77")
		}, "overloaded", trunk.Overloaded, 77 * time.Second, 78 * time.Second},
		{"nobody there", func(t *testing.T, p *siptest.Phone) {
			p.Want("REGISTER")
			p.Count(33*time.Second, "REGISTER")
		}, "network-dead", trunk.NetworkDead, 0, 6 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			var carrier *siptest.Phone
			withReady(t, func(st *siptest.Stage) { carrier = st.Phone("carrier", "198.51.100.1:5060") }, func(w *stage, st *siptest.Stage) {
				defer carrier.Close()
				c.answer(t, carrier)
				w.wait(50 * time.Millisecond)
				k, _ := w.x.trunks.Get("acme", "carrier")
				if k.State != c.state || k.Registration.Fault != c.fault {
					t.Errorf("the trunk is %s: %+v", k.State, k.Registration)
				}
				began := time.Now()
				if _, ok := carrier.Next(3 * time.Hour); !ok {
					t.Fatal("it has stopped to register")
				}
				if took := time.Since(began) + 60*time.Millisecond; took < c.least || took > c.most {
					t.Errorf("it registers again after %v, want %v to %v", took, c.least, c.most)
				}
			}, registering)
		})
	}
}

// The documents of a carrier that is known by name, which is nowhere.
func TestACarrierWhoseNameLeadsNowhere(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		w.wait(20 * time.Second)
		if k, _ := w.x.trunks.Get("acme", "carrier"); k.State != "unknown-domain" || k.Up {
			t.Errorf("the trunk is %s: %+v", k.State, k.Registration)
		}
	}, strings.ReplaceAll(registering, "198.51.100.1", "nowhere.example"))
}

// A PBX registers all its numbers at once, is called at its contact, and calls out by the tenant's routes as one
// of its numbers.
func TestAPBXRegistersItsNumbers(t *testing.T) {
	document := company + `
trunks:
  - {name: branch, mode: registered, user: branch, password: correct-horse, numbers: [500-519]}
  - {name: carrier, mode: static, to: 198.51.100.1, addresses: [198.51.100.1]}
routes: [{prefix: "0", trunks: [carrier]}]
`
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		pbx, carrier := st.Phone("pbx", "198.51.100.5:5060"), st.Phone("carrier", "198.51.100.1:5060")
		defer pbx.Close()
		defer carrier.Close()
		proves := func(req *sip.Message, no siptest.Got) { // sends what was challenged again
			t.Helper()
			challenges := slices.Collect(no.Values(sip.WWWAuthenticate))
			value, err := digest.Answer(challenges, "branch", "correct-horse", string(req.Method), req.RequestURI, &digest.ClientState{})
			w.must(err)
			req.Set(sip.Authorization, value)
			req.Set(sip.CSeqKind, "2 "+string(req.Method))
			req.Set(sip.ViaKind, "SIP/2.0/UDP 198.51.100.5:5060;branch="+pbx.Branch())
			pbx.Send(exchange, req.String())
		}
		register := func(n int, contact string, want string, extra ...string) siptest.Got {
			t.Helper()
			text := pbx.Request(sip.REGISTER, "sip:acme.example", n, append([]string{"Expires: 600"}, extra...)...)
			req, err := sip.ParseMessage(text)
			w.must(err)
			req.Set(sip.To, "<sip:branch@acme.example>")
			req.Set(sip.Contact, contact)
			pbx.Send(exchange, req.String())
			proves(req, pbx.Want("401"))
			return pbx.Want(want)
		}
		gin := []string{"Require: gin", "Proxy-Require: gin", "Supported: path"}
		register(1, "<sip:500@198.51.100.5;bnc>", "400", gin...)
		register(2, "<sip:198.51.100.5;bnc>", "400")
		ok := register(3, "<sip:198.51.100.5;bnc>", "200", gin...)
		if !strings.Contains(ok.Get(sip.Contact), "<sip:198.51.100.5;bnc>;expires=600") {
			t.Errorf("Contact %q", ok.Get(sip.Contact))
		}

		a := w.extension("101", "192.0.2.11")
		c := w.calls(a, "507")
		in := rings(pbx)
		if in.RequestURI != "sip:507@198.51.100.5" {
			t.Errorf("it is called at %s", in.RequestURI)
		}
		answers(pbx, in)
		_, err := c.Wait(w.ctx, phone.Talks)
		w.must(err)
		c.Hangup()
		gone(pbx)
		w.ended(c)

		// Whatever a PBX asks for, we prove ourselves to nobody but our own carriers.
		c = w.calls(a, "508")
		pbx.Reply(pbx.Want("INVITE"), "401 Unauthorized", `WWW-Authenticate: Digest realm="acme.example", nonce="x", algorithm=MD5`)
		pbx.Want("ACK")
		if over, err := c.Wait(w.ctx, phone.Talks); err == nil || over.Status != 403 {
			t.Errorf("a challenge of the PBX's gives the caller %+v, %v", over, err)
		}
		w.ended(c)

		// Out, as a number of its own and as somebody else's.
		for i, from := range []struct{ says, shown string }{{"512", "512"}, {"02199", "500"}} {
			text := strings.Replace(pbx.Request(sip.INVITE, "sip:02133445566@acme.example", 10+i, voice(pbx)), `"pbx" <sip:pbx@`, "<sip:"+from.says+"@", 1)
			pbx.Send(exchange, text)
			no := pbx.Want("401")
			pbx.Send(exchange, pbx.Ack(text, no))
			req, err := sip.ParseMessage(text)
			w.must(err)
			proves(req, no)
			out := carrier.Want("INVITE")
			if !strings.Contains(out.Get(sip.From), "sip:"+from.shown+"@") {
				t.Errorf("the PBX says %s, and the carrier is told %s", from.says, out.Get(sip.From))
			}
			carrier.Reply(out, "486 Busy Here")
			carrier.Want("ACK")
			busy := pbx.Skip("486", "100")
			pbx.Send(exchange, pbx.Ack(req.String(), busy))
		}
		w.free()
	}, document)
}

// The health of a trunk's places: silence and 503 take it out, answers bring it back little by little.
func TestTheHealthOfATrunk(t *testing.T) {
	document := company + `
trunks:
  - {name: one, mode: static, to: 198.51.100.1, addresses: [198.51.100.1], options: 10s}
  - {name: two, mode: static, to: 198.51.100.2, addresses: [198.51.100.2]}
routes: [{prefix: "0", trunks: [one, two]}]
`
	var one, two *siptest.Phone
	withReady(t, func(st *siptest.Stage) {
		one, two = st.Phone("one", "198.51.100.1:5060"), st.Phone("two", "198.51.100.2:5060")
	}, func(w *stage, st *siptest.Stage) {
		defer one.Close()
		defer two.Close()
		health := func() string {
			k, _ := w.x.trunks.Get("acme", "one")
			return k.Places[0].Health.String()
		}
		step := func(answer, want string) {
			t.Helper()
			in := one.Want("OPTIONS")
			if answer != "" {
				one.Reply(in, answer)
				w.wait(100 * time.Millisecond)
			} else {
				w.wait(4100 * time.Millisecond)
			}
			if got := health(); got != want {
				t.Errorf("after %q it is %s, want %s", answer, got, want)
			}
		}
		step("404 Not Found", "up") // any answer
		step("503 Service Unavailable", "degraded")
		step("200 OK", "up")
		step("503 Service Unavailable", "degraded")
		step("408 Request Timeout", "degraded")
		step("503 Service Unavailable", "down")

		a := w.extension("101", "192.0.2.11")
		asked := map[*siptest.Phone]int{}
		dial := func(n int) {
			for range n {
				c := w.calls(a, "02133445566")
				p := two
				if got, ok := two.Next(100 * time.Millisecond); ok {
					two.Reply(got, "486 Busy Here")
					two.Want("ACK")
				} else {
					p = one
					one.Reply(one.Skip("INVITE", "OPTIONS"), "486 Busy Here")
					one.Want("ACK")
				}
				asked[p]++
				w.ended(c)
			}
		}
		dial(3)
		if asked[one] != 0 || asked[two] != 3 {
			t.Errorf("a carrier that is down gets %d of 3 calls", asked[one])
		}
		in := one.Want("OPTIONS")
		one.Reply(in, "200 OK")
		w.wait(20 * time.Millisecond)
		if got := health(); got != "returning" {
			t.Errorf("it is %s", got)
		}
		clear(asked)
		dial(8)
		if asked[one] < 1 || asked[one] > 3 {
			t.Errorf("a carrier that returns gets %d of 8 calls", asked[one])
		}
		w.free()
	}, document)
}

// A call by a trunk goes on in another exchange, and so do its channel and what the carrier's BYE is let in by.
func TestHandOverOfATrunksCall(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("one", "198.51.100.1:5060")
		defer carrier.Close()
		a := w.extension("101", "192.0.2.11")
		c := w.calls(a, "02133445566")
		in := rings(carrier)
		answers(carrier, in)
		_, err := c.Wait(w.ctx, phone.Talks)
		w.must(err)
		w.wait(time.Second)
		w.handOver()
		w.wait(time.Second)
		if in, out := w.x.channels.TrunkInUse("acme", "one"); in != 0 || out != 1 {
			t.Errorf("%d and %d channels are taken after the hand-over", in, out)
		}
		carrier.Send(exchange, carrier.Back(in, sip.BYE, 1))
		carrier.Want("200")
		w.ended(c)
		w.free()
		if r := w.last(); len(r.Legs) != 2 || r.Legs[1].Trunk != "one" || r.EndedBy != "callee" {
			t.Errorf("record %+v", r)
		}
		if in, out := w.x.channels.TrunkInUse("acme", "one"); in+out != 0 {
			t.Errorf("%d and %d channels are left", in, out)
		}
	}, twoCarriers)
}

// A carrier has several registrars under one name, and the first is dead: the next is asked within seconds, and
// calls may come from either.
func TestARegistrarIsDead(t *testing.T) {
	var dead, living *siptest.Phone
	withReady(t, func(st *siptest.Stage) {
		dead, living = st.Phone("dead", "198.51.100.1:5060"), st.Phone("living", "198.51.100.2:5060")
		st.Net().SetName("sbc.carrier.example", dead.Addr().Addr(), living.Addr().Addr())
	}, func(w *stage, st *siptest.Stage) {
		defer dead.Close()
		defer living.Close()
		dead.Want("REGISTER")
		began := time.Now()
		first := living.Want("REGISTER")
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the second registrar is asked after %v", took)
		}
		living.Reply(first, "401 Unauthorized", asks)
		again := living.Want("REGISTER")
		living.Reply(again, "200 OK", "Contact: "+again.Get(sip.Contact)+";expires=600")
		w.wait(time.Second)
		for _, p := range []*siptest.Phone{dead, living} {
			if list := w.x.trunks.At(p.Addr().Addr()); len(list) != 1 || list[0].Trunk != "carrier" {
				t.Errorf("at %s are %+v", p, list)
			}
		}
		if k, _ := w.x.trunks.Get("acme", "carrier"); !k.Up {
			t.Errorf("the trunk is %+v", k)
		}
	}, strings.ReplaceAll(registering, "198.51.100.1", "sbc.carrier.example"))
}
