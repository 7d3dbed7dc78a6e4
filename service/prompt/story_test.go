package prompt

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/media"
	"santral/media/player"
	"santral/store"
)

type fake = calltest.Caller

// presser is a caller who presses and says what is written down for it, in turn.
type presser struct {
	fake
	keys   []string        // for each Collect; "" is silence
	sounds []*player.Sound // for each Record; nil is silence
	during []byte          // for each Play, the key that is pressed in it
	heard  []media.Source
}

func (p *presser) Collect(ctx context.Context, ask call.Collecting) (call.Collected, error) {
	_, err := p.fake.Collect(ctx, ask)
	if len(p.keys) == 0 {
		return call.Collected{}, call.ErrEnded
	}
	got := call.Collected{Digits: p.keys[0], Why: call.CollectTimeout}
	p.keys = p.keys[1:]
	if len(got.Digits) > ask.Most {
		return got, fmt.Errorf("%s has more than %d keys", got.Digits, ask.Most)
	}
	return got, err
}

func (p *presser) Record(ctx context.Context, r call.Recording) (call.Recorded, error) {
	_, err := p.fake.Record(ctx, r)
	sound := p.sounds[0]
	p.sounds = p.sounds[1:]
	if sound == nil {
		return call.Recorded{}, err
	}
	return call.Recorded{Kind: call.TapeScrap, Sound: sound.Play()}, err
}

func (p *presser) Play(ctx context.Context, s media.Source, keys string) (byte, error) {
	_, err := p.fake.Play(ctx, s, keys)
	p.heard = append(p.heard, s)
	if len(p.during) == 0 {
		return 0, err
	}
	key := p.during[0]
	p.during = p.during[1:]
	return key, err
}

// does are the verbs of a presser, short.
func (p *presser) does() []string {
	var list []string
	for _, v := range p.Verbs() {
		v = strings.NewReplacer(`Say "" `, "", "[", "", "]", "").Replace(v)
		list = append(list, v)
	}
	return list
}

var sara = call.Party{Tenant: "sample", Account: "101"}

const (
	pinAsked    = "Collect 12"
	numberAsked = "Collect 6"
	wantAsked   = "Collect 1"
	tell        = "general.after-tone general.end-with-hash"
)

// An announcement is recorded by phone: after the PIN, by its number, heard back, said again, kept, and heard from then on.
func TestRecordedByPhone(t *testing.T) {
	h := newHouse(t, nil)
	first, second := hum(400, 1, 5000), hum(800, 1.5, 5000)
	p := &presser{
		fake: fake{Party: sara, Tongue: "fa"}, keys: []string{"4711", "9999", "1001", "7", "2", "1"}, sounds: []*player.Sound{nil, first, second},
	}
	if cause := h.Story().Serve(t.Context(), p); cause != call.NormalClearing {
		t.Errorf("ended with %v", cause)
	}
	want := []string{
		"Answer", "300000000", pinAsked, numberAsked, "menu.invalid", numberAsked, tell, "Record scrap", "general.nothing-recorded", tell, "Record scrap", `Play "123"`,
		wantAsked, "menu.invalid", wantAsked, tell, "Record scrap", `Play "123"`, wantAsked, "prompts.saved", numberAsked,
	}
	if got := p.does(); !slices.Equal(got, want) {
		t.Errorf("did\n%q, want\n%q", got, want)
	}
	key := store.PromptKey{Tenant: "sample", Language: "fa", ID: "general.hello"}
	list, err := h.Versions(t.Context(), key)
	if err != nil || len(list) != 1 || list[0].Origin != Phone || list[0].By != "101" {
		t.Fatalf("%+v %v", list, err)
	}
	if got := h.hears(t, "sample", "fa", media.Clip("general.hello")); alike(got, second.Samples()) < 0.99 {
		t.Errorf("it is not heard: %.3f", alike(got, second.Samples()))
	}
}

// Keys during the playing count at once; what is discarded is not kept, and nor is what nobody decides about.
func TestDiscarded(t *testing.T) {
	h := newHouse(t, nil)
	said := hum(400, 1, 5000)
	p := &presser{
		fake: fake{Party: sara, Tongue: "en"}, keys: []string{"4711", "1001", "1001", "", "", ""}, sounds: []*player.Sound{said, said}, during: []byte{'3'},
	}
	h.Story().Serve(t.Context(), p)
	want := []string{
		"Answer", "300000000", pinAsked, numberAsked, tell, "Record scrap", `Play "123"`, "general.cancelled",
		numberAsked, tell, "Record scrap", `Play "123"`, wantAsked, wantAsked, wantAsked, "general.cancelled", numberAsked,
	}
	if got := p.does(); !slices.Equal(got, want) {
		t.Errorf("did\n%q, want\n%q", got, want)
	}
	if files := h.files(t); len(files) > 0 {
		t.Errorf("kept %v", files)
	}
}

// A name of the tenant's own is recorded by its number, in the caller's language.
func TestOwnNumber(t *testing.T) {
	h := newHouse(t, nil)
	key := store.PromptKey{Tenant: "sample", Language: "en", ID: "own.welcome"}
	if _, err := h.Take(t.Context(), key, hum(400, 1, 5000), "tester"); err != nil {
		t.Fatal(err)
	}
	p := &presser{fake: fake{Party: sara, Tongue: "fa"}, keys: []string{"4711", "9001", "1"}, sounds: []*player.Sound{hum(600, 1, 5000)}}
	h.Story().Serve(t.Context(), p)
	if got := h.hears(t, "sample", "fa", media.Clip("own.welcome")); alike(got, hum(600, 1, 5000).Samples()) < 0.99 {
		t.Error("it is not heard")
	}
	if got := h.hears(t, "sample", "en", media.Clip("own.welcome")); alike(got, hum(400, 1, 5000).Samples()) < 0.99 {
		t.Error("the other language has changed")
	}
	// Another tenant has nothing of that number, and no PIN.
	p = &presser{fake: fake{Party: call.Party{Tenant: "other", Account: "101"}}, keys: []string{"4711", "9001"}}
	h.Story().Serve(t.Context(), p)
	if got := p.does(); !slices.Equal(got, []string{"Answer", "300000000", "general.not-available"}) {
		t.Errorf("did %q", got)
	}
}

// Wrong PINs are answered with a pause that grows, for the account, and for the tenant when there are many of it.
func TestWrongPINs(t *testing.T) {
	h := newHouse(t, nil)
	synctest.Test(t, func(t *testing.T) {
		try := func(account string, keys ...string) string {
			p := &presser{fake: fake{Party: call.Party{Tenant: "sample", Account: account}}, keys: keys}
			h.Story().Serve(context.Background(), p)
			did := p.does()
			return strings.Join(did[2:], " ")
		}
		locked, in := "pin.locked", pinAsked+" "+numberAsked
		wrong := strings.TrimSpace(strings.Repeat(pinAsked+" pin.wrong ", 3))
		if got := try("101", "1", "47110", "471"); got != wrong+" general.goodbye" {
			t.Errorf("three wrong ones: %s", got)
		}
		for i, pause := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			time.Sleep(pause - time.Second)
			if got := try("101", "4711"); got != locked {
				t.Errorf("%d: within the pause: %s", i, got)
			}
			time.Sleep(2 * time.Second)
			if got := try("101", "1", "2", "3"); got != wrong+" general.goodbye" {
				t.Errorf("%d: after the pause: %s", i, got)
			}
		}
		if got := try("102", "4711"); got != in {
			t.Errorf("another account waits too: %s", got)
		}
		time.Sleep(time.Hour)
		if got := try("101", "1", "4711"); got != pinAsked+" pin.wrong "+in {
			t.Errorf("after an hour: %s", got)
		}
		if got := try("101", "1", "1", "4711"); !strings.HasSuffix(got, in) {
			t.Errorf("a right one does not forgive: %s", got)
		}
		for i := range 20 { // by many accounts
			try(fmt.Sprint(200+i), "1", "2")
		}
		if got := try("300", "4711"); got != locked {
			t.Errorf("guesses by many accounts: %s", got)
		}
	})
}

// A story that is told on in another instance asks for no PIN again, and records what it was about.
func TestToldOn(t *testing.T) {
	h := newHouse(t, nil)
	p := &presser{fake: fake{Party: sara, Tongue: "en", State: []byte(`{"allowed":true,"id":"general.hello"}`)}, keys: []string{"1"}, sounds: []*player.Sound{hum(400, 1, 5000)}}
	h.Story().Serve(t.Context(), p)
	if got := p.does(); !slices.Equal(got, []string{"Answer", tell, "Record scrap", `Play "123"`, wantAsked, "prompts.saved", numberAsked}) {
		t.Errorf("did %q", got)
	}
	for verb, want := range map[string]call.Cause{"Answer": call.NormalClearing, "Record": call.NormalClearing, "Say": call.NormalClearing} {
		p := &presser{fake: fake{Party: sara, Tongue: "en", Errors: map[string]error{verb: call.ErrEnded}}, keys: []string{"4711", "1001"}, sounds: []*player.Sound{nil}}
		if cause := h.Story().Serve(t.Context(), p); cause != want || len(h.files(t)) != 1 {
			t.Errorf("%s: %v", verb, cause)
		}
		p = &presser{fake: fake{Party: sara, Tongue: "en", Errors: map[string]error{verb: fmt.Errorf("broken")}}, keys: []string{"4711", "1001"}, sounds: []*player.Sound{nil}}
		if cause := h.Story().Serve(t.Context(), p); cause != call.Failure {
			t.Errorf("%s is broken: %v", verb, cause)
		}
	}
}
