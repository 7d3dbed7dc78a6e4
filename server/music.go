package server

import (
	"context"

	"santral/service/music"
	"santral/tenant"
)

// openMusic has tunes be read beside everything else, and again whenever a reload is asked for.
func (s *server) openMusic() {
	s.music = music.New(music.Config{Snapshot: s.current.Load, Log: s.log, Clock: s.pool, Seed: s.random.Uint64()})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			s.music.Load(ctx)
			select {
			case <-ctx.Done():
				return
			case <-s.retune:
			case <-s.retuned:
			}
		}
	}()
	s.later(func() {
		stop()
		<-done
	})
}

// reloads has each of several hear of every reload that comes. One that is still at the last is not told twice.
func (s *server) reloads(from <-chan struct{}, many int) []<-chan struct{} {
	to, told := make([]chan struct{}, many), make([]<-chan struct{}, many)
	for i := range to {
		to[i] = make(chan struct{}, 1)
		told[i] = to[i]
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-from:
				if !ok {
					return
				}
			}
			for _, c := range to {
				select {
				case c <- struct{}{}:
				default:
				}
			}
		}
	}()
	s.later(stop)
	return told
}

// CheckMusic reads the files of all tunes of tenants, and says of each that can't be read why. It takes as long as
// reading them does.
func CheckMusic(ctx context.Context, tenants []*tenant.Tenant) []error {
	return music.Check(ctx, tenants)
}
