package control_test

import (
	"context"
	"testing"
	"time"

	"santral/call"
	"santral/media"
)

// A story that is cut off by a take-over goes on in the other instance where it was: for each verb, what the
// caller hears over both is what it would have heard from one.
func TestStoriesGoOn(t *testing.T) {
	t.Parallel()
	type noter = func(string, ...any)
	half := func(s *scene) {
		s.pass(653 * ms)
		s.moves()
	}
	heard(t, "goes-on-play", func(ctx context.Context, c call.Control, note noter) {
		note("play: %s", one(c.Play(ctx, tones("1234"), "9")))
		note("play: %s", one(c.Play(ctx, tones("56"), "")))
	}, half)
	heard(t, "goes-on-say", func(ctx context.Context, c call.Control, note noter) {
		note("say: %s", one(c.Say(ctx, "9", media.Spelled("1234"))))
	}, func(s *scene) {
		half(s)
		s.pass(313 * ms)
		s.key('9')
	})
	heard(t, "goes-on-tones", func(ctx context.Context, c call.Control, note noter) {
		note("tones: %v", c.Tones(ctx, "1234"))
	}, func(s *scene) { // twice
		half(s)
		s.pass(313 * ms)
		s.moves()
	})
	heard(t, "goes-on-send", func(ctx context.Context, c call.Control, note noter) {
		note("sent: %v", c.SendDigits(ctx, "1 234"))
	}, func(s *scene) {
		s.pass(800 * ms)
		s.moves()
	})
	heard(t, "goes-on-echo", func(ctx context.Context, c call.Control, note noter) {
		note("echo: %v", c.Echo(ctx))
	}, func(s *scene) {
		half(s)
		s.anna.heard()
		s.anna.talk(s.stage, s.a, 5)
		for ssrc, n := range s.anna.heard() {
			s.Note("     %d packets came back, its own: %v", n, ssrc == s.anna.ssrc)
		}
		s.leave()
	})
	heard(t, "goes-on-collect-prompt", func(ctx context.Context, c call.Control, note noter) {
		got, err := c.Collect(ctx, call.Collecting{Prompt: []media.Phrase{media.Spelled("1234")}, Most: 2, First: time.Second})
		note("collected %q %s, %v", got.Digits, got.Why, err)
	}, half)
	heard(t, "goes-on-collect-keys", func(ctx context.Context, c call.Control, note noter) {
		pin := ""
		if !c.Saved(&pin) {
			got, err := c.Collect(ctx, call.Collecting{Prompt: []media.Phrase{media.Spelled("1234")}, Most: 3, Between: 5 * time.Second})
			note("collected %q %s, %v", got.Digits, got.Why, err)
			if err != nil {
				return
			}
			c.Save(got.Digits)
		}
		note("play: %s", one(c.Play(ctx, tones("12"), "#")))
		got, err := c.Collect(ctx, call.Collecting{Most: 3, Between: 5 * time.Second})
		note("%s, collected %q %s, %v", pin, got.Digits, got.Why, err)
	}, func(s *scene) {
		s.pass(103 * ms)
		s.key('7')
		s.key('8')
		s.moves()
		s.key('9')
		s.key('4') // waits through another one
		s.moves()
		s.pass(1003 * ms)
		s.key('5')
		s.moves()
		s.key('6')
	})
	heard(t, "goes-on-with-what-was-saved", func(ctx context.Context, c call.Control, note noter) {
		var step int
		note("saved %v: %d", c.Saved(&step), step)
		c.Save(func() {}) // can't be kept
		for ; step < 3 && ctx.Err() == nil; step++ {
			c.Save(step)
			note("play %d: %s", step, one(c.Play(ctx, tones("12"), "")))
		}
	}, func(s *scene) {
		s.pass(903 * ms)
		s.moves()
		s.pass(603 * ms)
		s.moves()
	})
	heard(t, "goes-on-held", func(ctx context.Context, c call.Control, note noter) {
		note("play: %s", one(c.Play(ctx, tones("123"), "")))
	}, func(s *scene) {
		s.pass(343 * ms)
		s.a.Reinvite(at(s.anna, "sendonly"))
		s.moves()
		s.pass(5003 * ms)
		s.a.Reinvite(at(s.anna, ""))
	})
}

// What can't be told on is not written out, or ends well where nobody knows the story.
func TestStoriesThatStay(t *testing.T) {
	t.Parallel()
	perform(t, "story-stays", told(func(ctx context.Context, c call.Control) call.Cause {
		time.Sleep(time.Second)
		if c.Answer(ctx) == nil {
			_, _ = c.Collect(ctx, call.Collecting{Most: 1, First: time.Hour})
		}
		return call.NormalClearing
	}), func(s *stage) {
		s.Service("*1", "story")
		a := s.dial("*1")
		frozen := func() bool {
			_, err := s.k.Freeze(s.t.Context(), "1", s)
			return err == nil
		}
		if frozen() {
			t.Error("a call was written out that is not answered")
		}
		s.pass(2 * time.Second)
		if frozen() {
			t.Error("a call was written out before its ACK")
		}
		a.Ack(nil)
		a.Stiffen()
		if frozen() {
			t.Error("a leg was written out that can't be")
		}
		s.pass(1003 * ms)
		a.Bye()
	})
	perform(t, "story-unknown-there", told(echoes), func(s *stage) {
		s.Service("*1", "story")
		s.dial("*1").Ack(nil)
		s.stories = nil
		s.handOver(func() {})
	})
}
