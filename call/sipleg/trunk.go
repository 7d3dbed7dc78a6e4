package sipleg

import (
	"time"

	"santral/call"
	"santral/sip"
	"santral/sip/invite"
)

// Trunk is how legs speak with a trunk's peer, where that is not how they speak with phones. Functions may
// be nil: then nothing is changed. They are called on shards and must not wait.
type Trunk struct {
	// Account answers the challenges of the trunk's own realm to what we send there; nil when we have none.
	Account *invite.Account
	// Host is the host of our identity there, "" for the exchange's own.
	Host string
	// Contact is the user of our Contact there, "" for the number that is presented.
	Contact string
	// Refer lets the trunk's peer send the other side of its calls on (RFC 3515).
	Refer bool

	Called func(req *sip.Message) string       // the number that its INVITE calls
	In     func(req *sip.Message) *sip.Message // its INVITE as the rules make it: a copy, or the same when no rule fits
	// Caller is who calls by what a changed INVITE says.
	Caller   func(req *sip.Message, flow sip.Flow) call.Party
	Out      func(req *sip.Message)      // changes our INVITE by the rules, once
	Calling  func(number string) string  // the number that we present there
	CauseIn  func(call.Cause) call.Cause // a refusal of the trunk's
	CauseOut func(call.Cause) call.Cause // a refusal of ours
}

// settings are what the leg's session is made with. Only a trunk's leg has an account: whatever a phone
// asks for, the exchange proves itself to nobody but its own carriers.
func (l *Leg) settings() *invite.Config {
	if l.trunk == nil || l.trunk.Account == nil {
		return &l.agent.invite
	}
	cfg := l.agent.invite
	cfg.Account = l.trunk.Account
	return &cfg
}

// refused is a refusal of the peer's as the call is told of it.
func (l *Leg) refused(c call.Cause) call.Cause {
	if l.trunk != nil && l.trunk.CauseIn != nil {
		return l.trunk.CauseIn(c)
	}
	return c
}

// onSilence gives up a peer that has said nothing at all, when no other place is left that the request
// goes on to by itself.
func (l *Leg) onSilence(patience time.Duration) {
	last, silent := l.session.Silent()
	switch {
	case !silent:
	case last < patience:
		l.quiet = l.shard.After(patience-last, func() { l.onSilence(patience) })
	default:
		l.hangup(call.NoResponse)
	}
}

// heardOf ends the watch over the peer's silence.
func (l *Leg) heardOf() {
	if l.quiet != nil {
		l.quiet.Stop()
		l.quiet = nil
	}
}
