package registrar

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/sip"
)

const (
	desk  = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"`
	knows = "Supported: path, outbound, gruu"
)

// keep registers a flow of the desk phone.
func (h *house) keep(id int, f sip.Flow, more ...string) *sip.Message {
	h.t.Helper()
	lines := []string{fmt.Sprintf("Contact: <sip:101@10.0.0.5;ob>%s;reg-id=%d", desk, id), "Call-ID: desk", "Supported: outbound"}
	return h.from("101", f, append(lines, more...)...)
}

// RFC 5626 §6: each flow of an instance is a binding of its own at one contact, and a phone rings once,
// on the flow that it said last.
func TestFlowsOfAnInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		one, two, three := tcp(phone, 7), tcp(phone, 8), udp(phone)
		h.keep(1, one)
		time.Sleep(time.Second)
		h.keep(2, two)
		time.Sleep(time.Second)
		res := h.keep(3, three)
		want(t, "answer", len(contacts(res)), 3)
		if v := contacts(res)[2]; v != "<sip:101@10.0.0.5;ob>;expires=3600"+desk+";reg-id=3" {
			t.Errorf("contact %s", v)
		}
		want(t, "to call", h.reach(), []string{fmt.Sprintf("sip:101@10.0.0.5;ob on %s else on %s else on %s", three, two, one)})
		time.Sleep(time.Second)
		h.keep(1, one)
		want(t, "refreshed", h.reach(), []string{fmt.Sprintf("sip:101@10.0.0.5;ob on %s else on %s else on %s", one, three, two)})
		h.reg.Closed(one)
		h.alive = map[sip.Flow]bool{three: true}
		want(t, "dead and closed", h.reach(), []string{fmt.Sprintf("sip:101@10.0.0.5;ob on %s", three)})
		h.alive = nil
		again := tcp(phone, 9)
		h.keep(2, again)
		want(t, "replaced", h.reach(), []string{fmt.Sprintf("sip:101@10.0.0.5;ob on %s else on %s", again, three)})
		want(t, "journal", len(h.kept()), 2)
		want(t, "on the list", len(h.reg.List("", 10)), 2)
		h = h.restart()
		want(t, "after a restart", h.reach(), []string{fmt.Sprintf("sip:101@10.0.0.5;ob on %s", three)})
		h.cseq = 99
		h.keep(3, three, "Expires: 0")
		want(t, "taken away", len(h.kept()), 0)
	})
}

// RFC 5626 §6 and §5.4: what the phone is told.
func TestOutboundIsAnswered(t *testing.T) {
	h := newHouse(t)
	res := h.keep(1, udp(phone))
	want(t, "Require", res.Get(sip.Require), "outbound")
	want(t, "Supported", res.Get(sip.Supported), "path, outbound, gruu, gin")
	want(t, "Flow-Timer", res.Get(sip.FlowTimer), "30")
	route, err := sip.ParseAddress(res.Get(sip.ServiceRoute))
	if err != nil || route.URI.HostPort() != (sip.HostPort{Host: "192.0.2.1", Port: 5060}) || !route.URI.Params.Has("lr") {
		t.Errorf("Service-Route %q", res.Get(sip.ServiceRoute))
	}
	if f, ok := h.reg.keys.ofFlow(route.URI.User); !ok || f != udp(phone) {
		t.Errorf("the token says %v %v", f, ok)
	}
	want(t, "Flow-Timer of a connection", h.keep(1, tcp(phone, 3)).Get(sip.FlowTimer), "120")

	// Without the word, a reg-id is nothing (RFC 5626 §6), and nobody is told of what it does not know.
	res = h.from("101", udp(phone), "Contact: <sip:101@192.0.2.101>;+sip.instance=\"<urn:uuid:2>\";reg-id=1", "Call-ID: old")
	for _, k := range []sip.Kind{sip.Require, sip.FlowTimer, sip.ServiceRoute, sip.Supported, sip.Path} {
		if res.Has(k) {
			t.Errorf("%s: %s", k, res.Get(k))
		}
	}
	if strings.Contains(strings.Join(contacts(res)[1:], " "), "reg-id") {
		t.Errorf("contacts %q", contacts(res))
	}
	// A reg-id without an instance is nothing either.
	res = h.from("102", udp(phone), "Contact: <sip:102@192.0.2.101>;reg-id=1", knows, "Call-ID: bare")
	want(t, "no instance", res.Has(sip.Require), false)
	// One flow for each REGISTER.
	res = h.from("102", udp(phone), "Contact: <sip:a@192.0.2.101>"+desk+";reg-id=1, <sip:b@192.0.2.101>"+desk+";reg-id=2", knows)
	want(t, "two flows at once", res.Status, 400)
}

// RFC 5626 §6: through a proxy that does not keep flows there are none, and the phone must know.
func TestFirstHopLacksOutbound(t *testing.T) {
	h := newHouse(t)
	two := "Via: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK2"
	want(t, "no Path", h.keep(1, udp(edge), two).Status, 439)
	want(t, "a Path without ob", h.keep(1, udp(edge), two, "Path: <sip:192.0.2.50;lr>").Status, 439)
	want(t, "nothing was bound", len(h.reach()), 0)
	res := h.keep(1, udp(edge), two, "Path: <sip:inner@192.0.2.49;lr>, <sip:token@192.0.2.50;lr;ob>", knows)
	want(t, "a Path with ob", res.Status, 200)
	want(t, "Require", res.Get(sip.Require), "outbound")
	want(t, "its timer is the proxy's", res.Has(sip.FlowTimer) || res.Has(sip.ServiceRoute), false)
	want(t, "reached", h.reach(), []string{"sip:101@10.0.0.5;ob through <sip:inner@192.0.2.49;lr> <sip:token@192.0.2.50;lr;ob>"})
}

// RFC 3327: the Path of a proxy of ours is kept and echoed, and is the way to the phone.
func TestPath(t *testing.T) {
	h := newHouse(t)
	const path = "<sip:192.0.2.50:5070;lr;received=sip:198.51.100.7:40000>"
	contact := "Contact: <sip:101@10.0.0.5>"
	res := h.from("101", tcp(edge, 5), contact, "Path: "+path, "Supported: path")
	want(t, "status", res.Status, 200)
	want(t, "echoed", res.Get(sip.Path), path)
	want(t, "reached", h.reach(), []string{"sip:101@10.0.0.5 through " + path})
	h.reg.Closed(tcp(edge, 5))
	want(t, "the proxy's connection is not the phone's", len(h.reach()), 1)
	h = h.restart()
	want(t, "after a restart", h.reach(), []string{"sip:101@10.0.0.5 through " + path})
	want(t, "on the list", h.reg.List("", 1)[0].Path, []string{path})
	h.cseq = 9
	res = h.from("101", udp(edge), contact, "Path: "+path)
	want(t, "a phone that does not know of it", res.Status, 200)
	want(t, "is not told", res.Has(sip.Path), false)

	for name, c := range map[string]struct {
		flow   sip.Flow
		path   string
		status int
	}{
		"a stranger's":   {udp(phone), path, 403},
		"no address":     {udp(edge), "<>", 400},
		"not SIP":        {udp(edge), "<tel:+982122000001>", 400},
		"nine hops":      {udp(edge), strings.Repeat(path+", ", 8) + path, 400},
		"an endless one": {udp(edge), "<sip:" + strings.Repeat("a", 1100) + "@192.0.2.50;lr>", 400},
	} {
		res := h.from("102", c.flow, "Contact: <sip:102@10.0.0.6>", "Path: "+c.path, "Call-ID: other")
		want(t, name, res.Status, c.status)
	}
	if targets, _ := h.reg.Contacts("t", "102"); len(targets) != 0 {
		t.Errorf("102 is reached at %v", targets)
	}
}

// An AOR has at most 20 bindings, however many instances and flows a phone invents.
func TestABombOfInstances(t *testing.T) {
	h := newHouse(t)
	for i := range 100 {
		h.from("101", udp(phone), fmt.Sprintf("Contact: <sip:101@10.0.0.5>;+sip.instance=\"<urn:uuid:%d>\";reg-id=%d", i/3, i%3+1), knows, fmt.Sprintf("Call-ID: %d", i/3))
	}
	want(t, "bindings", h.reg.Count()[sip.UDP], MaxBindings)
	want(t, "journal", len(h.kept()), MaxBindings)
	if n := len(h.reach()); n > MaxBindings/3+2 {
		t.Errorf("%d phones ring", n)
	}
}

// RFC 5626 §5.3.1: a token that we did not write is refused, and a Route without one means nothing.
func TestFlowTokensAreOurs(t *testing.T) {
	h := newHouse(t)
	for _, f := range []sip.Flow{udp(phone), tcp(edge, 1<<40), {Transport: sip.WSS}} {
		token := h.reg.keys.flow(f)
		if back, ok := h.reg.keys.ofFlow(token); !ok || back != f {
			t.Errorf("%v became %v, %v", f, back, ok)
		}
		route := func(user string) bool {
			return h.reg.Routed(request(t, "Route: <sip:"+user+"192.0.2.1;lr>"))
		}
		want(t, "ours", route(token+"@"), false)
		want(t, "none", route(""), false)
		want(t, "a name", route("proxy@"), false)
		for i := len(flowPrefix); i < len(token); i++ {
			other := byte('A')
			if token[i] == other {
				other = 'B'
			}
			if !route(token[:i] + string(other) + token[i+1:] + "@") {
				t.Fatalf("%s with another octet %d is taken for ours", token, i)
			}
		}
		want(t, "cut", route(token[:len(token)-4]+"@"), true)
		want(t, "empty", route(flowPrefix+"@"), true)
	}
	other := newKeys([32]byte{9}, nil)
	if _, ok := other.ofFlow(h.reg.keys.flow(udp(phone))); ok {
		t.Error("another exchange's token is good here")
	}
}

// A phone that moved is found by its instance, or else by its Call-ID, on the flow that it has now.
func TestHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		one, two, three := tcp(phone, 7), tcp(phone, 8), tcp(phone, 9)
		home := func(name string, f sip.Flow) string {
			now, ok := h.reg.Home("t", "101", name, f)
			if !ok {
				return "none"
			}
			return now.String()
		}
		h.keep(1, one)
		time.Sleep(time.Second)
		h.keep(2, two)
		name := h.reg.Phone("t", "101", one)
		want(t, "name", name, "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>")
		want(t, "kept", home(name, one), one.String())
		want(t, "unsaid", home(name, sip.Flow{}), two.String())
		h.reg.Closed(one)
		want(t, "its other flow", home(name, one), two.String())
		time.Sleep(time.Second)
		h.keep(1, three)
		want(t, "moved", home(name, one), three.String())
		want(t, "of another account", h.reg.Phone("t", "102", three), "")
		h.alive = map[sip.Flow]bool{}
		want(t, "all dead", home(name, one), "none")
		h.alive = nil
		old := udp(phone)
		h.send("Contact: <sip:101@192.0.2.101>", "Call-ID: plain")
		name = h.reg.Phone("t", "101", old)
		want(t, "name by Call-ID", name, "plain 101")
		now := udp(edge)
		time.Sleep(time.Second)
		h.from("101", now, "Contact: <sip:101@192.0.2.50>", "Call-ID: plain", "CSeq: 900 REGISTER")
		want(t, "moved by Call-ID", home(name, old), now.String())
		h.from("101", now, "Contact: <sip:101@192.0.2.101>;expires=0", "Call-ID: plain", "CSeq: 901 REGISTER")
		want(t, "and its old binding gone", home(name, old), now.String())
		want(t, "nobody", home("", old), "none")
	})
}

// Two phones of an account that write one Call-ID and say no instance are not taken for one that moved.
func TestOneCallIDForTwoPhones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		one, two := udp(phone), udp(edge)
		h.from("101", one, "Contact: <sip:line1@192.0.2.101>", "Call-ID: shared")
		time.Sleep(time.Second)
		h.from("101", two, "Contact: <sip:line2@192.0.2.50>", "Call-ID: shared")
		first, second := h.reg.Phone("t", "101", one), h.reg.Phone("t", "101", two)
		if first == second {
			t.Fatalf("both are %q", first)
		}
		for name, f := range map[string]sip.Flow{first: one, second: two} {
			if now, ok := h.reg.Home("t", "101", name, f); !ok || now != f {
				t.Errorf("%s is at %s, want %s", name, now, f)
			}
		}
	})
}
