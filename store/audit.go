package store

import (
	"context"
	"time"
)

// Audit is one line of who did what: a change, an attempt that was refused, a sign-in, the giving out of something
// confidential. No secret stands in it.
type Audit struct {
	Seq     uint64    `json:"seq" doc:"place in the order of writing"`
	At      time.Time `json:"at"`
	Tenant  string    `json:"tenant" doc:"whose book it stands in: the one that who did it is bound to, else the one that it was done to; operator for the operator's own"`
	Kind    string    `json:"kind" doc:"how they proved themselves: session, token, root; none for somebody who did not"`
	Who     string    `json:"who,omitempty" doc:"a user's id, a token's name, root; of a sign-in that failed, what was typed"`
	Source  string    `json:"source,omitempty" doc:"address that it came from"`
	Request string    `json:"request,omitempty" doc:"id of the request, as its answer has it in the header Request-Id"`
	What    string    `json:"what" doc:"the operation: sign-in, put-mailbox, get-recording-sound"`
	Things  []string  `json:"things,omitempty" doc:"what it was done to, as the request's path names it"`
	Status  int       `json:"status" doc:"HTTP status of the answer: below 400 it was done"`
	Note    string    `json:"note,omitempty" doc:"what else is worth knowing"`
}

// AuditFilter says which lines a list holds. Empty members do not restrict.
type AuditFilter struct {
	Tenant string
	Who    string
	What   string
	Thing  string // the first of the things
	Failed bool   // only what was not done
	From   time.Time
	Until  time.Time
}

// Audits keeps who did what.
type Audits interface {
	// AddAudits writes lines, and gives them their numbers.
	AddAudits(ctx context.Context, lines []Audit) error
	// Audits gives lines, newest first. Lists are paged like those of [CDRs].
	Audits(ctx context.Context, filter AuditFilter, cursor string, limit int) (page []Audit, next string, err error)
	// DropAudits forgets a tenant's lines from before a time; how many there were.
	DropAudits(ctx context.Context, tenant string, before time.Time) (int64, error)
	// AuditTenants gives the tenants that have lines.
	AuditTenants(ctx context.Context) ([]string, error)
}

// Answer is what a request with an idempotency key was answered with, kept for the case that it comes again.
type Answer struct {
	Owner       string // who asked
	Key         string // of the request
	Fingerprint []byte // of what was asked
	Made        time.Time
	Status      int
	Header      []byte // as the machine keeps it, sealed
	Body        []byte // likewise
}

// Answers keeps them over a restart.
type Answers interface {
	// Answer gives one, or ErrNotFound.
	Answer(ctx context.Context, owner, key string) (Answer, error)
	// PutAnswer keeps one, and of its owner's at most so many, the newest.
	PutAnswer(ctx context.Context, a Answer, most int) error
	// DropAnswers forgets those from before a time.
	DropAnswers(ctx context.Context, before time.Time) error
}
