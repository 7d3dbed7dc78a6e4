package cdr

import (
	"encoding/json"
	"time"

	"santral/call"
	"santral/store"
)

// record is a call record in the making. Its exported part is what is put down when a call goes on for
// so long that its first events lie far back in the ledger.
type record struct {
	progress

	since  store.Pos // the group of its first event that is not in what was put down
	unread bool      // since holds
	kept   bool      // something of it was put down
	until  store.Pos // events before it are in what was put down
}

type progress struct {
	CDR  store.CDR `json:"cdr"`
	Legs []leg     `json:"legs"`
	Lead string    `json:"lead,omitempty"` // the leg that stands in the caller's place
	Told time.Time `json:"told,omitzero"`  // when the first call of its story began, where that is another
	Last time.Time `json:"last"`           // time of its last event
	Over bool      `json:"over"`
}

type leg struct {
	store.CDRLeg
	HeldSince time.Time `json:"held_since,omitzero"`
	Over      bool      `json:"over"`
}

// first is the leg that began every call.
const first = "a"

// ms cuts a time to what a record keeps: whole milliseconds, UTC.
func ms(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// apply folds one event into the record. It reports whether the call is over.
func (r *record) apply(e *call.Event) bool {
	at := ms(e.At)
	if at.After(r.Last) {
		r.Last = at
	}
	c := &r.CDR
	switch e.Kind {
	case call.Began:
		c.Began, c.Dialled, c.MadeBy, c.FromCall = at, e.Dialled, e.By, string(e.Other)
		if p := e.From; p != nil {
			c.Tenant, c.FromAccount, c.FromNumber, c.FromName = p.Tenant, p.Account, p.Number, p.Name
			c.FromTrunk, c.Site, c.Department = p.Trunk, p.Site, p.Department
			if p.Said != p.Number {
				c.Said = p.Said
			}
			if p.Source.IsValid() {
				c.Source = p.Source.String()
			}
		}
	case call.Routed:
		c.To, c.Number, c.Calls, c.Because, c.Revision = e.To, e.Number, e.Calls, e.Because, e.Rev
		c.ToTenant, c.ToSite, c.ToDepartment, c.Shown = "", e.Site, e.Dept, ""
		if e.Tenant != c.Tenant {
			c.ToTenant = e.Tenant
		}
		if e.Shown != c.FromNumber {
			c.Shown = e.Shown
		}
	case call.LegBegan:
		l := r.leg(e.Leg, at)
		l.take(e.Detail)
		l.FromCall = string(e.Other)
		if e.Other != "" && l.FromCall == c.ToCall {
			c.ToCall = "" // who was sent on is back
		}
	case call.LegLeads:
		r.Lead = string(e.Leg)
	case call.Transfer:
		c.ToCall = string(e.Other)
	case call.LegRinging:
		l := r.leg(e.Leg, at)
		if l.Ringing.IsZero() {
			l.Ringing = at
		}
		if c.Ringing.IsZero() {
			c.Ringing = at
		}
	case call.LegAnswered:
		l := r.leg(e.Leg, at)
		if l.Answered.IsZero() {
			l.Answered = at
		}
		l.codec(e.Codec)
	case call.LegHeld:
		if l := r.leg(e.Leg, at); l.HeldSince.IsZero() {
			l.HeldSince = at
		}
	case call.LegResumed:
		r.leg(e.Leg, at).resume(at)
	case call.LegNoticed:
		r.leg(e.Leg, at).notice(at, e)
	case call.LegEnded:
		l := r.leg(e.Leg, at)
		if !l.Over {
			l.resume(at)
			l.take(e.Detail)
			l.codec(e.Codec)
			l.end(at, e.Cause)
			l.ToCall = string(e.Other)
		}
	case call.EndedCall:
		r.end(at, e)
	}
	return r.Over
}

// leg gives the leg with an id, which begins now when nobody has said so.
func (r *record) leg(id call.LegID, at time.Time) *leg {
	for i := range r.Legs {
		if r.Legs[i].Leg == string(id) {
			return &r.Legs[i]
		}
	}
	if r.Legs == nil {
		r.Legs = make([]leg, 0, 2)
	}
	r.Legs = append(r.Legs, leg{CDRLeg: store.CDRLeg{Leg: string(id), Began: at}})
	return &r.Legs[len(r.Legs)-1]
}

func (l *leg) codec(name string) {
	if name != "" {
		l.Codec = name
	}
}

func (l *leg) resume(at time.Time) {
	if !l.HeldSince.IsZero() {
		l.Held += between(l.HeldSince, at)
		l.HeldSince = time.Time{}
	}
}

// take copies what is known of the leg; what is not known any more at its end stays as it was.
func (l *leg) take(d *call.LegDetail) {
	if d == nil {
		return
	}
	if d.Direction != call.UnknownDirection {
		l.Direction = d.Direction.String()
	}
	for _, m := range [...]struct {
		to   *string
		from string
	}{
		{&l.Tenant, d.Tenant}, {&l.Sent, d.Sent}, {&l.Shown, d.Shown}, {&l.Account, d.Account}, {&l.Trunk, d.Trunk}, {&l.Number, d.Number}, {&l.Target, d.Target}, {&l.SIPCallID, d.SIPCallID}, {&l.SessionID, d.SessionID}, {&l.Local, d.Local},
		{&l.Remote, d.Remote}, {&l.Transport, d.Transport}, {&l.UserAgent, d.UserAgent}, {&l.Media, d.Media},
	} {
		if m.from != "" {
			*m.to = m.from
		}
	}
	if len(d.Quality) == 0 {
		return
	}
	l.Streams = make([]store.Stream, len(d.Quality))
	for i := range d.Quality {
		l.Streams[i] = Stream(&d.Quality[i])
	}
}

// notice keeps what was noticed, as much as there is room for.
func (l *leg) notice(at time.Time, e *call.Event) {
	if len(l.Notices) >= store.MostNotices {
		return
	}
	n := store.Notice{At: at, What: e.What, Text: e.Text}
	if e.Addr.IsValid() {
		n.Addr = e.Addr.String()
	}
	l.Notices = append(l.Notices, n)
}

func (l *leg) end(at time.Time, why *call.Cause) {
	l.Ended, l.Over = at, true
	if why != nil {
		l.SIP, l.Q850, l.Cause = why.SIP, why.Q850, why.Text
	}
}

// end closes the record: what is left open ends with the call, and what follows from its events is
// worked out.
func (r *record) end(at time.Time, e *call.Event) {
	c := &r.CDR
	r.Over = true
	c.Ended, c.EndedBy = at, e.By
	if c.Began.IsZero() {
		c.Began = at
	}
	var why call.Cause
	if e.Cause != nil {
		why = *e.Cause
	}
	c.SIP, c.Q850, c.Cause = why.SIP, why.Q850, why.Text
	c.Legs = make([]store.CDRLeg, len(r.Legs))
	for i := range r.Legs {
		l := &r.Legs[i]
		if !l.Over {
			l.resume(at)
			l.end(at, e.Cause)
		}
		if l.Leg == first && l.SIP == call.Cancelled.SIP {
			l.Answered = time.Time{} // the caller's CANCEL overtook our 200
		}
		c.Legs[i] = l.CDRLeg
	}
	r.answered()
	switch {
	case !c.Ringing.IsZero():
		c.PostDialDelay = between(c.Began, c.Ringing)
	case !c.Answered.IsZero():
		c.PostDialDelay = between(c.Began, c.Answered)
	}
	if !c.Answered.IsZero() {
		c.TalkTime = between(c.Answered, c.Ended)
	}
	if !c.Ringing.IsZero() {
		until := c.Ended
		if !c.Answered.IsZero() {
			until = c.Answered
		}
		c.RingTime = max(0, between(c.Ringing, until))
	}
	c.State = state(c, why)
	c.Derive()
}

// answered works out when the call was answered and by whom: when the caller got its answer, by the
// first leg outwards that gave one, or by the service.
func (r *record) answered() {
	c := &r.CDR
	var by *store.CDRLeg
	var lead time.Time
	for i := range c.Legs {
		l := &c.Legs[i]
		if l.Leg == first {
			c.Answered = l.Answered
			if l.Codec != "" {
				c.Codec = l.Codec
			}
			continue
		}
		if l.Leg == r.Lead {
			lead = l.Answered
			continue
		}
		if !l.Answered.IsZero() && (by == nil || l.Answered.Before(by.Answered)) {
			by = l
		}
	}
	if c.Answered.IsZero() { // the one that began the call was replaced before anybody answered
		c.Answered = lead
	}
	if c.Answered.IsZero() {
		return
	}
	c.AnsweredBy = c.To
	if by != nil {
		if c.AnsweredBy = by.Account; by.Account == "" {
			c.AnsweredBy = by.Trunk
		}
		if c.Codec == "" {
			c.Codec = by.Codec
		}
	}
}

func between(from, to time.Time) store.Millis { return store.Millis(to.Sub(from).Milliseconds()) }

func state(c *store.CDR, why call.Cause) store.CDRState {
	switch {
	case why == call.Interrupted:
		return store.Interrupted
	case !c.Answered.IsZero():
		return store.Answered
	case why.Q850 == call.Busy.Q850 || why.SIP == 486 || why.SIP == 600:
		return store.Busy
	case why.SIP == call.Cancelled.SIP:
		return store.Cancelled
	case why.Q850 == call.NoAnswer.Q850 || why.Q850 == call.NoResponse.Q850:
		return store.NoAnswer
	}
	return store.Failed
}

// keep puts down what is known of the call, up to the place until.
func (r *record) keep(until store.Pos) (store.OpenCall, error) {
	text, err := json.Marshal(&r.progress)
	if err != nil {
		return store.OpenCall{}, err
	}
	r.kept, r.unread, r.until = true, false, until
	return store.OpenCall{Call: r.CDR.Call, Until: until, State: text}, nil
}

// restore takes up what was put down.
func restore(o store.OpenCall) (*record, error) {
	r := &record{kept: true, until: o.Until}
	if err := json.Unmarshal(o.State, &r.progress); err != nil {
		return nil, err
	}
	return r, nil
}
