package endpoint

import (
	"context"
	"fmt"
)

// Alive waits until every shard has had its turn: one that is stuck never has, and ctx ends first.
func (e *Endpoint) Alive(ctx context.Context) error {
	turns := make(chan struct{}, len(e.shards))
	waiting := 0
	for _, s := range e.shards {
		if s.Do(func() { turns <- struct{}{} }) {
			waiting++
		}
	}
	for range waiting {
		select {
		case <-turns:
		case <-ctx.Done():
			return fmt.Errorf("a shard of the endpoint is stuck: %w", ctx.Err())
		}
	}
	return nil
}
