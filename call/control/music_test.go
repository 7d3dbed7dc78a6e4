package control_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media/sdp"
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

// ben of 102 talks with anna of 101, who holds him.
func held(t *testing.T, s *stage, phone func(byte) *ear) (anna, ben *voice) {
	t.Helper()
	s.withMusic()
	e, f := phone(1), phone(2)
	a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(e.at, "", "PCMA"))
	b := s.leg("b")
	b.Pickup(calltest.DescribeAt(f.at, "", "PCMA"))
	a.Ack(nil)
	anna, ben = e.with(a, annas), f.with(b, bens)
	speak(s, 100*time.Millisecond, anna, ben)
	a.Reinvite(calltest.DescribeAt(e.at, "sendonly", "PCMA"))
	b.Agree(calltest.DescribeAt(f.at, "recvonly", "PCMA"))
	speak(s, time.Second)
	ben.hears(t, "held", musics)
	return anna, ben
}

// A held call is silent on both sides for as long as it pleases: nobody is asked where its media is.
func TestMusicGoesOn(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		s.Media.DeadAfter = 30 * time.Second
		anna, ben := held(t, s, phone)
		s.pass(5 * time.Minute)
		ben.forget()
		speak(s, time.Second)
		ben.hears(t, "after minutes", musics)
		l, ok := s.k.Call("1")
		if !ok || len(l.Legs[0].Notices)+len(l.Legs[1].Notices) != 0 {
			t.Errorf("%v: %+v", ok, l)
		}
		if ben.leg.Asked() || anna.leg.Asked() {
			t.Error("somebody was asked")
		}
		anna.leg.Bye()
	})
}

// Who is held and sent on to somebody who is busy comes back to the music.
func TestMusicAfterATransferThatFails(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		anna, ben := held(t, s, phone)
		anna.leg.Refer("105")
		ben.forget()
		s.rung(0).Ring()
		speak(s, time.Second)
		ben.hearsAnything(t, true) // that it rings
		s.rung(0).Fail(call.Busy)
		ben.forget()
		speak(s, time.Second)
		ben.hears(t, "back", musics)
		anna.leg.Reinvite(calltest.DescribeAt(anna.ear.at, "", "PCMA"))
		ben.leg.Agree(calltest.DescribeAt(ben.ear.at, "", "PCMA"))
		speak(s, time.Second, anna, ben)
		ben.hears(t, "resumed", annas)
		anna.hears(t, "resumed", bens)
		ben.leg.Bye()
	})
}

// Who is held when the call is taken over hears music from the second instance.
func TestMusicAfterHandover(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		_, ben := held(t, s, phone)
		h, err := s.k.Freeze(s.t.Context(), "1", s)
		if err != nil {
			t.Fatal(err)
		}
		s.Media.Pool.Close()
		s.Media = ports(t, s.host)
		s.withMusic()
		if err := s.k.Thaw(h, s.House); err != nil {
			t.Fatal(err)
		}
		ben.forget()
		ben.heard()
		speak(s, time.Second)
		ben.hears(t, "taken over", musics)
		if n := ben.heard(); len(n) != 1 {
			t.Errorf("the music comes as streams %v", n)
		}
		s.leg("a").Bye()
	})
}

// A caller that holds before anybody has answered holds who answers.
func TestMusicOfAnEarlyHold(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		s.withMusic()
		s.Prompt = true
		e, f := phone(1), phone(2)
		a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(e.at, "", "PCMA"))
		b := s.leg("b")
		ben := f.with(b, bens)
		b.Progressing(calltest.DescribeAt(f.at, "", "PCMA"))
		a.Update(calltest.DescribeAt(e.at, "inactive", "PCMA"))
		b.Agree(calltest.DescribeAt(f.at, "recvonly", "PCMA"))
		b.Pickup(nil)
		a.Ack(nil)
		speak(s, time.Second)
		ben.hears(t, "answered by one who holds", musics)
		a.Bye()
	})
}

// Only sound is held with music: pictures rest, and a fax is no concern of it.
func TestMusicIsForSound(t *testing.T) {
	t.Parallel()
	const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	for _, test := range []struct{ name, offer, want string }{
		{"pictures", "m=audio 4000 RTP/AVP 8\r\na=inactive\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=inactive\r\n", "sdp(PCMA sendonly; VP8 inactive)"},
		{"fax", "m=image 4000 udptl t38\r\na=inactive\r\n", "sdp( inactive)"},
		{"pictures alone", "m=audio 0 RTP/AVP 8\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=inactive\r\n", "sdp(PCMA; VP8 inactive)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, nil)
			s.withMusic()
			a, b := s.talk()
			d, err := sdp.Parse(head + test.offer)
			if err != nil {
				t.Fatal(err)
			}
			a.Reinvite(d)
			if ladder := s.Ladder(); !strings.Contains(ladder, "1/b <- INVITE "+test.want+"\n") {
				t.Errorf("%s: no %s in\n%s", test.name, test.want, ladder)
			}
			b.Disagree(call.NotAcceptable)
			a.Bye()
			s.Check(t)
		})
	}
}
