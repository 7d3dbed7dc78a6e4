package endpoint

import (
	"context"
	"testing"
	"time"
)

// A shard that is stuck shows; when it goes on again, that shows too.
func TestAliveWaitsForEveryShard(t *testing.T) {
	play(t, func(c *Config) { c.Shards = 3 }, func(r *rig) {
		alive := func() error {
			ctx, stop := context.WithTimeout(context.Background(), time.Second)
			defer stop()
			return r.e.Alive(ctx)
		}
		if err := alive(); err != nil {
			t.Error(err)
		}
		gate := make(chan struct{})
		r.e.Shard("x").Do(func() { <-gate })
		if alive() == nil {
			t.Error("a stuck shard is alive")
		}
		close(gate)
		if err := alive(); err != nil {
			t.Error(err)
		}
	})
}
