package control

import (
	"sync/atomic"
	"time"

	"santral/call"
	"santral/media/session"
)

// Dead media is asked about before the call is given up: the silent party gets a re-INVITE, whose answer tells where it
// is now if its address has changed, and whose description arms its latch anew. When nothing comes of it then
// either, the call ends.

// seekTime is how long a party that was asked may stay silent.
const seekTime = 8 * time.Second

// missing is under way while a silent party is asked where its media is.
type missing struct {
	since time.Time
	timer *time.Timer
}

// Words for what is noticed besides what media sessions tell.
const (
	silent = "dead"
	found  = "reached again"
)

// noticed writes down what a leg's media session has found.
func (c *ongoing) noticed(m *member, n session.News) {
	switch {
	case n.Kind == session.OneWay:
		c.sounds(m, false)
	case n.Kind == session.TwoWay:
		c.sounds(m, true)
	}
	switch n.Kind {
	case session.OneWay, session.TwoWay, session.WrongKey, session.Flood, session.FaxCalling, session.FaxAnswering, session.PathLost, session.PathFound:
		c.notice(m, call.Notice{What: n.Kind.String(), Addr: n.Addr, Text: n.Text})
	}
}

// notice puts something into the leg's record, as long as there is room in it.
func (c *ongoing) notice(m *member, n call.Notice) {
	c.house.notices.add(n.What)
	if len(m.notices) >= call.MostNotices || m.over || c.state >= Frozen {
		return
	}
	n.At = c.stamp(time.Time{})
	c.mu.Lock()
	m.notices = append(m.notices, n)
	c.mu.Unlock()
	c.event(call.Event{Kind: call.LegNoticed, Leg: m.id, What: n.What, Addr: n.Addr, Text: n.Text}, n.At)
}

// mediaLost is a party that is to send and has been silent too long: it is asked where it is.
func (c *ongoing) mediaLost(m *member) {
	if c.state != Talking && c.state != Serving || m.missing != nil || m.guest != nil {
		return
	}
	if c.served() && !m.confirmed { // it can't be asked
		c.end(exchange, call.MediaDead)
		return
	}
	n := call.Notice{What: silent, Text: "nothing came for too long; it is asked where its media is"}
	if s := m.media(); s != nil {
		n.Addr = s.Target()
	}
	c.notice(m, n)
	c.sounds(m, false)
	s := &missing{since: time.Now()}
	m.missing = s
	s.timer = time.AfterFunc(seekTime, func() { c.post(func(c *ongoing) { c.sought(m, s) }) })
	switch {
	case c.served():
		c.askOwn(m)
	case c.change.to == m: // it is asked already
	default:
		c.whenCalm(func(c *ongoing) {
			if other := c.other(m); m.missing == s && other != nil && c.state == Talking {
				c.askWhere(m, other)
			}
		})
	}
}

// askWhere offers a silent party what the other side can do.
func (c *ongoing) askWhere(m, other *member) {
	d := other.willing()
	c.change = change{from: other, to: m, offer: &call.LegEvent{Desc: d, At: time.Now()}, own: true, seek: true, late: d == nil}
	c.changeNow()
}

// sought is the end of the wait. Who was heard goes on, and so does who is not to send any more.
func (c *ongoing) sought(m *member, s *missing) {
	if m.missing != s {
		return
	}
	m.missing = nil
	if m.over || c.state != Talking && c.state != Serving {
		return
	}
	if media := m.media(); media != nil {
		last, due := media.Heard()
		if !due {
			return
		}
		if last.After(s.since) {
			n := call.Notice{What: found, Text: "its media comes again"}
			n.Addr = media.Target()
			c.notice(m, n)
			c.sounds(m, true)
			return
		}
	}
	if c.storysOther(m) {
		c.hangup(m, call.MediaDead)
		c.storyGoesOn(m)
		return
	}
	c.end(exchange, call.MediaDead)
}

// sounds tells the trunk that a leg goes by whether its media comes: a carrier whose media is dead loses the next calls.
func (c *ongoing) sounds(m *member, came bool) {
	said := soundsSilent
	if came {
		said = soundsWell
	}
	if m.trunk == "" || m.dir != call.Out || c.house.trunks == nil || m.sound == said {
		return
	}
	m.sound = said
	c.house.trunks.Sounded(call.Target{Tenant: m.tenant, Trunk: m.trunk, URI: m.target}, came)
}

// What a trunk was told last of a leg's media.
const (
	soundsUnsaid uint8 = iota
	soundsWell
	soundsSilent
)

// leastSent is how many packets a trunk must have been sent before its own silence means something: two seconds of them.
const leastSent = 100

// sounded judges the media of a leg that is over.
func (c *ongoing) sounded(m *member, d *call.LegDetail) {
	if m.trunk == "" || !m.answered || m.held {
		return
	}
	var came, sent uint64
	for i := range d.Quality {
		came, sent = came+d.Quality[i].Packets, sent+d.Quality[i].Sent
	}
	if came > 0 && m.sound == soundsUnsaid || came == 0 && sent >= leastSent {
		c.sounds(m, came > 0)
	}
}

// notices counts what was noticed, by kind.
type notices struct {
	counts [len(noticeKinds)]atomic.Uint64
}

// noticeKinds are the kinds that are counted.
var noticeKinds = [...]string{"one way", "two way", silent, found, "wrong key", "flood", "fax calling", "fax answering", "path lost", "path found"}

func (n *notices) add(what string) {
	for i, kind := range noticeKinds {
		if kind == what {
			n.counts[i].Add(1)
		}
	}
}

// Noticed counts what was noticed of the media of legs, by kind.
func (k *Control) Noticed() map[string]uint64 {
	counts := make(map[string]uint64, len(noticeKinds))
	for i, kind := range noticeKinds {
		counts[kind] = k.notices.counts[i].Load()
	}
	return counts
}
