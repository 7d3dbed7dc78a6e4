package trunk

import (
	"log/slog"
	"slices"
	"time"

	"santral/call"
	"santral/tenant"
)

// How a place is judged. A call's failure and an unanswered OPTIONS count alike.
const (
	downAfter  = 3                // failures in a row until no call is tried any more
	quarantine = 30 * time.Second // how long, where nobody asks by OPTIONS
	firstShare = 1.0 / 8          // of new calls, when a place returns; each success doubles it
)

// place is one address of a trunk. It belongs to its trunk's mutex.
type place struct {
	uri    string
	health Health
	since  time.Time
	reason string
	failed int     // in a row
	share  float64 // while it returns
	status int
	rtt    time.Duration

	silences int       // calls in a row whose media did not come
	silent   time.Time // until then its calls come last for that; zero for none
}

// How long calls come last by a place whose media does not come: twice as long for each call in a row, up to the most.
const (
	silentTime = time.Minute
	silentMost = 32 * time.Minute
)

// Sounded tells whether the media of a call that was answered came (call.Trunks). A place whose media is dead is tried after
// all others for a while; signalling says nothing of it.
func (t *Trunks) Sounded(target call.Target, came bool) {
	k := t.find(target.Tenant, target.Trunk)
	if k == nil {
		return
	}
	k.mu.Lock()
	p := k.placeOfLocked(target.URI)
	if p == nil || came && p.silences == 0 {
		k.mu.Unlock()
		return
	}
	uri, wait := p.uri, time.Duration(0)
	if came {
		p.silences, p.silent = 0, time.Time{}
	} else {
		wait = min(silentTime<<min(p.silences, 10), silentMost)
		p.silences++
		p.silent = time.Now().Add(wait)
	}
	k.mu.Unlock()
	if came {
		k.log(slog.LevelInfo, "media comes again", "place", uri)
	} else {
		k.log(slog.LevelError, "no media comes", "place", uri, "last for", wait)
	}
}

func (p *place) show() Place {
	s := Place{URI: p.uri, Health: p.health, Since: p.since, Reason: p.reason, Share: 1, Status: p.status, RTT: p.rtt}
	switch p.health {
	case Down:
		s.Share = 0
	case Returning:
		s.Share = p.share
	}
	if time.Now().Before(p.silent) {
		s.Silent = p.silent
	}
	return s
}

// setHealth is the only place where a place's health changes. It gives what to log, once the mutex is free.
func (k *trunk) setHealthLocked(p *place, h Health, why string) func() {
	old := p.health
	if old == h {
		return func() {}
	}
	p.health, p.since, p.reason = h, time.Now(), why
	level := slog.LevelInfo
	switch h {
	case Degraded:
		level = slog.LevelWarn
	case Down:
		level = slog.LevelError
	case Returning:
		p.share = firstShare
	}
	uri := p.uri
	return func() {
		k.log(level, "trunk", "place", uri, "from", old.String(), "to", h.String(), "reason", why)
	}
}

// well notes that a place answered.
func (k *trunk) well(p *place, why string) {
	k.mu.Lock()
	p.failed = 0
	tell := func() {}
	switch p.health {
	case Unproven, Degraded:
		tell = k.setHealthLocked(p, Up, why)
	case Down:
		tell = k.setHealthLocked(p, Returning, why)
	case Returning:
		if p.share *= 2; p.share >= 1 {
			tell = k.setHealthLocked(p, Up, why)
		}
	}
	k.mu.Unlock()
	tell()
}

// ill notes that a place did not serve.
func (k *trunk) ill(p *place, why string) {
	k.mu.Lock()
	p.failed++
	tell := func() {}
	switch {
	case p.health == Down:
		if k.noun().Options == 0 {
			p.since = time.Now()
		}
	case p.failed >= downAfter || p.health == Returning:
		tell = k.setHealthLocked(p, Down, why)
	default:
		tell = k.setHealthLocked(p, Degraded, why)
	}
	k.mu.Unlock()
	tell()
}

// Tried tells how an attempt of a call came out (call.Trunks). What a callee or its phone decided says that
// the trunk works.
func (t *Trunks) Tried(target call.Target, refusal *call.Cause) {
	k := t.find(target.Tenant, target.Trunk)
	if k == nil {
		return
	}
	bad := refusal != nil && (refusal.SIP == 503 || refusal.SIP == 408 || refusal.Q850 == 27)
	k.mu.Lock()
	if bad {
		k.failures++
	}
	p := k.placeOfLocked(target.URI)
	k.mu.Unlock()
	switch {
	case p == nil:
	case bad:
		k.ill(p, "a call: "+refusal.Text)
	default:
		k.well(p, "a call")
	}
}

// placeOfLocked finds the place that a target was made of.
func (k *trunk) placeOfLocked(uri string) *place {
	for _, p := range k.places {
		if hostPart(uri) == hostPart(p.uri) {
			return p
		}
	}
	return nil
}

// choose sorts the places of a trunk that may be tried: now, in their order, and those that only return and
// whose turn it is not, for the case that there is nothing better.
func (k *trunk) choose(now time.Time) (first, late []*place) {
	k.mu.Lock()
	var tell []func()
	for _, p := range k.places {
		if p.health == Down && k.noun().Options == 0 && now.Sub(p.since) >= quarantine {
			tell = append(tell, k.setHealthLocked(p, Returning, "the quarantine is over"))
		}
	}
	for _, want := range []Health{Up, Degraded} {
		for _, p := range k.places {
			switch h := p.health; {
			case h == want || h == Unproven && want == Up:
				first = append(first, p)
			case h == Returning && want == Degraded:
				if k.turn += p.share; k.turn >= 1 {
					k.turn--
					first = append([]*place{p}, first...)
				} else {
					late = append(late, p)
				}
			}
		}
	}
	first = slices.DeleteFunc(first, func(p *place) bool {
		if now.Before(p.silent) {
			late = append(late, p)
			return true
		}
		return false
	})
	k.mu.Unlock()
	for _, f := range tell {
		f()
	}
	return first, late
}

// registeredLocked reports whether the carrier has us registered, as far as we know.
func (k *trunk) registeredLocked(now time.Time) bool {
	return k.noun().Mode != tenant.Registers || now.Before(k.state.Until)
}
