package invite

import (
	"errors"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// ErrBusy is why a session can't be written out now: it is not established, or something of its own
// is under way. It may be asked again a moment later.
var ErrBusy = errors.New("invite: the session is not quiet")

// Frozen is an established session written out: it can be kept as JSON and read back by Thaw.
type Frozen struct {
	Dialog    dialog.Dialog `json:"dialog"`
	Outbound  bool          `json:"outbound"` // we called; it decides the back-off after a 491
	Contact   string        `json:"contact"`
	Flow      string        `json:"flow"`
	Host      string        `json:"host,omitempty"` // where the peer said it listens
	Port      uint16        `json:"port,omitempty"`
	Symmetric bool          `json:"symmetric,omitempty"` // it listens where it sends from
	Moved     bool          `json:"moved,omitempty"`     // it is at Flow, whatever its Contact says
	Referred  bool          `json:"referred,omitempty"`  // a REFER has come before
	ACKs      []FrozenACK   `json:"acks,omitempty"`      // to 2xx of the peer's that may come again
	Update    bool          `json:"update,omitempty"`    // the peer serves UPDATE
	Renames   bool          `json:"renames,omitempty"`   // it understands a From that changes
	Ours      string        `json:"ours,omitempty"`      // our description as it holds
	Theirs    uint64        `json:"theirs,omitempty"`    // sum of the peer's
	Packages  string        `json:"packages,omitempty"`  // INFO packages that the peer may send
	Lease     *FrozenLease  `json:"lease,omitempty"`     // nil for a session that lives for ever
}

// FrozenACK is the ACK to a 2xx, and the number of the INVITE that the 2xx answered.
type FrozenACK struct {
	Seq  uint32             `json:"seq"`
	Sent endpoint.SentState `json:"sent"`
}

// FrozenLease is how long the session lives without a refresh (RFC 4028).
type FrozenLease struct {
	Interval time.Duration `json:"interval"` // in nanoseconds
	Least    time.Duration `json:"least,omitempty"`
	Ours     bool          `json:"ours,omitempty"`  // we refresh it
	Known    bool          `json:"known,omitempty"` // the peer knows of it
	Ends     time.Time     `json:"ends"`
}

// Freeze writes the session out and lets go of its dialog: nothing is sent, nothing more is told, and
// the state belongs to whoever thaws it. It fails with ErrBusy, changing nothing, unless the session is
// established and quiet.
func (s *Session) Freeze() (Frozen, error) {
	if s.state != Established || s.leave || s.invite != nil || s.sent != nil || s.due != nil || s.change != nil || s.queued != nil || s.asked != nil || s.news != nil || len(s.refers) > 0 {
		return Frozen{}, ErrBusy
	}
	st := Frozen{
		Dialog:    *s.dialog,
		Outbound:  s.outbound,
		Contact:   s.contact,
		Flow:      s.path.Flow.String(),
		Host:      s.path.Claimed.Host,
		Port:      s.path.Claimed.Port,
		Symmetric: s.path.Symmetric,
		Moved:     s.path.Moved,
		Referred:  s.referred,
		ACKs:      s.acks(),
		Update:    s.can.update,
		Renames:   s.can.renames,
		Ours:      s.ours,
		Theirs:    s.theirs,
		Packages:  s.packages,
	}
	if l := &s.life; l.interval > 0 {
		st.Lease = &FrozenLease{l.interval, l.least, l.ours, l.known, l.ends}
	}
	s.end()
	return st, nil
}

// Thaw makes the session that Freeze wrote out and takes its dialog. It must be called on the shard of
// the dialog's Call-ID.
func Thaw(cfg *Config, shard *endpoint.Shard, st Frozen, h Handler) (*Session, error) {
	flow, err := sip.ParseFlow(st.Flow)
	if err != nil {
		return nil, err
	}
	d := st.Dialog
	s := &Session{cfg: cfg, shard: shard, handler: h, contact: st.Contact, timers: shard.Timers(), state: Established, dialog: &d, mark: d.SessionID, outbound: st.Outbound}
	s.settled, s.can.update, s.can.renames, s.ours, s.theirs, s.packages = true, st.Update, st.Renames, st.Ours, st.Theirs, st.Packages
	s.path.Flow, s.path.Symmetric, s.path.Moved = flow, st.Symmetric, st.Moved
	s.path.Claimed = sip.HostPort{Host: st.Host, Port: st.Port}
	for _, f := range st.ACKs {
		ack, err := shard.Sent(f.Sent)
		if err != nil {
			return nil, err
		}
		s.keep(&acked{tag: d.RemoteTag, seq: f.Seq, ack: ack})
	}
	s.attach(d.RemoteTag)
	if l := st.Lease; l != nil {
		s.life = lease{interval: l.Interval, least: l.Least, ours: l.Ours, known: l.Known, ends: l.Ends}
		s.watch(time.Until(l.Ends))
	}
	return s, nil
}

// acks writes out the ACKs that a copy of a 2xx would be answered with.
func (s *Session) acks() (list []FrozenACK) {
	known := s.kept
	if s.won != nil {
		known = append([]*acked{s.won}, known...)
	}
	for _, a := range known {
		if st, ok := a.state(); ok {
			list = append(list, FrozenACK{Seq: a.seq, Sent: st})
		}
	}
	return list
}

func (a *acked) state() (st endpoint.SentState, ok bool) {
	if a.ack == nil {
		return st, false
	}
	return a.ack.State()
}
