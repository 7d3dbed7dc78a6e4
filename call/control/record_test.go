package control_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
)

// syllables is something like speech: a buzz that comes and goes.
func syllables(n int) []int16 {
	sound := make([]int16, n)
	for i := range sound {
		if loud := i / 400 % 8; loud < 5 {
			sound[i] = int16((i%53 - 26) * 60 * (5 - loud))
		}
	}
	return sound
}

func TestRecord(t *testing.T) {
	t.Parallel()
	type noter = func(string, ...any)
	record := func(r call.Recording) func(context.Context, call.Control, noter) {
		return func(ctx context.Context, c call.Control, note noter) {
			r.Kind = call.TapeMessage
			got, err := c.Record(ctx, r)
			note("recorded %q, %s, after %q, key %q: %v", got.Name, got.Long, got.After, string(rune(got.Key)), err)
		}
	}
	heard(t, "record-ends-by-key", record(call.Recording{Account: "105", Beep: true, Most: time.Minute, Ends: "#*"}), func(s *scene) {
		s.key('#') // before it begins
		s.pass(400 * ms)
		s.anna.talk(s.stage, s.a, 100)
		s.pass(3 * ms)
		s.key('1')
		s.key('#')
	})
	heard(t, "record-ends-by-long-key", record(call.Recording{Most: time.Minute, Ends: "#*"}), func(s *scene) {
		s.anna.talk(s.stage, s.a, 100)
		s.pass(3 * ms)
		s.a.Press('*', time.Second, false)
	})
	heard(t, "record-ends-by-itself", record(call.Recording{Most: 2 * time.Second}), func(s *scene) {
		s.anna.talk(s.stage, s.a, 50)
	})
	heard(t, "record-ends-by-silence", record(call.Recording{Silence: 2 * time.Second}), func(s *scene) {
		s.anna.say(s.stage, s.a, syllables(3*8000))
	})
	heard(t, "record-of-silence", record(call.Recording{Silence: 2 * time.Second}), func(s *scene) {
		s.anna.talk(s.stage, s.a, 50)
	})
	heard(t, "record-held", record(call.Recording{Most: 2 * time.Second}), func(s *scene) {
		s.pass(1003 * ms)
		s.a.Reinvite(at(s.anna, "sendonly"))
		s.pass(10 * time.Second)
		s.a.Reinvite(at(s.anna, ""))
	})
	heard(t, "record-goes-on", record(call.Recording{Most: 4 * time.Second, Ends: "#", Beep: true}), func(s *scene) {
		s.pass(1003 * ms)
		s.moves()
		s.pass(1003 * ms)
		s.moves()
	})
	heard(t, "record-of-nobody", func(ctx context.Context, c call.Control, note noter) {
		short, cancel := context.WithTimeout(ctx, 901*ms)
		defer cancel()
		got, err := c.Record(short, call.Recording{Kind: call.TapePrompt})
		note("recorded %q, %s: %v", got.Name, got.Long, err)
		got, err = c.Record(short, call.Recording{Kind: call.TapePrompt})
		note("recorded %q, %s: %v", got.Name, got.Long, err)
		if got, err = c.Record(ctx, call.Recording{Kind: call.TapePrompt}); err != call.ErrEnded || got.Name != "t2" || got.Long < 700*ms {
			t.Errorf("recorded %+v of a caller that hung up: %v", got, err)
		}
	}, func(s *scene) {
		s.pass(3 * time.Second)
		s.leave()
	})
	heard(t, "record-refused", func(ctx context.Context, c call.Control, note noter) {
		_, err := c.Record(ctx, call.Recording{Kind: call.TapePrompt})
		note("recorded: %v", err)
	}, func(s *scene) {}, func(h *calltest.House) { h.Tapes.Fail = errors.New("no room is left") })
}
