package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/tone"
)

// What a story's sound meets where there can be none.
var (
	errNoMedia  = errors.New("the leg has no media")
	errNoSpeech = errors.New("the exchange has no voice")
)

// speak has the caller hear src, nil for silence, instead of what it heard before.
func (c *ongoing) speak(src media.Source) error {
	m := c.caller().media()
	if m == nil {
		return errNoMedia
	}
	if room := c.room(); room != nil {
		room.Play(src, nil)
		return nil
	}
	c.bridge.Serve(m, src, nil)
	return nil
}

// Play has the caller hear a source until it ends, or until one of keys is pressed. A context that ends first
// cuts it off.
func (s *story) Play(ctx context.Context, src media.Source, keys string) (byte, error) {
	return s.play(ctx, "play", src, keys)
}

// Say is Play of phrases in the caller's language.
func (s *story) Say(ctx context.Context, keys string, what ...media.Phrase) (byte, error) {
	src, err := s.speech(what)
	if err != nil {
		return 0, err
	}
	return s.play(ctx, "say", src, keys)
}

// speech makes sound of phrases.
func (s *story) speech(what []media.Phrase) (media.Source, error) {
	if s.c.house.speech == nil {
		return nil, errNoSpeech
	}
	src, err := s.c.house.speech.Say(s.c.hearer().Tenant, s.language, what...)
	if err != nil {
		return nil, fmt.Errorf("say in %q: %w", s.language, err)
	}
	return src, nil
}

// Length of a key that Tones plays, and of the silence after it: long enough for every receiver
// (ITU-T Q.24 asks for 40 ms each) and for a person to tell keys apart.
const (
	keyTime  = 200 * time.Millisecond
	keyPause = 100 * time.Millisecond
)

// Tones has the caller hear keys as two-tone signals. A blank is a silence of a key's time.
func (s *story) Tones(ctx context.Context, keys string) error {
	_, err := s.play(ctx, "tones", tone.Digits(keys, keyTime, keyPause).Play(), "")
	return err
}

// played is how far a sound was when it was written out.
type played struct {
	At time.Duration `json:"at"`
}

// play is every verb that is over when a sound is.
func (s *story) play(ctx context.Context, name string, src media.Source, keys string) (byte, error) {
	if err := s.alive(ctx); err != nil {
		return 0, err
	}
	p := newPlaying(src)
	var was played
	if s.resumes(name, &was) {
		p.skip(was.At)
	}
	s.begin(name, func() any { return played{p.position()} })
	if key := s.pick(keys); key != 0 {
		return key, nil
	}
	if err := s.hear(ctx, p); err != nil {
		return 0, err
	}
	for {
		select {
		case <-p.ended:
			return s.pick(keys), s.alive(ctx)
		case <-s.news:
			if key := s.pick(keys); key != 0 {
				s.hush(p)
				return key, nil
			}
		case <-s.ctx.Done():
			return 0, call.ErrEnded
		case <-ctx.Done():
			s.hush(p)
			return 0, s.alive(ctx)
		}
	}
}

// hear begins a sound.
func (s *story) hear(ctx context.Context, p *playing) error {
	return s.ask(ctx, func(c *ongoing) error {
		s.mu.Lock()
		s.playing = p
		p.still.Store(s.held)
		s.mu.Unlock()
		return c.speak(p)
	})
}

// hush cuts a sound off, unless another has taken its place.
func (s *story) hush(p *playing) {
	s.c.post(func(c *ongoing) {
		s.mu.Lock()
		mine := s.playing == p
		s.mu.Unlock()
		if mine && c.state == Serving {
			_ = c.speak(nil)
		}
	})
}

// Echo gives the caller its own sound back until the context ends or the caller hangs up.
func (s *story) Echo(ctx context.Context) error {
	err := s.ask(ctx, func(c *ongoing) error {
		a := c.caller()
		if a.media() == nil {
			return errNoMedia
		}
		c.leaveRoom()
		c.bridge.Echo(a.media())
		return nil
	})
	if err != nil {
		return err
	}
	s.begin("echo", nil)
	if err = s.await(ctx, nil); err != nil {
		s.hush(nil)
	}
	return err
}

// playing is a source that knows how far it is and says when it has ended. It is read by one media loop. While the
// caller's phone holds us it stands still: nobody would hear what is said meanwhile.
type playing struct {
	src   media.Source
	rate  int // the source's own
	now   int // that it is read at
	ended chan struct{}
	over  bool
	still atomic.Bool
	read  atomic.Int64 // nanoseconds of it
}

var (
	_ media.Rated      = (*playing)(nil)
	_ media.Adjustable = (*playing)(nil)
)

func newPlaying(src media.Source) *playing {
	p := &playing{src: src, rate: media.RateOf(src), ended: make(chan struct{})}
	p.now = p.rate
	return p
}

// Rate is the source's (media.Rated).
func (p *playing) Rate() int { return p.rate }

// SetRate has the source give its sound at another rate, where it can (media.Adjustable).
func (p *playing) SetRate(rate int) bool {
	a, ok := p.src.(media.Adjustable)
	if !ok || !a.SetRate(rate) {
		return false
	}
	p.now = rate
	return true
}

// Read fills the frame from the source.
func (p *playing) Read(f media.Frame) (int, error) {
	switch {
	case p.over:
		return 0, io.EOF
	case p.src == nil:
		p.end()
		return 0, io.EOF
	case p.still.Load():
		clear(f)
		return len(f), nil
	}
	n, err := p.src.Read(f)
	p.read.Add(int64(n) * int64(time.Second) / int64(p.now))
	if err != nil {
		p.end()
	}
	return n, err
}

func (p *playing) end() {
	p.over = true
	close(p.ended)
}

// position is where the source is, by its own word where it has one.
func (p *playing) position() time.Duration {
	if s, ok := p.src.(placed); ok {
		return s.Position()
	}
	return time.Duration(p.read.Load())
}

// placed is a source that knows where it is, and can go on from a place.
type placed interface {
	Position() time.Duration
	Seek(to time.Duration)
}

// mostSkip bounds how much of a source is read only to be thrown away.
const mostSkip = time.Hour

// skip goes on from a place, before anybody hears the source.
func (p *playing) skip(at time.Duration) {
	at = min(max(at, 0), mostSkip)
	if s, ok := p.src.(placed); ok {
		s.Seek(at)
		p.read.Store(int64(at))
		return
	}
	f := make(media.Frame, p.rate/50)
	for left := int(int64(at) * int64(p.rate) / int64(time.Second)); left > 0 && !p.over; {
		n, _ := p.Read(f[:min(len(f), left)])
		if left -= n; n == 0 {
			return
		}
	}
}
