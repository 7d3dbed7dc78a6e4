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
	}, func(s *scene) {})
	heard(t, "record-refused", func(ctx context.Context, c call.Control, note noter) {
		_, err := c.Record(ctx, call.Recording{Kind: call.TapePrompt})
		note("recorded: %v", err)
	}, func(s *scene) {}, func(h *calltest.House) { h.Tapes.Fail = errors.New("no room is left") })
}

// A caller who hangs up leaves what was said by then.
func TestRecordToTheEnd(t *testing.T) {
	t.Parallel()
	var got call.Recorded
	var err error
	sounding(t, told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		got, err = c.Record(ctx, call.Recording{Kind: call.TapeMessage})
		return call.NormalClearing
	}), func(s *stage, phone func(byte) *ear) {
		anna := phone(1)
		s.Service("*1", "story")
		a := s.Call(s.k, "1", "101", "*1", at(anna, ""))
		a.Ack(nil)
		anna.say(s, a, syllables(2*8000))
		a.Bye()
		s.pass(time.Second)
		said := loud(syllables(2 * 8000))
		if n := loud(s.Tapes.All()[0].Heard(0)); n < said*98/100 || n > said*102/100 {
			t.Errorf("%d loud samples of %d were recorded", n, said)
		}
	})
	if err != call.ErrEnded || got.Name != "t1" || got.Long < 1990*ms {
		t.Errorf("recorded %+v: %v", got, err)
	}
}

// A scrap is heard back, and no archive knows of it.
func TestScrap(t *testing.T) {
	t.Parallel()
	var got call.Recorded
	sounding(t, told(func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		var err error
		if got, err = c.Record(ctx, call.Recording{Kind: call.TapeScrap, Ends: "#"}); err != nil || got.Sound == nil {
			t.Errorf("recorded %+v: %v", got, err)
		} else if _, err = c.Play(ctx, got.Sound, ""); err != nil {
			t.Error(err)
		}
		if got, err := c.Record(ctx, call.Recording{Kind: call.TapeScrap, Silence: time.Second}); err != nil || got.Sound != nil {
			t.Errorf("recorded %+v of silence: %v", got, err)
		}
		return call.NormalClearing
	}), func(s *stage, phone func(byte) *ear) {
		anna := phone(1)
		s.Service("*1", "story")
		a := s.Call(s.k, "1", "101", "*1", at(anna, ""))
		a.Ack(nil)
		keys := make([]int16, 8000)
		_, _ = tones("12 ").Read(keys)
		anna.say(s, a, keys)
		a.Press('#', 100*ms, false)
		s.pass(2 * time.Second)
		anna.mu.Lock()
		heard := string(anna.keys)
		anna.mu.Unlock()
		if n := len(s.Tapes.All()); heard != "12" || n != 0 {
			t.Errorf("heard back %q, and %d tapes", heard, n)
		}
	})
}
