package control_test

import (
	"testing"
	"time"

	"santral/base/id"
	"santral/call/calltest"
	"santral/call/control"
)

// withMusic gives the stage's control music for whoever waits.
func (s *stage) withMusic() {
	s.k = control.New(control.Config{Router: s, Contacts: s, Trunks: s, Channels: s, Ledger: s, Dialer: s, Music: band{}, Random: id.New([32]byte{1})})
}

// Who is held hears the tenant's music from us, whatever the holder's phone says, and who holds hears nothing.
func TestMusicOnHold(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"sendonly", "inactive"} {
		t.Run(how, func(t *testing.T) {
			sounding(t, nil, func(s *stage, phone func(byte) *ear) {
				s.withMusic()
				e, f := phone(1), phone(2)
				a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(e.at, "", "PCMA"))
				b := s.leg("b")
				b.Pickup(calltest.DescribeAt(f.at, "", "PCMA"))
				a.Ack(nil)
				anna, ben := e.with(a, annas), f.with(b, bens)
				speak(s, time.Second, anna, ben)
				anna.hears(t, "talking", bens)
				ben.hears(t, "talking", annas)

				a.Reinvite(calltest.DescribeAt(e.at, how, "PCMA"))
				if d := b.Heard(); d.Media[0].Direction(d).String() != "sendonly" {
					t.Errorf("who is held is offered %s", d.Media[0].Direction(d))
				}
				b.Agree(calltest.DescribeAt(f.at, "recvonly", "PCMA"))
				if d, want := a.Heard(), map[string]string{"sendonly": "recvonly", "inactive": "inactive"}[how]; d.Media[0].Direction(d).String() != want {
					t.Errorf("who holds by %s is answered %s", how, d.Media[0].Direction(d))
				}
				anna.forget()
				speak(s, time.Second, anna) // music of its own, or a microphone that is open
				anna.hears(t, "held")
				ben.hears(t, "held", musics)

				b.Reinvite(calltest.DescribeAt(f.at, "inactive", "PCMA")) // who is held holds as well
				a.Agree(calltest.DescribeAt(e.at, "inactive", "PCMA"))
				ben.forget()
				speak(s, time.Second)
				anna.hears(t, "both hold")
				ben.hears(t, "both hold")
				b.Reinvite(calltest.DescribeAt(f.at, "", "PCMA"))
				a.Agree(calltest.DescribeAt(e.at, how, "PCMA"))
				if d := b.Heard(); d.Media[0].Direction(d).String() != "sendonly" {
					t.Errorf("who no longer holds, and is held, is answered %s", d.Media[0].Direction(d))
				}
				speak(s, time.Second)
				ben.hears(t, "held again", musics)

				a.Reinvite(calltest.DescribeAt(e.at, "", "PCMA"))
				b.Agree(calltest.DescribeAt(f.at, "", "PCMA"))
				speak(s, time.Second, anna, ben)
				anna.hears(t, "resumed", bens)
				ben.hears(t, "resumed", annas)
				e.heard()
				speak(s, time.Second, anna, ben)
				if n := e.heard(); n[f.ssrc] != 50 || len(n) != 1 {
					t.Errorf("after the hold the caller hears %v: no relay", n)
				}
				a.Bye()
			})
		})
	}
}
