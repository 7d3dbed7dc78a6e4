package control

import (
	"context"
	"strings"
	"time"

	"santral/call"
)

// Length of a key that SendDigits sends, from one key's beginning to the next, and of a blank between them.
const (
	sentTime  = 160 * time.Millisecond
	sentEvery = 260 * time.Millisecond
	sentBlank = 500 * time.Millisecond
)

// sent is how many of its keys a SendDigits has sent.
type sent struct {
	Keys int `json:"keys"`
}

// SendDigits sends keys to the caller's phone, in the way in which it takes keys, until the last is over. A blank
// is a pause of half a second; what is no key is left out.
func (s *story) SendDigits(ctx context.Context, keys string) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	var done sent
	s.resumes("send", &done)
	s.begin("send", func() any { return done })
	clock := time.NewTimer(0)
	defer clock.Stop()
	for i := max(done.Keys, 0); i < len(keys); i++ {
		wait := sentBlank
		if key := keys[i]; key != ' ' {
			if strings.IndexByte(call.AnyKey, key) < 0 {
				continue
			}
			wait = sentEvery
			err := s.ask(ctx, func(c *ongoing) error {
				c.caller().leg.SendKey(key, sentTime)
				s.mu.Lock()
				done.Keys = i + 1
				s.mu.Unlock()
				return nil
			})
			if err != nil {
				return err
			}
		}
		clock.Reset(wait)
		select {
		case <-clock.C:
		case <-s.ctx.Done():
			return call.ErrEnded
		case <-ctx.Done():
			return s.alive(ctx)
		}
	}
	return nil
}
