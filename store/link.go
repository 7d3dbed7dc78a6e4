package store

import (
	"context"
	"time"
)

// Link is an address by which a phone sets itself up: whoever has it gets the password of an account, for a while.
type Link struct {
	Hash    [32]byte // SHA-256 of what the address ends with, which nobody keeps
	Tenant  string
	Account string
	Made    time.Time
	Until   time.Time
	Uses    int       // how often it was fetched
	Used    time.Time // last
	Agent   string    // what fetched it last called itself
	Source  string    // and from where
}

// Links is where links are kept.
type Links interface {
	// PutLink keeps one. Those of the same account stay.
	PutLink(ctx context.Context, l Link) error
	// UseLink gives a link, and notes who fetches it; ErrNotFound for none, for one whose time is over by now, and for one that was
	// fetched most times.
	UseLink(ctx context.Context, hash [32]byte, now time.Time, most int, agent, source string) (Link, error)
	// DeleteLinks makes those of an account lead nowhere.
	DeleteLinks(ctx context.Context, tenant, account string) error
	// Links gives those of an account, newest first.
	Links(ctx context.Context, tenant, account string) ([]Link, error)
	// ForgetLinks takes away those that lead nowhere since a time.
	ForgetLinks(ctx context.Context, before time.Time) error
}
