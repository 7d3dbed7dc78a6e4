package control_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"santral/call"
	"santral/call/control"
	"santral/media/sdp"
	"santral/media/session"
)

// quick is a house and a leg at once, whose phones do what is next at once: it costs nearly nothing, so
// that what a benchmark sees is control.
type quick struct {
	offer, answer *sdp.Description
	target        []call.Target
	done          chan struct{}
}

func (q *quick) Route(_ call.Party, dialled string, _ time.Time) call.Destination {
	return call.Destination{Kind: call.ToAccount, Tenant: "t", Account: dialled, Number: dialled}
}
func (q *quick) Contacts(string, string) ([]call.Target, bool) { return q.target, true }
func (q *quick) Take(call.Taking) call.Taken                   { return call.Taken{Release: func() {}} }
func (q *quick) TakeOutside(call.ID, call.Party, *call.Destination, bool) call.Taken {
	return call.Taken{Release: func() {}}
}
func (q *quick) Append(call.Event)                {}
func (q *quick) Commit(_ call.Event, done func()) { done() }
func (q *quick) Full() bool                       { return false }
func (q *quick) Dial(_ context.Context, d call.Dial, inbox call.Inbox) call.Leg {
	l := &quickLeg{house: q, id: d.Leg, inbox: inbox}
	l.post(call.LegEvent{Kind: call.Progressed, Status: 180})
	l.post(call.LegEvent{Kind: call.Answered, Desc: q.answer})
	return l
}

type quickLeg struct {
	house *quick
	id    call.LegID
	inbox call.Inbox
	ready chan struct{}
}

func (l *quickLeg) post(e call.LegEvent) {
	e.Leg, e.At = l.id, time.Now()
	l.inbox.Post(e)
}

func (l *quickLeg) ID() call.LegID                    { return l.id }
func (l *quickLeg) Media() *session.Session           { return nil }
func (l *quickLeg) Detail() call.LegDetail            { return call.LegDetail{SIPCallID: "a84b4c76e66710"} }
func (l *quickLeg) Progress(call.Progress)            {}
func (l *quickLeg) Reject(call.Cause)                 {}
func (l *quickLeg) Offer(*sdp.Description)            {}
func (l *quickLeg) Accept(*sdp.Description)           {}
func (l *quickLeg) Refuse(call.Cause)                 {}
func (l *quickLeg) SendKey(byte, time.Duration)       {}
func (l *quickLeg) Inform(call.Info)                  {}
func (l *quickLeg) Connected(call.Party, call.Traits) {}
func (l *quickLeg) Answer(*sdp.Description) {
	<-l.ready // Incoming has returned
	l.post(call.LegEvent{Kind: call.Confirmed})
	l.post(call.LegEvent{Kind: call.Ended, Cause: call.NormalClearing, Finish: func() { l.house.done <- struct{}{} }})
}
func (l *quickLeg) Hangup(c call.Cause) {
	l.post(call.LegEvent{Kind: call.Ended, Cause: c})
}

// BenchmarkCall is a whole call of two legs: INVITE, ringing, answer, ACK, BYE.
func BenchmarkCall(b *testing.B) {
	q := &quick{offer: offer, answer: answer, target: []call.Target{{URI: "sip:102@192.0.2.2"}}, done: make(chan struct{})}
	k := control.New(control.Config{Router: q, Contacts: q, Channels: q, Ledger: q, Dialer: q})
	from := call.Party{Tenant: "t", Account: "101", Number: "101"}
	b.ReportAllocs()
	for b.Loop() {
		l := &quickLeg{house: q, id: "a", ready: make(chan struct{})}
		l.inbox = k.Incoming(l, call.Arrival{Call: "1", From: from, Dialled: "102", Offer: offer, Hops: 70})
		close(l.ready)
		<-q.done
		for k.Stats().Live != 0 { // its loop is about to leave
			runtime.Gosched()
		}
	}
}
