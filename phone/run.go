package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"santral/call"
	"santral/media/player"
	"santral/media/recorder"
)

// Options is what one run of a phone shall do, in this order: register, call or wait for a call,
// talk, hang up, unregister. Times in the call count from its answer.
type Options struct {
	Config

	Register bool          // register at Server first
	Expires  time.Duration // for how long; 0: an hour
	Stay     time.Duration // without a call to make or await: stay registered so long; 0: until ctx ends

	Number string        // call this number or SIP URI
	Await  bool          // or wait for a call
	Within time.Duration // the call must come, or be answered, within; 0: a minute
	Ring   time.Duration // let it ring so long before answering

	Play   string // sound file to say, as media/player reads them
	Loop   bool   // over and over
	Record string // WAV file to write what is heard into

	Digits   string        // keys to press; a comma is a pause of half a second
	DigitsAt time.Duration // when

	HoldAt   time.Duration // hold the other side; 0: never
	ResumeAt time.Duration // resume; 0: never
	HangupAt time.Duration // hang up; 0: when the file and the keys are through, or the other side hangs up when there are none

	Note func(text string) // told what happens, for people; nil for nobody
}

// farewell is how long the phone tries to leave properly after everything is over.
const farewell = 5 * time.Second

// Run does what the options say and tells what came of it. The end of ctx hangs up, and is no error
// by itself. Everything else that was asked for and did not happen is one; [Summary.Exit] gives the
// exit status for it.
func Run(ctx context.Context, o Options) (sum Summary, err error) {
	sum.Began = time.Now().UTC()
	r := run{Options: o, sum: &sum}
	err = r.run(ctx)
	sum.Ended = time.Now().UTC()
	if err != nil {
		sum.Error = err.Error()
	}
	return sum, err
}

// run is a run under way.
type run struct {
	Options
	sum      *Summary
	sound    *player.Sound
	recorder *recorder.Recorder
	phone    *Phone
}

func (r *run) note(format string, args ...any) {
	if r.Note != nil {
		r.Note(fmt.Sprintf(format, args...))
	}
}

func (r *run) reach(s State) { r.sum.Reached = max(r.sum.Reached, s) }

func (r *run) run(ctx context.Context) (err error) {
	if err := r.check(); err != nil {
		return err
	}
	if r.Play != "" {
		if r.sound, err = player.Load(r.Play); err != nil {
			return err
		}
	}
	if r.Record != "" {
		if r.recorder, err = recorder.Create(recorder.Options{Path: r.Record}); err != nil {
			return err
		}
		defer func() {
			_, failed := r.recorder.Close()
			err = errors.Join(err, failed)
		}()
		if err = r.recorder.Await(); err != nil {
			return err
		}
	}
	if r.phone, err = New(ctx, r.Config); err != nil {
		return err
	}
	r.reach(Started)
	r.note("listening at %s", r.phone.Addr())
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		if r.sum.Registered {
			err = errors.Join(err, r.phone.Unregister(late))
		}
		err = errors.Join(err, r.phone.Close(late))
	}()
	if r.Register {
		if err := r.register(ctx); err != nil {
			return err
		}
	}
	if r.Number == "" && !r.Await {
		return r.stay(ctx)
	}
	c, err := r.connect(ctx)
	if c != nil {
		defer func() {
			facts := c.Facts()
			r.sum.Call = &facts
		}()
	}
	if err != nil {
		return err
	}
	return r.talk(ctx, c)
}

func (r *run) check() error {
	switch {
	case r.Number != "" && r.Await:
		return errors.New("a phone either calls or waits for a call")
	case r.Number == "" && !r.Await && !r.Register:
		return errors.New("nothing to do: register, call a number or wait for a call")
	case r.ResumeAt > 0 && (r.HoldAt == 0 || r.ResumeAt <= r.HoldAt):
		return errors.New("a call is resumed after it was held")
	}
	if r.Within <= 0 {
		r.Within = time.Minute
	}
	if r.Expires <= 0 {
		r.Expires = time.Hour
	}
	return nil
}

func (r *run) register(ctx context.Context) error {
	if err := r.phone.Register(ctx, r.Expires); err != nil {
		return fmt.Errorf("%w: %w", ErrUnregistered, err)
	}
	r.sum.Registered = true
	r.reach(Registered)
	r.note("registered as %s at %s", r.User, r.Server)
	return nil
}

// stay keeps the phone registered.
func (r *run) stay(ctx context.Context) error {
	if r.Stay > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Stay)
		defer cancel()
	}
	<-ctx.Done()
	return nil
}

// connect makes the call that was asked for; it has been answered when there is no error. The call
// is given whenever there is one.
func (r *run) connect(ctx context.Context) (c *Call, err error) {
	within, cancel := context.WithTimeout(ctx, r.Within)
	defer cancel()
	if r.Await {
		if c, err = r.phone.Ringing(within); err != nil {
			return nil, fmt.Errorf("wait for a call: %w", err)
		}
		r.reach(Rings)
		r.note("call from %s", c.Number())
		if !pause(ctx, c, r.Ring) {
			return c, r.unanswered(c, ctx)
		}
		r.begin(c)
		c.Answer()
	} else {
		if c, err = r.phone.Call(context.WithoutCancel(ctx), r.Number); err != nil {
			return nil, err
		}
		r.reach(Calling)
		r.note("calling %s", r.Number)
		r.begin(c)
	}
	for {
		e, err := c.Wait(within, Progress, Talks)
		switch {
		case err != nil:
			return c, r.unanswered(c, within)
		case e.Kind == Talks:
			r.reach(Talking)
			r.note("talking with %s", c.Number())
			return c, nil
		}
		if e.Status == 180 || e.Status == 183 {
			r.reach(Rings)
		}
		r.note("%s says %d", r.Number, e.Status)
	}
}

// begin lets the recorder hear from the first early sound on.
func (r *run) begin(c *Call) {
	if r.recorder != nil {
		c.Record(r.recorder.Sink(0))
	}
}

// unanswered gives up a call, if it is not over, and says why there was none.
func (r *run) unanswered(c *Call, ctx context.Context) error {
	why := ctx.Err()
	c.Hangup()
	r.settle(c)
	f := c.Facts()
	if why != nil && f.By == "us" {
		return fmt.Errorf("call %s: given up: %w", c.Number(), why)
	}
	return fmt.Errorf("call %s: %d %s (Q.850 %d)", c.Number(), f.Status, f.Cause, f.Q850)
}

// settle waits for the end of a call that was hung up; the leg promises it.
func (r *run) settle(c *Call) {
	t := time.NewTimer(farewell)
	defer t.Stop()
	select {
	case <-c.Done():
	case <-t.C:
	}
}

// talk does what shall be done in the call, and ends it.
func (r *run) talk(ctx context.Context, c *Call) error {
	begun := time.Now()
	work := r.script(c, begun)
	failed := make(chan error, len(work))
	inner, cancel := context.WithCancel(ctx)
	for _, step := range work {
		go func() { failed <- step(inner) }()
	}
	var end <-chan time.Time
	if r.HangupAt > 0 {
		t := time.NewTimer(time.Until(begun.Add(r.HangupAt)))
		defer t.Stop()
		end = t.C
	}
	left := len(work)
	var errs []error
wait:
	for r.HangupAt > 0 || left > 0 || len(work) == 0 {
		select {
		case err := <-failed:
			left--
			if err != nil {
				errs = append(errs, err)
			}
		case <-end:
			break wait
		case <-c.Done():
			break wait
		case <-ctx.Done():
			break wait
		}
	}
	c.Hangup()
	cancel()
	r.settle(c)
	for ; left > 0; left-- { // what our own hanging up interrupts has not failed
		if err := <-failed; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrEnded) {
			errs = append(errs, err)
		}
	}
	f := c.Facts()
	r.note("over after %d ms: %s", f.TalkMS, f.Cause)
	if f.By == "peer" && f.Q850 != call.NormalClearing.Q850 {
		errs = append(errs, fmt.Errorf("call %s was ended: %s (Q.850 %d)", c.Number(), f.Cause, f.Q850))
	}
	return errors.Join(errs...)
}

// script is what goes on side by side while talking.
func (r *run) script(c *Call, begun time.Time) (work []func(context.Context) error) {
	at := func(ctx context.Context, when time.Duration) bool { return pause(ctx, c, time.Until(begun.Add(when))) }
	if r.sound != nil {
		src := r.sound.Play()
		if r.Loop {
			src = r.sound.Loop()
		}
		over := c.Play(src)
		if !r.Loop {
			work = append(work, func(ctx context.Context) error {
				select {
				case <-over:
				case <-ctx.Done():
				}
				return nil
			})
		}
	}
	if r.Digits != "" {
		work = append(work, func(ctx context.Context) error {
			if !at(ctx, r.DigitsAt) {
				return ctx.Err()
			}
			r.note("pressing %s", r.Digits)
			return c.SendDigits(ctx, r.Digits)
		})
	}
	if r.HoldAt > 0 {
		work = append(work, func(ctx context.Context) error {
			if !at(ctx, r.HoldAt) {
				return ctx.Err()
			}
			if err := c.Hold(ctx); err != nil {
				return err
			}
			r.note("holding")
			if r.ResumeAt == 0 || !at(ctx, r.ResumeAt) {
				return ctx.Err()
			}
			if err := c.Resume(ctx); err != nil {
				return err
			}
			r.note("resumed")
			return nil
		})
	}
	return work
}

// pause waits; it is false when the call or ctx ended first.
func pause(ctx context.Context, c *Call, d time.Duration) bool {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.Done():
	case <-ctx.Done():
	}
	return false
}
