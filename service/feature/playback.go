package feature

import (
	"context"
	"time"

	"santral/call"
	"santral/media"
)

// Of what Playback records: how long it may be, and which silence ends it.
const (
	playbackMost    = time.Minute
	playbackSilence = 4 * time.Second
)

// Playback records what the caller says, to the hash or to a silence, and plays it back. It is kept nowhere.
type Playback struct{}

// Serve tells the story (call.Story).
func (Playback) Serve(ctx context.Context, c call.Control) call.Cause {
	if err := c.Answer(ctx); err != nil {
		return over(err)
	}
	if _, _, err := say(ctx, c, "#", breath, media.Clip("test.record")); err != nil {
		return over(err)
	}
	got, err := c.Record(ctx, call.Recording{Kind: call.TapeScrap, Most: playbackMost, Silence: playbackSilence, Ends: "#", Beep: true})
	if err != nil {
		return over(err)
	}
	if got.Sound != nil {
		_, err = c.Play(ctx, got.Sound, "#")
	}
	return over(err)
}
