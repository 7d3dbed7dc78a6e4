package session

import (
	"santral/media"
	"santral/media/jitter"
	"santral/media/level"
	"santral/media/listen"
)

// cleaned is what a peer says, with noise taken away and brought to the loudness that telephones are used to, as its
// profile says. It stands between the buffer and everybody who hears.
type cleaned struct {
	of    *jitter.Buffer
	noise level.Suppressor // nil: noise is left
	ear   *listen.Speech   // nil: so is loudness
	gain  *level.Gain
}

// clean says what is done to a peer's sound. The zero value leaves it alone.
type clean struct {
	denoise func(rate int) level.Suppressor // nil: noise is left
	gain    bool
}

func (c clean) any() bool { return c.gain || c.denoise != nil }

// cleanLocked is what is to be done to what the peer says now: nothing to a fax or a modem.
func (s *Session) cleanLocked() (c clean) {
	if s.carries {
		return c
	}
	c.gain = s.profile.Gain
	if s.profile.Denoise {
		if c.denoise = s.cfg.Denoise; c.denoise == nil {
			c.denoise = func(rate int) level.Suppressor { return level.NewDenoiser(rate) }
		}
	}
	return c
}

// source is the buffer's sound after that.
func (c clean) source(b *jitter.Buffer) media.Source {
	if !c.any() {
		return b
	}
	s := &cleaned{of: b}
	if c.denoise != nil {
		s.noise = c.denoise(b.Rate())
	}
	if c.gain {
		s.ear, s.gain = listen.New(b.Rate()), level.NewGain(level.Target)
	}
	return s
}

// Rate is the buffer's (media.Rated).
func (s *cleaned) Rate() int { return s.of.Rate() }

// Read gives the next sound.
func (s *cleaned) Read(f media.Frame) (int, error) {
	n, err := s.of.Read(f)
	if s.noise != nil {
		s.noise.Process(f[:n])
	}
	if s.gain != nil {
		speaks, dBov := s.ear.Hear(f[:n])
		s.gain.Process(f[:n], s.of.Rate(), speaks, dBov)
	}
	return n, err
}
