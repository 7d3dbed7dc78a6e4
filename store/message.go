package store

import (
	"context"
	"errors"
	"time"
)

// ErrFull is returned when there is no room for a message: the recipient has as many as may wait.
var ErrFull = errors.New("too many messages wait")

// ErrShare is returned when a sender has as many messages waiting at one recipient as one sender may.
var ErrShare = errors.New("too many messages of one sender wait")

// Message is a text message that waits for its recipient.
type Message struct {
	ID          string // in the order of arrival within the tenant
	Tenant      string
	To          string // the recipient's account
	From        string // the sender's account
	ContentType string
	Body        string
	Sent        time.Time // whole milliseconds
	Expires     time.Time // whole milliseconds
}

// Messages keeps messages until they are delivered.
type Messages interface {
	// KeepMessage keeps a message, unless most wait for the recipient already (ErrFull), or share of the same
	// sender do (ErrShare). When it returns nil, an end of this process can no longer lose the message.
	KeepMessage(ctx context.Context, m Message, most, share int) error
	// WaitingMessages gives the oldest messages of a recipient, in order.
	WaitingMessages(ctx context.Context, tenant, account string, limit int) ([]Message, error)
	// DropMessage forgets a message; one that is not there is none.
	DropMessage(ctx context.Context, tenant, id string) error
	// DropExpired forgets all messages whose time is over, and gives how many there were.
	DropExpired(ctx context.Context, now time.Time) (int, error)
	// Recipients gives for whom messages wait: tenant and account.
	Recipients(ctx context.Context) ([][2]string, error)
}
