package control

import (
	"context"
	"errors"
	"strings"
	"time"

	"santral/call"
)

// errEndless is what a Collect comes to that no key could end.
var errEndless = errors.New("nothing would end the collecting of keys")

// gathered is how far a Collect is; the story's lock guards it while others may look.
type gathered struct {
	Digits string        `json:"digits,omitempty"`
	End    byte          `json:"end,omitempty"`
	Asked  bool          `json:"asked,omitempty"` // the prompt is over
	At     time.Duration `json:"at,omitempty"`    // otherwise where it is
}

// Collect reads keys. What it has when the call or the context ends comes with the error.
func (s *story) Collect(ctx context.Context, ask call.Collecting) (call.Collected, error) {
	if ask.Most <= 0 && ask.Ends == "" && len(ask.Patterns) == 0 && ask.Between <= 0 {
		return call.Collected{}, errEndless
	}
	plan, err := readPatterns(ask.Patterns)
	if err != nil {
		return call.Collected{}, err
	}
	if err := s.alive(ctx); err != nil {
		return call.Collected{}, err
	}
	g := &gathering{s: s, ask: &ask, plan: plan}
	if !s.resumes("collect", &g.has) && ask.Fresh {
		s.forget()
	}
	s.begin("collect", func() any {
		has := g.has
		if g.prompt != nil {
			has.At = g.prompt.position()
		}
		return has
	})
	why, err := g.run(ctx)
	return call.Collected{Digits: g.has.Digits, End: g.has.End, Why: why}, err
}

// gathering is a Collect under way.
type gathering struct {
	s      *story
	ask    *call.Collecting
	plan   []pattern
	has    gathered
	prompt *playing // while it is heard
}

func (g *gathering) run(ctx context.Context) (call.CollectEnd, error) {
	s := g.s
	clock := time.NewTimer(time.Hour)
	clock.Stop()
	defer clock.Stop()
	why := g.take()
	if why == call.UnknownCollectEnd {
		if err := g.begin(ctx); err != nil {
			return why, err
		}
		g.wind(clock)
	}
	for why == call.UnknownCollectEnd {
		var said <-chan struct{}
		if g.prompt != nil {
			said = g.prompt.ended
		}
		select {
		case <-said:
			g.said()
			g.wind(clock)
		case <-s.news:
			why = g.take()
			g.wind(clock)
		case <-clock.C:
			if why = g.take(); why == call.UnknownCollectEnd {
				why = g.late()
			}
		case <-s.ctx.Done():
			return why, call.ErrEnded
		case <-ctx.Done():
			g.cut()
			return why, s.alive(ctx)
		}
	}
	return why, nil
}

// begin has the prompt said, unless the caller knows already what to press.
func (g *gathering) begin(ctx context.Context) error {
	if g.has.Asked || g.has.Digits != "" || len(g.ask.Prompt) == 0 {
		g.said()
		return nil
	}
	src, err := g.s.speech(g.ask.Prompt)
	if err != nil {
		return err
	}
	p := newPlaying(src)
	p.skip(g.has.At)
	g.s.mu.Lock()
	g.prompt = p
	g.s.mu.Unlock()
	return g.s.hear(ctx, p)
}

// said ends the prompt.
func (g *gathering) said() {
	g.s.mu.Lock()
	g.prompt, g.has.Asked = nil, true
	g.s.mu.Unlock()
}

// cut cuts the prompt off.
func (g *gathering) cut() {
	if p := g.prompt; p != nil {
		g.said()
		g.s.hush(p)
	}
}

// wind sets the clock for the next key. While the prompt is said, or the caller's phone holds us, nobody can be late.
func (g *gathering) wind(clock *time.Timer) {
	clock.Stop()
	d := g.ask.First
	if g.has.Digits != "" {
		d = g.ask.Between
	}
	if g.prompt == nil && d > 0 && !g.s.isHeld() {
		clock.Reset(d)
	}
}

// take takes the keys that wait, and tells what has ended it by them.
func (g *gathering) take() call.CollectEnd {
	for {
		why := g.verdict()
		if why != call.UnknownCollectEnd {
			return why
		}
		g.s.mu.Lock()
		k, ok := g.s.nextLocked()
		switch {
		case !ok:
		case strings.IndexByte(g.ask.Ends, k) >= 0:
			g.has.End = k
		default:
			g.has.Digits += string(rune(k))
		}
		g.s.mu.Unlock()
		if !ok {
			return why
		}
		g.cut()
	}
}

// verdict tells whether what is there is enough.
func (g *gathering) verdict() call.CollectEnd {
	met, more := meets(g.plan, g.has.Digits)
	switch full := g.ask.Most > 0 && len(g.has.Digits) >= g.ask.Most; {
	case g.has.End != 0:
		return call.CollectKey
	case met && (full || !more):
		return call.CollectMatch
	case full:
		return call.CollectFull
	case len(g.plan) > 0 && !more && g.has.Digits != "":
		return call.CollectMismatch
	}
	return call.UnknownCollectEnd
}

// late is what has ended it when no key came in time.
func (g *gathering) late() call.CollectEnd {
	if met, _ := meets(g.plan, g.has.Digits); met {
		return call.CollectMatch
	}
	return call.CollectTimeout
}
