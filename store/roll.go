package store

import (
	"context"
	"time"
)

// Join says that two stories became one: every record of the story From is of To from now on.
type Join struct{ From, To string }

// RollSlot is how long the time is that a sum covers: every zone's midnight and every hour anywhere begins one.
const RollSlot = 15 * time.Minute

// RollBy is what records are summed up by.
type RollBy uint8

// What sums are kept of. The numbers stand in databases and never change.
const (
	RollAll        RollBy = iota + 1 // all of a tenant's; the key is the direction
	RollDepartment                   // key: the department
	RollSite                         // key: the site
	RollTrunk                        // key: the trunk; what is counted are attempts on it
	RollKind                         // key: kind of calls, "/", the country code of the number called
	RollCause                        // key: Q.850 cause, of all
	RollTrunkCause                   // key: trunk, "/", Q.850 cause; attempts
)

// Everybody is the tenant under which sums of all tenants stand.
const Everybody = "*"

// Roll is a sum over the records (or attempts) of one tenant, kind, key and slot. A story is counted where its first call is;
// what was talked is summed up over all of its calls.
type Roll struct {
	Tenant string
	By     RollBy
	Key    string
	Slot   int64 // its beginning, in units of RollSlot since 1970 UTC
	Sums
}

// Sums are what is counted. They are whole numbers, so that adding and taking away is exact.
type Sums struct {
	Records   int64 `json:"records"` // rows: calls, and parts of stories besides
	Calls     int64 `json:"calls"`
	Answered  int64 `json:"answered"`
	Busy      int64 `json:"busy"`
	NoAnswer  int64 `json:"no_answer"`
	Cancelled int64 `json:"cancelled"`
	Failed    int64 `json:"failed"`    // interrupted ones too
	Effective int64 `json:"effective"` // the network did its part: answered, busy, not answered, given up, rejected by the callee (ITU-T E.411: NER)
	Talk      int64 `json:"talk_ms"`
	Delay     int64 `json:"delay_ms"` // post-dial delay, of those that rang or were answered
	Delays    int64 `json:"delays"`   // how many those are
	MOS       int64 `json:"mos"`      // thousandths, of those whose quality is known
	Measured  int64 `json:"measured"` // how many those are
}

// Sums is what a record counts. A part of a story that is not its first call adds what was talked alone.
func (c *CDR) Sums() Sums {
	s := Sums{Records: 1, Talk: int64(c.TalkTime)}
	if c.Story != "" && c.Story != c.Call {
		return s
	}
	s.Calls = 1
	s.Came(c.State, c.Q850)
	if !c.Ringing.IsZero() || !c.Answered.IsZero() {
		s.Delay, s.Delays = int64(c.PostDialDelay), 1
	}
	if c.MOS > 0 {
		s.MOS, s.Measured = int64(c.MOS*1000+.5), 1
	}
	return s
}

// Came counts how one call or attempt came out, with its Q.850 cause.
func (s *Sums) Came(state CDRState, q850 int) {
	switch state {
	case Answered:
		s.Answered = 1
	case Busy:
		s.Busy = 1
	case NoAnswer:
		s.NoAnswer = 1
	case Cancelled:
		s.Cancelled = 1
	default:
		s.Failed = 1
	}
	switch {
	case s.Failed == 0, q850 == 20, q850 == 21, q850 == 22: // the callee's phone that is off, its own no, its new number
		s.Effective = 1
	}
}

// Add adds.
func (s *Sums) Add(o Sums) {
	s.Records += o.Records
	s.Calls += o.Calls
	s.Answered += o.Answered
	s.Busy += o.Busy
	s.NoAnswer += o.NoAnswer
	s.Cancelled += o.Cancelled
	s.Failed += o.Failed
	s.Effective += o.Effective
	s.Talk += o.Talk
	s.Delay += o.Delay
	s.Delays += o.Delays
	s.MOS += o.MOS
	s.Measured += o.Measured
}

// Times gives the same, n times.
func (s Sums) Times(n int64) Sums {
	return Sums{s.Records * n, s.Calls * n, s.Answered * n, s.Busy * n, s.NoAnswer * n, s.Cancelled * n, s.Failed * n, s.Effective * n, s.Talk * n, s.Delay * n, s.Delays * n, s.MOS * n, s.Measured * n}
}

// ASR is the share of calls that were answered, 0 to 1 (ITU-T E.411).
func (s *Sums) ASR() float64 { return share(s.Answered, s.Calls) }

// NER is the share of calls for which the network did its part, 0 to 1 (ITU-T E.411).
func (s *Sums) NER() float64 { return share(s.Effective, s.Calls) }

// ACD is how long an answered call was talked on average.
func (s *Sums) ACD() time.Duration {
	return time.Duration(share(s.Talk, s.Answered) * float64(time.Millisecond))
}

// PDD is how long callers waited for a ringing tone on average.
func (s *Sums) PDD() time.Duration {
	return time.Duration(share(s.Delay, s.Delays) * float64(time.Millisecond))
}

// Quality is the mean MOS, 0 for unknown.
func (s *Sums) Quality() float64 { return share(s.MOS, s.Measured) / 1000 }

func share(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Slot gives the slot that a time lies in.
func Slot(t time.Time) int64 {
	s := t.Unix()
	n := int64(RollSlot / time.Second)
	if s < 0 {
		return -((-s + n - 1) / n)
	}
	return s / n
}

// SlotTime gives the beginning of a slot.
func SlotTime(slot int64) time.Time { return time.Unix(slot*int64(RollSlot/time.Second), 0).UTC() }

// Group is one line of a sum by something.
type Group struct {
	Slot int64 // 0 where it was not asked for
	Key  string
	Sums
}

// Summaries is where sums of records are read.
type Summaries interface {
	// Rolls gives the kept sums of a tenant (Everybody for all) from one time until another, both cut down to whole slots, of one kind, by
	// key, and by slot where bySlot. keys restricts to some; none is all.
	Rolls(ctx context.Context, tenant string, by RollBy, keys []string, from, until time.Time, bySlot bool) ([]Group, error)
	// Sum adds up the records that a filter finds, each story once. It goes through all of them unless the filter is one that sums are kept of.
	Sum(ctx context.Context, filter CDRFilter) (Sums, error)
	// SumBy does so by account, the one that called or was reached in the filter's tenant.
	SumBy(ctx context.Context, filter CDRFilter) ([]Group, error)
}
