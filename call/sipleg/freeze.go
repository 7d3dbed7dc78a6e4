package sipleg

import (
	"encoding/json"
	"errors"
	"fmt"

	"santral/call"
	"santral/media/session"
	"santral/sip"
	"santral/sip/invite"
)

// frozen is a leg written out.
type frozen struct {
	Leg     call.LegID     `json:"leg"`
	Dir     call.Direction `json:"direction"`
	Tenant  string         `json:"tenant"`
	Peer    string         `json:"peer"`
	Trunk   string         `json:"trunk,omitempty"`
	Account string         `json:"account,omitempty"`
	Phone   string         `json:"phone,omitempty"`
	Home    string         `json:"home,omitempty"`
	Detail  call.LegDetail `json:"detail"`
	Session invite.Frozen  `json:"session"`
	Media   session.State  `json:"media"`

	Other    *call.Party  `json:"other,omitempty"` // whom the peer speaks with
	Withheld call.Privacy `json:"withheld,omitempty"`
	Claim    claim        `json:"claim"`
	Packages []string     `json:"packages,omitempty"` // INFO packages that the peer takes
	Admitted []string     `json:"admitted,omitempty"` // INFO packages that the other side takes
	Trickles bool         `json:"trickles,omitempty"` // the peer sends candidates late
	Informs  bool         `json:"informs,omitempty"`  // the peer has sent keys by INFO
	Halves   [2]string    `json:"halves"`             // of the Session-ID: the peer's, the other side's
}

var errClosed = errors.New("the endpoint is closed")

// Freeze writes an established, quiet leg out (call.Freezer). It waits for the shard, so it is never
// called there.
func (l *Leg) Freeze() (json.RawMessage, error) {
	type result struct {
		state frozen
		err   error
	}
	done := make(chan result, 1)
	if !l.shard.Do(func() {
		st, err := l.freeze()
		done <- result{st, err}
	}) {
		return nil, fmt.Errorf("freeze leg %s: %w", l.id, errClosed)
	}
	r := <-done
	if r.err != nil {
		return nil, fmt.Errorf("freeze leg %s: %w", l.id, r.err)
	}
	return json.Marshal(r.state)
}

func (l *Leg) freeze() (st frozen, err error) {
	if l.over.Load() || l.session == nil || l.offer != nil || l.owed || l.news != nil {
		return st, invite.ErrBusy
	}
	if st.Session, err = l.session.Freeze(); err != nil {
		return st, err
	}
	st.Media = l.media.Freeze()
	l.over.Store(true) // nothing is posted from now on
	l.media.OnDigit(nil)
	l.media.OnNews(nil)
	l.media.OnDead(nil)
	if l.unwatch != nil {
		l.unwatch()
	}
	st.Leg, st.Dir, st.Tenant, st.Peer, st.Trunk = l.id, l.dir, l.tenant, l.peer, l.by
	st.Packages, st.Informs = l.packages, l.informs
	st.Admitted, st.Trickles = l.admitted, l.trickles
	st.Other, st.Withheld, st.Claim, st.Halves = l.other, l.withheld, l.claim, [2]string{l.ids.peer, l.ids.other}
	if st.Account, st.Phone = l.account, l.phone; l.phone != "" {
		st.Home = l.home.String()
	}
	l.mu.Lock()
	st.Detail = l.detailLocked()
	l.mu.Unlock()
	return st, nil
}

// Thaw makes the leg that Freeze wrote out (call.Thawer). It returns when the leg's dialog is heard.
func (a *Agent) Thaw(id call.ID, state json.RawMessage, inbox call.Inbox) (call.Leg, error) {
	var st frozen
	if err := json.Unmarshal(state, &st); err != nil {
		return nil, fmt.Errorf("thaw a leg of call %s: %w", id, err)
	}
	flow, err := sip.ParseFlow(st.Session.Flow)
	if err != nil {
		return nil, fmt.Errorf("thaw leg %s of call %s: %w", st.Leg, id, err)
	}
	l := &Leg{
		agent:  a,
		id:     st.Leg,
		dir:    st.Dir,
		tenant: st.Tenant,
		peer:   st.Peer,
		by:     st.Trunk,
		trunk:  a.trunk(st.Tenant, st.Trunk),
		callID: st.Session.Dialog.CallID,
		shard:  a.cfg.Shard(st.Session.Dialog.CallID),
		inbox:  inbox,
		detail: st.Detail,

		manners:  a.mannersOf(Peer{st.Tenant, st.Peer, st.Trunk}),
		other:    st.Other,
		withheld: st.Withheld,
		claim:    st.Claim,
		packages: st.Packages,
		admitted: st.Admitted,
		trickles: st.Trickles,
		informs:  st.Informs,
		ids:      sessions{peer: st.Halves[0], other: st.Halves[1]},
	}
	l.ids.mark()
	if l.account, l.phone = st.Account, st.Phone; l.phone != "" {
		if l.home, err = sip.ParseFlow(st.Home); err != nil {
			return nil, fmt.Errorf("thaw leg %s of call %s: %w", st.Leg, id, err)
		}
	}
	if l.media, err = session.Thaw(a.cfg.Media, st.Media); err != nil {
		return nil, fmt.Errorf("thaw leg %s of call %s: %w", st.Leg, id, err)
	}
	l.noteFlow(flow)
	l.noteDialog(st.Session.Dialog.LocalTag, st.Session.Dialog.RemoteTag)
	done := make(chan error, 1)
	if !l.shard.Do(func() {
		l.session, err = invite.Thaw(l.settings(), l.shard, st.Session, l)
		done <- err
	}) {
		done <- errClosed
	}
	if err := <-done; err != nil {
		l.media.Close()
		return nil, fmt.Errorf("thaw leg %s of call %s: %w", st.Leg, id, err)
	}
	l.hearMedia()
	l.watch()
	return l, nil
}

var (
	_ call.Leg     = (*Leg)(nil)
	_ call.Freezer = (*Leg)(nil)
	_ call.Named   = (*Leg)(nil)
	_ call.Dialer  = (*Agent)(nil)
	_ call.Thawer  = (*Agent)(nil)
)
