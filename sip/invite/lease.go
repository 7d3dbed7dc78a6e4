package invite

import (
	"errors"
	"strconv"
	"time"

	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/endpoint"
)

// ErrLapsed is the end of a session that nobody refreshed in time (RFC 4028 §10).
var ErrLapsed = errors.New("invite: the session was not refreshed")

const (
	timed      = "timer"          // option tag (RFC 4028 §4)
	leastLease = 90 * time.Second // RFC 4028 §5
	mostLease  = 24 * time.Hour   // longer is as good as for ever
	maxBriefs  = 3                // 422s that one request takes: each hop may want more than the last
	lapse      = 32 * time.Second // how long before its time a session is given up (RFC 4028 §10)
	patience   = 2 * time.Second  // for a refresh that something else is in the way of
	notRenewed = `SIP;cause=408;text="Session timer expired"`
)

// lease is how long a session lives without a refresh, and whose that is (RFC 4028).
type lease struct {
	interval time.Duration // 0 for a session without
	ours     bool          // we refresh it
	known    bool          // the peer knows of it; otherwise we alone see to it
	least    time.Duration // what a 422 or a request of the peer's wants at least
	briefs   int           // 422s so far
	ends     time.Time
	timer    *endpoint.Timer
}

// least is the shortest session that we take.
func (c *Config) least() time.Duration { return max(c.MinSession, leastLease) }

// askLease puts our wish into a request that begins or refreshes a session (RFC 4028 §7.1, §7.4).
func (s *Session) askLease(req *sip.Message) {
	l := &s.life
	wish, who := s.cfg.Session, sip.AnyRefresher
	if l.interval > 0 {
		if wish, who = l.interval, sip.RefresherUAS; l.ours {
			who = sip.RefresherUAC
		}
	}
	if wish <= 0 {
		return
	}
	least := max(l.least, s.cfg.least())
	req.Set(sip.SessionExpiresKind, sip.SessionExpires{Seconds: seconds(max(wish, least)), Refresher: who}.String())
	if least > leastLease {
		req.Set(sip.MinSE, strconv.Itoa(seconds(least)))
	}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// tooBrief judges the wish in a request of the peer's: 422 for a session that is shorter than we take, if
// the peer can make something of that (RFC 4028 §9).
func (c *Config) tooBrief(req *sip.Message) *Refusal {
	e, err := sip.ParseSessionExpires(req.Get(sip.SessionExpiresKind))
	if err != nil || time.Duration(e.Seconds)*time.Second >= c.least() || !knowsLease(req) {
		return nil
	}
	return &Refusal{422, []sip.Header{{Kind: sip.MinSE, Value: strconv.Itoa(seconds(c.least()))}}}
}

func knowsLease(req *sip.Message) bool {
	return req.HasToken(sip.Supported, timed) || req.HasToken(sip.Require, timed)
}

// answerLease puts the lease into our 2xx to a request and begins it (RFC 4028 §9). A peer that knows
// nothing of leases gets one all the same, which we alone keep: so a dead one is noticed.
func (s *Session) answerLease(req, res *sip.Message) {
	e, err := sip.ParseSessionExpires(req.Get(sip.SessionExpiresKind))
	asked := err == nil && e.Seconds > 0
	if !asked && s.cfg.Session <= 0 {
		s.begin(0, false, false)
		return
	}
	known := knowsLease(req)
	least := s.cfg.least()
	if n, ok := req.MinSE(); ok {
		least = max(least, min(time.Duration(n)*time.Second, mostLease))
	}
	d := s.cfg.Session
	if wish := min(time.Duration(e.Seconds)*time.Second, mostLease); asked && (d <= 0 || wish < d) {
		d = wish
	}
	d = max(d, least)
	who := e.Refresher
	switch {
	case !known:
		who = sip.RefresherUAS
	case who == sip.AnyRefresher && s.cfg.Session > 0:
		who = sip.RefresherUAS // whoever refreshes notices first that the other is gone
	case who == sip.AnyRefresher:
		who = sip.RefresherUAC
	}
	s.life.least = least
	res.Set(sip.SessionExpiresKind, sip.SessionExpires{Seconds: seconds(d), Refresher: who}.String())
	if known {
		res.Add(sip.Require, timed)
	}
	s.begin(d, who == sip.RefresherUAS, known)
}

// takeLease begins the lease that a 2xx to a request of ours grants (RFC 4028 §7.2). Where the peer knows
// nothing of leases we keep one alone.
func (s *Session) takeLease(res *sip.Message) {
	s.life.briefs = 0
	e, err := sip.ParseSessionExpires(res.Get(sip.SessionExpiresKind))
	if err == nil && e.Seconds > 0 {
		d := min(time.Duration(e.Seconds)*time.Second, mostLease)
		s.begin(max(d, leastLease), e.Refresher != sip.RefresherUAS, true)
		return
	}
	s.begin(max(s.cfg.Session, 0), true, false)
}

// begin begins the lease anew.
func (s *Session) begin(d time.Duration, ours, known bool) {
	l := &s.life
	stop(&l.timer)
	l.interval, l.ours, l.known = d, ours, known
	if d <= 0 {
		return
	}
	l.ends = time.Now().Add(d)
	s.watch(d)
}

// watch sets the timer for a lease of which left is left: half of it until we refresh it
// (RFC 4028 §7.4), or until it is given up.
func (s *Session) watch(left time.Duration) {
	l := &s.life
	if half := left - l.interval/2; l.ours && half > 0 {
		l.timer = s.shard.After(half, s.onHalf)
		return
	}
	l.timer = s.shard.After(max(left-grace(l.interval), 0), s.onEnd)
}

func grace(interval time.Duration) time.Duration { return min(lapse, interval/3) }

// onHalf refreshes the session, or tries a little later where something is under way: a change refreshes
// it too.
func (s *Session) onHalf() {
	l := &s.life
	l.timer = nil
	left := time.Until(l.ends) - grace(l.interval)
	switch {
	case s.leave:
	case left <= 0:
		s.onEnd()
	case !s.Free() || s.state != Established || s.sent != nil || s.due != nil || s.change != nil:
		l.timer = s.shard.After(min(left, patience), s.onHalf)
	case s.touch(s.news):
		l.timer = s.shard.After(left, s.onEnd)
	default: // there is nothing that would ask the peer
		s.begin(l.interval, l.ours, l.known)
	}
}

// unrefreshed is told that our refresh came to nothing. A peer that does not know what it is lives, as its
// answer shows; another one, and one that could not be asked, is asked again.
func (s *Session) unrefreshed(answered bool) {
	l := &s.life
	switch left := time.Until(l.ends) - grace(l.interval); {
	case l.interval == 0 || !l.ours || s.leave:
	case !l.known && answered:
		s.begin(l.interval, true, false)
	default:
		stop(&l.timer)
		l.timer = s.shard.After(max(min(left, l.interval/8), 0), s.onHalf)
	}
}

// onEnd gives up a session that was not refreshed.
func (s *Session) onEnd() {
	s.life.timer = nil
	switch {
	case s.leave || s.state == Ended || s.state == Ending:
	case s.state != Established: // the ACK decides first
		s.life.timer = s.shard.After(patience, s.onEnd)
	default:
		s.bid(notRenewed)
		s.tell(Gone, nil, ErrLapsed)
	}
}

// longer gives req anew with the session that a 422 wants (RFC 4028 §7.3), or nil.
func (s *Session) longer(d *dialog.Dialog, req, res *sip.Message) *sip.Message {
	if res == nil || res.Status != 422 || s.life.briefs >= maxBriefs {
		return nil
	}
	n, ok := res.MinSE()
	least := time.Duration(n) * time.Second
	if !ok || least > mostLease || least <= s.life.least {
		return nil
	}
	s.life.briefs++
	s.life.least = least
	if s.life.interval > 0 {
		s.life.interval = max(s.life.interval, least)
	}
	again := renew(d, req)
	s.askLease(again)
	return again
}
