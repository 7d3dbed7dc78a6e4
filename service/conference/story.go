package conference

import (
	"context"
	"time"

	"santral/call"
	"santral/media"
)

// The keys of a member; '3' and '4' are left for who leads a conference.
const (
	keyMute    = '1'
	keyCount   = '2'
	keyHearMin = '5'
	keyHearMax = '6'
	keySayMin  = '8'
	keySayMax  = '9'
	keyHelp    = '0'
	keyMenu    = '*'
	keyLeave   = '#'
	keys       = "1256890*#"
)

// By how much a key makes louder or softer, and how far that goes, dB.
const (
	step = 3
	most = 12
)

// breath stands before what is said first: a phone needs a moment to begin to listen.
const breath = media.Silence(300 * time.Millisecond)

// Serve tells the story (call.Story): a welcome, and then the room, until the caller hangs up or leaves by key.
func (s *Service) Serve(ctx context.Context, c call.Control) call.Cause {
	var was options
	back := c.Saved(&was)
	if err := c.Answer(ctx); err != nil {
		return over(err)
	}
	v, err := s.enter(c, back, was)
	if err != nil {
		why := media.Clip("conference.full")
		if err == errLocked {
			why = "conference.is-locked"
		}
		_, err = say(ctx, c, "", breath, why)
		return over(err)
	}
	defer func() { s.leave(v, context.Cause(ctx) == call.ErrMoved) }()
	var key byte
	if !back {
		s.mu.Lock()
		n := v.room.seated()
		s.mu.Unlock()
		if key, err = say(ctx, c, keys, append([]media.Phrase{breath, media.Clip("conference.welcome")}, howMany(n+1, "conference.alone")...)...); err != nil {
			return over(err)
		}
	}
	if err := s.sit(ctx, v, back); err != nil {
		return over(err)
	}
	c.Save(was)
	return s.stay(ctx, v, key, was)
}

// stay is a member's time in the room.
func (s *Service) stay(ctx context.Context, v *seat, key byte, saved options) call.Cause {
	c := v.c
	for {
		for key != 0 && key != keyLeave {
			next, err := s.press(ctx, v, key)
			if err != nil {
				return over(err)
			}
			key = next
		}
		if key == keyLeave {
			return call.NormalClearing
		}
		listening, stop := context.WithCancel(ctx)
		now := s.now(v, stop)
		if now.options != saved {
			saved = now.options
			c.Save(saved)
		}
		if len(now.tell) > 0 {
			stop()
			next, err := say(ctx, c, keys, now.tell...)
			if err != nil {
				return over(err)
			}
			key = next
			continue
		}
		if now.kicked {
			stop()
			return call.NormalClearing
		}
		got, err := c.Collect(listening, call.Collecting{Most: 1})
		told := listening.Err() != nil
		stop()
		if err != nil && (err == call.ErrEnded || ctx.Err() != nil || !told) {
			return over(err)
		}
		if got.Digits != "" {
			key = got.Digits[0]
		}
	}
}

// standing is what the story of a seat has to look at.
type standing struct {
	options options
	tell    []media.Phrase
	kicked  bool
}

// now takes what is new for a seat's story; wake is called when there is more.
func (s *Service) now(v *seat, wake context.CancelFunc) standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := standing{v.options, v.tell, v.kicked}
	n.options.Locked = v.room.locked
	v.tell, v.wake = nil, wake
	if v.room.seated() == 1 && v.member != nil && len(n.tell) == 0 && s.cfg.Music != nil {
		if src := s.cfg.Music.Music(v.room.tenant, ""); src != nil {
			v.music = &lonely{Source: src}
			v.member.Play(v.music, nil)
		}
	}
	return n
}

// press does what a key of a member's is for, and gives the key that cut off what was said of it.
func (s *Service) press(ctx context.Context, v *seat, key byte) (next byte, err error) {
	c := v.c
	turn := func(of *float64, by float64) (byte, error) {
		s.change(v, func() { *of = min(max(*of+by, -most), most) })
		return c.Play(ctx, turned(), keys)
	}
	switch key {
	case keyMute:
		muted := media.Clip("conference.unmuted")
		s.change(v, func() {
			if v.options.Mute = !v.options.Mute; v.options.Mute {
				muted = "conference.muted"
			}
		})
		return say(ctx, c, keys, muted)
	case keyCount:
		s.mu.Lock()
		n := v.room.seated()
		s.mu.Unlock()
		return say(ctx, c, keys, howMany(n, "conference.only-you")...)
	case keyHearMin:
		return turn(&v.options.Volume, -step)
	case keyHearMax:
		return turn(&v.options.Volume, step)
	case keySayMin:
		return turn(&v.options.Gain, -step)
	case keySayMax:
		return turn(&v.options.Gain, step)
	case keyHelp, keyMenu:
		return say(ctx, c, keys, media.Clip("conference.menu"), media.Clip("conference.volume-menu"))
	}
	return 0, nil
}

// change changes what was chosen for a member.
func (s *Service) change(v *seat, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	v.apply()
}

// howMany says how many are in a room, the caller with them.
func howMany(n int, alone media.Clip) []media.Phrase {
	switch {
	case n <= 1:
		return []media.Phrase{alone}
	case n == 2:
		return []media.Phrase{media.Clip("conference.one-other")}
	}
	return []media.Phrase{media.Clip("conference.there-are"), media.Number(n), media.Clip("conference.people")}
}

// say says something where there is a voice for it. The error is only that nobody listens any longer.
func say(ctx context.Context, c call.Control, keys string, what ...media.Phrase) (key byte, err error) {
	key, err = c.Say(ctx, keys, what...)
	if err != nil && (err == call.ErrEnded || ctx.Err() != nil) {
		return 0, err
	}
	return key, nil
}

// over is the cause of a story whose last verb ended with err.
func over(err error) call.Cause {
	if err != nil && err != call.ErrEnded {
		return call.Failure
	}
	return call.NormalClearing
}
