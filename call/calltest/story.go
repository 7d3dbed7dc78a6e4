package calltest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"santral/call"
	"santral/media"
)

// Caller is a call.Control for the tests of one story without a call around it: it writes down which
// verbs the story used. Its fields are set before the story begins.
type Caller struct {
	Party  call.Party
	Number string           // dialled
	Digits string           // what Collect hears
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

// Dialled is Number.
func (c *Caller) Dialled() string { return c.Number }

// Answer is written down.
func (c *Caller) Answer(context.Context) error { return c.did("Answer", "") }

// Ringing is written down.
func (c *Caller) Ringing(context.Context) error { return c.did("Ringing", "") }

// Play is written down; the source is not read.
func (c *Caller) Play(context.Context, media.Source) error { return c.did("Play", "") }

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
func (c *Caller) Collect(_ context.Context, max int, _, _ time.Duration) (string, error) {
	err := c.did("Collect", " %d", max)
	return c.Digits[:min(max, len(c.Digits))], err
}

// Hangup is written down.
func (c *Caller) Hangup(cause call.Cause) { _ = c.did("Hangup", " %d", cause.SIP) }
