package calltest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"santral/call"
	"santral/media"
	"santral/media/mixer"
)

// Caller is a call.Control for the tests of one story without a call around it: it writes down which
// verbs the story used. Its fields are set before the story begins.
type Caller struct {
	Party  call.Party
	Code   string           // dialled
	Thing  string           // Of
	Tongue string           // Language
	Leg    call.LegDetail   // Detail
	State  json.RawMessage  // what Saved reads
	Tape   call.Recorded    // what Record gives
	Digits string           // what Collect hears; with neither Most nor a key that ends it, it waits for the context
	Errors map[string]error // what a verb comes back with, by its name ("Answer")

	mu    sync.Mutex
	verbs []string
}

var _ call.Control = (*Caller)(nil)

// Verbs are what the story did so far.
func (c *Caller) Verbs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.verbs...)
}

func (c *Caller) did(verb, format string, args ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verbs = append(c.verbs, verb+fmt.Sprintf(format, args...))
	return c.Errors[verb]
}

// ID is always the same.
func (c *Caller) ID() call.ID { return "1" }

// Caller is Party.
func (c *Caller) Caller() call.Party { return c.Party }

// Dialled is Code.
func (c *Caller) Dialled() string { return c.Code }

// Number is Code.
func (c *Caller) Number() string { return c.Code }

// Of is Thing.
func (c *Caller) Of() string { return c.Thing }

// Tenant is the caller's.
func (c *Caller) Tenant() string { return c.Party.Tenant }

// Language is Tongue.
func (c *Caller) Language() string { return c.Tongue }

// Detail is Leg.
func (c *Caller) Detail() call.LegDetail { return c.Leg }

// Save keeps the state for Saved.
func (c *Caller) Save(state any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.State, _ = json.Marshal(state)
}

// Saved reads State.
func (c *Caller) Saved(state any) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.State != nil && json.Unmarshal(c.State, state) == nil
}

// Show is written down with its text.
func (c *Caller) Show(_ context.Context, text string) error { return c.did("Show", " %q", text) }

// Say is written down with its phrases.
func (c *Caller) Say(_ context.Context, keys string, what ...media.Phrase) (byte, error) {
	return 0, c.did("Say", " %q %v", keys, what)
}

// SendDigits is written down with its keys.
func (c *Caller) SendDigits(_ context.Context, keys string) error {
	return c.did("SendDigits", " %q", keys)
}

// Record is written down, and gives Tape.
func (c *Caller) Record(_ context.Context, r call.Recording) (call.Recorded, error) {
	return c.Tape, c.did("Record", " %s", r.Kind)
}

// Dial is written down with whom it rings.
func (c *Caller) Dial(_ context.Context, w call.Wish) (call.Party, error) {
	for _, p := range w.Members {
		w.To = append(w.To, p.Account)
	}
	return call.Party{}, c.did("Dial", " %q", w.To)
}

// Join is written down; the other leaves at once.
func (c *Caller) Join(context.Context) (bool, error) { return true, c.did("Join", "") }

// Hold is written down.
func (c *Caller) Hold(context.Context) error { return c.did("Hold", "") }

// Drop is written down.
func (c *Caller) Drop(_ context.Context, cause call.Cause) error {
	return c.did("Drop", " %d", cause.SIP)
}

// Move is written down.
func (c *Caller) Move(_ context.Context, cause call.Cause) error {
	return c.did("Move", " %d", cause.SIP)
}

// Transfer is written down with its number.
func (c *Caller) Transfer(_ context.Context, to string) error { return c.did("Transfer", " %q", to) }

// Go is written down with where.
func (c *Caller) Go(_ context.Context, to call.Destination) error {
	return c.did("Go", " %s %s%s%s %s", to.Tenant, to.Account, to.Service, to.Of, to.Number)
}

// Proceed is written down.
func (c *Caller) Proceed(context.Context) error { return c.did("Proceed", "") }

// Park is written down with its music.
func (c *Caller) Park(_ context.Context, name string) error { return c.did("Park", " %q", name) }

// Take is written down with its call.
func (c *Caller) Take(_ context.Context, id call.ID) error { return c.did("Take", " %s", id) }

// Attend is written down with its call and its way.
func (c *Caller) Attend(_ context.Context, id call.ID, how call.Attendance) error {
	return c.did("Attend", " %s %s", id, how.Mode)
}

// Meet joins the room.
func (c *Caller) Meet(r *mixer.Room, o mixer.Options) (*mixer.Member, error) {
	if err := c.did("Meet", " %q", o.Name); err != nil {
		return nil, err
	}
	return r.Join(o)
}

// Leave is written down.
func (c *Caller) Leave() { _ = c.did("Leave", "") }

// Answer is written down.
func (c *Caller) Answer(context.Context) error { return c.did("Answer", "") }

// Ringing is written down.
func (c *Caller) Ringing(context.Context) error { return c.did("Ringing", "") }

// Play is written down; the source is not read.
func (c *Caller) Play(_ context.Context, _ media.Source, keys string) (byte, error) {
	return 0, c.did("Play", " %q", keys)
}

// Tones is written down with its keys.
func (c *Caller) Tones(_ context.Context, keys string) error { return c.did("Tones", " %q", keys) }

// Echo waits for the context's end, unless Errors says how it comes back.
func (c *Caller) Echo(ctx context.Context) error {
	if err := c.did("Echo", ""); err != nil {
		return err
	}
	<-ctx.Done()
	return call.ErrEnded
}

// Collect gives Digits.
func (c *Caller) Collect(ctx context.Context, ask call.Collecting) (call.Collected, error) {
	err := c.did("Collect", " %d", ask.Most)
	if i := strings.IndexAny(c.Digits, ask.Ends); i >= 0 && ask.Ends != "" {
		return call.Collected{Digits: c.Digits[:i], End: c.Digits[i], Why: call.CollectKey}, err
	}
	if ask.Most == 0 && err == nil {
		<-ctx.Done()
		return call.Collected{Digits: c.Digits}, call.ErrEnded
	}
	return call.Collected{Digits: c.Digits[:min(ask.Most, len(c.Digits))], Why: call.CollectFull}, err
}

// Hangup is written down.
func (c *Caller) Hangup(cause call.Cause) { _ = c.did("Hangup", " %d", cause.SIP) }
