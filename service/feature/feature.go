// Package feature holds the small services that a single phone proves itself with: *43 gives the
// caller its own voice back, *44 tells the time, *45 records and plays back, *46 tells how good the line is, *60 reads
// the caller's own number back in tones.
//
// Each is a story on call.Control, which owns the call and its media; nothing is kept here. Which
// number leads to which story is the plan's (route).
package feature

import (
	"context"
	"time"

	"santral/call"
	"santral/media"
)

// Names of the stories, as a Destination's Service says them.
const (
	EchoName     = "echo"
	TimeName     = "time"
	PlaybackName = "playback"
	LineName     = "line"
	ReadbackName = "readback"
)

// Stories are the services of this room by name. zone is where a tenant lives; nil is where the exchange stands.
func Stories(zone func(tenant string) *time.Location) map[string]call.Story {
	if zone == nil {
		zone = func(string) *time.Location { return time.Local }
	}
	return map[string]call.Story{
		EchoName:     Echo{},
		TimeName:     Time{zone},
		PlaybackName: Playback{},
		LineName:     Line{},
		ReadbackName: Readback{},
	}
}

// breath stands before what is said first: a phone needs a moment to begin to listen.
const breath = media.Silence(300 * time.Millisecond)

// say says something where there is a voice for it, and gives the key of keys that cut it off. What can't be said is left
// out: the error is only that nobody listens any longer.
func say(ctx context.Context, c call.Control, keys string, what ...media.Phrase) (key byte, said bool, err error) {
	key, err = c.Say(ctx, keys, what...)
	if err != nil && (err == call.ErrEnded || ctx.Err() != nil) {
		return 0, false, err
	}
	return key, err == nil, nil
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
	return over(c.Tones(ctx, lead+number(c)+lead))
}

// number is what the caller presents.
func number(c call.Control) string {
	who := c.Caller()
	if who.Number == "" {
		return who.Account
	}
	return who.Number
}

// over is the cause of a story whose last verb ended with err. When the caller has gone the call is
// over already, and what stands here is not told to anybody.
func over(err error) call.Cause {
	if err != nil && err != call.ErrEnded {
		return call.Failure
	}
	return call.NormalClearing
}
