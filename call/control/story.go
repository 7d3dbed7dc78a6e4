package control

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"sync"
	"time"

	"santral/call"
)

// story is a service's side of a call (call.Control): straight, blocking code in a goroutine of its
// own, which asks the loop for every deed.
type story struct {
	c        *ongoing
	ctx      context.Context
	cancel   context.CancelCauseFunc
	acked    chan struct{} // closed by the caller's ACK
	language string        // that the caller hears

	// What the loop gives the story, and what is written out of it.
	mu      sync.Mutex // a leaf
	keys    []keyPress // that nobody has asked for yet
	held    bool       // the caller's phone holds us
	news    chan struct{}
	saved   json.RawMessage
	doing   verb           // the last that was begun
	before  []HandoverVerb // what was under way before a take-over, and was not gone on with yet
	playing *playing       // what the caller hears, nil for silence
	mic     *mic           // what hears the caller, nil for nothing

	again   bool    // the caller was answered before the call was taken over
	company company // of the caller, the loop's alone
}

var _ call.Control = (*story)(nil)

// serve hands the caller to a service.
func (c *ongoing) serve() {
	tale := c.house.stories[c.dest.Service]
	if tale == nil {
		c.end(exchange, call.NotFound)
		return
	}
	c.story = newStory(c)
	c.setState(Serving, c.dest.Service)
	go c.story.serve(tale)
}

// newStory makes the story of a call; nobody tells it yet.
func newStory(c *ongoing) *story {
	s := &story{c: c, acked: make(chan struct{}), news: make(chan struct{}, 1), language: "en"}
	if c.house.speech != nil {
		s.language = c.house.speech.Language(c.hearer())
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// hearer is whose language a story is told in: the caller's, or its own tenant's where the caller is another's.
func (c *ongoing) hearer() call.Party {
	if t := c.dest.Tenant; t != "" && t != c.from.Tenant {
		return call.Party{Tenant: t}
	}
	return c.from
}

// serve runs the story; its last word is how the call ends.
func (s *story) serve(tale call.Story) {
	cause := call.Interrupted
	defer func() {
		if p := recover(); p != nil {
			s.c.house.panics.Add(1)
			s.c.house.log.Error("story failed", "call", s.c.id, "tenant", s.c.from.Tenant, "service", s.c.dest.Service, "panic", p, "stack", string(debug.Stack()))
		}
		s.c.post(func(c *ongoing) { s.over(c, cause) })
	}()
	cause = tale.Serve(s.ctx, s)
}

// stop tells the story that the call is over.
func (s *story) stop() { s.cancel(call.ErrEnded) }

func (s *story) confirmed() { close(s.acked) }

// ask has a deed done in the loop and waits for what comes of it.
func (s *story) ask(ctx context.Context, deed func(*ongoing) error) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	reply := make(chan error, 1)
	asked := s.c.post(func(c *ongoing) {
		if c.story == s && c.state == Talking && s.company.apart == nil { // joined since before a take-over, and not by a verb of now
			c.sunder()
		}
		if c.state != Serving || c.story != s {
			reply <- call.ErrEnded
			return
		}
		reply <- deed(c)
	})
	if !asked {
		return call.ErrEnded
	}
	select {
	case err := <-reply:
		return err
	case <-s.ctx.Done(): // the call ended before the deed was done, or by it
		return call.ErrEnded
	}
}

// alive is why a verb can't go on: the caller has gone, or the story's own context has ended.
func (s *story) alive(ctx context.Context) error {
	if s.ctx.Err() != nil {
		return call.ErrEnded
	}
	return ctx.Err()
}

// await waits for something that happens outside the loop; nil for what never does.
func (s *story) await(ctx context.Context, what <-chan struct{}) error {
	select {
	case <-what:
		return s.alive(ctx)
	case <-s.ctx.Done():
		return call.ErrEnded
	case <-ctx.Done():
		return s.alive(ctx)
	}
}

// ID is the call's.
func (s *story) ID() call.ID { return s.c.id }

// Caller is the account that calls.
func (s *story) Caller() call.Party {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.c.from
}

// Dialled is what the caller dialled.
func (s *story) Dialled() string { return s.c.dialled }

// Number is what was dialled, as the plan understood it.
func (s *story) Number() string { return s.c.dest.Number }

// Of is which of the things that the service has is meant.
func (s *story) Of() string { return s.c.dest.Of }

// Tenant is whose the service is.
func (s *story) Tenant() string { return s.c.dest.Tenant }

// Language is what the caller hears.
func (s *story) Language() string { return s.language }

// Detail is the caller's leg as it stands now; empty when the call is over.
func (s *story) Detail() call.LegDetail {
	var d call.LegDetail
	_ = s.ask(context.Background(), func(c *ongoing) error {
		a := c.caller()
		d = *a.detail(a.leg.Detail())
		if m := a.media(); m != nil {
			d.Rate = int32(m.SoundRate())
		}
		return nil
	})
	return d
}

// Ringing has the caller hear that it rings. After the answer it does nothing.
func (s *story) Ringing(ctx context.Context) error {
	return s.ask(ctx, func(c *ongoing) error {
		if a := c.caller(); !a.answered && !c.rang {
			c.rang = true
			a.leg.Progress(call.Progress{Status: 180})
		}
		return nil
	})
}

// Answer answers the caller with media of our own, and returns when the caller's ACK has come, so
// that nothing said afterwards is lost. Answering twice does no harm.
func (s *story) Answer(ctx context.Context) error {
	if s.again {
		return s.alive(ctx)
	}
	err := s.ask(ctx, func(c *ongoing) error {
		a := c.caller()
		if a.answered {
			return nil
		}
		a.leg.Answer(nil)
		c.event(call.Event{Kind: call.LegAnswered, Leg: a.id}, time.Time{})
		c.mu.Lock()
		a.answered, c.answered = true, c.last
		c.mu.Unlock()
		c.appear(a, call.Talk)
		c.house.answered.Add(1)
		_ = c.speak(nil) // the phone hears from us, and we hear its keys, before anything is said
		return nil
	})
	if err != nil {
		return err
	}
	return s.await(ctx, s.acked)
}

// Show has the caller's phone show a text as the name of whom it speaks with, where a phone can be told
// (RFC 4916). Where it can't nothing happens.
func (s *story) Show(ctx context.Context, text string) error {
	return s.ask(ctx, func(c *ongoing) error {
		who := call.Party{Tenant: c.dest.Tenant, Name: text, Number: c.dest.Number}
		if who.Number == "" {
			who.Number = c.dialled
		}
		c.caller().leg.Connected(who, call.Traits{})
		return nil
	})
}

// Hangup ends the call with a cause; before the answer it refuses the caller.
func (s *story) Hangup(cause call.Cause) {
	s.c.post(func(c *ongoing) { s.over(c, cause) })
}

// over ends the call, unless it goes on without the story.
func (s *story) over(c *ongoing, cause call.Cause) {
	if c.story == s {
		c.end(exchange, cause)
	}
}
