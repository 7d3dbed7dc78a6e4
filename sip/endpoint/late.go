package endpoint

import (
	"santral/sip"
	"santral/sip/dialog"
)

// left is what an attempt needs that was left for its silence: another hop has the request now, and
// nobody waits for this one. What it answers all the same must not stay half a call.
type left struct {
	req  *sip.Message     // as it was sent on that way
	acks map[string]*Sent // by To tag, for copies of a 2xx
}

// maxLate bounds the branches behind one such hop that get an ACK and a BYE.
const maxLate = 4

// leave stops the repetitions: a peer that comes back shall not begin to ring for nothing. The transaction
// stays until Timer B or F, to hear what comes late.
func (a *attempt) leave() {
	a.left = &left{req: a.req}
	a.m.Repeat = 0
	a.arm()
}

// late deals with the response to an INVITE that was left: a provisional one gets a CANCEL (RFC 3261 §9.1),
// a 2xx its ACK and a BYE at once (RFC 3261 §13.2.2.4). A refusal got its ACK from the machine, and other
// methods leave nothing behind.
func (a *attempt) late(res *sip.Message) {
	switch {
	case a.method != sip.INVITE:
	case res.Status < 200:
		a.sendCancel("")
	case res.Status < 300:
		a.disown(res)
	}
}

// disown acknowledges and ends what a late 2xx began.
func (a *attempt) disown(res *sip.Message) {
	s, tag := a.shard, res.ToTag()
	if ack := a.left.acks[tag]; ack != nil {
		ack.Resend()
		return
	}
	if len(a.left.acks) >= maxLate {
		return
	}
	d, err := dialog.FromResponse(a.left.req, res)
	if err != nil {
		return
	}
	if a.left.acks == nil {
		a.left.acks = map[string]*Sent{}
	}
	to := Next{Flow: a.flow, HasFlow: true}
	if uri, err := sip.ParseURI(d.NextHop()); err == nil {
		asked, _ := sip.ParseURI(a.uri)
		to.URI = uri
		to.HasFlow = len(d.Routes) == 0 && dialog.ByFlow(uri, asked.HostPort(), true, a.flow)
	}
	a.left.acks[tag] = s.Send(d.Ack(d.LocalSeq), to)
	s.Request(d.Request(sip.BYE), to, func(ClientEvent) {})
}
