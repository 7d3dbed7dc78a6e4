package control_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media"
	"santral/media/mixer"
)

// attending is a stage in which 101 talks with 102, and 105 tells a story.
func attending(t *testing.T, story tale, scene func(s *stage, anna, ben, clara *voice)) {
	t.Helper()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		s.k = control.New(control.Config{Router: s, Contacts: s, Channels: s, Ledger: s, Dialer: s, Music: band{}, Stories: told(story), Archive: s.Tapes, Random: id.New([32]byte{1})})
		s.Service("*1", "story")
		e, f, g := phone(1), phone(2), phone(5)
		a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(e.at, "", "PCMA"))
		b := s.leg("b")
		b.Pickup(calltest.DescribeAt(f.at, "", "PCMA"))
		a.Ack(nil)
		anna, ben := e.with(a, annas), f.with(b, bens)
		speak(s, time.Second, anna, ben)
		c := s.Call(s.k, "2", "105", "*1", calltest.DescribeAt(g.at, "", "PCMA"))
		c.Ack(nil)
		scene(s, anna, ben, g.with(c, claras))
	})
}

// Whoever is with a call of two hears both, and is heard by whom it is for, and by nobody else. When it has gone the two
// are relayed as before, under their own numbers.
func TestAttending(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		how       call.Attendance
		anna, ben []int
	}{
		{"listen", call.Attendance{Mode: call.AttendListen}, []int{bens}, []int{annas}},
		{"whisper", call.Attendance{Mode: call.AttendWhisper}, []int{bens}, []int{annas, claras}},
		{"whisper to the caller", call.Attendance{Mode: call.AttendWhisper, To: "101"}, []int{bens, claras}, []int{annas}},
		{"barge", call.Attendance{Mode: call.AttendBarge}, []int{bens, claras}, []int{annas, claras}},
	} {
		t.Run(test.name, func(t *testing.T) {
			attending(t, func(ctx context.Context, c call.Control) call.Cause {
				short, cancel := context.WithTimeout(ctx, 3*time.Second)
				defer cancel()
				if err := c.Attend(short, "1", test.how); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				_, _ = c.Collect(ctx, call.Collecting{Most: 1})
				return call.NormalClearing
			}, func(s *stage, anna, ben, clara *voice) {
				ways(t, s, "mix")
				anna.heard()
				speak(s, 500*time.Millisecond, clara) // the two are silent: whom she is not for hears nothing at all
				anna.forget()
				ben.forget()
				speak(s, 500*time.Millisecond, clara)
				anna.hearsAnything(t, slices.Contains(test.anna, claras))
				ben.hearsAnything(t, slices.Contains(test.ben, claras))
				speak(s, time.Second, anna, ben, clara)
				anna.hears(t, "attended", test.anna...)
				ben.hears(t, "attended", test.ben...)
				clara.hears(t, "attending", annas, bens)
				if n := anna.heard(); len(n) != 1 {
					t.Errorf("anna hears streams %v", n)
				}
				if _, err := s.k.Freeze(s.t.Context(), "1", s); !errors.Is(err, control.ErrNotQuiet) {
					t.Errorf("a mixed call was written out: %v", err)
				}
				speak(s, 2*time.Second, anna, ben, clara)
				ways(t, s, "relay")
				anna.heard()
				speak(s, time.Second, anna, ben, clara)
				anna.hears(t, "afterwards", bens)
				ben.hears(t, "afterwards", annas)
				clara.forget()
				if n := anna.heard(); n[ben.ssrc] != 50 || len(n) != 1 {
					t.Errorf("afterwards anna hears streams %v", n)
				}
				speak(s, time.Second, anna, ben)
				clara.hears(t, "afterwards")
				clara.leg.Bye()
				anna.leg.Bye()
			})
		})
	}
}

// Who barges into a recorded call is heard on the right, and who whispers or listens is not on the tape.
func TestVisitorsOnATape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		how   call.Attendance
		right []int
	}{
		{call.Attendance{Mode: call.AttendListen}, []int{bens}},
		{call.Attendance{Mode: call.AttendWhisper}, []int{bens}},
		{call.Attendance{Mode: call.AttendWhisper, To: "101"}, []int{bens}},
		{call.Attendance{Mode: call.AttendBarge}, []int{bens, claras}},
	} {
		attending(t, func(ctx context.Context, c call.Control) call.Cause {
			short, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			_ = c.Attend(short, "1", test.how)
			_, _ = c.Collect(ctx, call.Collecting{Most: 1})
			return call.NormalClearing
		}, func(s *stage, anna, ben, clara *voice) {
			if err := s.k.Record("1", "start"); err != nil {
				t.Fatal(err)
			}
			tape := s.Tapes.All()[0]
			check := func(when string, channel int, want ...int) {
				t.Helper()
				heard := &voice{ear: &ear{}, hz: channel}
				heard.said = tape.Heard(channel)
				heard.hears(t, fmt.Sprintf("%+v, %s, channel %d", test.how, when, channel), want...)
			}
			speak(s, 1500*time.Millisecond, anna, ben, clara)
			check("attended", 0, annas)
			check("attended", 1, test.right...)
			speak(s, 2*time.Second, anna, ben, clara)
			check("afterwards", 0, annas)
			check("afterwards", 1, bens)
			clara.leg.Bye()
			anna.leg.Bye()
		})
	}
}

// ways checks the way of both legs of call 1.
func ways(t *testing.T, s *stage, want string) {
	t.Helper()
	l, _ := s.k.Call("1")
	for _, leg := range l.Legs {
		if !leg.Over && leg.Way.String() != want {
			t.Errorf("leg %s goes by %s, not %s", leg.ID, leg.Way, want)
		}
	}
}

// The change to a mix and back costs a phone no more than a few packets of sound.
func TestAttendingWithoutAGap(t *testing.T) {
	t.Parallel()
	attending(t, func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		time.Sleep(time.Second)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = c.Attend(short, "1", call.Attendance{Mode: call.AttendListen})
		_, _ = c.Collect(ctx, call.Collecting{Most: 1})
		return call.NormalClearing
	}, func(s *stage, anna, ben, clara *voice) {
		anna.forget()
		speak(s, 3*time.Second, anna, ben, clara)
		anna.mu.Lock()
		said := anna.said
		anna.mu.Unlock()
		silent, longest := 0, 0
		for _, x := range said {
			if silent++; x > 200 || x < -200 {
				silent = 0
			}
			longest = max(longest, silent)
		}
		if d := time.Duration(longest) * time.Second / 8000; d > 80*time.Millisecond {
			t.Errorf("anna heard nothing for %s", d)
		}
		if d := time.Duration(len(said)) * time.Second / 8000; d < 2900*time.Millisecond || d > 3100*time.Millisecond {
			t.Errorf("of three seconds anna heard %s", d)
		}
		clara.leg.Bye()
		anna.leg.Bye()
	})
}

// A listener stays through a hold, during which the one hears music, and is told when the two have gone.
func TestAttendingThroughAHold(t *testing.T) {
	t.Parallel()
	attending(t, func(ctx context.Context, c call.Control) call.Cause {
		if err := c.Attend(ctx, "9", call.Attendance{}); refused(err).SIP != 404 {
			t.Error(err)
		}
		if err := c.Attend(ctx, "1", call.Attendance{Mode: call.AttendWhisper, To: "103"}); refused(err).SIP != 404 {
			t.Error(err)
		}
		if err := c.Attend(ctx, "1", call.Attendance{Mode: call.AttendBarge}); err != nil {
			t.Error(err)
		}
		_, err := c.Play(ctx, &pitch{hz: prompt}, "")
		if !errors.Is(err, call.ErrEnded) {
			t.Error(err)
		}
		return call.NormalClearing
	}, func(s *stage, anna, ben, clara *voice) {
		anna.leg.Reinvite(calltest.DescribeAt(anna.ear.at, "sendonly", "PCMA"))
		ben.leg.Agree(calltest.DescribeAt(ben.ear.at, "recvonly", "PCMA"))
		speak(s, time.Second, anna, clara)
		ben.hears(t, "held", musics)
		anna.leg.Reinvite(calltest.DescribeAt(anna.ear.at, "", "PCMA"))
		ben.leg.Agree(calltest.DescribeAt(ben.ear.at, "", "PCMA"))
		speak(s, time.Second, anna, ben, clara)
		ben.hears(t, "resumed", annas, claras)
		anna.hears(t, "resumed", bens, claras)
		anna.leg.Bye()
		speak(s, time.Second, clara)
		clara.hears(t, "alone again", prompt)
		clara.leg.Bye()
	})
}

// In a room a caller hears the others, and what its story plays is for it alone.
func TestMeeting(t *testing.T) {
	t.Parallel()
	var room *mixer.Room
	story := tale(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		m, err := c.Meet(room, mixer.Options{Name: c.Caller().Number})
		if err != nil {
			t.Error(err)
			return call.Failure
		}
		if c.Caller().Number == "101" {
			short, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			_, _ = c.Play(short, &pitch{hz: prompt}, "")
		}
		_, err = c.Collect(ctx, call.Collecting{Most: 1, First: 4 * time.Second})
		_ = m
		c.Leave()
		c.Leave()
		if err == nil {
			_, _ = c.Collect(ctx, call.Collecting{Most: 1})
		}
		return call.NormalClearing
	})
	sounding(t, told(story), func(s *stage, phone func(byte) *ear) {
		s.Service("*1", "story")
		room = mixer.New(mixer.Config{Clock: s.Media.Pool, Rate: 16000})
		var voices []*voice
		for i, who := range []string{"101", "102", "105"} {
			e := phone(byte(1 + i))
			l := s.Call(s.k, call.ID(who), who, "*1", calltest.DescribeAt(e.at, "", "PCMA"))
			l.Ack(nil)
			voices = append(voices, e.with(l, []int{annas, bens, claras}[i]))
		}
		speak(s, 1500*time.Millisecond, voices...)
		voices[0].hears(t, "in the room, with a prompt", bens, claras, prompt)
		voices[1].hears(t, "in the room", annas, claras)
		voices[2].hears(t, "in the room", annas, bens)
		if l, _ := s.k.Call("101"); l.Legs[0].Way.String() != "mix" {
			t.Errorf("the way is %s", l.Legs[0].Way)
		}
		speak(s, 1500*time.Millisecond, voices...)
		voices[0].hears(t, "in the room, alone with its ears", bens, claras)
		voices[1].leg.Bye()
		speak(s, time.Second, voices[0], voices[2])
		voices[2].hears(t, "one has hung up", annas)
		speak(s, 3*time.Second, voices[0], voices[2])
		voices[2].hears(t, "everybody has left")
		if n := len(room.Members()); n != 0 {
			t.Errorf("%d members are left", n)
		}
		room.Close()
		voices[0].leg.Bye()
		voices[2].leg.Bye()
	})
}

// Who is held by a story or parked hears music, and the two of a Join hear each other without us.
func TestSoundOfTwoOfStories(t *testing.T) {
	t.Parallel()
	story := tale(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		if _, err := c.Dial(ctx, call.Wish{To: []string{"102"}, Hears: &pitch{hz: prompt}}); err != nil {
			t.Error(err)
		}
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_, _ = c.Join(short)
		for range 100 { // until the other has gone
			if c.Hold(ctx) != nil {
				break
			}
			_, _ = c.Collect(ctx, call.Collecting{Most: 1, First: 100 * time.Millisecond})
		}
		_ = c.Park(ctx, "")
		return call.NormalClearing
	})
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		s.k = control.New(control.Config{Router: s, Contacts: s, Channels: s, Ledger: s, Dialer: s, Music: band{}, Stories: told(story), Random: id.New([32]byte{1})})
		s.Service("*1", "story")
		e, f := phone(1), phone(2)
		a := s.Call(s.k, "1", "101", "*1", calltest.DescribeAt(e.at, "", "PCMA"))
		a.Ack(nil)
		anna, ben := e.with(a, annas), f.with(s.leg("b"), bens)
		speak(s, time.Second, anna)
		anna.hears(t, "it rings", prompt)
		ben.leg.Pickup(calltest.DescribeAt(f.at, "", "PCMA"))
		a.Agree(calltest.DescribeAt(e.at, "", "PCMA"))
		speak(s, time.Second, anna, ben)
		e.heard()
		speak(s, 900*time.Millisecond, anna, ben)
		anna.hears(t, "joined", bens)
		ben.hears(t, "joined", annas)
		if n := e.heard(); n[f.ssrc] != 45 || len(n) != 1 {
			t.Errorf("joined, anna hears streams %v", n)
		}
		speak(s, time.Second, anna, ben)
		anna.hears(t, "alone with the story")
		ben.hears(t, "waiting", musics)
		ben.leg.Bye()
		speak(s, time.Second, anna)
		anna.hears(t, "parked", musics)
		a.Bye()
	})
}

// speechless is a Speech that says one pitch.
type speechless struct{}

// Language is one.
func (speechless) Language(call.Party) string { return "en" }

// Say is a pitch.
func (speechless) Say(string, string, ...media.Phrase) (media.Source, error) {
	return &pitch{hz: prompt}, nil
}

// Who is to confirm hears the prompt, and the caller hears that it rings meanwhile.
func TestSoundOfConfirmation(t *testing.T) {
	t.Parallel()
	story := tale(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		w := call.Wish{To: []string{"102"}, Hears: &pitch{hz: musics}, Confirm: &call.Confirm{Key: '1', Prompt: []media.Phrase{media.Clip("confirm")}}}
		if _, err := c.Dial(ctx, w); err != nil {
			t.Error(err)
		}
		_, _ = c.Join(ctx)
		return call.NormalClearing
	})
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		s.k = control.New(control.Config{Router: s, Contacts: s, Channels: s, Ledger: s, Dialer: s, Speech: speechless{}, Stories: told(story), Random: id.New([32]byte{1})})
		s.Service("*1", "story")
		e, f := phone(1), phone(2)
		a := s.Call(s.k, "1", "101", "*1", calltest.DescribeAt(e.at, "", "PCMA"))
		a.Ack(nil)
		anna, ben := e.with(a, annas), f.with(s.leg("b"), bens)
		ben.leg.Pickup(calltest.DescribeAt(f.at, "", "PCMA"))
		speak(s, time.Second, anna, ben)
		anna.hears(t, "it rings", musics)
		ben.hears(t, "it is asked", prompt)
		ben.leg.Press('1', 100*time.Millisecond, false)
		a.Agree(calltest.DescribeAt(e.at, "", "PCMA"))
		speak(s, time.Second, anna, ben)
		anna.hears(t, "joined", bens)
		ben.hears(t, "joined", annas)
		a.Bye()
	})
}

// Whoever of a visited call goes, by whatever way, nobody and nothing is left, and who visits is told.
func TestVisitedCallsEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		do   func(s *stage, anna, ben, clara *voice)
		over bool // the visitor's story goes on after that
	}{
		{"the caller hangs up", func(_ *stage, anna, _, _ *voice) { anna.leg.Bye() }, true},
		{"the callee hangs up", func(_ *stage, _, ben, _ *voice) { ben.leg.Bye() }, true},
		{"all at once", func(s *stage, anna, ben, clara *voice) { s.Together(anna.leg.Bye, clara.leg.Bye, ben.leg.Bye) }, false},
		{"the visitor hangs up", func(_ *stage, _, _, clara *voice) { clara.leg.Bye() }, false},
		{"the visitor vanishes", func(_ *stage, _, _, clara *voice) { clara.leg.Vanish(call.LostDialog) }, false},
		{"an operator ends it", func(s *stage, _, _, _ *voice) { s.k.Hangup("1", call.NormalClearing) }, true},
		{"an operator ends the visit", func(s *stage, _, _, _ *voice) { s.k.Hangup("2", call.NormalClearing) }, false},
		{"the callee sends the caller on", func(s *stage, anna, ben, _ *voice) {
			ben.leg.Refer("103")
			s.rung(0).Pickup(calltest.DescribeAt(ben.ear.at, "", "PCMA"))
			anna.leg.Agree(calltest.DescribeAt(anna.ear.at, "", "PCMA"))
			ben.leg.Bye()
		}, true},
		{"the callee sends the caller to somebody who is busy", func(s *stage, anna, ben, clara *voice) {
			ben.leg.Refer("103")
			for _, l := range s.Legs()[3:] {
				l.Fail(call.Busy)
			}
			speak(s, time.Second, anna, ben, clara)
			anna.hears(t, "back", bens, claras)
			ways(t, s, "mix")
			ben.leg.Bye()
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			told := false
			attending(t, func(ctx context.Context, c call.Control) call.Cause {
				err := c.Attend(ctx, "1", call.Attendance{Mode: call.AttendBarge})
				told = err == nil
				return call.NormalClearing
			}, func(s *stage, anna, ben, clara *voice) {
				speak(s, 200*time.Millisecond, anna, ben, clara)
				test.do(s, anna, ben, clara)
				s.pass(time.Second)
				if told != test.over {
					t.Errorf("the story was told that the two have gone: %v", told)
				}
				for _, l := range s.Legs() {
					if l.May(call.Ended) {
						l.Bye()
					}
				}
			})
		})
	}
}

// What a caller hears is not cut off when the other, who waits meanwhile, hangs up.
func TestOtherLeavesWhileSomethingIsSaid(t *testing.T) {
	t.Parallel()
	var said time.Duration
	story := tale(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		if _, err := c.Dial(ctx, rings("102")); err != nil {
			t.Error(err)
		}
		began := time.Now()
		if _, err := c.Play(ctx, tones("1234567890"), ""); err != nil {
			t.Error(err)
		}
		said = time.Since(began)
		if left, err := c.Join(ctx); !left || err != nil {
			t.Errorf("joined until %v, %v", left, err)
		}
		return call.NormalClearing
	})
	sounding(t, told(story), func(s *stage, phone func(byte) *ear) {
		s.Service("*1", "story")
		e, f := phone(1), phone(2)
		a := s.Call(s.k, "1", "101", "*1", calltest.DescribeAt(e.at, "", "PCMA"))
		a.Ack(nil)
		b := s.leg("b")
		b.Pickup(calltest.DescribeAt(f.at, "", "PCMA"))
		s.pass(time.Second)
		b.Bye()
		s.pass(time.Minute)
		if said < 3*time.Second || said > 4*time.Second {
			t.Errorf("three seconds of sound took %v", said)
		}
		if !a.Over() {
			a.Bye()
		}
	})
}
