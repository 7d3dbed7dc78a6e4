// Package invite is the INVITE usage of a dialog (RFC 3261 §13, §14, §15, with RFC 6337 for the
// order of offers and answers): how a session is set up, changed and ended between two user agents.
//
// What lives here is one [Session], with a file for each phase: connect (we call), accept (we are
// called), fork, reliable and prack (provisional answers that are acknowledged), ack, modify, update,
// lease (session timers), bye, info, freeze. A session description is opaque text here; who is
// calling whom and what a call is are not known either. A Session is owned by the endpoint's shard
// of its Call-ID: its methods are called there and its handler is told there, so it has no lock.
package invite

import (
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
	"santral/sip/transaction"
)

// Allow is the methods that a session serves, as the Allow header field lists them.
const Allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE"

// referring is what Allow has besides where a session takes a REFER.
const referring = ", REFER, SUBSCRIBE"

// allow gives the methods that sessions serve.
func (c *Config) allow() string {
	if c.Refer {
		return Allow + referring
	}
	return Allow
}

// ContentType is the type of every body that Progress, Accept, Modify and Answer are given.
const ContentType = "application/sdp"

// Config is what the sessions of a user agent share. It is not changed once a session uses it.
type Config struct {
	UserAgent string   // User-Agent of our requests; "" for none
	Supported string   // option tags of what we can do; "" for none
	Refer     bool     // REFERs are taken (Referred); otherwise 405
	Account   *Account // answers challenges of the peer's side; nil: a challenge is a refusal
	Reliable  Reliability
	// Session is how long a session lives without a refresh (RFC 4028); 0 asks for none, though one that the
	// peer asks for is kept. MinSession is the shortest that is taken, at least 90 s.
	Session    time.Duration
	MinSession time.Duration
	// Stranger is asked about a request within a dialog that comes from elsewhere than what the
	// peer sent before: whoever knows the dialog's identifiers is not yet the peer. It reports whether
	// the request may pass, and has answered it when not. nil lets them all pass.
	Stranger func(s *Session, tx *endpoint.ServerTx) bool
	// Heard is told of every request and response of the peer's within the session before anything comes
	// of it, so that Mark can follow what it says. nil for nobody.
	Heard func(s *Session, m *sip.Message)
	// Moved is asked before a request within a dialog is sent, and when one got no answer, whether the peer
	// is known to have gone to another flow since it was last asked. It must not wait. nil: peers stay.
	Moved func(s *Session) (to sip.Flow, moved bool)
}

// Reliability is what a user agent makes of provisional answers that are acknowledged (RFC 3262).
type Reliability uint8

// What may be made of them. Supported is the usual: an answer is sent reliably where the peer demands it,
// or knows how and the answer describes a session; what only says that it rings is not worth the way.
// Off is for a peer whose PRACK is broken: "100rel" must then not be in Config.Supported.
const (
	ReliableSupported Reliability = iota
	ReliableOff
	ReliableRequired // every call must know it, on both sides: others get 421
)

// State is where a session stands.
type State uint8

// The states of a session, whichever side began it.
const (
	UnknownState State = iota
	Calling            // our INVITE has no final answer yet
	Cancelling         // we gave up, and the INVITE has no final answer yet
	Incoming           // the peer's INVITE has no final answer yet
	Answered           // our 2xx is not acknowledged yet
	Unacked            // the peer's 2xx made an offer, which Answer answers
	Established
	Ending // our BYE is under way
	Ended
)

// String names the state for logs.
func (s State) String() string {
	return [...]string{"unknown", "calling", "cancelling", "incoming", "answered", "unacked", "established", "ending", "ended"}[s]
}

// Handler is told what happens in a session, on the shard. It may call the session's methods.
type Handler interface {
	Handle(Event)
}

// Event is one thing that happened. Which fields hold depends on Kind.
type Event struct {
	Kind    EventKind
	Message *sip.Message // what came from the peer; nil when nothing did
	Err     error        // why, when there is no message: endpoint.ErrTimeout, endpoint.ErrTransport, ErrLostAck …
	Refer   *Referral    // Referred
}

// EventKind says what happened.
type EventKind uint8

// What a session tells. Failed and Gone are the last event of a session, exactly one of them;
// a session that we ended ourselves tells nothing more.
const (
	UnknownEvent EventKind = iota
	Progressed             // we called: a 101–199 came; when it makes an offer that must be acknowledged, Answer is due
	Accepted               // we called: a 2xx came; when our INVITE made no offer, Answer is due
	Failed                 // we called: a final refusal (Message), or Err
	Confirmed              // we were called: the ACK came (Message)
	Offered                // the peer asks for a change (Message is its INVITE, UPDATE or PRACK): AcceptChange or RefuseChange is due
	Changed                // our Modify: the 2xx (Message); when we made no offer, Answer is due
	Refused                // our Modify: refused (Message) or impossible now (Err); the session is as it was
	Settled                // the ACK to our AcceptChange of a re-INVITE came (Message)
	Refreshed              // nothing changes: the peer's request said so (Message), and is answered, or its 2xx to ours
	Informed               // an INFO or a MESSAGE came (Message) and is answered
	Acknowledged           // we were called: the PRACK to our description came (Message), with the answer when that was an offer
	Referred               // a REFER came (Message): Refer.Notify or Refer.Refuse is due
	Gone                   // BYE or CANCEL came (Message; Finish is due for a BYE), or the peer is lost (Err)
)

// String names the kind for logs.
func (k EventKind) String() string {
	return [...]string{"unknown", "progressed", "accepted", "failed", "confirmed", "offered", "changed", "refused", "settled", "refreshed", "informed", "acknowledged", "referred", "gone"}[k]
}

// Session is one INVITE session with one peer.
type Session struct {
	// parameters
	cfg     *Config
	shard   *endpoint.Shard
	handler Handler
	contact string // our Contact value in this session
	timers  transaction.Timers

	// state
	state   State
	mark    string         // Session-ID of what we send, "" for none
	dialog  *dialog.Dialog // nil until a response makes it, when we call
	key     endpoint.DialogID
	keyed   bool // key is attached
	path    path
	request *sip.Message // the INVITE that began it

	// what the peer can, and what was agreed
	can     abilities
	settled bool               // a description was offered and answered, reliably
	ours    string             // our description as it holds, "" for none yet
	theirs  uint64             // sum of the peer's, 0 for none yet
	asked   *endpoint.ServerTx // UPDATE or PRACK of the peer's with an offer, which waits for our answer
	askedIn *dialog.Dialog     // its dialog

	packages string // INFO packages that the peer may send, "" for none
	life     lease

	// we are called
	invite  *endpoint.ServerTx // INVITE or re-INVITE that waits for our final answer
	rel     *reliable          // provisional answers that are acknowledged, nil for none yet
	sent    *unacked           // our 2xx that waits for its ACK
	repeat  *endpoint.Timer    // next repetition of our 18x
	expiry  *endpoint.Timer    // the INVITE's Expires
	changed bool               // invite and sent belong to a re-INVITE

	// we call
	outbound bool
	offered  string // the description in our INVITE, until nothing of that matters any more
	client   *endpoint.ClientTx
	won      *acked          // the first 2xx to our INVITE
	due      *acked          // a 2xx of the peer's that waits for Answer
	early    []*branch       // one for each branch that has rung (RFC 3261 §12.1)
	owed     []*branch       // those whose offer waits for Answer, the latest last
	strays   []*acked        // branches that answered after the first (RFC 3261 §13.2.2.4)
	forked   bool            // more than one branch was seen
	hearing  *endpoint.Timer // until no copy of a 2xx can come any more

	// change by us
	change *modification
	queued *modification // waits until the ACK to our 2xx has come
	news   []sip.Header  // what Refresh is to tell, once it can
	kept   []*acked      // 2xx to re-INVITEs, or from before a hand-over, that may come again

	// what the peer asked for
	refers   []*Referral
	referred bool // a REFER has come before

	// end
	bye    *endpoint.ServerTx // the peer's, which waits for Finish
	leave  bool               // we want to go as soon as the ACK allows it (RFC 3261 §15)
	reason string             // Reason of our BYE
	auth   authState
}

// State tells where the session stands.
func (s *Session) State() State { return s.state }

// Dialog is the session's dialog, nil before there is one. It is the session's own: read it on the
// shard and change nothing.
func (s *Session) Dialog() *dialog.Dialog { return s.dialog }

// Flow is the way by which the peer's last message within the session came.
func (s *Session) Flow() sip.Flow { return s.path.Flow }

// Is reports whether the session has, or may come to have, the dialog with these tags, ours first.
func (s *Session) Is(local, remote string) bool {
	if s.localTag() != local || s.state == Ended {
		return false
	}
	if s.dialog != nil {
		return s.dialog.RemoteTag == remote
	}
	return s.find(remote) != nil
}

// Handler is who is told what happens.
func (s *Session) Handler() Handler { return s.handler }

// Shard is the session's owner.
func (s *Session) Shard() *endpoint.Shard { return s.shard }

// Mark sets the Session-ID of every request and response of ours in the session from now on
// (RFC 7989 §5). The dialog keeps it.
func (s *Session) Mark(sessionID string) {
	s.mark = sessionID
	if s.dialog != nil {
		s.dialog.SessionID = sessionID
	}
	for _, d := range s.early {
		d.dialog.SessionID = sessionID
	}
	if s.invite != nil {
		s.invite.Carry(sessionID)
	}
}

// hear tells of a message of the peer's before anything comes of it.
func (s *Session) hear(m *sip.Message) {
	if s.cfg.Heard != nil && m != nil {
		s.cfg.Heard(s, m)
	}
}

func (s *Session) tell(kind EventKind, m *sip.Message, err error) {
	s.handler.Handle(Event{Kind: kind, Message: m, Err: err})
}

// attach has the shard bring us the requests of the dialog.
func (s *Session) attach(remoteTag string) {
	s.detach()
	s.key = endpoint.DialogID{CallID: s.dialogCallID(), LocalTag: s.localTag(), RemoteTag: remoteTag}
	s.shard.Attach(s.key, s)
	s.keyed = true
}

func (s *Session) detach() {
	if s.keyed {
		s.shard.Detach(s.key)
		s.keyed = false
	}
}

func (s *Session) dialogCallID() string {
	if s.dialog != nil {
		return s.dialog.CallID
	}
	return s.request.CallID()
}

func (s *Session) localTag() string {
	if s.dialog != nil {
		return s.dialog.LocalTag
	}
	return s.request.FromTag()
}

// end stops everything that would still happen by itself.
func (s *Session) end() {
	s.state = Ended
	s.quiet()
	s.detach()
	if s.won != nil && !s.forked {
		s.unlisten() // who has answered our BYE, or sent its own, asks for no ACK any more
	}
	if s.dialog != nil {
		s.dialog.State = dialog.Terminated
	}
}

// quiet stops the timers of everything that the end of the session makes needless.
func (s *Session) quiet() {
	stop(&s.repeat)
	stop(&s.expiry)
	if s.sent != nil {
		stop(&s.sent.timer)
		s.sent = nil
	}
	stop(&s.life.timer)
	s.hush()
	s.abandon()
}

// abandon gives up every change, ours and the peer's.
func (s *Session) abandon() {
	if s.change != nil {
		stop(&s.change.timer)
		s.change = nil
	}
	s.queued, s.news = nil, nil
	s.terminateAsked()
}

func stop(t **endpoint.Timer) {
	if *t != nil {
		(*t).Stop()
		*t = nil
	}
}

// give puts what every message of ours that carries our session has: Contact, Allow, Supported and
// the body.
func (s *Session) give(m *sip.Message, body string) {
	m.Set(sip.Contact, s.contact)
	m.Set(sip.Allow, s.cfg.allow())
	if s.cfg.Supported != "" || m.Status >= 200 { // RFC 3261 §13.3.1.4: a 2xx tells it, if only that it is none
		m.Set(sip.Supported, s.cfg.Supported)
	}
	if s.packages != "" {
		m.Set(sip.RecvInfo, s.packages)
	}
	m.SetBody(ContentType, body)
}

// between gives a random duration from low to high in steps of 10 ms (RFC 3261 §14.1).
func (s *Session) between(low, high time.Duration) time.Duration {
	const step = 10 * time.Millisecond
	return low + time.Duration(s.shard.Random().Uint64()%uint64((high-low)/step+1))*step
}
