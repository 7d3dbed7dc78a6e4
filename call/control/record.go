package control

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/listen"
	"santral/media/tone"
)

// What a story's recording meets.
var (
	errNoArchive = errors.New("the exchange records nothing")
	errNotFiled  = errors.New("the recording is not filed yet")
)

// filing is how long a story waits for its recording to be whole. What takes longer is filed all the same.
const filing = 30 * time.Second

// taped is how far a Record is.
type taped struct {
	Now   string         `json:"now,omitempty"`   // the recording under way
	After []string       `json:"after,omitempty"` // those before it
	Long  time.Duration  `json:"long,omitempty"`  // what they hold
	Whole *call.Recorded `json:"whole,omitempty"` // it is over
	Key   byte           `json:"key,omitempty"`   // and this has ended it
}

// Record records what the caller says, until one of the conditions is met or the caller hangs up. While the caller's
// phone holds us nothing is recorded, and nothing counts as silence.
func (s *story) Record(ctx context.Context, r call.Recording) (call.Recorded, error) {
	archive, scraps := s.c.house.archive, r.Kind == call.TapeScrap
	if archive == nil && !scraps {
		return call.Recorded{}, errNoArchive
	}
	if err := s.alive(ctx); err != nil {
		return call.Recorded{}, err
	}
	t := &taping{s: s, ask: &r}
	again := s.resumes("record", &t.is)
	if scraps && again { // what was said is gone, and is said again
		again, t.is = false, taped{}
	}
	s.begin("record", t.state)
	if t.is.Whole != nil {
		return t.whole(), nil
	}
	if again {
		t.is.After, t.is.Now = append(t.is.After, t.is.Now), ""
	} else {
		if r.Beep {
			if err := s.beep(ctx); err != nil {
				return call.Recorded{}, err
			}
		}
		s.forget() // they were meant for what was said before
	}
	about := call.About{Call: s.c.id, Tenant: s.c.hearer().Tenant, Account: r.Account, Kind: r.Kind, Channels: 1, Most: r.Most}
	if about.Account == "" {
		about.Account = s.c.from.Account
	}
	if r.Most > 0 {
		about.Most = max(r.Most-t.is.Long, time.Second)
	}
	var tape call.Tape
	if scraps {
		if tape = (&scrap{}); about.Most == 0 || about.Most > scrapMost {
			about.Most = scrapMost
		}
	} else {
		var err error
		if tape, err = archive.Begin(about); err != nil {
			return call.Recorded{}, err
		}
	}
	t.listen(tape, about.Most)
	if err := s.ask(ctx, t.begin); err != nil {
		tape.Trim(about.Most + time.Hour)
		tape.Close(nil)
		return call.Recorded{}, err
	}
	return t.run(ctx)
}

// beep is what a caller hears before it is recorded.
func (s *story) beep(ctx context.Context) error {
	p := newPlaying(tone.Tone{Parts: []tone.Part{
		{Hz: [2]float64{1000}, DBm0: [2]float64{-12}, For: 250 * time.Millisecond}, {For: 60 * time.Millisecond},
	}}.Play())
	if err := s.hear(ctx, p); err != nil {
		return err
	}
	err := s.await(ctx, p.ended)
	if err != nil {
		s.hush(p)
	}
	return err
}

// taping is a Record under way.
type taping struct {
	s    *story
	ask  *call.Recording
	is   taped // under the story's lock
	tape call.Tape
	mic  *mic
	stop func()
}

func (t *taping) state() any {
	is := t.is
	if t.mic != nil {
		is.Long += t.mic.long() + t.mic.coming()
	}
	return is
}

// listen makes what hears the caller.
func (t *taping) listen(tape call.Tape, most time.Duration) {
	sink := tape.Sink(0)
	m := &mic{tape: tape, to: sink, rate: media.RateOf(sink), enough: make(chan struct{}, 1)}
	m.most = samples(most, m.rate)
	m.dated, _ = sink.(media.Dated)
	if m.silence = samples(t.ask.Silence, m.rate); m.silence > 0 {
		m.speech = listen.New(m.rate)
	}
	t.s.mu.Lock()
	t.tape, t.mic, t.is.Now = tape, m, tape.Name()
	t.s.mu.Unlock()
}

func samples(d time.Duration, rate int) int64 { return int64(d) * int64(rate) / int64(time.Second) }

// begin has the caller heard.
func (t *taping) begin(c *ongoing) error {
	m := c.caller().media()
	if m == nil {
		return errNoMedia
	}
	t.s.mu.Lock()
	t.s.mic = t.mic
	held := t.s.held
	t.s.mu.Unlock()
	if held {
		t.mic.hold(true)
	}
	t.stop = m.Tap(t.mic)
	return nil
}

// run waits for the end.
func (t *taping) run(ctx context.Context) (call.Recorded, error) {
	s := t.s
	for {
		select {
		case <-t.mic.enough:
			t.end(t.mic.rest(), 0)
			return t.file(nil)
		case <-s.news:
			k, ok := s.pickPress(t.ask.Ends)
			if !ok {
				continue
			}
			t.stop()
			cut := time.Duration(0)
			if !k.began.IsZero() {
				cut = time.Since(k.began)
			}
			t.end(cut, k.key)
			return t.file(nil)
		case <-s.ctx.Done():
			return t.left()
		case <-ctx.Done():
			if s.ctx.Err() != nil {
				return t.left()
			}
			t.end(0, 0)
			return t.file(s.alive(ctx))
		}
	}
}

// left is the end by the caller, or by a take-over: then another instance goes on with another tape.
func (t *taping) left() (call.Recorded, error) {
	if errors.Is(context.Cause(t.s.ctx), call.ErrMoved) {
		t.stop()
		t.tape.Close(nil)
		return call.Recorded{}, call.ErrEnded
	}
	t.end(0, 0)
	return t.file(call.ErrEnded)
}

// end hears the caller no more, and cuts off the end of what was heard.
func (t *taping) end(cut time.Duration, key byte) {
	t.stop()
	t.s.mu.Lock()
	t.s.mic, t.is.Key = nil, key
	t.s.mu.Unlock()
	if cut > 0 {
		t.tape.Trim(cut)
	}
}

// file waits for the recording to be whole. why is what Record comes back with when it is.
func (t *taping) file(why error) (call.Recorded, error) {
	type filed struct {
		r   call.Recorded
		err error
	}
	ready := make(chan filed, 1)
	t.tape.Close(func(r call.Recorded, err error) { ready <- filed{r, err} })
	late := time.NewTimer(filing)
	defer late.Stop()
	select {
	case f := <-ready:
		switch {
		case errors.Is(f.err, call.ErrEmpty):
			f.r = call.Recorded{Kind: t.ask.Kind}
		case f.err != nil:
			return call.Recorded{Key: t.is.Key}, f.err
		}
		t.s.mu.Lock()
		t.is.Whole, t.mic = &f.r, nil
		t.s.mu.Unlock()
		return t.whole(), why
	case <-late.C:
		return call.Recorded{Name: t.tape.Name(), Kind: t.ask.Kind, Key: t.is.Key}, errors.Join(errNotFiled, why)
	}
}

// whole is what the story gets.
func (t *taping) whole() call.Recorded {
	r := *t.is.Whole
	r.After, r.Key = t.is.After, t.is.Key
	return r
}

// mic hears a caller for a tape, and tells when it is enough. It is called by one media loop, or by who ends it.
type mic struct {
	tape   call.Tape
	to     media.Sink
	dated  media.Dated // the same, where it asks; otherwise nil
	rate   int
	speech *listen.Speech // nil: silence ends nothing
	enough chan struct{}

	most, silence int64 // samples; 0 for no end
	still         atomic.Bool
	heard         atomic.Int64 // samples …
	until         atomic.Int64 // … that were said until then, in nanoseconds since 1970; 0 for none
	quiet         int64        // of them, since somebody spoke last
	spoke         bool
	over          bool
}

var (
	_ media.Rated = (*mic)(nil)
	_ media.Dated = (*mic)(nil)
)

// Rate is the tape's (media.Rated).
func (m *mic) Rate() int { return m.rate }

// Write hears a frame.
func (m *mic) Write(f media.Frame) { m.WriteSaid(f, time.Now()) }

// WriteSaid hears one that was said earlier (media.Dated). What is said during a hold the tape leaves out by itself.
func (m *mic) WriteSaid(f media.Frame, end time.Time) {
	switch {
	case m.over:
		return
	case m.dated != nil:
		m.dated.WriteSaid(f, end)
	default:
		m.to.Write(f)
	}
	m.until.Store(end.UnixNano())
	if m.still.Load() {
		return
	}
	heard := m.heard.Add(int64(len(f)))
	if m.speech != nil {
		if speaks, _ := m.speech.Hear(f); speaks {
			m.quiet, m.spoke = 0, true
		} else {
			m.quiet += int64(len(f))
		}
	}
	if m.most > 0 && heard >= m.most || m.silence > 0 && m.quiet >= m.silence {
		m.over = true
		m.enough <- struct{}{}
	}
}

// hold has the tape stand still, or go on.
func (m *mic) hold(held bool) {
	m.still.Store(held)
	m.tape.Pause(held)
}

func (m *mic) long() time.Duration {
	return time.Duration(m.heard.Load()) * time.Second / time.Duration(m.rate)
}

// coming is how much was said that is still to be heard.
func (m *mic) coming() time.Duration {
	until := m.until.Load()
	if until == 0 || m.still.Load() {
		return 0
	}
	return max(time.Since(time.Unix(0, until)), 0)
}

// rest is how much of the end nobody needs, once it was enough: the silence, or everything when nobody spoke.
func (m *mic) rest() time.Duration {
	switch {
	case m.silence == 0 || m.quiet < m.silence:
		return 0
	case !m.spoke:
		return m.long() + time.Second
	}
	return time.Duration(m.quiet) * time.Second / time.Duration(m.rate)
}
