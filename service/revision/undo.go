package revision

import (
	"context"
	"errors"
	"fmt"
)

// Undo is as Configuration says.
func (b *Book) Undo(ctx context.Context, number uint64, by Author, force bool) (Revision, error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	c, h, err := b.backward(ctx, number)
	if err != nil {
		return Revision{}, err
	}
	c.Author, c.Force = by, force
	return b.applyLocked(ctx, c, h)
}

// backward gives the change that takes a revision's back: the texts that its documents had before, octet by octet.
func (b *Book) backward(ctx context.Context, number uint64) (*Change, how, error) {
	head, err := b.head(ctx, number)
	if err != nil {
		return nil, how{}, err
	}
	c, h := &Change{}, how{undoes: number, exact: map[string]string{}}
	for _, d := range head.Documents {
		later, err := b.cfg.Store.Revisions(ctx, d.Tenant, 0, 1)
		if err != nil {
			return nil, how{}, err
		}
		if len(later) > 0 && later[0].Number != number {
			return nil, how{}, fmt.Errorf("%w (revision %d changed %s after %d)", ErrConflict, later[0].Number, d.Tenant, number)
		}
		if d.Former == 0 {
			c.Remove = append(c.Remove, d.Tenant)
			continue
		}
		was, err := b.At(ctx, d.Former, d.Tenant)
		if errors.Is(err, ErrNotFound) {
			return nil, how{}, fmt.Errorf("%w: what %s was before revision %d is kept no more", ErrNotFound, d.Tenant, number)
		}
		if err != nil {
			return nil, how{}, err
		}
		h.exact[d.Tenant] = was.Text
	}
	return c, h, nil
}
