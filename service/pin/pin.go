// Package pin asks callers for their PIN where their class of service wants one before a call goes out, and has the call go on
// when it is right.
//
// What lives here is the story and what is remembered of wrong PINs; which calls need one is the router's to say.
package pin

import (
	"context"
	"time"

	"santral/base/guess"
	"santral/call"
	"santral/media"
	"santral/tenant"
)

// Name is the story, as a Destination's Service says it.
const Name = "pin"

// Of what is asked: how long for the first key and for each other, how often in one call, and how many digits.
const (
	firstKey = 10 * time.Second
	nextKey  = 5 * time.Second
	asked    = 3
	most     = 12
)

// Wrong PINs that an account may press before it waits, and the accounts of a tenant together.
const (
	accountTries = 3
	tenantTries  = 30
)

// Story asks for PINs. It is safe for concurrent use.
type Story struct {
	current func() *tenant.Snapshot
	note    func(what string, who call.Party, dialled string)
	own     guess.Tries
	all     guess.Tries // of tenants: somebody who tries each account once
}

// New makes the story. note is told of wrong PINs and of who is locked, in the words of a security log; it must not wait.
func New(current func() *tenant.Snapshot, note func(what string, who call.Party, dialled string)) *Story {
	return &Story{current: current, note: note}
}

// Serve tells the story (call.Story). It returns only where the call does not go on.
func (s *Story) Serve(ctx context.Context, c call.Control) call.Cause {
	who := c.Caller()
	a := s.current().Account(who.Tenant, who.Account)
	if a == nil || a.PIN == "" {
		return call.Forbidden // there is none that could be right
	}
	err := c.Answer(ctx)
	if err == nil {
		_, err = c.Say(ctx, "", media.Silence(300*time.Millisecond)) // a phone needs a moment to begin to listen
	}
	key := who.Tenant + "/" + who.Account
	for n := 0; err == nil && n < asked; n++ {
		if now := time.Now(); s.own.Waits(now, key) || s.all.Waits(now, who.Tenant) {
			return s.refuse(ctx, c, "pin.locked")
		}
		var got call.Collected
		got, err = c.Collect(ctx, call.Collecting{Prompt: []media.Phrase{media.Clip("pin.enter")}, Most: most, First: firstKey, Between: nextKey, Ends: "#"})
		if err != nil || got.Digits == "" {
			continue
		}
		right, waits := s.own.Guess(time.Now(), key, accountTries, func() bool { return a.PIN.Is(got.Digits) })
		switch {
		case waits:
			return s.refuse(ctx, c, "pin.locked")
		case right:
			err = c.Proceed(ctx)
			if err == nil || err == call.ErrEnded {
				return call.NormalClearing // it went on, or the caller hung up
			}
			return call.Failure
		}
		s.all.Failed(time.Now(), who.Tenant, tenantTries)
		s.note("wrong PIN", who, c.Dialled())
		if s.own.Waits(time.Now(), key) {
			s.note("PIN locked", who, c.Dialled())
			return s.refuse(ctx, c, "pin.locked")
		}
		_, err = c.Say(ctx, "", media.Clip("pin.wrong"))
	}
	if err != nil {
		return call.NormalClearing
	}
	return s.refuse(ctx, c, "general.goodbye")
}

// refuse says why, and ends the call as one that may not be made.
func (s *Story) refuse(ctx context.Context, c call.Control, clip media.Clip) call.Cause {
	_, _ = c.Say(ctx, "", clip)
	return call.Forbidden
}
