package feature

import (
	"context"
	"fmt"
	"time"

	"santral/call"
	"santral/media"
)

// shownEvery is how often the display is brought up to date. Every time is a request to the phone.
const shownEvery = 5 * time.Second

// Echo answers and gives the caller its own sound back until it hangs up or presses the hash, and then says how long the
// way there and back takes. The phone shows that meanwhile, as far as it is known and can be shown.
type Echo struct{}

// Serve tells the story (call.Story).
func (Echo) Serve(ctx context.Context, c call.Control) call.Cause {
	if err := c.Answer(ctx); err != nil {
		return over(err)
	}
	listening, stop := context.WithCancel(ctx)
	defer stop()
	echoed := make(chan error, 1)
	go func() {
		defer stop()
		echoed <- c.Echo(listening)
	}()
	go showDelay(listening, c)
	got, err := c.Collect(listening, call.Collecting{Ends: "#", Fresh: true})
	stop()
	if failed := <-echoed; got.End == 0 {
		if err == nil || ctx.Err() == nil {
			err = failed
		}
		return over(err)
	}
	last := []media.Phrase{media.Clip("echo.end")}
	if d := delay(c); d > 0 {
		last = append([]media.Phrase{media.Clip("echo.delay"), media.Number(d.Milliseconds()), media.Clip("unit.milliseconds")}, last...)
	}
	_, _, err = say(ctx, c, "", last...)
	return over(err)
}

// showDelay has the phone show the delay whenever it has changed by what a person would call a change.
func showDelay(ctx context.Context, c call.Control) {
	tick := time.NewTicker(shownEvery)
	defer tick.Stop()
	shown := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if d := delay(c); d > 0 && (shown == 0 || (d-shown).Abs() > max(shown/10, 5*time.Millisecond)) {
			shown = d
			if c.Show(ctx, fmt.Sprintf("%d ms", d.Milliseconds())) != nil {
				return
			}
		}
	}
}

// delay is the round trip between the phone and us, to the millisecond; 0 when it is not known.
func delay(c call.Control) time.Duration {
	for _, q := range c.Detail().Quality {
		if q.RoundTrip > 0 {
			return max(q.RoundTrip.Round(time.Millisecond), time.Millisecond)
		}
	}
	return 0
}
