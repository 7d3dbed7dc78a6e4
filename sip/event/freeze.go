package event

import (
	"strings"
	"time"

	"santral/sip"
	"santral/sip/dialog"
)

// Frozen is a living subscription written out: it can be kept as JSON and read back by Thaw.
type Frozen struct {
	Request   Request       `json:"request"`
	Dialog    dialog.Dialog `json:"dialog"`
	Contact   string        `json:"contact"`
	Flow      string        `json:"flow"`
	Host      string        `json:"host,omitempty"` // where the subscriber said it listens
	Port      uint16        `json:"port,omitempty"`
	Symmetric bool          `json:"symmetric,omitempty"` // it listens where it sends from
	Moved     bool          `json:"moved,omitempty"`     // it is at Flow, whatever its Contact says
	Phone     string        `json:"phone,omitempty"`     // the subscriber's, as Phones names it
	Home      string        `json:"home,omitempty"`      // by which that was registered
	Version   uint64        `json:"version"`
	Expires   time.Time     `json:"expires"`
	Interval  time.Duration `json:"interval,omitempty"` // that the subscriber asked for, 0 for none
}

// Freeze writes out every living subscription and lets go of it: nothing more is sent, and the state
// belongs to whoever thaws it. A notification that waits for its answer is no hindrance: after Thaw
// everybody is told anew. It waits for the shards, so it is never called there.
func (n *Notifier) Freeze() []Frozen {
	var list []Frozen
	for _, s := range n.book.all() {
		done := make(chan *Frozen, 1)
		if s.shard.Do(func() { done <- s.freeze() }) {
			if f := <-done; f != nil {
				list = append(list, *f)
			}
		}
	}
	return list
}

func (s *Subscription) freeze() *Frozen {
	if s.state != active {
		return nil
	}
	f := &Frozen{
		Request: s.req, Dialog: *s.dialog, Contact: s.contact, Flow: s.path.Flow.String(),
		Host: s.path.Claimed.Host, Port: s.path.Claimed.Port, Symmetric: s.path.Symmetric,
		Moved: s.path.Moved, Phone: s.phone, Version: s.version, Expires: s.expires,
	}
	if s.phone != "" {
		f.Home = s.home.String()
	}
	if s.wished {
		f.Interval = s.interval
	}
	s.n.book.leave(s)
	s.state, s.due = over, false
	s.expiry.Stop()
	s.stopRepeat()
	s.shard.Detach(s.key())
	s.source.Over(s)
	return f
}

// afterThaw is the time within which all subscriptions that were taken over are told how things stand.
const afterThaw = 5 * time.Second

// Thaw goes on with a subscription that another notifier has written out. What it is of may be gone, or
// may not be seen any more, by now: then its subscriber is told so. It returns when the dialog is heard.
func (n *Notifier) Thaw(f Frozen) error {
	flow, err := sip.ParseFlow(f.Flow)
	if err != nil {
		return err
	}
	pkg := n.packages[strings.ToLower(f.Request.Event)]
	if pkg == nil {
		return errNoPackage
	}
	d := f.Dialog
	s := &Subscription{
		n: n, shard: n.cfg.Shard(d.CallID), pkg: pkg, req: f.Request, contact: f.Contact, dialog: &d, state: active,
		version: f.Version, expires: f.Expires, full: true,
	}
	s.path = dialog.Path{Flow: flow, Claimed: sip.HostPort{Host: f.Host, Port: f.Port}, Symmetric: f.Symmetric, Moved: f.Moved}
	if f.Phone != "" {
		if s.home, err = sip.ParseFlow(f.Home); err != nil {
			return err
		}
		s.phone = f.Phone
	}
	s.wish(f.Interval)
	done := make(chan error, 1)
	if !s.shard.Do(func() { done <- s.thaw() }) {
		return errClosed
	}
	return <-done
}

func (s *Subscription) thaw() error {
	if refusal := s.n.book.enter(s, &s.n.cfg.Limits, time.Now()); refusal != nil {
		return errNoRoom
	}
	source, refusal := s.pkg.Open(s)
	s.source = source
	s.shard.Attach(s.key(), s)
	if refusal != nil {
		s.source = nothing{}
		s.End(NoResource, 0)
		return nil
	}
	s.expiry = s.shard.After(max(time.Until(s.expires), 0), func() { s.End(Timeout, 0) })
	s.again(time.Duration(s.shard.Random().Uint64() % uint64(afterThaw)))
	return nil
}

// nothing is the source of a subscription to what is no more.
type nothing struct{}

// State is empty.
func (nothing) State(*Subscription, bool) Body { return Body{} }

// Over does nothing.
func (nothing) Over(*Subscription) {}
