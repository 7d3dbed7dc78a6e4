package sipleg

import (
	"strings"
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/sip"
)

// trunked is a house whose 2xx numbers lead to trunks: 221 to one that is trusted, 222 to one that is not.
type trunked struct {
	*calltest.House
	names   map[string]string  // number → trunk
	short   map[string]bool    // numbers that may go on
	manners map[string]Manners // by trunk; "" is for phones
}

// Identify knows the trunks by their addresses, and phones as door does.
func (h *trunked) Identify(req *sip.Message, flow sip.Flow) (call.Party, *sip.Message) {
	switch flow.Remote.Addr().String() {
	case "192.0.2.21":
		return call.Party{Tenant: calltest.Tenant, Trunk: "friend", Number: "9821000", Source: flow.Remote}, nil
	case "192.0.2.22":
		return call.Party{Tenant: calltest.Tenant, Trunk: "stranger", Number: "9822000", Source: flow.Remote}, nil
	}
	return door{}.Identify(req, flow)
}

// Route sends 2xx numbers out by their trunk.
func (h *trunked) Route(from call.Party, dialled string, at time.Time) call.Destination {
	if name := h.names[dialled]; name != "" {
		return call.Destination{Kind: call.ToTrunks, Tenant: calltest.Tenant, Ways: []call.Way{{Tenant: calltest.Tenant, Trunk: name}}, Number: dialled}
	}
	if h.short[dialled] {
		return call.Destination{Kind: call.ToRefusal, Tenant: calltest.Tenant, Number: dialled, Refuse: call.BadNumber}
	}
	return h.House.Route(from, dialled, at)
}

// Targets are where the trunks lead (call.Trunks).
func (h *trunked) Targets(ways []call.Way, number string) []call.Target {
	w := ways[0]
	number = w.Sent(number)
	host := map[string]string{"friend": "192.0.2.21", "stranger": "192.0.2.22"}[w.Trunk]
	return []call.Target{{URI: "sip:" + number + "@" + host + ":5060", Tenant: w.Tenant, Trunk: w.Trunk, Number: number}}
}

// Tried is told how an attempt went.
func (h *trunked) Tried(call.Target, *call.Cause) {}

// trusting plays a scene with a trusted trunk F and another one S beside the phones.
func trusting(t *testing.T, f func(*world, *exchange, *trunked)) {
	t.Helper()
	play(t, func(w *world, x *exchange) {
		h := &trunked{House: w.house, names: map[string]string{"221": "friend", "222": "stranger"}, manners: map[string]Manners{"friend": {Trusted: true, From: true}}}
		x.agent.cfg.Door = h
		x.agent.cfg.Manners = func(p Peer) Manners { return h.manners[p.Trunk] }
		x.control = control.New(control.Config{
			Router: h, Contacts: h, Trunks: h, Channels: h, Ledger: h, Dialer: x.agent, RingTime: 30 * time.Second,
		})
		x.agent.Open(x.control)
		f(w, x, h)
	})
}

// TestPrivacyByTrust: who asks to be withheld is shown to nobody but a trusted trunk, which is told to withhold it
// too (RFC 3323 §4.2, RFC 3325 §7).
func TestPrivacyByTrust(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		a := w.phone("192.0.2.11", "101")
		for _, c := range []struct{ addr, number, from, pai, privacy string }{
			{"192.0.2.12", "102", `"Anonymous" <sip:anonymous@anonymous.invalid>`, "", ""},
			{"192.0.2.21", "221", `"Anonymous" <sip:anonymous@anonymous.invalid>`, `"Phone 101" <sip:101@192.0.2.1>`, "id"},
			{"192.0.2.22", "222", `"Anonymous" <sip:anonymous@anonymous.invalid>`, "", ""},
		} {
			b := w.phone(c.addr, c.number)
			a.invite(c.number, a.sdp, func(m *sip.Message) { m.Set(sip.Privacy, "id") })
			got := b.rings()
			from, _, _ := strings.Cut(got.Get(sip.From), ";tag=")
			if from != c.from || got.Get(sip.PAssertedIdentity) != c.pai || got.Get(sip.Privacy) != c.privacy {
				t.Errorf("%s was told\n%s", c.number, got)
			}
			if text := got.String(); c.pai == "" && (strings.Contains(text, "101@") || strings.Contains(text, "Phone 101")) {
				t.Errorf("%s learns who calls:\n%s", c.number, got)
			}
			a.status(180)
			b.picksUp()
			a.answered("")
			a.leaves(b)
			b.close()
		}
	})
}

// TestPermanentlyWithheld: an account that is always withheld, and may say otherwise call by call.
func TestPermanentlyWithheld(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		h.manners[""] = Manners{Withhold: true}
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		for privacy, hidden := range map[string]bool{"": true, "none": false, "id": true, "user;critical": true} {
			a.invite("102", a.sdp, func(m *sip.Message) {
				if privacy != "" {
					m.Set(sip.Privacy, privacy)
				}
			})
			if got := b.rings(); strings.Contains(got.Get(sip.From), "anonymous") != hidden || got.Has(sip.PAssertedIdentity) == hidden {
				t.Errorf("Privacy %q:\n%s", privacy, got)
			}
			a.status(180)
			b.picksUp()
			a.answered("")
			a.leaves(b)
			b.d, a.d = nil, nil
		}
		req := a.invite("102", a.sdp, func(m *sip.Message) { m.Set(sip.Privacy, "critical;weightless") })
		a.refused(req, a.status(500)) // RFC 3323 §5: rather no call than less than was asked for
		b.none(time.Second)
	})
}

// TestBelief: what a trunk says of who calls counts by how far it is trusted.
func TestBelief(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		b := w.phone("192.0.2.12", "102")
		friend, stranger := w.phone("192.0.2.21", "friend"), w.phone("192.0.2.22", "stranger")
		pai := func(v ...string) func(*sip.Message) {
			return func(m *sip.Message) {
				for _, v := range v {
					m.Add(sip.PAssertedIdentity, v)
				}
			}
		}
		rpid := func(v string) func(*sip.Message) { return func(m *sip.Message) { m.Add(sip.RemotePartyID, v) } }
		from := func(v string) func(*sip.Message) {
			return func(m *sip.Message) { m.Set(sip.From, v+";tag=f") }
		}
		for _, c := range []struct {
			name   string
			caller *phone
			doubt  bool
			say    func(*sip.Message)
			want   string // beginning of From
		}{
			{"asserted", friend, false, pai(`"Sara" <sip:+982122000001@carrier.example>`), `"Sara" <sip:+982122000001@192.0.2.1>`},
			{"asserted by a tel URI", friend, false, pai("<tel:+98-21-2200.0001>"), `<sip:+982122000001@192.0.2.1>`},
			{"by both", friend, false, pai("<tel:+982122000001>", `"Sara" <sip:sara@carrier.example>`), `"Sara" <sip:+982122000001@192.0.2.1>`},
			{"remote party", friend, false, rpid(`"Sara" <sip:0912@c.example>;party=calling;screen=yes;privacy=off`), `"Sara" <sip:0912@192.0.2.1>`},
			{"remote party withheld", friend, false, rpid(`"Sara" <sip:0912@c.example>;party=calling;privacy=full`), `"Anonymous" <sip:anonymous@anonymous.invalid>`},
			{"another's party", friend, true, rpid(`<sip:0912@c.example>;party=called`), `"Anonymous" <sip:anonymous@`},
			{"a number that is code", friend, false, pai("<sip:0912%0d%0aX-Evil:1@c.example>"), `"Somebody" <sip:friend@192.0.2.1>`},
			{"from", friend, false, from(`"Sara" <sip:0912@c.example>`), `"Sara" <sip:0912@192.0.2.1>`},
			{"from that does not count", friend, true, from(`"Sara" <sip:0912@c.example>`), `"Anonymous" <sip:anonymous@`},
			{"from nobody", friend, false, from(`"Anonymous" <sip:anonymous@anonymous.invalid>`), `"Anonymous" <sip:anonymous@`},
			{"stranger asserts", stranger, false, pai("<sip:1000@bank.example>"), `<sip:9822000@192.0.2.1>`},
			{"stranger's remote party", stranger, false, rpid("<sip:1000@bank.example>"), `<sip:9822000@192.0.2.1>`},
			{"stranger's from", stranger, false, from("<sip:1000@bank.example>"), `<sip:9822000@192.0.2.1>`},
		} {
			h.manners["friend"] = Manners{Trusted: true, From: !c.doubt}
			c.caller.invite("102", c.caller.sdp, c.say)
			got := b.rings()
			if !strings.HasPrefix(got.Get(sip.From), c.want) || strings.Contains(got.String(), "bank.example") {
				t.Errorf("%s: B was told\n%s", c.name, got)
			}
			c.caller.status(180)
			b.picksUp()
			c.caller.answered("")
			c.caller.leaves(b)
			b.d, c.caller.d = nil, nil
		}
	})
}

// TestFormsOfIdentity: each trunk is told who calls in the field that it wants.
func TestFormsOfIdentity(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.21", "221")
		const me = `"Phone 101" <sip:101@192.0.2.1>`
		for _, c := range []struct {
			m       Manners
			privacy string
			want    map[sip.Kind]string
		}{
			{Manners{Trusted: true}, "", map[sip.Kind]string{sip.From: me, sip.PAssertedIdentity: me}},
			{Manners{Trusted: true, Identity: ByRPID}, "", map[sip.Kind]string{sip.From: me, sip.RemotePartyID: me + ";party=calling;screen=yes;privacy=off"}},
			{Manners{Trusted: true, Identity: ByRPID}, "id", map[sip.Kind]string{sip.From: `"Anonymous" <sip:anonymous@anonymous.invalid>`,
				sip.RemotePartyID: me + ";party=calling;screen=yes;privacy=full", sip.Privacy: "id"}},
			{Manners{Trusted: true, Identity: ByFrom}, "id", map[sip.Kind]string{sip.From: me, sip.Privacy: "id"}},
			{Manners{Trusted: true, Identity: ByNothing}, "", map[sip.Kind]string{sip.From: me}},
			{Manners{Trusted: true, Identity: ByNothing}, "id", map[sip.Kind]string{sip.From: `"Anonymous" <sip:anonymous@anonymous.invalid>`}},
			{Manners{}, "", map[sip.Kind]string{sip.From: me}},
			{Manners{Identity: ByPAI}, "", map[sip.Kind]string{sip.From: me, sip.PAssertedIdentity: me}},
			{Manners{Identity: ByPAI}, "id", map[sip.Kind]string{sip.From: `"Anonymous" <sip:anonymous@anonymous.invalid>`}},
		} {
			h.manners["friend"] = c.m
			a.invite("221", a.sdp, func(m *sip.Message) {
				if c.privacy != "" {
					m.Set(sip.Privacy, c.privacy)
				}
			})
			got := b.rings()
			for _, k := range []sip.Kind{sip.From, sip.PAssertedIdentity, sip.RemotePartyID, sip.Privacy} {
				value := got.Get(k)
				if k == sip.From {
					value, _, _ = strings.Cut(value, ";tag=")
				}
				if value != c.want[k] {
					t.Errorf("%+v, Privacy %q: %s is %q, want %q", c.m, c.privacy, k, value, c.want[k])
				}
			}
			a.status(180)
			b.picksUp()
			a.answered("")
			a.leaves(b)
			b.d, a.d = nil, nil
		}
	})
}

// TestWhomTheCallerReached: the house says who answers, never the callee itself, but for a trusted trunk.
func TestWhomTheCallerReached(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a := w.phone("192.0.2.11", "101")
		for _, c := range []struct{ addr, number, claims, privacy, told string }{
			{"192.0.2.12", "102", "<sip:1000@bank.example>", "", "<sip:102@192.0.2.1>"},
			{"192.0.2.22", "222", "<sip:1000@bank.example>", "", ""},
			{"192.0.2.21", "221", `"Ali" <sip:+98912@carrier.example>`, "", `"Ali" <sip:+98912@192.0.2.1>`},
			{"192.0.2.21", "221", `"Ali" <sip:+98912@carrier.example>`, "id", ""},
		} {
			b := w.phone(c.addr, c.number)
			a.invite(c.number, a.sdp)
			b.req = b.want(sip.INVITE)
			said := []sip.Header{{Kind: sip.PAssertedIdentity, Value: c.claims}}
			if c.privacy != "" {
				said = append(said, sip.Header{Kind: sip.Privacy, Value: c.privacy})
			}
			b.reply(b.req, 180, "", said...)
			if got := a.status(180).Get(sip.PAssertedIdentity); got != c.told {
				t.Errorf("%s, 180: told %q, want %q", c.number, got, c.told)
			}
			b.reply(b.req, 200, b.sdp, said...)
			b.want(sip.ACK)
			if got := a.answered("").Get(sip.PAssertedIdentity); got != c.told {
				t.Errorf("%s, 200: told %q, want %q", c.number, got, c.told)
			}
			a.leaves(b)
			b.close()
			a.d = nil
		}
	})
}

// TestConnectedNumberIsKept: an account may keep from whom it answers that it was reached (COLR); a trusted trunk is told, and
// told to withhold it (RFC 3325 §5, §7).
func TestConnectedNumberIsKept(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		h.manners[""] = Manners{Conceal: true}
		b := w.phone("192.0.2.12", "102")
		for addr, want := range map[string][2]string{"192.0.2.11": {"", ""}, "192.0.2.21": {"<sip:102@192.0.2.1>", "id"}, "192.0.2.22": {"", ""}} {
			a := w.phone(addr, "101")
			a.invite("102", a.sdp)
			if got := b.rings(); got.Get(sip.PAssertedIdentity) == "" && addr == "192.0.2.11" {
				t.Error("the caller is withheld as well")
			}
			a.status(180)
			b.picksUp()
			if res := a.answered(""); res.Get(sip.PAssertedIdentity) != want[0] || res.Get(sip.Privacy) != want[1] {
				t.Errorf("%s is told %q and %q, want %q", addr, res.Get(sip.PAssertedIdentity), res.Get(sip.Privacy), want)
			}
			a.leaves(b)
			a.close()
			b.d = nil
		}
	})
}

// TestNumbersToldToATrunk: the record knows which numbers a trunk's peer was told.
func TestNumbersToldToATrunk(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.22", "222")
		for privacy, shown := range map[string]string{"none": "+982188880000", "id": ""} {
			h.Leads("02144", call.Destination{Kind: call.ToTrunks, Tenant: calltest.Tenant, Number: "02144", Presents: "+982188880000", Ways: []call.Way{{Tenant: calltest.Tenant, Trunk: "stranger", Strip: 1, Prepend: "98"}}})
			a.invite("02144", a.sdp, func(m *sip.Message) { m.Set(sip.Privacy, privacy) })
			b.rings()
			a.status(180)
			b.picksUp()
			a.answered("")
			a.leaves(b)
			a.d, b.d = nil, nil
			events := w.house.Events()
			for i := len(events) - 1; i >= 0; i-- {
				if e := events[i]; e.Kind == call.LegEnded && e.Leg == "b" {
					if e.Detail.Sent != "982144" || e.Detail.Shown != shown {
						t.Errorf("Privacy %s: the record has %q and %q", privacy, e.Detail.Sent, e.Detail.Shown)
					}
					break
				}
			}
		}
	})
}
