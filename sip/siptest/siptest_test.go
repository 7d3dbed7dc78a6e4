package siptest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/vnet"
	"santral/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// RFC 3665 §3.1 between two phones, which is what the kit is for.
func TestTwoPhones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStage(t, 1)
		s.Net().SetDefault(vnet.Link{Latency: 10 * time.Millisecond})
		alice, bob := s.Phone("alice", "192.0.2.10:5060"), s.Phone("bob", "192.0.2.20:5060")
		invite := alice.Request(sip.INVITE, "sip:bob@192.0.2.20", 1, "Content-Type: application/sdp", "", "v=0")
		alice.Send(bob.Addr(), invite)
		in := bob.Want("INVITE")
		bob.Reply(in, "180 Ringing")
		alice.Want("180")
		s.Wait(2 * time.Second)
		bob.Reply(in, "200 OK", "Content-Type: application/sdp", "", "v=0")
		ok := alice.Want("200")
		alice.Send(bob.Addr(), alice.Ack(invite, ok))
		if ack := bob.Want("ACK"); ack.RequestURI != "sip:bob@192.0.2.20:5060" || ack.ToTag() != "tag-bob" {
			t.Errorf("ACK\n%s", ack.Text)
		}
		s.Note("both talk")
		bob.Send(alice.Addr(), bob.Back(in, sip.BYE, 1))
		bye := alice.Want("BYE")
		if bye.FromTag() != "tag-bob" || bye.ToTag() != in.FromTag() {
			t.Errorf("BYE\n%s", bye.Text)
		}
		alice.Reply(bye, "200")
		bob.Want("200")
		bob.Quiet(time.Minute)
		s.Golden("two-phones")
	})
}

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStage(t, 1)
		alice, bob := s.Phone("alice", "192.0.2.10:5060"), s.Phone("bob", "192.0.2.20:5060")
		bob.ListenTCP()
		for i := range 2 {
			alice.SendTCP(bob.Addr(), alice.Request(sip.OPTIONS, "sip:bob@192.0.2.20", i+1))
			in := bob.Want("OPTIONS")
			if !in.Stream {
				t.Error("not over TCP")
			}
			bob.Reply(in, "200 OK")
			alice.Want("200")
		}
		alice.Send(bob.Addr(), "OPTIONS sip:bob SIP/2.0\nVia: SIP/2.0/UDP {me};branch={branch}\n")
		if in, ok := bob.Next(time.Second); !ok || !strings.Contains(in.Text, "\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-alice-3\r\nContent-Length: 0\r\n\r\n") {
			t.Errorf("got %q", in.Text)
		}
		alice.Send(bob.Addr(), "junk\r\n")
		if n := bob.Count(time.Second, "OPTIONS"); n != 0 {
			t.Errorf("%d came", n)
		}
		s.Golden("streams")
	})
}

func TestRefusalsAndCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStage(t, 1)
		alice, bob := s.Phone("alice", "192.0.2.10:5060"), s.Phone("bob", "192.0.2.20:5060")
		invite := alice.Request(sip.INVITE, "sip:bob@192.0.2.20", 1)
		alice.Send(bob.Addr(), invite)
		in := bob.Want("INVITE")
		bob.Reply(in, "100 Trying")
		bob.Reply(in, "180 Ringing")
		alice.Skip("180", "100")
		alice.Send(bob.Addr(), alice.Cancel(invite))
		bob.Reply(bob.Want("CANCEL"), "200 OK")
		alice.Want("200")
		bob.Reply(in, "487 Request Terminated")
		alice.Send(bob.Addr(), alice.Ack(invite, alice.Want("487")))
		if ack := bob.Want("ACK"); ack.Get(sip.ViaKind) != in.Get(sip.ViaKind) {
			t.Errorf("ACK\n%s", ack.Text)
		}
		s.Golden("cancelled")
	})
}
