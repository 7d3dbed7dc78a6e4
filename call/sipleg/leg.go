package sipleg

import (
	"sync"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/media/sdp"
	"santral/media/session"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
)

// Leg is one side of a call in SIP (call.Leg), whichever side opened it. All but Media, Detail and
// the posting of commands belongs to its shard.
type Leg struct {
	// parameters
	agent   *Agent
	id      call.LegID
	dir     call.Direction
	tenant  string // of the party that this leg's peer is
	peer    string // its account, or the number that was dialled
	by      string // the trunk that leads to the peer, "" for none
	trunk   *Trunk
	manners Manners
	account string // whose phone the peer is, "" for none of ours
	phone   string // the phone's name over its registrations, "" for unknown
	callID  string
	shard   *endpoint.Shard
	inbox   call.Inbox
	media   *session.Session
	unwatch func() bool // ends the watch over Dial's context

	// state
	home     sip.Flow         // by which the phone is registered
	moves    uint64           // of all phones, when that was asked last; 0 for never
	session  *invite.Session  // nil until an outbound INVITE is sent
	over     atomic.Bool      // the last event was posted
	limit    *endpoint.Timer  // to a final answer, outbound
	quiet    *endpoint.Timer  // to any answer, outbound
	rang     bool             // a 180 or 183 came
	offered  bool             // our INVITE or 200 made the offer of the exchange that is under way
	late     bool             // the INVITE made no offer
	owed     bool             // our answer to it made one, and the PRACK or ACK must answer that
	offer    *sdp.Description // the peer's offer that waits for our answer, nil for none
	branch   string           // the tag of who made it
	packages []string         // INFO packages that the peer takes
	admitted []string         // INFO packages that the peer may send, because the other side takes them
	trickles bool             // the peer sends candidates late
	informs  bool             // the peer has sent keys by INFO
	agreed   *sdp.Description // its offer in a provisional answer, once that is answered
	heard    heard            // the last description that was read
	early    []preview        // descriptions of provisional responses
	amends   amends           // what an inbound leg's peer is to know, and what it acknowledged before

	other    *call.Party  // whom the peer speaks with, nil while nobody has said
	withheld call.Privacy // what of it the peer may not be told
	answers  []sip.Header // what our answers to the INVITE say of it, nil when it is to be made
	news     []sip.Header // what the peer is still to be told of that
	claim    claim        // what a trusted peer said last of who it is
	ids      sessions     // the halves of the Session-ID
	gated    bool         // the caller's network judges early media by P-Early-Media (RFC 5009)

	mu     sync.Mutex // a leaf
	flow   sip.Flow   // where the signalling goes
	name   call.DialogName
	detail call.LegDetail
}

// preview is what a branch said before it answered; desc is nil for one whose offer was declined.
type preview struct {
	tag  string
	desc *sdp.Description
}

// ID tells the leg's name in its call.
func (l *Leg) ID() call.LegID { return l.id }

// Media gives the leg's media session.
func (l *Leg) Media() *session.Session { return l.media }

// Detail gives what the record keeps of the leg, as it is now; after its end, as it was then.
func (l *Leg) Detail() call.LegDetail {
	l.mu.Lock()
	d := l.detailLocked()
	l.mu.Unlock()
	if !l.over.Load() {
		l.measure(&d)
	}
	return d
}

// Name gives the name of the leg's dialog (call.Named).
func (l *Leg) Name() call.DialogName {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.name
}

// noteDialog keeps the name of the dialog that a message of the peer's made.
func (l *Leg) noteDialog(local, remote string) {
	if l.name.Local == local && l.name.Remote == remote {
		return
	}
	l.mu.Lock()
	l.name = call.DialogName{CallID: l.callID, Local: local, Remote: remote}
	l.mu.Unlock()
}

// measure adds what the media session knows.
func (l *Leg) measure(d *call.LegDetail) {
	if l.media != nil {
		d.Media, d.Moved, d.Quality = l.media.Remote(), l.media.Translated(), l.media.Quality()
	}
}

// noteFlow keeps the addresses of the signalling for the record. They are printed when the record
// wants them.
func (l *Leg) noteFlow(f sip.Flow) {
	l.mu.Lock()
	if f != l.flow {
		l.flow, l.detail.Transport = f, ""
	}
	l.mu.Unlock()
}

// detailLocked gives the detail with the addresses of now.
func (l *Leg) detailLocked() call.LegDetail {
	if d := &l.detail; d.Transport == "" && l.flow.Transport != sip.UnknownTransport {
		d.Local, d.Remote, d.Transport = l.flow.Local.String(), l.flow.Remote.String(), l.flow.Transport.String()
	}
	return l.detail
}

// noteAgent keeps the name of the peer's software for the record.
func (l *Leg) noteAgent(m *sip.Message) {
	name := m.Get(sip.UserAgent)
	if name == "" {
		name = m.Get(sip.Server)
	}
	if name == "" {
		return
	}
	l.mu.Lock()
	l.detail.UserAgent = clean(name)
	l.mu.Unlock()
}

// do runs a command on the shard, unless the leg is over by then.
func (l *Leg) do(f func()) {
	l.shard.Do(func() {
		if !l.over.Load() && l.session != nil {
			f()
		}
	})
}

// post tells the call, unless the leg is over.
func (l *Leg) post(e call.LegEvent) {
	if l.over.Load() || l.inbox == nil {
		return
	}
	e.Leg, e.At = l.id, time.Now()
	l.inbox.Post(e)
}

// finish posts the leg's last event, with its detail, and closes its media. answer is Finish.
func (l *Leg) finish(kind call.LegEventKind, c call.Cause, answer func()) {
	if !l.over.CompareAndSwap(false, true) {
		return
	}
	l.mu.Lock()
	l.detailLocked()
	l.measure(&l.detail)
	detail := l.detail
	e := call.LegEvent{Leg: l.id, Kind: kind, At: time.Now(), Cause: c, Finish: answer, Detail: &detail}
	l.mu.Unlock()
	l.close()
	if l.inbox != nil {
		l.inbox.Post(e)
	} else if answer != nil {
		answer()
	}
}

// close lets go of what the leg holds besides its session.
func (l *Leg) close() {
	if l.limit != nil {
		l.limit.Stop()
		l.limit = nil
	}
	l.heardOf()
	if l.unwatch != nil {
		l.unwatch()
	}
	l.offer, l.early, l.heard, l.amends = nil, nil, heard{}, amends{}
	l.media.OnDigit(nil)
	l.media.OnNews(nil)
	l.media.OnDead(nil)
	l.media.Close()
}

// hearMedia has the call told of what the media session hears and finds.
func (l *Leg) hearMedia() {
	l.media.OnDigit(func(d session.Digit) {
		l.post(call.LegEvent{Kind: call.Pressed, Digit: d.Key, Long: d.Long, Passed: d.Passed})
	})
	l.media.OnNews(func(n session.News) {
		if n.Kind == session.KeyFrame { // RFC 5168: the peer takes no such request with its media
			l.do(func() { l.session.Inform("", mediaControl, fastUpdate) })
			return
		}
		l.post(call.LegEvent{Kind: call.Noticed, News: n})
	})
}

// watch begins to look after the peer's packets, once the leg is established.
func (l *Leg) watch() {
	l.media.OnDead(func() { l.post(call.LegEvent{Kind: call.MediaLost}) })
}

// ours makes the description that the peer gets: out of the other side's, or, for media that ends
// here, an answer to the peer's offer or an offer of our own.
func (l *Leg) ours(other *sdp.Description, answering bool) (*sdp.Description, error) {
	switch {
	case other != nil:
		return l.media.RelayLocal(other, answering)
	case answering:
		return l.media.AnswerLocal()
	}
	return l.media.OfferLocal()
}
