package invite

import (
	"cmp"
	"errors"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// ErrHungUp is the end of an attempt whose peer sent BYE before it answered.
var ErrHungUp = errors.New("invite: the peer left before it answered")

// Connect sends an INVITE and makes its session. req has everything but Via and Contact: From with
// our tag, To, Call-ID, CSeq and the body, none to ask the peer for an offer. Supported may be there;
// without a body "100rel" is left out of ours, so that no offer comes before the answer. prepare gives the
// Contact value for the way that the request takes, and may change the request for it, but for what
// names the dialog: what it puts beside the description in the body goes with the INVITE alone. The session keeps req.
func Connect(cfg *Config, shard *endpoint.Shard, req *sip.Message, to endpoint.Next, prepare func(*sip.Message, sip.Flow) string, h Handler) *Session {
	s := &Session{cfg: cfg, shard: shard, handler: h, timers: shard.Timers(), state: Calling, request: req, outbound: true, offered: req.Body}
	req.Set(sip.Allow, cfg.allow())
	if !req.Has(sip.Supported) && cfg.Supported != "" {
		req.Set(sip.Supported, cfg.supports(req.Body != ""))
	}
	s.packages = req.Get(sip.RecvInfo)
	s.askLease(req)
	if cfg.Reliable == ReliableRequired {
		req.Add(sip.Require, reliably)
	}
	if cfg.UserAgent != "" {
		req.Set(sip.UserAgent, cfg.UserAgent)
	}
	to.Prepare = func(req *sip.Message, flow sip.Flow) {
		s.contact = prepare(req, flow)
		req.Set(sip.Contact, s.contact)
	}
	s.path.to = to
	s.attach("") // requests of any branch, until one of them has answered
	s.client = shard.Request(req, to, s.onInvite)
	return s
}

// Silent reports whether nobody has said anything to our INVITE yet, and for how long the last place that it
// can go to has been asked (see endpoint.ClientTx).
func (s *Session) Silent() (last time.Duration, silent bool) {
	if s.state != Calling || s.client == nil {
		return 0, false
	}
	return s.client.Silent()
}

// onInvite is told of everything that comes back to our INVITE.
func (s *Session) onInvite(ev endpoint.ClientEvent) {
	if s.state == Calling { // a branch that comes too late tells nothing of the peer
		s.hear(ev.Response)
	}
	switch res := ev.Response; {
	case res == nil:
		s.onFailure(nil, ev.Err)
	case res.Status < 200:
		s.onProvisional(res)
	case res.Status < 300:
		s.onSuccess(res)
	default:
		s.onFailure(res, nil)
	}
}

func (s *Session) onProvisional(res *sip.Message) {
	if s.state != Calling || res.Status == 100 {
		return
	}
	if b := s.branch(res); b != nil {
		b.can.learn(res)
		if !s.take(b, res) {
			return
		}
		if res.Status == 199 { // RFC 6228 §4: this branch is over
			s.forget(b.dialog.RemoteTag)
		}
	}
	s.tell(Progressed, res, nil)
}

// onSuccess takes a 2xx: the first makes the session, the same once more gets its ACK once more, and
// one of another branch or after we gave up is acknowledged and ended at once (RFC 3261 §13.2.2.4).
func (s *Session) onSuccess(res *sip.Message) {
	tag := res.ToTag()
	switch {
	case s.won != nil && s.won.tag == tag:
		s.again(s.won)
	case s.state == Calling:
		s.establish(res, tag)
	default:
		s.stray(res, tag)
		if s.state == Cancelling {
			s.end()
		}
	}
}

func (s *Session) establish(res *sip.Message, tag string) {
	b := s.find(tag)
	if b != nil {
		b.dialog.Confirm(res)
		s.forget(tag)
	} else {
		d, err := dialog.FromResponse(s.request, res)
		if err != nil {
			s.onFailure(nil, err)
			return
		}
		b = &branch{dialog: d}
	}
	b.can.learn(res)
	d := b.dialog
	if s.mark != "" {
		d.SessionID = s.mark
	}
	s.forked = s.forked || len(s.early) > 0
	s.dialog, s.can, s.settled = d, b.can, b.settled
	s.owed = nil // an answer to what was offered before has no way any more, but for the ACK
	s.agree(cmp.Or(b.ours, s.offered), "")
	if s.theirs = b.theirs; s.theirs == 0 {
		s.theirs = sumOf(res.Body)
	}
	s.elsewhere(d)
	s.path.reached(s.request, s.client.Flow())
	s.attach(tag)
	s.takeLease(res)
	s.won = &acked{tag: tag, seq: s.number()}
	s.hearing = s.shard.After(s.timers.Timeout(), s.unlisten)
	if s.request.Body == "" && !s.settled {
		s.state, s.due = Unacked, s.won
	} else {
		s.state, s.settled = Established, true
		s.acknowledge(s.won, d, s.next(), "")
	}
	s.tell(Accepted, res, nil)
}

// unlisten lets go of our INVITE, 64·T1 after it was answered or when it does not matter any more:
// no further 2xx is heard (RFC 3261 §13.2.2.4), and a long call keeps little memory.
func (s *Session) unlisten() {
	stop(&s.hearing)
	s.client.Forget()
	s.client, s.request, s.offered, s.won, s.strays, s.early = nil, nil, "", nil, nil, nil
}

// onFailure ends the attempt: refused, timed out or unreachable. A challenge is answered when we have
// an account for it.
func (s *Session) onFailure(res *sip.Message, err error) {
	switch s.state {
	case Cancelling:
		s.end()
	case Calling:
		again := s.authorize(nil, s.request, res)
		if again == nil {
			again = s.longer(nil, s.request, res)
		}
		if again != nil {
			s.request, s.early, s.owed = again, nil, nil
			s.client = s.shard.Request(again, s.path.to, s.onInvite)
			return
		}
		s.end()
		s.tell(Failed, res, err)
	}
}

// number is the sequence number of the INVITE that began the session. Those of its dialogs have grown
// with each PRACK.
func (s *Session) number() uint32 {
	seq, _ := s.request.CSeq()
	return seq.Seq
}
