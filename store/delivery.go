package store

import (
	"context"
	"errors"
	"time"
)

// HookKey names a webhook.
type HookKey struct {
	Tenant  string // id, or the operator's
	Webhook string
}

// DeliveryState is what became of an event that a webhook is told of.
type DeliveryState uint8

// States of a delivery; the numbers stand in rows and never change.
const (
	DeliveryWaiting   DeliveryState = iota
	DeliveryTaken                   // the target answered 2xx
	DeliveryGivenUp                 // it did not for a day
	DeliveryDiscarded               // the webhook was switched off or is gone
)

// DeliveryStates are their words, by value.
var DeliveryStates = []string{"waiting", "delivered", "given up", "discarded"}

// String gives the word.
func (s DeliveryState) String() string { return DeliveryStates[min(int(s), len(DeliveryStates)-1)] }

// MarshalText gives the word, for JSON.
func (s DeliveryState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *DeliveryState) UnmarshalText(text []byte) error {
	for i, word := range DeliveryStates {
		if word == string(text) {
			*s = DeliveryState(i)
			return nil
		}
	}
	return errors.New("no state of a delivery")
}

// Delivery is one event on its way to one webhook.
type Delivery struct {
	Seq      uint64        `json:"delivery" doc:"grows from delivery to delivery"`
	Tenant   string        `json:"tenant"`
	Webhook  string        `json:"webhook"`
	Number   uint64        `json:"sequence" doc:"of the webhook's deliveries, without gaps; it stands in what is sent"`
	Event    string        `json:"id" doc:"as the header webhook-id says; the same at every attempt"`
	Type     string        `json:"type"`
	Body     string        `json:"-"` // the event as JSON, without its number
	Made     time.Time     `json:"made"`
	Since    time.Time     `json:"-"` // from when on its day counts: Made, or when it was sent anew
	State    DeliveryState `json:"state" enum:"waiting,delivered,given up,discarded"`
	Tries    int           `json:"tries" doc:"attempts since it was made, or sent anew"`
	Next     time.Time     `json:"next,omitzero" doc:"when it is tried again"`
	Attempts []Attempt     `json:"attempts" doc:"the last ten, the oldest first"`
}

// MostAttempts is how many of a delivery are kept.
const MostAttempts = 10

// Attempt is one attempt to deliver.
type Attempt struct {
	At      time.Time `json:"at"`
	Status  int       `json:"status,omitempty" doc:"of HTTP; left out where there was no answer"`
	Excerpt string    `json:"excerpt,omitempty" doc:"the beginning of the answer"`
	Error   string    `json:"error,omitempty" doc:"why there was none"`
	Took    Millis    `json:"took_ms"`
}

// DeliveryFilter says which deliveries are asked for. Zero fields ask for all.
type DeliveryFilter struct {
	HookKey
	State *DeliveryState
	Type  string
	Event string
}

// HookState is what is known of a webhook besides its document.
type HookState struct {
	HookKey
	Waiting int       // deliveries
	Off     time.Time // when its target answered 410; zero for not
	URL     string    // that it had then
}

// Deliveries keeps what webhooks are told.
type Deliveries interface {
	// AddDeliveries keeps new ones and numbers them; one whose Event its webhook has already is left out. added is how many
	// each webhook got.
	AddDeliveries(ctx context.Context, list []Delivery) (added map[HookKey]int, err error)
	// DueDeliveries gives those of a webhook that may be tried at a time, in the order of their numbers, and when the next one
	// may be otherwise (zero for never).
	DueDeliveries(ctx context.Context, key HookKey, at time.Time, limit int) (due []Delivery, next time.Time, err error)
	// TriedDeliveries writes down State, Tries, Next and Attempts.
	TriedDeliveries(ctx context.Context, list []Delivery) error
	// EndDeliveries has what waits of a webhook be in a state; since is zero for all, or ends what has waited from before.
	EndDeliveries(ctx context.Context, key HookKey, since time.Time, state DeliveryState) (n int, err error)
	// AgainDeliveries has deliveries of a webhook wait anew: from and to are their Seq, only those in a state where that is given.
	AgainDeliveries(ctx context.Context, key HookKey, from, to uint64, state *DeliveryState, at time.Time) (n int, err error)
	// Deliveries gives a page, newest first.
	Deliveries(ctx context.Context, f DeliveryFilter, cursor string, limit int) (page []Delivery, next string, err error)
	// Delivery gives one; ErrNotFound for none of that webhook.
	Delivery(ctx context.Context, key HookKey, seq uint64) (Delivery, error)
	// HookStates gives those that have had something.
	HookStates(ctx context.Context) ([]HookState, error)
	// SwitchHook notes that a webhook is off, or with the zero time that it is not.
	SwitchHook(ctx context.Context, key HookKey, off time.Time, url string) error
	// PurgeDeliveries forgets deliveries that are over and were made before a time.
	PurgeDeliveries(ctx context.Context, before time.Time) (n int, err error)
}
