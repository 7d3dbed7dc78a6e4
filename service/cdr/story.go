package cdr

import (
	"context"
	"errors"
	"time"

	"santral/store"
)

// A story is what transfers join: calls that a leg went between. It has the name of its first call, the one that began
// earliest, so that it comes out the same in whatever order calls are met.

type story struct {
	first string
	began time.Time
}

// before reports whether a story began before another.
func (s story) before(o story) bool {
	if !s.began.Equal(o.began) {
		return s.began.Before(o.began)
	}
	return s.first < o.first
}

// storyOf gives the story of an open record.
func storyOf(r *record) story {
	if r.CDR.Story == "" {
		return story{r.CDR.Call, r.CDR.Began}
	}
	return story{r.CDR.Story, r.Told}
}

// relate joins the stories of a record and of another call. It reports whether it could: the tables may have to be asked.
func (f *Fold) relate(ctx context.Context, r *record, other string) bool {
	if other == r.CDR.Call {
		return true
	}
	theirs, err := f.story(ctx, other)
	if errors.Is(err, store.ErrNotFound) {
		return true
	} else if err != nil {
		return false
	}
	if r.CDR.Began.IsZero() { // it has just begun
		r.CDR.Story, r.Told = theirs.first, theirs.began
		return true
	}
	mine := storyOf(r)
	if mine.first == theirs.first {
		return true
	}
	winner, loser := mine, theirs
	if theirs.before(mine) {
		winner, loser = theirs, mine
	}
	_, waits := f.late[loser.first]
	var row store.CDR // the first call of the story that was: it is counted no more
	if !waits && f.open[loser.first] == nil {
		if row, err = f.stored(ctx, loser.first); err != nil && !errors.Is(err, store.ErrNotFound) {
			return false
		}
	}
	for _, o := range f.open {
		if storyOf(o).first == loser.first {
			o.CDR.Story, o.Told = winner.first, winner.began
		}
	}
	for i := range f.made.CDRs {
		if c := &f.made.CDRs[i]; c.Call == loser.first || c.Story == loser.first {
			f.restory(c, winner.first)
		}
	}
	if row.Call != "" && row.Story == "" {
		f.restory(&row, winner.first)
	}
	f.made.Joins = append(f.made.Joins, store.Join{From: loser.first, To: winner.first})
	return true
}

// restory has a record belong to another story, in the sums too.
func (f *Fold) restory(c *store.CDR, to string) {
	f.sums.record(c, -1)
	c.Story = to
	f.sums.record(c, 1)
}

// story finds the story of any call: one that goes on, one whose record waits to be written, one in the tables.
func (f *Fold) story(ctx context.Context, call string) (story, error) {
	if r := f.open[call]; r != nil {
		return storyOf(r), nil
	}
	var began time.Time
	first := ""
	if i, ok := f.late[call]; ok {
		c := &f.made.CDRs[i]
		if c.Story == "" {
			return story{c.Call, c.Began}, nil
		}
		first = c.Story
	} else {
		var err error
		if first, began, err = f.recorded(ctx, call); err != nil || !began.IsZero() {
			return story{first, began}, err
		}
	}
	if r := f.open[first]; r != nil {
		return story{first, r.CDR.Began}, nil
	}
	if i, ok := f.late[first]; ok {
		return story{first, f.made.CDRs[i].Began}, nil
	}
	_, began, err := f.recorded(ctx, first)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return story{first, began}, err
}

// recorded asks the tables for the story of a call, until they answer.
func (f *Fold) recorded(ctx context.Context, call string) (first string, began time.Time, err error) {
	err = f.ask(ctx, func() (err error) {
		first, began, err = f.db.Story(ctx, call)
		return err
	})
	return first, began, err
}

// stored asks the tables for a record, until they answer.
func (f *Fold) stored(ctx context.Context, call string) (c store.CDR, err error) {
	err = f.ask(ctx, func() (err error) {
		c, err = f.db.CDR(ctx, "", call)
		return err
	})
	return c, err
}

// ask asks the tables again and again, until they answer or ctx ends.
func (f *Fold) ask(ctx context.Context, question func() error) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := question()
		if err == nil || errors.Is(err, store.ErrNotFound) || ctx.Err() != nil {
			return err
		}
		f.o.OnError(err)
		f.pause(ctx, wait)
	}
}
