package prompt

import (
	"context"
	"errors"
	"strconv"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/player"
	"santral/store"
)

// StoryName is the story of *77, as a Destination's Service says it.
const StoryName = "prompts"

// Story has callers record announcements of their tenant, in the language that they hear.
func (s *Service) Story() call.Story { return story{s} }

type story struct{ s *Service }

// Of what is asked: how long for the first key and for each other, how often, and of what is recorded: how long it may be,
// and which silence ends it.
const (
	firstKey   = 10 * time.Second
	nextKey    = 5 * time.Second
	asked      = 3
	recordMost = time.Minute
	quiet      = 5 * time.Second
	pinMost    = 12
	numberMost = 6
)

// Wrong PINs that an account may press before it waits, and a tenant's accounts together.
const (
	accountTries = 3
	tenantTries  = 30
)

// told is how far a story is.
type told struct {
	Allowed bool   `json:"allowed,omitempty"`
	ID      string `json:"id,omitempty"` // of the prompt that is recorded
}

// telling is one story under way.
type telling struct {
	s *Service
	c call.Control
	told
}

// over is the end of a story by what is no fault of it.
var over = errors.New("the story is over")

// Serve tells the story (call.Story).
func (y story) Serve(ctx context.Context, c call.Control) call.Cause {
	t := telling{s: y.s, c: c}
	err := c.Answer(ctx)
	if err == nil && !c.Saved(&t.told) {
		err = t.say(ctx, media.Silence(300*time.Millisecond)) // a phone needs a moment to begin to listen
	}
	if err == nil && !t.Allowed {
		err = t.admit(ctx)
	}
	for err == nil {
		if t.ID == "" {
			if err = t.choose(ctx); err != nil {
				break
			}
		}
		err = t.record(ctx)
		t.ID = ""
		c.Save(t.told)
	}
	if errors.Is(err, over) || errors.Is(err, call.ErrEnded) || ctx.Err() != nil {
		return call.NormalClearing
	}
	return call.Failure
}

func (t *telling) say(ctx context.Context, what ...media.Phrase) error {
	_, err := t.c.Say(ctx, "", what...)
	return err
}

// last says something and is over.
func (t *telling) last(ctx context.Context, clip media.Clip) error {
	if err := t.say(ctx, clip); err != nil {
		return err
	}
	return over
}

// admit asks for the PIN.
func (t *telling) admit(ctx context.Context) error {
	from := t.c.Caller()
	tenant := t.s.c.Current().Tenant(from.Tenant)
	if tenant == nil || tenant.PromptsPIN == "" {
		return t.last(ctx, media.Clip("general.not-available"))
	}
	all, own := from.Tenant, from.Tenant+"/"+by(from)
	for range asked {
		if t.s.tries.Waits(time.Now(), all, own) {
			return t.last(ctx, media.Clip("pin.locked"))
		}
		got, err := t.ask(ctx, media.Clip("pin.enter"), pinMost)
		switch {
		case err != nil:
			return err
		case got == "":
			continue
		case tenant.PromptsPIN.Is(got):
			t.s.tries.Passed(own)
			t.Allowed = true
			t.c.Save(t.told)
			return nil
		}
		t.s.tries.Failed(time.Now(), own, accountTries)
		t.s.tries.Failed(time.Now(), all, tenantTries)
		if err := t.say(ctx, media.Clip("pin.wrong")); err != nil {
			return err
		}
	}
	return t.last(ctx, media.Clip("general.goodbye"))
}

// by names a caller.
func by(p call.Party) string {
	if p.Account != "" {
		return p.Account
	}
	return p.Number
}

// ask gives the digits that are pressed before a hash.
func (t *telling) ask(ctx context.Context, what media.Clip, most int) (string, error) {
	got, err := t.c.Collect(ctx, call.Collecting{Prompt: []media.Phrase{what}, Most: most, First: firstKey, Between: nextKey, Ends: "#"})
	return got.Digits, err
}

// choose asks which announcement is meant.
func (t *telling) choose(ctx context.Context) error {
	for range asked {
		got, err := t.ask(ctx, media.Clip("prompts.enter-number"), numberMost)
		if err != nil {
			return err
		}
		number, _ := strconv.Atoi(got)
		if key, ok := t.s.numbered(t.c.Caller().Tenant, t.c.Language(), number); ok {
			t.ID = key.ID
			t.c.Save(t.told)
			return nil
		}
		if got == "" {
			continue
		}
		if err := t.say(ctx, media.Clip("menu.invalid")); err != nil {
			return err
		}
	}
	return t.last(ctx, media.Clip("general.goodbye"))
}

// record records until something is kept, or nothing is wanted.
func (t *telling) record(ctx context.Context) error {
	for range 2 * asked {
		if err := t.say(ctx, media.Clip("general.after-tone"), media.Clip("general.end-with-hash")); err != nil {
			return err
		}
		got, err := t.c.Record(ctx, call.Recording{Kind: call.TapeScrap, Most: recordMost, Silence: quiet, Ends: "#", Beep: true})
		if err != nil && !errors.Is(err, call.ErrEmpty) {
			return err
		}
		sound, err := read(got.Sound)
		if err != nil {
			return err
		}
		if sound == nil {
			if err := t.say(ctx, media.Clip("general.nothing-recorded")); err != nil {
				return err
			}
			continue
		}
		key, err := t.wanted(ctx, sound)
		switch {
		case err != nil:
			return err
		case key == '1':
			return t.keep(ctx, sound)
		case key == '3':
			return t.say(ctx, media.Clip("general.cancelled"))
		}
	}
	return t.last(ctx, media.Clip("general.goodbye"))
}

// read gives what was said, nil for nothing.
func read(source media.Source) (*player.Sound, error) {
	if source == nil {
		return nil, nil
	}
	rate := media.RateOf(source)
	samples, err := whole(source, rate, recordMost.Seconds())
	if err != nil || len(samples) < rate/10 {
		return nil, err
	}
	return player.New(samples, rate), nil
}

// wanted plays what was recorded, and asks what becomes of it: '1', '2' or '3'. Whoever says nothing wants none of it.
func (t *telling) wanted(ctx context.Context, sound *player.Sound) (byte, error) {
	const keys = "123"
	key, err := t.c.Play(ctx, sound.Play(), keys)
	if err != nil || key != 0 {
		return key, err
	}
	for range asked {
		got, err := t.c.Collect(ctx, call.Collecting{Most: 1, First: firstKey, Prompt: []media.Phrase{
			media.Clip("menu.to-save"), media.Clip("menu.press-1"), media.Clip("menu.to-record-again"), media.Clip("menu.press-2"), media.Clip("menu.to-cancel"), media.Clip("menu.press-3"),
		}})
		if err != nil {
			return 0, err
		}
		switch got.Digits {
		case "1", "2", "3":
			return got.Digits[0], nil
		case "":
		default:
			if err := t.say(ctx, media.Clip("menu.invalid")); err != nil {
				return 0, err
			}
		}
	}
	return '3', nil
}

// keep makes it a version.
func (t *telling) keep(ctx context.Context, sound *player.Sound) error {
	from := t.c.Caller()
	key := store.PromptKey{Tenant: from.Tenant, Language: t.c.Language(), ID: t.ID}
	_, err := t.s.Take(ctx, key, sound, by(from))
	var bad *Bad
	switch {
	case err == nil:
		return t.say(ctx, media.Clip("prompts.saved"))
	case ctx.Err() != nil:
		return err
	case errors.As(err, &bad):
		return t.say(ctx, media.Clip("general.nothing-recorded"))
	}
	t.s.c.Fault("an announcement that was recorded by phone can't be kept", err)
	return t.say(ctx, media.Clip("general.error"))
}
