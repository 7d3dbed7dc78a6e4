package registrar

import (
	"strings"
	"testing"

	"santral/access"
	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/sip/digest"
	"santral/tenant"
)

// door answers a REGISTER as the exchange does: identify, own, register.
func (h *house) door() func(req *sip.Message) *sip.Message {
	s := snapshot()
	d := access.NewDoor(access.DoorConfig{
		Current: func() *tenant.Snapshot { return s }, Guard: access.NewGuard(access.DefaultLimits),
		Algorithms: []digest.Algorithm{digest.SHA256, digest.MD5}, Random: id.New([32]byte{1}),
	})
	return func(req *sip.Message) (answer *sip.Message) {
		who, refusal := d.Identify(req, udp(phone))
		if refusal == nil {
			refusal = d.Owns(req, udp(phone), who)
		}
		if refusal != nil {
			return refusal
		}
		h.reg.Register(req, udp(phone), who, func(res *sip.Message) { answer = res })
		return answer
	}
}

// authorization answers a 401 as user.
func authorization(t *testing.T, challenge *sip.Message, user, password string) string {
	t.Helper()
	var list []string
	for v := range challenge.Values(sip.WWWAuthenticate) {
		list = append(list, v)
	}
	header, err := digest.Answer(list, user, password, "REGISTER", "sip:example.net", &digest.ClientState{Random: id.New([32]byte{2})})
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: " + header
}

// RFC 3665 §2.1 and §2.5: a registration with its challenge, and one with the wrong password.
func TestRegistrationThroughTheDoor(t *testing.T) {
	h := newHouse(t)
	ask := h.door()
	contact := "Contact: <sip:101@192.0.2.101>"
	challenge := ask(request(t, contact))
	if challenge.Status != 401 || !strings.Contains(challenge.Get(sip.WWWAuthenticate), `realm="example.net"`) {
		t.Fatalf("F2 is %d %q", challenge.Status, challenge.Get(sip.WWWAuthenticate))
	}
	want(t, "bindings of somebody unproved", len(h.reach()), 0)
	wrong := ask(request(t, contact, "CSeq: 2 REGISTER", authorization(t, challenge, "101", "guessed it")))
	want(t, "wrong password", wrong.Status, 401)
	want(t, "bindings after a wrong password", len(h.reach()), 0)
	right := ask(request(t, contact, "CSeq: 3 REGISTER", authorization(t, wrong, "101", "zanjanrood")))
	want(t, "right password", right.Status, 200)
	want(t, "bindings", contacts(right), []string{"<sip:101@192.0.2.101>;expires=3600"})
}

// An account registers only the AOR that it owns, in its own tenant, and can't remove another's.
func TestAnAccountRegistersOnlyItsOwn(t *testing.T) {
	h := newHouse(t)
	h.send("Contact: <sip:101@192.0.2.101>")
	ask := h.door()
	for _, to := range []string{"sip:101@example.net", "sip:101@b.example.net", "sip:102@b.example.net", "sip:102@elsewhere.example", "sip:22000001@example.net"} {
		lines := []string{"To: <" + to + ">", "Contact: *", "Expires: 0", "Call-ID: attack"}
		challenge := ask(request(t, lines...))
		res := ask(request(t, append(lines, "CSeq: 2 REGISTER", authorization(t, challenge, "102", "zanjanrood"))...))
		want(t, to, res.Status, 403)
	}
	want(t, "bindings of 101", len(h.reach()), 1)
	// Escapes in the user part do not make it another's (RFC 3261 §19.1.4).
	lines := []string{"To: <sip:%31%302@example.net>", "Contact: <sip:102@192.0.2.101>", "Call-ID: own"}
	challenge := ask(request(t, lines...))
	res := ask(request(t, append(lines, "CSeq: 2 REGISTER", authorization(t, challenge, "102", "zanjanrood"))...))
	want(t, "own AOR, escaped", res.Status, 200)
	if targets, _ := h.reg.Contacts("t", "102"); len(targets) != 1 {
		t.Errorf("102 is reached at %v", targets)
	}
	var _ call.Contacts = h.reg
}
