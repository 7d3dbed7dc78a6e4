// Package event is the event framework (RFC 6665): a dialog usage beside INVITE, by which a subscriber is
// told how something stands, at once and after every change, until the subscription ends.
//
// What lives here is the notifier's side, a [Notifier] with its [Subscription]s, with a file for each
// part: serve (a SUBSCRIBE), notify (what is sent and what comes of it), group (one change told to many),
// book (who has how many), freeze; and the subscriber's side, a [Watch]. What a package's state is and
// who may see it is not known here: a [Package] says so, and its [Source] gives bodies.
//
// A Subscription is owned by the endpoint's shard of its Call-ID. A Notifier owns nothing but the book of
// what lives, behind a leaf lock.
package event

import (
	"strconv"
	"strings"
	"time"

	"santral/sip"
)

// Package is one event package (RFC 6665 §5). It is not changed once a notifier serves it.
type Package struct {
	Name     string        // "dialog"
	Types    []string      // content types of its notifications, the default first
	Expires  int           // seconds, where the subscriber names none
	Min, Max int           // seconds: less is refused with 423, more is shortened
	Interval time.Duration // at least between two notifications of one subscription

	// Open finds what a subscriber asks for and judges whether it may see it. It runs on the shard and
	// must not wait. The subscription is told of by the source from its first State on; Over ends it.
	Open func(s *Subscription) (Source, *Refusal)
}

// Source is what a subscription is told of.
type Source interface {
	// State gives the body of the next notification. full asks for everything: the first notification,
	// one after a refresh, and one after a loss. It runs on the subscription's shard and must not wait.
	State(s *Subscription, full bool) Body
	// Over is told, on the shard and once, that the subscription has ended.
	Over(s *Subscription)
}

// Body is what a notification carries. Where Tail is not "", the subscription's version stands between
// Head and Tail (RFC 4235 §4.1, RFC 3680 §5.2): so one body serves many subscriptions.
type Body struct {
	Type       string // "" where there is none
	Head, Tail string
	Headers    []sip.Header // besides
}

// Refusal is what a request gets that is not let in.
type Refusal struct {
	Status  int
	Reason  string // "" for the standard's
	Headers []sip.Header
}

// Subscriber is the account that subscribed: who proved itself, never what a From header claims.
type Subscriber struct {
	Tenant  string `json:"tenant"`
	Account string `json:"account"`
}

// Request is what a subscriber asked for.
type Request struct {
	Who   Subscriber `json:"who"`
	URI   string     `json:"uri"`            // Request-URI
	Event string     `json:"event"`          // the package's name
	ID    string     `json:"id,omitempty"`   // Event's id parameter (RFC 6665 §8.2.1)
	Type  string     `json:"type"`           // the content type that the subscriber takes
	List  bool       `json:"list,omitempty"` // it takes the state of a list (RFC 4662 §4.1)
}

// Reason is why a subscription ended (RFC 6665 §4.1.3).
type Reason string

// The reasons of RFC 6665 §4.1.3. What the subscriber does with them is the same there.
const (
	Deactivated Reason = "deactivated" // subscribe again at once
	Probation   Reason = "probation"   // subscribe again later
	Rejected    Reason = "rejected"    // do not
	Timeout     Reason = "timeout"     // it was not refreshed, or unsubscribed
	GiveUp      Reason = "giveup"      // could not be authorised in time
	NoResource  Reason = "noresource"  // there is nothing of that name any more
	Invariant   Reason = "invariant"   // it will never change
)

// parseEvent reads an Event value: the package's name, its id and how often the subscriber wants to be
// told at most (RFC 6446 §5.1), 0 when it does not say.
func parseEvent(value string) (name, id string, interval time.Duration) {
	name, rest, _ := strings.Cut(value, ";")
	params := sip.Params(";" + rest)
	id, _ = params.Get("id")
	if rate, ok := params.Get("max-rate"); ok {
		if n, err := strconv.ParseFloat(rate, 64); err == nil && n > 0 {
			interval = time.Duration(min(float64(time.Second)/n, float64(maxInterval)))
		}
	}
	return strings.TrimSpace(name), id, interval
}

// maxInterval bounds what a subscriber may wish for: it is to be told before it has forgotten.
const maxInterval = 10 * time.Minute

// chooseType gives the content type of a package that the subscriber takes: "" for none. Without an Accept
// header field it takes the package's default (RFC 6665 §3.1.3).
func chooseType(req *sip.Message, types []string) string {
	if !req.Has(sip.Accept) || len(types) == 0 {
		return first(types)
	}
	for _, t := range types {
		kind, _, _ := strings.Cut(t, "/")
		for v := range req.Values(sip.Accept) {
			v, _, _ = strings.Cut(v, ";")
			v = strings.ToLower(strings.TrimSpace(v))
			if v == t || v == "*/*" || v == kind+"/*" {
				return t
			}
		}
	}
	return ""
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// accepts reports whether a subscriber names a content type among those that it takes.
func accepts(req *sip.Message, mediaType string) bool {
	for v := range req.Values(sip.Accept) {
		v, _, _ = strings.Cut(v, ";")
		if strings.EqualFold(strings.TrimSpace(v), mediaType) {
			return true
		}
	}
	return false
}

// EventList is the option tag of subscriptions to lists (RFC 4662 §4.1).
const EventList = "eventlist"

// takesList reports whether a subscriber takes the state of a list (RFC 4662 §4.1, §4.3).
func takesList(req *sip.Message) bool {
	return req.HasToken(sip.Supported, EventList) && accepts(req, "multipart/related") && accepts(req, "application/rlmi+xml")
}
