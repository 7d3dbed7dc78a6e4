// Package dialog keeps what two user agents know of each other between requests (RFC 3261 §12): the
// identifiers, the route set, the remote target, and the order of requests.
//
// What lives here is data and pure functions on it. A [Dialog] sends nothing, waits for nothing and
// knows no usage: the INVITE usage is in the room invite, which owns the dialogs that it makes. All
// fields are exported and plain, so that a live dialog can be written out and read back as JSON.
package dialog

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"santral/sip"
)

// State is where a dialog stands in its life.
type State uint8

// The states of RFC 3261 §12.
const (
	UnknownState State = iota
	Early              // made by a provisional response
	Confirmed          // made or confirmed by a 2xx
	Terminated
)

// String names the state for logs.
func (s State) String() string {
	return [...]string{"unknown", "early", "confirmed", "terminated"}[s]
}

// Dialog is one peer-to-peer relationship as RFC 3261 §12 lists its state.
type Dialog struct {
	State     State    `json:"state"`
	CallID    string   `json:"call_id"`
	LocalTag  string   `json:"local_tag"`
	RemoteTag string   `json:"remote_tag"`           // "" for a peer of RFC 2543
	Local     string   `json:"local"`                // our From or To value, with the tag
	Remote    string   `json:"remote"`               // the peer's
	Target    string   `json:"target"`               // remote target URI
	Routes    []string `json:"routes,omitempty"`     // route set, next hop first, each as it was recorded
	LocalSeq  uint32   `json:"local_seq"`            // of the last request that we sent; 0 for none
	RemoteSeq uint32   `json:"remote_seq"`           // of the last request that came; 0 for none
	SessionID string   `json:"session_id,omitempty"` // Session-ID value of our requests, "" for none (RFC 7989 §5)
}

// Errors of the messages that should make a dialog.
var (
	ErrNoContact = errors.New("dialog: no usable Contact") // RFC 3261 §8.1.1.8, §12.1.1
	ErrNoTag     = errors.New("dialog: no tag in To")      // RFC 3261 §12.1
)

// FromRequest makes the server's side of a dialog out of the request that began it, with the tag
// that our responses carry (RFC 3261 §12.1.1). It stays early until Confirm is told otherwise.
func FromRequest(req *sip.Message, localTag string) (*Dialog, error) {
	target, err := contact(req)
	if err != nil {
		return nil, err
	}
	seq, err := req.CSeq()
	if err != nil {
		return nil, err
	}
	return &Dialog{
		State:     Early,
		CallID:    req.CallID(),
		LocalTag:  localTag,
		RemoteTag: req.FromTag(),
		Local:     req.Get(sip.To) + ";tag=" + localTag,
		Remote:    req.Get(sip.From),
		Target:    target,
		Routes:    recorded(req),
		RemoteSeq: seq.Seq,
	}, nil
}

// FromResponse makes the client's side of a dialog out of our request and a 101–299 response to it
// (RFC 3261 §12.1.2). A response without a Contact leaves the request's own URI as the target.
func FromResponse(req, res *sip.Message) (*Dialog, error) {
	d := &Dialog{
		State:     Early,
		CallID:    req.CallID(),
		LocalTag:  req.FromTag(),
		RemoteTag: res.ToTag(),
		Local:     req.Get(sip.From),
		Remote:    res.Get(sip.To),
		Target:    req.RequestURI,
		SessionID: req.Get(sip.SessionID),
	}
	seq, err := req.CSeq()
	if err != nil {
		return nil, err
	}
	if d.RemoteTag == "" && res.Status < 200 {
		return nil, ErrNoTag // RFC 3261 §12.1: only a 2xx of an RFC 2543 peer may lack it
	}
	d.LocalSeq = seq.Seq
	d.learn(res)
	return d, nil
}

// Confirm is told of the 2xx that confirms an early dialog of ours: the route set is computed anew
// from it (RFC 3261 §13.2.2.4).
func (d *Dialog) Confirm(res *sip.Message) { d.learn(res) }

// learn takes route set, target and state from a response to the request that began the dialog.
func (d *Dialog) learn(res *sip.Message) {
	d.Routes = recorded(res)
	slices.Reverse(d.Routes)
	if target, err := contact(res); err == nil {
		d.Target = target
	}
	if res.Status >= 200 {
		d.State = Confirmed
	}
}

// Refresh takes the target from a target refresh request or the 2xx to one (RFC 3261 §12.2.1.2,
// §12.2.2). The route set never changes after the dialog is confirmed. It reports whether the
// target is another one now.
func (d *Dialog) Refresh(m *sip.Message) bool {
	target, err := contact(m)
	if err != nil || target == d.Target {
		return false
	}
	d.Target = target
	return true
}

// Receive notes the sequence number of a request of the peer's and reports whether it is in order;
// one that is not deserves a 500 (RFC 3261 §12.2.2). ACK and CANCEL are not counted and not asked.
func (d *Dialog) Receive(seq uint32) bool {
	if d.RemoteSeq != 0 && seq <= d.RemoteSeq {
		return false
	}
	d.RemoteSeq = seq
	return true
}

// Request builds a request within the dialog (RFC 3261 §12.2.1.1) with the next sequence number:
// everything but Via, Contact, Content-Length and body.
func (d *Dialog) Request(method sip.Method) *sip.Message {
	d.LocalSeq++
	return d.build(method, d.LocalSeq)
}

// Ack builds the ACK to a 2xx whose INVITE had the number seq (RFC 3261 §13.2.2.4).
func (d *Dialog) Ack(seq uint32) *sip.Message { return d.build(sip.ACK, seq) }

func (d *Dialog) build(method sip.Method, seq uint32) *sip.Message {
	uri, routes, last := d.Target, d.Routes, ""
	if len(routes) > 0 && !loose(routes[0]) { // RFC 3261 §12.2.1.1: a strict router comes first
		uri, routes, last = strictURI(routes[0]), routes[1:], "<"+d.Target+">"
	}
	m := sip.NewRequest(method, uri)
	for _, r := range routes {
		m.Add(sip.Route, r)
	}
	if last != "" {
		m.Add(sip.Route, last)
	}
	m.Set(sip.MaxForwards, "70")
	m.Set(sip.From, d.Local)
	m.Set(sip.To, d.Remote)
	m.Set(sip.CallID, d.CallID)
	m.Set(sip.CSeqKind, strconv.FormatUint(uint64(seq), 10)+" "+string(method))
	if d.SessionID != "" {
		m.Set(sip.SessionID, d.SessionID)
	}
	return m
}

// NextHop is the URI that a request within the dialog is sent to: the first route, or the target
// when nothing was recorded (RFC 3261 §8.1.2).
func (d *Dialog) NextHop() string {
	if len(d.Routes) > 0 {
		return routeURI(d.Routes[0])
	}
	return d.Target
}

// CopyRecordRoute puts the Record-Route fields of a request into a response of ours that makes or
// confirms a dialog, in their order (RFC 3261 §12.1.1).
func CopyRecordRoute(res, req *sip.Message) {
	for i := range req.Headers {
		if h := &req.Headers[i]; h.Kind == sip.RecordRoute {
			res.Add(sip.RecordRoute, h.Value)
		}
	}
}

// contact gives the URI of a message's one Contact; several, "*" or none at all are an error.
func contact(m *sip.Message) (uri string, err error) {
	for a, err := range m.Contacts() {
		if err != nil || uri != "" || a.RawURI == "" || a.RawURI == "*" {
			return "", ErrNoContact
		}
		uri = a.RawURI
	}
	if uri == "" {
		return "", ErrNoContact
	}
	return uri, nil
}

// recorded gives a message's route set in the order of its Record-Route fields.
func recorded(m *sip.Message) (routes []string) {
	for v := range m.Values(sip.RecordRoute) {
		routes = append(routes, v)
	}
	return routes
}

// routeURI is the URI within a route, as it stands.
func routeURI(route string) string {
	a, err := sip.ParseAddress(route)
	if err != nil {
		return strings.Trim(route, "<> ")
	}
	return a.RawURI
}

// loose reports whether the route's server is a loose router (RFC 3261 §16.4, §19.1.1).
func loose(route string) bool {
	a, err := sip.ParseAddress(route)
	return err != nil || a.URI.Params.Has("lr")
}

// strictURI is a route's URI without what must not stand in a Request-URI (RFC 3261 §19.1.1).
func strictURI(route string) string {
	uri := routeURI(route)
	u, err := sip.ParseURI(uri)
	if err != nil || u.Headers == "" && !u.Params.Has("method") {
		return uri
	}
	u.Headers, u.Params = "", u.Params.Without("method")
	return u.String()
}

// FromNotify makes the subscriber's side of a dialog out of the NOTIFY that establishes it; seq is the number
// of our SUBSCRIBE (RFC 6665 §4.4.1).
func FromNotify(req *sip.Message, seq uint32) (*Dialog, error) {
	target, err := contact(req)
	if err != nil {
		return nil, err
	}
	theirs, err := req.CSeq()
	if err != nil {
		return nil, err
	}
	return &Dialog{
		State:     Confirmed,
		CallID:    req.CallID(),
		LocalTag:  req.ToTag(),
		RemoteTag: req.FromTag(),
		Local:     req.Get(sip.To),
		Remote:    req.Get(sip.From),
		Target:    target,
		Routes:    recorded(req),
		LocalSeq:  seq,
		RemoteSeq: theirs.Seq,
	}, nil
}
