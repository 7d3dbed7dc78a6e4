// Package sipleg is the door between SIP and calls: it makes a call.Leg out of an INVITE session and
// a media session.
//
// What lives here: who is let in (asked of a Door), what a call sees of a message and what a peer
// sees of a call (identity, causes, bodies), and the leg itself. What does not live here: retransmissions
// and dialogs (sip/invite), addresses in descriptions (media/session), who calls whom (call/control).
//
// An [Agent] owns nothing but its settings. A [Leg] is owned by the endpoint's shard of its
// Call-ID: commands are posted there, and what happens is posted from there to the call's inbox.
//
// Legs keep the two sides of a call apart: each has its own Call-ID, tags, Contact and sequence
// numbers, and no header field of one side reaches the other, credentials and identities least of all.
package sipleg

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/media/sdp"
	"santral/media/session"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
)

// Door tells who sends a request. refusal is nil for a known party; otherwise it is the response that
// the request gets (a challenge, a 403), of which status, reason phrase and the header fields that
// NewResponse does not copy are used. It is called on a shard and must not wait.
type Door interface {
	Identify(req *sip.Message, flow sip.Flow) (from call.Party, refusal *sip.Message)
}

// Config is what an agent is made of. Shard and Media are required.
type Config struct {
	Shard  func(callID string) *endpoint.Shard // the endpoint's
	Media  *session.Config
	Random *id.Source // nil means id.Random()

	// Door identifies who calls. nil is for a telephone: everybody is who the From header says.
	Door Door
	// Account answers challenges to what we send. nil is for an exchange: a callee that asks for
	// credentials has refused.
	Account *invite.Account
	// Trunk gives what legs to and from a trunk need besides; nil for no trunks. What it gives is not changed.
	Trunk func(tenant, name string) *Trunk
	// Manners says how a peer is spoken with; nil is the zero Manners for everybody, and, without a Door, trust
	// in the one peer that a telephone has. It is called on shards and must not wait.
	Manners func(p Peer) Manners
	// Phones tells where accounts' phones are by their registrations; nil for a telephone.
	Phones Phones
	// Host is the host of the identities that a tenant's parties present; nil or "" stands for our
	// own address as the peer sees it.
	Host func(tenant string) string

	UserAgent string // User-Agent of our requests, "" for none
	// Session is how long a leg lives without a refresh, 0 for as long as it likes; MinSession the shortest
	// that a peer may ask for, at least 90 s (RFC 4028).
	Session    time.Duration
	MinSession time.Duration
}

// Agent makes legs: inbound ones out of INVITEs (endpoint.User), outbound ones by Dial (call.Dialer).
type Agent struct {
	cfg      Config
	invite   invite.Config
	incoming atomic.Pointer[call.Incoming]
}

// New makes an agent that lets nobody in before Open.
func New(cfg Config) *Agent {
	if cfg.Random == nil {
		cfg.Random = id.Random()
	}
	a := &Agent{cfg: cfg}
	a.invite = invite.Config{UserAgent: cfg.UserAgent, Account: cfg.Account, Supported: strings.Join(Extensions, ", "), Session: cfg.Session, MinSession: cfg.MinSession}
	if cfg.Door != nil {
		a.invite.Stranger, a.invite.Refer = a.stranger, true
		a.invite.Supported = strings.Join(append(slices.Clone(Extensions), HouseExtensions...), ", ")
	}
	a.invite.Heard = follow
	if cfg.Phones != nil {
		a.invite.Moved = a.moved
	}
	return a
}

// trunk finds what is special about legs of a trunk; nil for an account's.
func (a *Agent) trunk(tenant, name string) *Trunk {
	if name == "" || a.cfg.Trunk == nil {
		return nil
	}
	return a.cfg.Trunk(tenant, name)
}

// Open hands inbound legs to in from now on. Until then an INVITE is answered 503.
func (a *Agent) Open(in call.Incoming) { a.incoming.Store(&in) }

// Serve takes an INVITE or a REFER outside of any dialog (endpoint.User). Other methods are not its own: 405.
func (a *Agent) Serve(s *endpoint.Shard, tx *endpoint.ServerTx) {
	req := tx.Request()
	in := a.incoming.Load()
	switch {
	case req.Method == sip.REFER && a.cfg.Door != nil:
		a.Refer(tx)
	case req.Method != sip.INVITE:
		tx.Refuse(405, "", allow)
	case in == nil:
		tx.Refuse(503, "", retryAfter(call.Unavailable.After))
	default:
		a.receive(*in, tx)
	}
}

// Dial opens a leg outwards (call.Dialer). The leg's Call-ID, and with it its shard, is new.
func (a *Agent) Dial(ctx context.Context, d call.Dial, inbox call.Inbox) call.Leg {
	callID := a.cfg.Random.Token(callIDLength)
	whose := cmp.Or(d.Target.Tenant, d.Tenant, d.From.Tenant)
	l := &Leg{
		agent:  a,
		id:     d.Leg,
		dir:    call.Out,
		tenant: whose,
		peer:   cmp.Or(d.Target.Account, d.To), // a number from outside may ring the account
		by:     d.Target.Trunk,
		trunk:  a.trunk(whose, d.Target.Trunk),
		shard:  a.cfg.Shard(callID),
		inbox:  inbox,
		callID: callID,
		detail: call.LegDetail{Direction: call.Out, Number: d.To, Target: d.Target.URI, Trunk: d.Target.Trunk, SIPCallID: callID},
	}
	l.dial(ctx, d)
	return l
}

// Extensions are the option tags that a request to a leg may Require.
var Extensions = []string{"100rel", "timer", "from-change"}

// callIDLength makes 130 random bits.
const callIDLength = 26

var allow = sip.Header{Kind: sip.Allow, Value: invite.Allow}

// identify asks the door. Without one a party is who it says.
func (a *Agent) identify(req *sip.Message, flow sip.Flow) (call.Party, *sip.Message) {
	if a.cfg.Door != nil {
		return a.cfg.Door.Identify(req, flow)
	}
	p := call.Party{Source: flow.Remote}
	if from, err := req.From(); err == nil {
		p.Name, p.Number = clean(from.Display), clean(from.URI.Username())
	}
	return p, nil
}

// turnAway sends a door's refusal and keeps nothing of the request.
func turnAway(tx *endpoint.ServerTx, refusal *sip.Message) {
	var headers []sip.Header
	for _, h := range refusal.Headers {
		switch h.Kind {
		case sip.ViaKind, sip.From, sip.To, sip.CallID, sip.CSeqKind, sip.ContentLength, sip.Server, sip.Timestamp:
		default:
			headers = append(headers, h)
		}
	}
	tx.Challenge(refusal.Status, refusal.Reason, headers...)
}

// stranger is asked about a request within a dialog from an address that is not the peer's
// (threat: whoever has seen the dialog's identifiers can forge a BYE). The peer itself may have moved, and proves it
// as it would for a new call.
func (a *Agent) stranger(s *invite.Session, tx *endpoint.ServerTx) bool {
	l, ok := s.Handler().(*Leg)
	if !ok {
		return false
	}
	if a.atHome(l, tx.Flow()) {
		return true
	}
	party, refusal := a.identify(tx.Request(), tx.Flow())
	switch {
	case refusal != nil:
		turnAway(tx, refusal)
		return false
	case party.Tenant != l.tenant || party.Trunk != l.by || l.by == "" && party.Account != l.peer && party.Number != l.peer:
		tx.Challenge(403, "")
		return false
	}
	return true
}

// media makes the media session of a leg whose peer is at an address, and is reached by a transport as far as
// that is known. contact is where the peer says that it is, agent its software's name.
func (a *Agent) media(l *Leg, peer netip.Addr, by sip.Transport, contact sip.URI, agent string) {
	p := l.manners.Media
	p.Safe = by.Secure()
	p.Web = p.Web || (by == sip.WS || by == sip.WSS) && browser(contact, agent)
	l.media = session.New(a.cfg.Media, peer.Unmap(), p)
	l.hearMedia()
}

// describe prints a description, or gives "".
func describe(d *sdp.Description) string {
	if d == nil {
		return ""
	}
	return d.String()
}
