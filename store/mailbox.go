package store

import "context"

// Mailbox is how many messages wait for an account (RFC 3842 §5.2).
type Mailbox struct {
	Tenant    string
	Account   string
	New       int // not heard yet, urgent ones included
	Old       int // heard and kept, urgent ones included
	UrgentNew int
	UrgentOld int
}

// Mailboxes keeps counts over a restart.
type Mailboxes interface {
	// Mailboxes gives all that were ever put.
	Mailboxes(ctx context.Context) ([]Mailbox, error)
	// PutMailbox keeps one; the one that was there for the same account is replaced.
	PutMailbox(ctx context.Context, box Mailbox) error
}
