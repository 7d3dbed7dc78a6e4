package cdr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"santral/store"
)

// Proof is what came of making all records from the ledger anew and comparing them with the tables.
type Proof struct {
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	Upto     store.Pos `json:"upto"`     // place in the ledger
	Records  uint64    `json:"records"`  // that the ledger gives
	Archived uint64    `json:"archived"` // of these are in archives and no longer in the tables
	Sums     int       `json:"sums"`     // that were compared
	Chain    string    `json:"chain"`    // "whole", or what is broken

	Differences []string `json:"differences"` // the first MostDifferences, in words
	Count       int      `json:"count"`       // all of them
}

// MostDifferences is how many a proof names.
const MostDifferences = 100

// Good reports whether everything is as it must be.
func (p *Proof) Good() bool { return p.Count == 0 && p.Chain == "whole" }

func (p *Proof) differ(format string, args ...any) {
	if p.Count++; p.Count <= MostDifferences {
		p.Differences = append(p.Differences, fmt.Sprintf(format, args...))
	}
}

// ProofTables is what a proof reads.
type ProofTables interface {
	store.FoldStore
	store.Archives
	// SumsOfDay gives all sums of the slots of a day (UTC), and DayRows the records that began in it up to a number of record, page by page.
	SumsOfDay(ctx context.Context, day time.Time) ([]store.Roll, error)
	DayRows(ctx context.Context, day time.Time, after, upto uint64, began time.Time, limit int) ([]store.CDR, error)
	// FirstDay gives the day of the oldest record or sum; zero for none.
	FirstDay(ctx context.Context) (time.Time, error)
	Recording(ctx context.Context, tenant, name string) (store.Recording, error)
}

// Prover makes proofs.
type Prover struct {
	Log    Log
	Tables ProofTables
	Verify func() (string, error)          // whether the ledger's chain is whole: "" or what is broken; nil for not asked
	Settle func(ctx context.Context) error // waits until records and sums of all that has ended are in the tables
	Pace   time.Duration                   // rest after every batch of 500 records, so that calls do not notice; 5 ms
}

// Prove makes every record anew, from the beginning of the ledger to where the tables are, in a stream: nothing of it is kept but what differs.
func (p *Prover) Prove(ctx context.Context) (*Proof, error) {
	if p.Pace == 0 {
		p.Pace = 5 * time.Millisecond
	}
	proof := &Proof{Began: time.Now().UTC().Truncate(time.Millisecond), Chain: "whole", Differences: []string{}}
	if p.Verify != nil {
		broken, err := p.Verify()
		if err != nil {
			return nil, fmt.Errorf("prove records: %w", err)
		}
		if broken != "" {
			proof.Chain = broken
			proof.Count++
			proof.Differences = append(proof.Differences, "the ledger: "+broken)
		}
	}
	if p.Settle != nil {
		if err := p.Settle(ctx); err != nil {
			return nil, fmt.Errorf("prove records: %w", err)
		}
	}
	at, _, err := p.Tables.Fold(ctx)
	if err != nil {
		return nil, fmt.Errorf("prove records: %w", err)
	}
	proof.Upto = at.Done
	c := &comparison{prover: p, proof: proof, upto: at, joins: map[string]string{}, parts: map[string][2]string{}, gone: map[string]store.Erasure{}, lately: map[string]story{}}
	if c.archives, err = p.Tables.Archives(ctx, ""); err != nil {
		return nil, fmt.Errorf("prove records: %w", err)
	}
	fold := New(p.Log, c, Options{Batch: 500, Far: 1 << 62, OnError: func(err error) { proof.differ("%v", err) }})
	if err := fold.again(ctx, at.Done); err != nil {
		return nil, fmt.Errorf("prove records: %w", err)
	}
	if err := c.finish(ctx); err != nil {
		return nil, fmt.Errorf("prove records: %w", err)
	}
	if err := c.sums(ctx); err != nil {
		return nil, fmt.Errorf("prove records: %w", err)
	}
	proof.Ended = time.Now().UTC().Truncate(time.Millisecond)
	return proof, nil
}

// again reads the ledger once, up to a place, and writes what it makes of it into the fold's store.
func (f *Fold) again(ctx context.Context, upto store.Pos) error {
	f.closed = true // nothing is written into the ledger
	f.reader = f.log.Read(0)
	defer f.reader.Close()
	for failed := 0; f.pos < upto && failed < 100; {
		more, err := f.read(ctx, false)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed++ // a damaged part is passed by the next reading, and was told
			continue
		}
		if f.pending() >= f.o.Batch || len(f.made.Joins) > 0 || !more || f.pos >= upto {
			to := store.Fold{Done: f.pos, Low: f.pos, Count: f.count}
			if err := f.db.AddCDRs(ctx, f.saved, to, f.made); err != nil {
				return err
			}
			f.saved = to
			f.sums.clear(f.count)
			clear(f.late)
			f.made = store.Folded{}
		}
		if !more {
			break
		}
	}
	return nil
}

// comparison is a store of records that keeps none: it compares what it is given with the tables.
type comparison struct {
	prover   *Prover
	proof    *Proof
	upto     store.Fold
	archives []store.Archive
	joins    map[string]string    // stories that became part of another
	parts    map[string][2]string // calls whose story was another when they were made: what it was made, what is stored
	gone     map[string]store.Erasure
	lately   map[string]story // the last calls that are in archives, which the tables can't be asked for
	order    []string
	page     []store.CDR // what the tables hold next
	read     uint64
	end      bool
}

// CDR, CDRs and the rest are as store.FoldStore says; a fold that is made anew asks for the story of a call alone.
func (c *comparison) CDR(ctx context.Context, tenant, call string) (store.CDR, error) {
	return c.prover.Tables.CDR(ctx, tenant, call)
}

// CDRs is not asked for.
func (c *comparison) CDRs(context.Context, store.CDRFilter, string, int) ([]store.CDR, string, error) {
	return nil, "", errors.ErrUnsupported
}

// Fold begins at the beginning.
func (c *comparison) Fold(context.Context) (store.Fold, []store.OpenCall, error) {
	return store.Fold{}, nil, nil
}

// Rolled begins at the beginning.
func (c *comparison) Rolled(context.Context) (uint64, error) { return 0, nil }

// After is not asked for.
func (c *comparison) After(context.Context, uint64, int) ([]store.CDR, error) {
	return nil, errors.ErrUnsupported
}

// ResetCDRs does nothing.
func (c *comparison) ResetCDRs(context.Context) error { return nil }

// Story asks the tables: what they say of a story in the end is compared in the end.
func (c *comparison) Story(ctx context.Context, call string) (string, time.Time, error) {
	first, began, err := c.prover.Tables.Story(ctx, call)
	if errors.Is(err, store.ErrNotFound) || err == nil && began.IsZero() {
		if err != nil {
			s, known := c.lately[call]
			if !known {
				return "", time.Time{}, err
			}
			first = c.of(s.first)
		}
		return first, c.lately[first].began, nil
	}
	return first, began, err
}

// of gives what a story became.
func (c *comparison) of(first string) string {
	for range len(c.joins) + 1 {
		to, joined := c.joins[first]
		if !joined {
			break
		}
		first = to
	}
	return first
}

// remember keeps an archived call for a while, since calls that it goes on in may follow.
func (c *comparison) remember(r *store.CDR) {
	s := story{r.Call, r.Began}
	if r.Story != "" {
		s.first = r.Story
	}
	c.lately[r.Call] = s
	if c.order = append(c.order, r.Call); len(c.order) > mostLately {
		delete(c.lately, c.order[0])
		c.order = c.order[1:]
	}
}

// mostLately is how many archived calls a proof keeps in mind.
const mostLately = 50_000

// AddCDRs compares.
func (c *comparison) AddCDRs(ctx context.Context, _, _ store.Fold, made store.Folded) error {
	for _, j := range made.Joins {
		c.joins[j.From] = j.To
	}
	for i := range made.CDRs {
		if made.CDRs[i].Seq > c.upto.Count {
			continue // ended while we read
		}
		if err := c.record(ctx, &made.CDRs[i]); err != nil {
			return err
		}
	}
	for i := range made.Recordings {
		if err := c.recording(ctx, &made.Recordings[i]); err != nil {
			return err
		}
	}
	for _, e := range made.Erasures {
		if _, before := c.gone[e.Name]; !before {
			c.gone[e.Name] = e
		}
	}
	if len(made.CDRs) == 0 {
		return nil
	}
	t := time.NewTimer(c.prover.Pace)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next gives the record of the tables that comes next, without taking it.
func (c *comparison) next(ctx context.Context) (*store.CDR, error) {
	if len(c.page) == 0 && !c.end {
		var err error
		if c.page, err = c.prover.Tables.After(ctx, c.read, 500); err != nil {
			return nil, err
		}
		if len(c.page) == 0 {
			c.end = true
		} else {
			c.read = c.page[len(c.page)-1].Seq
		}
	}
	if len(c.page) == 0 {
		return nil, nil
	}
	return &c.page[0], nil
}

func (c *comparison) record(ctx context.Context, made *store.CDR) error {
	c.proof.Records++
	for {
		stored, err := c.next(ctx)
		if err != nil {
			return err
		}
		switch {
		case stored == nil || stored.Seq > made.Seq:
			if c.archived(made) {
				c.proof.Archived++
				c.remember(made)
			} else {
				c.proof.differ("record %d of call %s is not in the tables", made.Seq, made.Call)
			}
			return nil
		case stored.Seq < made.Seq:
			c.proof.differ("record %d of call %s is in the tables, and not in the ledger", stored.Seq, stored.Call)
			c.page = c.page[1:]
			continue
		}
		c.page = c.page[1:]
		if stored.Story != made.Story {
			c.parts[made.Call] = [2]string{made.Story, stored.Story}
		}
		if what := unlike(made, stored); what != "" {
			c.proof.differ("record %d of call %s: %s", made.Seq, made.Call, what)
		}
		return nil
	}
}

func (c *comparison) archived(r *store.CDR) bool {
	return slices.ContainsFunc(c.archives, func(a store.Archive) bool {
		return a.Tenant == r.Tenant && !r.Began.Before(a.From) && r.Began.Before(a.Until)
	})
}

func (c *comparison) recording(ctx context.Context, made *store.Recording) error {
	stored, err := c.prover.Tables.Recording(ctx, "", made.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.proof.differ("the recording %s is not in the tables", made.Name)
		return nil
	case err != nil:
		return err
	}
	if stored.Call != made.Call || stored.Tenant != made.Tenant || stored.SHA256 != made.SHA256 || stored.Octets != made.Octets || stored.Long != made.Long || !stored.Began.Equal(made.Began) {
		c.proof.differ("the recording %s is another in the tables", made.Name)
	}
	return nil
}

// finish compares what is known at the end alone.
func (c *comparison) finish(ctx context.Context) error {
	for {
		stored, err := c.next(ctx)
		if err != nil {
			return err
		}
		if stored == nil || stored.Seq > c.upto.Count {
			break
		}
		c.proof.differ("record %d of call %s is in the tables, and not in the ledger", stored.Seq, stored.Call)
		c.page = c.page[1:]
	}
	for call, story := range c.parts {
		made := story[0]
		if made == "" {
			made = call
		}
		if made = c.of(made); made == call {
			made = ""
		}
		if made != story[1] {
			c.proof.differ("call %s: of the story %q, and in the tables of %q", call, made, story[1])
		}
	}
	for name := range c.gone {
		stored, err := c.prover.Tables.Recording(ctx, "", name)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if stored.Deleted.IsZero() {
			c.proof.differ("the recording %s was deleted, and is not in the tables", name)
		}
	}
	return nil
}

// sums adds the records of every day up and compares with the sums that are kept.
func (c *comparison) sums(ctx context.Context) error {
	day, err := c.prover.Tables.FirstDay(ctx)
	if err != nil || day.IsZero() {
		return err
	}
	for ; !day.After(time.Now()); day = day.AddDate(0, 0, 1) {
		if c.touched(day) {
			continue // its records are in an archive, in part at least: its sums are all that is left
		}
		for try := 0; ; try++ {
			steady, err := c.day(ctx, day, try > 5)
			if err != nil {
				return err
			}
			if steady {
				break
			}
		}
	}
	return nil
}

// day compares the sums of one day. It reports false when they grew meanwhile, unless that is the last try.
func (c *comparison) day(ctx context.Context, day time.Time, last bool) (steady bool, err error) {
	rolled, err := c.prover.Tables.Rolled(ctx)
	if err != nil {
		return false, err
	}
	stored, err := c.prover.Tables.SumsOfDay(ctx, day)
	if err != nil {
		return false, err
	}
	want := newSums()
	var before store.CDR
	for {
		rows, err := c.prover.Tables.DayRows(ctx, day, before.Seq, rolled, before.Began, 500)
		if err != nil {
			return false, err
		}
		for i := range rows {
			want.record(&rows[i], 1)
		}
		if len(rows) < 500 {
			break
		}
		before = rows[len(rows)-1]
		t := time.NewTimer(c.prover.Pace)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return false, ctx.Err()
		}
	}
	if now, err := c.prover.Tables.Rolled(ctx); err != nil || now != rolled && !last {
		return false, err
	}
	for _, s := range stored {
		k := rollKey{s.Tenant, s.By, s.Key, s.Slot}
		if c.proof.Sums++; want.rolls[k] != s.Sums {
			c.proof.differ("the sum of %s by %d of %q at %s is %+v, and its records give %+v", s.Tenant, s.By, s.Key, store.SlotTime(s.Slot).Format(time.RFC3339), s.Sums, want.rolls[k])
		}
		delete(want.rolls, k)
	}
	for k, v := range want.rolls {
		if v != (store.Sums{}) {
			c.proof.differ("the sum of %s by %d of %q at %s is missing", k.tenant, k.by, k.key, store.SlotTime(k.slot).Format(time.RFC3339))
		}
	}
	return true, nil
}

func (c *comparison) touched(day time.Time) bool {
	end := day.AddDate(0, 0, 1)
	return slices.ContainsFunc(c.archives, func(a store.Archive) bool { return a.From.Before(end) && day.Before(a.Until) })
}

// unlike says in what two records differ, but for what may come later: stories, reports of phones and recordings.
func unlike(made, stored *store.CDR) string {
	a, b := *made, *stored
	a.Story, b.Story, a.Recordings, b.Recordings = "", "", nil, nil
	a.Legs, b.Legs = append([]store.CDRLeg{}, a.Legs...), append([]store.CDRLeg{}, b.Legs...)
	for i := range a.Legs {
		a.Legs[i].Report = nil
	}
	for i := range b.Legs {
		b.Legs[i].Report = nil
	}
	return difference(&a, &b)
}
