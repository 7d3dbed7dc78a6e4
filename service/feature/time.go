package feature

import (
	"context"
	"time"

	"santral/call"
	"santral/media"
)

// Time tells the time and the day, by the calendar of the caller's language first and by the other then.
type Time struct {
	zone func(tenant string) *time.Location
}

// Serve tells the story (call.Story).
func (s Time) Serve(ctx context.Context, c call.Control) call.Cause {
	if err := c.Answer(ctx); err != nil {
		return over(err)
	}
	now := time.Now().In(s.zone(c.Caller().Tenant))
	other := media.Jalali
	if c.Language() == "fa" {
		other = media.Gregorian
	}
	const pause = media.Silence(400 * time.Millisecond)
	_, said, err := say(ctx, c, "#",
		breath, media.Clip("time.now"), media.Clock{Time: now}, pause,
		media.Clip("time.today-is"), media.Date{Time: now}, pause,
		media.Clip("time.and-by-other-calendar"), media.Date{Time: now, Calendar: other}, pause)
	if err == nil && !said { // without a voice it is told in keys
		err = c.Tones(ctx, lead+now.Format("1504")+lead)
	}
	return over(err)
}
