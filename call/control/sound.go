package control

import (
	"context"
	"errors"
	"io"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/tone"
)

// errNoMedia is what a story's sound meets on a leg that has no media session.
var errNoMedia = errors.New("the leg has no media")

// Play has the caller hear a source until it ends. A context that ends first cuts it off.
func (s *story) Play(ctx context.Context, src media.Source, _ string) (byte, error) {
	return 0, s.play(ctx, src)
}

func (s *story) play(ctx context.Context, src media.Source) error {
	ended := make(chan struct{})
	err := s.ask(ctx, func(c *ongoing) error {
		a := c.caller()
		if a.media() == nil {
			return errNoMedia
		}
		c.bridge.Serve(a.media(), &untilEnd{src: src, ended: ended}, nil)
		return nil
	})
	if err != nil {
		return err
	}
	return s.until(ctx, ended)
}

// Length of a key that Tones plays, and of the silence after it: long enough for every receiver
// (ITU-T Q.24 asks for 40 ms each) and for a person to tell keys apart.
const (
	keyTime  = 200 * time.Millisecond
	keyPause = 100 * time.Millisecond
)

// Tones has the caller hear keys as two-tone signals. A blank is a silence of a key's time.
func (s *story) Tones(ctx context.Context, keys string) error {
	return s.play(ctx, tone.Digits(keys, keyTime, keyPause).Play())
}

// Echo gives the caller its own sound back until the context ends or the caller hangs up.
func (s *story) Echo(ctx context.Context) error {
	err := s.ask(ctx, func(c *ongoing) error {
		a := c.caller()
		if a.media() == nil {
			return errNoMedia
		}
		c.bridge.Echo(a.media())
		return nil
	})
	if err != nil {
		return err
	}
	return s.until(ctx, nil)
}

// until waits for the end of a sound, and cuts it off when the wait ends before it.
func (s *story) until(ctx context.Context, ended <-chan struct{}) error {
	err := s.await(ctx, ended)
	if err != nil {
		s.c.post(func(c *ongoing) {
			if c.state == Serving {
				c.bridge.Part()
			}
		})
	}
	return err
}

// collect reads digits until it has max of them, or none came for first at the beginning or for
// between after a digit. What it has by then is no error: fewer than max mean that the caller stopped.
// Digits that were pressed before count. A hook-flash is no digit.
func (s *story) collect(ctx context.Context, max int, first, between time.Duration) (string, error) {
	if err := s.alive(ctx); err != nil {
		return "", err
	}
	wait := time.NewTimer(first)
	defer wait.Stop()
	var digits []byte
	for len(digits) < max {
		select {
		case d := <-s.digits:
			digits = append(digits, d)
			wait.Reset(between)
		case <-wait.C:
			return string(digits), nil
		case <-s.ctx.Done():
			return string(digits), call.ErrEnded
		case <-ctx.Done():
			return string(digits), s.alive(ctx)
		}
	}
	return string(digits), nil
}

// Collect reads digits.
func (s *story) Collect(ctx context.Context, ask call.Collecting) (call.Collected, error) {
	digits, err := s.collect(ctx, ask.Most, ask.First, ask.Between)
	return call.Collected{Digits: digits}, err
}

// untilEnd is a source that says when it has ended. It is read by one media loop.
type untilEnd struct {
	src   media.Source
	ended chan struct{}
	over  bool
}

// Read fills the frame from the source.
func (u *untilEnd) Read(f media.Frame) (int, error) {
	if u.over {
		return 0, io.EOF
	}
	n, err := u.src.Read(f)
	if err != nil {
		u.over = true
		close(u.ended)
	}
	return n, err
}
