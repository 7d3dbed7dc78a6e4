package sipleg

import (
	"testing"
	"time"

	"santral/sip"
)

// gruus is a registrar that has given one GRUU: it names the second of 103's phones.
type gruus struct{}

func (gruus) GRUU(_ string, u sip.URI) (account, device string, ok bool) {
	gr, _ := u.Params.Get("gr")
	return "103", "sip:103@192.0.2.13:5060", gr == "urn:uuid:1"
}

func (gruus) Phone(string, string, sip.Flow) string { return "" }

func (gruus) Home(string, string, string, sip.Flow) (sip.Flow, bool) { return sip.Flow{}, false }

func (gruus) Moves() uint64 { return 1 }

// TestReferToAGRUU: the transferee calls the one phone that the GRUU names (RFC 5627 §4.4); one that leads
// nowhere is no target.
// TestWhoIsABrowser: over a WebSocket, who has no address of its own or names what pages are made of.
func TestWhoIsABrowser(t *testing.T) {
	for _, c := range []struct {
		contact, agent string
		want           bool
	}{
		{"sip:jf83@k9sd0a.invalid;transport=ws", "", true},
		{"sip:101@192.0.2.9:5060;transport=ws", "JsSIP 3.13.8", true},
		{"sip:101@192.0.2.9:5060;transport=ws", "Mozilla/5.0 (X11) page", true},
		{"sip:101@192.0.2.9:5060;transport=ws", "", false},
		{"sip:101@invalid.example;transport=ws", "Gateway 1.0", false},
	} {
		u, err := sip.ParseURI(c.contact)
		if got := browser(u, c.agent); err != nil || got != c.want {
			t.Errorf("%s %q: %v, %v", c.contact, c.agent, got, err)
		}
	}
}

func TestReferToAGRUU(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.agent.cfg.Phones = gruus{}
		a, b, c := cast(w)
		b.refer("<sip:tgruu.x@192.0.2.1;gr>")
		b.status(404)
		b.refer("<sip:103@192.0.2.1;gr=urn:uuid:1>")
		b.status(202)
		b.news("100")
		c.rings()
		b.news("180")
		c.picksUp()
		a.changes()
		b.news("200")
		b.asks(sip.BYE, "")
		b.status(200)
		a.none(time.Minute)
		a.leaves(c)
		w.house.Check(t)
	})
}

// TestCallToAGRUU rings the same, and nobody else of the account (RFC 5627 §6.1).
func TestCallToAGRUU(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.agent.cfg.Phones = gruus{}
		a, b, c := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102"), w.phone("192.0.2.13", "103")
		req := a.invite("x", a.sdp, func(m *sip.Message) { m.RequestURI = "sip:tgruu.x@192.0.2.1;gr" })
		a.refused(req, a.status(404))
		req = a.invite("x", a.sdp, func(m *sip.Message) { m.RequestURI = "sip:tgruu.y@192.0.2.1;gr=urn:uuid:1" })
		c.rings()
		a.status(180)
		c.reply(c.req, 486, "")
		c.want(sip.ACK)
		a.refused(req, a.status(486))
		b.none(time.Second)
		w.house.Check(t)
	})
}
