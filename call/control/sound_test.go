package control_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"santral/base/golden"
	"santral/call"
	"santral/call/calltest"
	"santral/media"
	"santral/media/sdp"
	"santral/media/tone"
)

// keySpeech is a voice that says everything in two-tone signals, so that an ear can tell what it was.
type keySpeech struct{}

func (keySpeech) Language(who call.Party) string {
	if who.Account == "101" {
		return "fa"
	}
	return "en"
}

func (keySpeech) Say(tenant, language string, what ...media.Phrase) (media.Source, error) {
	if tenant != calltest.Tenant || language != "fa" {
		return nil, fmt.Errorf("asked for %s in %s", tenant, language)
	}
	keys := ""
	for _, p := range what {
		s, ok := p.(media.Spelled)
		if !ok {
			return nil, fmt.Errorf("no sound for %T", p)
		}
		keys += string(s)
	}
	return tones(keys), nil
}

func tones(keys string) media.Source {
	return tone.Digits(keys, 200*time.Millisecond, 100*time.Millisecond).Play()
}

const ms = time.Millisecond

// What a scene does keeps apart from the turns of the media clock, every 20 ms from the answer on: then each time the
// same comes first.

// scene is a story that speaks with 101, who hears it.
type scene struct {
	*stage
	anna *ear
	a    *calltest.Leg
	left *atomic.Bool
}

// leave has the caller hang up. What the story notes afterwards may come before the ledger's word or after it, and
// stands nowhere.
func (s *scene) leave() {
	s.left.Store(true)
	s.a.Bye()
}

// key has the caller press a key.
func (s *scene) key(k byte) { s.a.Press(k, 100*ms, false) }

// moves has the call go on in another control.
func (s *scene) moves() {
	s.t.Helper()
	s.k = s.handOver(func() {
		s.Media.Pool.Close()
		s.Media = ports(s.t, s.host)
		s.pass(3 * ms)
	})
	s.a = s.leg("a")
}

// heard plays a scene of a story with sound. What the story notes and the caller hears stands in the ladder.
func heard(t *testing.T, name string, story func(ctx context.Context, c call.Control, note func(string, ...any)), play func(s *scene), with ...func(*calltest.House)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		var note func(string, ...any)
		tells := told(func(ctx context.Context, c call.Control) call.Cause {
			note("story begins")
			if err := c.Answer(ctx); err != nil {
				t.Error(err)
			}
			time.Sleep(ms)
			story(ctx, c, note)
			note("story ends")
			return call.NormalClearing
		})
		sounding(t, tells, func(s *stage, phone func(byte) *ear) {
			var left atomic.Bool
			note = func(format string, args ...any) {
				if !left.Load() {
					s.Note("     "+format, args...)
				}
			}
			anna := phone(1)
			anna.hear = func(key byte) { note("heard %c", key) }
			for _, f := range with {
				f(s.House)
			}
			s.Service("*1", "story")
			a := s.Call(s.k, "1", "101", "*1", at(anna, ""))
			a.Ack(nil)
			play(&scene{s, anna, a, &left})
			s.pass(time.Minute)
			golden.Compare(t, name+".txt", s.Ladder())
			if n := s.k.Stats(); n.Live != 0 || n.Open != 0 || n.Panics != 0 {
				t.Errorf("control is left with %+v", n)
			}
		})
	})
}

// one gives what a verb says for a note.
func one(key byte, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case key == 0:
		return "the end"
	}
	return string(rune(key))
}

func TestVerbsOfSound(t *testing.T) {
	t.Parallel()
	type noter = func(string, ...any)
	heard(t, "play", func(ctx context.Context, c call.Control, note noter) {
		note("play: %s", one(c.Play(ctx, tones("12"), "")))
		note("play: %s", one(c.Play(ctx, tones("3456"), "#5")))
		note("play: %s", one(c.Play(ctx, tones("78"), "9"))) // was pressed before
		short, cancel := context.WithTimeout(ctx, 510*ms)
		defer cancel()
		note("play: %s", one(c.Play(short, tones("7890"), "")))
		got, err := c.Collect(ctx, call.Collecting{Most: 2, First: time.Second})
		note("collected %+v, %v", got, err)
		note("play: %s", one(c.Play(ctx, nil, "")))
	}, func(s *scene) {
		s.pass(1003 * ms)
		s.key('4')
		s.key('9')
		s.key('5')
		s.key('6')
	})
	heard(t, "say", func(ctx context.Context, c call.Control, note noter) {
		note("in %s, %s dialled", c.Language(), c.Number())
		note("say: %s", one(c.Say(ctx, "", media.Spelled("1"), media.Spelled("2"))))
		note("say: %s", one(c.Say(ctx, "*", media.Spelled("3456"))))
		note("say: %s", one(c.Say(ctx, "*", media.Clip("nothing"))))
	}, func(s *scene) {
		s.pass(1003 * ms)
		s.key('*')
	})
	heard(t, "play-held", func(ctx context.Context, c call.Control, note noter) {
		note("play: %s", one(c.Play(ctx, tones("123456"), "")))
		got, err := c.Collect(ctx, call.Collecting{Most: 1, First: 2 * time.Second})
		note("collected %+v, %v", got, err)
	}, func(s *scene) {
		s.pass(550 * ms)
		s.a.Reinvite(at(s.anna, "sendonly"))
		s.pass(10 * time.Second)
		s.a.Reinvite(at(s.anna, ""))
		s.pass(2 * time.Second)
		s.a.Reinvite(at(s.anna, "sendonly"))
		s.pass(10 * time.Second)
		s.a.Reinvite(at(s.anna, ""))
	})
	heard(t, "tones-and-digits", func(ctx context.Context, c call.Control, note noter) {
		note("tones: %v", c.Tones(ctx, "1 2"))
		note("sent: %v", c.SendDigits(ctx, "12 x#"))
		note("shown: %v", c.Show(ctx, "120 ms"))
		note("leg: %s", c.Detail().SIPCallID)
		short, cancel := context.WithTimeout(ctx, 300*ms)
		defer cancel()
		note("sent: %v", c.SendDigits(short, "1234"))
	}, func(s *scene) {})
	heard(t, "echo", func(ctx context.Context, c call.Control, note noter) {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		note("echo: %v", c.Echo(short))
		note("play: %s", one(c.Play(ctx, tones("12"), "")))
	}, func(s *scene) {})
	heard(t, "sound-after-the-end", func(ctx context.Context, c call.Control, note noter) {
		_, played := c.Play(ctx, tones("123456"), "")
		_, collected := c.Collect(ctx, call.Collecting{Most: 1})
		if err := errors.Join(played, c.SendDigits(ctx, "1"), c.Show(ctx, ""), collected); !errors.Is(err, call.ErrEnded) {
			t.Errorf("verbs after the end: %v", err)
		}
		if d := c.Detail(); d.SIPCallID != "" {
			t.Errorf("detail after the end: %+v", d)
		}
	}, func(s *scene) {
		s.pass(503 * ms)
		s.leave()
	})
}

func TestCollect(t *testing.T) {
	t.Parallel()
	asks := func(list ...call.Collecting) func(context.Context, call.Control, func(string, ...any)) {
		return func(ctx context.Context, c call.Control, note func(string, ...any)) {
			for _, ask := range list {
				got, err := c.Collect(ctx, ask)
				note("collected %q %s %q, %v", got.Digits, got.Why, string(rune(got.End)), err)
			}
		}
	}
	prompt := []media.Phrase{media.Spelled("123")}
	heard(t, "collect-prompt-cut-off", asks(
		call.Collecting{Prompt: prompt, Most: 3, First: 5 * time.Second, Between: 2 * time.Second},
		call.Collecting{Prompt: prompt, Most: 3, First: 5 * time.Second, Between: 2 * time.Second},
	), func(s *scene) {
		s.pass(403 * ms)
		s.key('7')
		s.pass(1010 * ms)
		s.key('8') // and then waits
	})
	heard(t, "collect-ends", asks(
		call.Collecting{Prompt: prompt, Ends: "#*", First: 5 * time.Second},
		call.Collecting{Prompt: prompt, Ends: "#", First: 5 * time.Second},
	), func(s *scene) {
		s.key('1')
		s.key('2')
		s.key('*')
		s.pass(5003 * ms)
		s.key('#')
	})
	heard(t, "collect-typed-ahead", func(ctx context.Context, c call.Control, note func(string, ...any)) {
		for _, fresh := range []bool{false, true} {
			note("play: %s", one(c.Play(ctx, tones("45"), "")))
			got, err := c.Collect(ctx, call.Collecting{Prompt: prompt, Ends: "#", First: time.Second, Fresh: fresh})
			note("collected %q %s, %v", got.Digits, got.Why, err)
		}
	}, func(s *scene) {
		for range 2 {
			for _, k := range "789#" {
				s.key(byte(k))
			}
			s.pass(1003 * ms)
		}
	})
	heard(t, "collect-patterns", asks(
		call.Collecting{Patterns: []string{"2xx", "0[1-8]xx", "9."}, Between: 3 * time.Second},
		call.Collecting{Patterns: []string{"2xx", "0[1-8]xx", "9."}, Between: 3 * time.Second},
		call.Collecting{Patterns: []string{"2xx", "0[1-8]xx", "9."}, Between: 3 * time.Second},
		call.Collecting{Patterns: []string{"1", "12"}, Between: 3 * time.Second},
		call.Collecting{Patterns: []string{"1", "123"}, Between: 3 * time.Second, Ends: "#"},
		call.Collecting{Patterns: []string{"12"}, Between: 3 * time.Second},
		call.Collecting{Patterns: []string{"x."}, Most: 2},
		call.Collecting{Patterns: []string{"[5"}},
		call.Collecting{},
	), func(s *scene) {
		for _, k := range "255" {
			s.key(byte(k))
		}
		s.key('0')
		s.key('9') // none begins so
		s.key('9')
		s.key('8')
		s.pass(4 * time.Second)
		s.key('1')
		s.pass(4 * time.Second)
		s.key('1')
		s.key('2')
		s.key('#')
		s.key('1')
		s.pass(4 * time.Second)
		s.key('4')
		s.key('4')
	})
	heard(t, "collect-late", func(ctx context.Context, c call.Control, note func(string, ...any)) {
		short, cancel := context.WithTimeout(ctx, 500*ms)
		defer cancel()
		got, err := c.Collect(short, call.Collecting{Prompt: prompt, Most: 3})
		note("collected %q %s, %v", got.Digits, got.Why, err)
		got, err = c.Collect(ctx, call.Collecting{Prompt: []media.Phrase{media.Clip("x")}, Most: 3})
		note("collected %q %s, %v", got.Digits, got.Why, err)
		if got, err = c.Collect(ctx, call.Collecting{Most: 3}); got.Digits != "7" || err != call.ErrEnded {
			t.Errorf("collected %q, %v of a caller that hung up", got.Digits, err)
		}
	}, func(s *scene) {
		s.pass(time.Minute + 3*ms)
		s.key('7')
		s.leave()
	})
}

// at describes a phone that an ear listens for.
func at(e *ear, direction string) *sdp.Description {
	return calltest.DescribeAt(e.at, direction, "PCMA", "telephone-event")
}
