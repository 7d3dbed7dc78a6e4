// Package feature holds the small services that a single phone proves itself with: *43 gives the
// caller its own voice back, *60 reads the caller's own number back in tones.
//
// Each is a story on call.Control, which owns the call and its media; nothing is kept here. Which
// number leads to which story is the plan's (route).
package feature

import (
	"context"

	"santral/call"
)

// Names of the stories, as a Destination's Service says them.
const (
	EchoName     = "echo"
	ReadbackName = "readback"
)

// Stories are the services of this room by name.
func Stories() map[string]call.Story {
	return map[string]call.Story{
		EchoName:     Echo{},
		ReadbackName: Readback{},
	}
}

// Echo answers and gives the caller its own sound back until it hangs up.
type Echo struct{}

// Serve tells the story (call.Story).
func (Echo) Serve(ctx context.Context, c call.Control) call.Cause {
	if err := c.Answer(ctx); err != nil {
		return over(err)
	}
	return over(c.Echo(ctx))
}

// lead stands before and after the number: a phone needs a moment to begin to listen, and the last key
// should be heard whole.
const lead = "  "

// Readback answers, reads the number that the caller presents in tones, once, and hangs up.
type Readback struct{}

// Serve tells the story (call.Story).
func (Readback) Serve(ctx context.Context, c call.Control) call.Cause {
	if err := c.Answer(ctx); err != nil {
		return over(err)
	}
	number := c.Caller().Number
	if number == "" {
		number = c.Caller().Account
	}
	return over(c.Tones(ctx, lead+number+lead))
}

// over is the cause of a story whose last verb ended with err. When the caller has gone the call is
// over already, and what stands here is not told to anybody.
func over(err error) call.Cause {
	if err != nil && err != call.ErrEnded {
		return call.Failure
	}
	return call.NormalClearing
}
