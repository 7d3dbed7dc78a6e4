package trunk

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"santral/sip"
	"santral/sip/digest"
	"santral/sip/endpoint"
	"santral/tenant"
)

// How soon a registration that failed is tried again: doubled with each failure in a row up to the most,
// and made uneven by up to a half so that many exchanges do not come back in step (RFC 5626 §4.5). A
// wrong password is hardly ever tried: each attempt counts against us.
var backOff = [...]struct{ first, most time.Duration }{
	NoFault:       {5 * time.Second, 5 * time.Minute},
	AuthFailed:    {30 * time.Minute, 2 * time.Hour},
	Refused:       {2 * time.Minute, 30 * time.Minute},
	UnknownDomain: {30 * time.Second, 10 * time.Minute},
	NetworkDead:   {5 * time.Second, 5 * time.Minute},
	Overloaded:    {10 * time.Second, 10 * time.Minute},
}

// Bounds of a registration.
const (
	maxTries      = 4 // challenges and corrections that one registration follows
	maxRoutes     = 10
	maxRetryAfter = 6 * time.Hour
	leastRefresh  = 5 * time.Second
	maxReason     = 128
)

// registration keeps a trunk registered at its carrier (RFC 3261 §10.2). It belongs to its Call-ID's shard;
// what others see of it is the trunk's state, under the trunk's mutex.
type registration struct {
	trunk  *trunk
	shard  *endpoint.Shard
	callID string
	tag    string

	seq     uint32
	digest  digest.ClientState
	signed  sip.Kind      // the field that our last answer to a challenge stood in, UnknownKind for none
	given   sip.Kind      // the same, for the attempt that is under way
	expires time.Duration // what we ask for; 423 raises it
	flow    sip.Flow      // that the carrier's last 2xx came by
	running bool
	again   bool // another one is due after the one that is under way
	timer   *endpoint.Timer
	failed  int // in a row
	leaving bool
	begun   atomic.Bool   // shard is set
	gone    chan struct{} // closed when we have left
	isGone  atomic.Bool
}

func newRegistration(k *trunk) *registration {
	random := k.house.cfg.Random
	return &registration{
		trunk: k, callID: random.Token(26), tag: random.Token(13), digest: digest.ClientState{Random: random, HA1: hashes(k.noun())},
		expires: k.noun().Expires, gone: make(chan struct{}),
	}
}

// hashes are those of a trunk whose password is not known, nil otherwise.
func hashes(noun *tenant.Trunk) map[string]string {
	if noun.Credential.Password != "" {
		return nil
	}
	return noun.Credential.HA1
}

// start begins to register.
func (r *registration) start() {
	r.shard = r.trunk.house.cfg.Shard(r.callID)
	r.begun.Store(true)
	r.shard.Do(func() {
		r.setState(Registration{State: Registering, Since: time.Now()}, "start")
		r.begin()
	})
}

// stop takes the registration back; what it gives is closed when that is done, or when there was none.
func (r *registration) stop() <-chan struct{} {
	if !r.begun.Load() || !r.shard.Do(func() {
		r.leaving = true
		r.disarm()
		if !r.running {
			r.leave()
		}
	}) {
		r.left()
	}
	return r.gone
}

// leave sends the REGISTER that takes our contact back, when the carrier has it.
func (r *registration) leave() {
	r.trunk.mu.Lock()
	registered := r.trunk.registeredLocked(time.Now())
	r.trunk.mu.Unlock()
	if !registered {
		r.left()
		return
	}
	r.expires = 0
	r.running, r.given = true, sip.UnknownKind
	r.send(1, "")
}

// Closed hears of connections that ended: whoever is registered over one registers anew, as calls would come
// by it.
func (t *Trunks) Closed(flow sip.Flow) {
	if t.closed.Load() || len(t.At(flow.Remote.Addr().Unmap())) == 0 {
		return
	}
	for _, k := range t.now.Load().list {
		if r := k.reg; r != nil && r.begun.Load() {
			r.shard.Do(func() {
				if r.flow == flow && !r.leaving {
					r.flow = sip.Flow{}
					r.begin()
				}
			})
		}
	}
}

func (r *registration) left() {
	if r.isGone.CompareAndSwap(false, true) {
		close(r.gone)
	}
}

func (r *registration) disarm() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

// begin sends a REGISTER, after the one that is under way.
func (r *registration) begin() {
	if r.leaving {
		return
	}
	if r.running {
		r.again = true
		return
	}
	r.disarm()
	r.running, r.again, r.given = true, false, sip.UnknownKind
	r.send(1, "")
}

// send sends one REGISTER, with the answer to a challenge where there is one.
func (r *registration) send(try int, answer string) {
	noun := r.trunk.noun()
	uri, err := sip.ParseURI(noun.Registrar)
	if err != nil {
		r.failedWith(UnknownDomain, 0, err.Error(), 0)
		return
	}
	to := endpoint.Next{URI: uri}
	plain := uri
	plain.Params = plain.Params.Without("transport").Without("lr")
	req := sip.NewRequest(sip.REGISTER, plain.String())
	if route := r.trunk.proxy(); len(route) > 0 {
		req.Add(sip.Route, route[0])
		if first, err := sip.ParseAddress(route[0]); err == nil {
			to.URI = first.URI
		}
	}
	r.seq++
	aor := sip.Address{URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(noun.User), Host: noun.Domain}}.String()
	req.Set(sip.From, aor+";tag="+r.tag)
	req.Set(sip.To, aor)
	req.Set(sip.CallID, r.callID)
	req.Set(sip.CSeqKind, sip.CSeq{Seq: r.seq, Method: sip.REGISTER}.String())
	req.Set(sip.Expires, strconv.Itoa(int(r.expires/time.Second)))
	req.Set(sip.Supported, "path")
	if noun.GIN { // RFC 6140 §5.2
		req.Set(sip.Require, "gin")
		req.Set(sip.ProxyRequire, "gin")
	}
	if allow := r.trunk.house.cfg.Allow; allow != "" {
		req.Set(sip.Allow, allow)
	}
	if ua := r.trunk.house.cfg.UserAgent; ua != "" {
		req.Set(sip.UserAgent, ua)
	}
	if answer == "" { // with the nonce of last time the carrier need not ask again (RFC 7616 §3.6)
		if value, ok := r.digest.Again(noun.DigestUser(), noun.Credential.Password, string(req.Method), req.RequestURI); ok {
			answer = value
		}
	}
	if answer != "" && r.signed != sip.UnknownKind {
		req.Set(r.signed, answer)
	}
	contact := ""
	to.Prepare = func(req *sip.Message, flow sip.Flow) {
		contact = r.contact(flow)
		req.Set(sip.Contact, contact)
	}
	var tx *endpoint.ClientTx
	tx = r.shard.Request(req, to, func(ev endpoint.ClientEvent) {
		switch {
		case ev.Err != nil:
			r.unanswered(tx, to.URI, ev.Err)
		case ev.Response.Status >= 200:
			r.answered(try, req, ev.Response, tx.Flow(), contact)
		}
	})
}

// contact is what calls to us shall go to: with a user that only the carrier knows, or for all our numbers
// at once (RFC 6140 §5.2).
func (r *registration) contact(flow sip.Flow) string {
	at := r.shard.SentBy(flow)
	u := sip.URI{Scheme: "sip", User: r.trunk.token, Host: at.Host, Port: at.Port, Params: flow.Transport.Param()}
	if r.trunk.noun().GIN {
		u.User = ""
		u.Params += ";bnc"
	}
	return "<" + u.String() + ">"
}

// unanswered is the end of an attempt that nobody answered. A name that leads nowhere is told apart from a
// network that does.
func (r *registration) unanswered(tx *endpoint.ClientTx, uri sip.URI, err error) {
	resolve := r.trunk.house.cfg.Resolve
	if tx.Flow().Remote.IsValid() || resolve == nil {
		r.failedWith(NetworkDead, 0, err.Error(), 0)
		return
	}
	go func() { // nothing was sent: is it the name?
		ctx, stop := context.WithTimeout(context.Background(), locateTime)
		defer stop()
		hops, no := resolve(ctx, uri)
		r.shard.Do(func() {
			if no != nil || len(hops) == 0 {
				r.failedWith(UnknownDomain, 0, "the name "+uri.Host+" leads nowhere", 0)
				return
			}
			r.failedWith(NetworkDead, 0, err.Error(), 0)
		})
	}()
}

// answered takes a final answer: the end, a challenge, or an interval that is too brief (RFC 3261 §10.2.7,
// §22.2, §21.4.17).
func (r *registration) answered(try int, req, res *sip.Message, flow sip.Flow, contact string) {
	if res.Status < 300 {
		r.granted(res, flow, contact)
		return
	}
	after := retryAfter(res)
	switch res.Status {
	case 401, 407:
		answer, ok := r.authorize(req, res)
		if ok && try < maxTries {
			r.send(try+1, answer)
			return
		}
		r.failedWith(AuthFailed, res.Status, res.Reason, after)
	case 423:
		least, err := strconv.ParseUint(strings.TrimSpace(res.Get(sip.MinExpires)), 10, 31)
		if wish := time.Duration(least) * time.Second; err == nil && try < maxTries && r.expires > 0 && wish > r.expires {
			r.expires = wish
			r.send(try+1, "")
			return
		}
		r.failedWith(Refused, res.Status, res.Reason, after)
	case 403:
		fault := Refused
		if r.signed != sip.UnknownKind { // it has seen our credentials, and this is how many say that they are wrong
			fault = AuthFailed
		}
		r.failedWith(fault, res.Status, res.Reason, after)
	case 404, 604:
		r.failedWith(UnknownDomain, res.Status, res.Reason, after)
	case 408:
		r.failedWith(NetworkDead, res.Status, res.Reason, after)
	default:
		fault := Refused
		if res.Status >= 500 && res.Status < 600 {
			fault = Overloaded
		}
		r.failedWith(fault, res.Status, res.Reason, after)
	}
}

// authorize answers a challenge of the carrier's own realm. ok is false when our credentials were refused,
// or when it is another who asks.
func (r *registration) authorize(req, res *sip.Message) (answer string, ok bool) {
	noun := r.trunk.noun()
	ask, give := sip.WWWAuthenticate, sip.Authorization
	if res.Status == 407 {
		ask, give = sip.ProxyAuthenticate, sip.ProxyAuthorization
	}
	var challenges []string
	stale := false
	for v := range res.Values(ask) {
		if noun.Realm != "" && digest.RealmOf(v) != noun.Realm {
			continue
		}
		challenges = append(challenges, v)
		stale = stale || digest.IsStale(v)
	}
	if len(challenges) == 0 {
		return "", false
	}
	r.trunk.mu.Lock()
	r.trunk.realm, r.trunk.state.Realm, r.trunk.state.Asked = digest.RealmOf(challenges[0]), digest.RealmOf(challenges[0]), true
	r.trunk.mu.Unlock()
	if r.given == give && !stale {
		return "", false // what we know was not good enough, and will not be (RFC 3261 §22.2)
	}
	answer, err := digest.Answer(challenges, noun.DigestUser(), noun.Credential.Password, string(req.Method), req.RequestURI, &r.digest)
	r.signed, r.given = give, give
	return answer, err == nil
}

// granted takes a 2xx: how long the carrier keeps us, and the way that it wants requests to take
// (RFC 3608 §6.1).
func (r *registration) granted(res *sip.Message, flow sip.Flow, contact string) {
	k := r.trunk
	now := time.Now()
	if r.leaving && r.expires == 0 {
		r.running = false
		r.setState(Registration{State: NotRegistered, Status: res.Status, Reason: res.Reason, Since: now}, "stop")
		r.left()
		return
	}
	left := r.keeps(res, contact)
	var routes, path []string
	for v := range res.Values(sip.ServiceRoute) {
		if a, err := sip.ParseAddress(v); err == nil && a.URI.IsSIP() && len(routes) < maxRoutes {
			routes = append(routes, strings.Clone(v))
		}
	}
	for v := range res.Values(sip.Path) {
		if len(path) < maxRoutes {
			path = append(path, strings.Clone(v))
		}
	}
	bulk := false
	for c, err := range res.Contacts() {
		bulk = bulk || err == nil && c.URI.Params.Has("bnc")
	}
	if left <= 0 { // a 200 that keeps nothing
		r.failedWith(Refused, res.Status, "the registrar keeps no contact of ours", 0)
		return
	}
	r.failed, r.flow = 0, flow
	next := refresh(left, k.house.cfg.Random.Uint64())
	k.mu.Lock()
	k.routes = routes
	realm, asked := k.realm, k.state.Asked
	k.mu.Unlock()
	r.setState(Registration{
		State: RegisteredNow, Status: res.Status, Reason: res.Reason, Until: now.Add(left), Next: now.Add(next), Contact: contact,
		Remote: flow.Remote.String(), Routes: routes, Path: path, Realm: realm, Asked: asked, Bulk: bulk,
	}, "the carrier keeps us for "+left.String())
	k.find(flow.Remote.Addr().Unmap())
	go k.locate()
	r.after(next)
}

// keeps is how long the carrier keeps our contact: its own time, else the Expires of the answer, else what
// we asked for (RFC 3261 §10.2.4).
func (r *registration) keeps(res *sip.Message, contact string) time.Duration {
	ours, err := sip.ParseAddress(contact)
	listed := false
	for c, bad := range res.Contacts() {
		if bad != nil || err != nil {
			continue
		}
		listed = true
		if c.URI.Username() == ours.URI.Username() && c.URI.HostPort() == ours.URI.HostPort() {
			if n, ok := c.Expires(); ok {
				return time.Duration(n) * time.Second
			}
		}
	}
	if n, ok := res.Expires(); ok && (listed || n > 0) {
		return time.Duration(n) * time.Second
	}
	return r.expires
}

// refresh is when a registration that lasts d is made anew: with a fifth of it left for trouble, uneven by
// a twentieth.
func refresh(d time.Duration, chance uint64) time.Duration {
	uneven := time.Duration(chance % uint64(d/20+1))
	return max(d*4/5-uneven, min(leastRefresh, d/2))
}

// failedWith takes a failure and looks ahead to the next attempt. Whoever is registered still stays so until
// the carrier's time is over.
func (r *registration) failedWith(fault Fault, status int, reason string, after time.Duration) {
	if r.leaving {
		r.running = false
		r.left()
		return
	}
	if r.signed != sip.UnknownKind && fault == AuthFailed {
		r.digest, r.signed = digest.ClientState{Random: r.digest.Random, HA1: r.digest.HA1}, sip.UnknownKind
	}
	wait := r.pause(fault, after)
	r.failed++
	now := time.Now()
	k := r.trunk
	k.mu.Lock()
	s := k.state
	k.mu.Unlock()
	if now.Before(s.Until) && fault != AuthFailed && fault != Refused {
		wait = min(wait, max(s.Until.Sub(now)/2, leastRefresh)) // while we are kept there is something to lose
	}
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	s.State, s.Fault, s.Status, s.Reason, s.Next, s.Failed = Failing, fault, status, reason, now.Add(wait), r.failed
	if fault == AuthFailed || fault == Refused || fault == UnknownDomain && status != 0 {
		s.Until = time.Time{} // the carrier itself says that it does not have us
	}
	r.setState(s, reason)
	r.after(wait)
}

// pause is how long to wait after a failure: Retry-After where the carrier says it.
func (r *registration) pause(fault Fault, after time.Duration) time.Duration {
	if after > 0 {
		return min(after, maxRetryAfter)
	}
	b := backOff[fault]
	d := b.first << min(r.failed, 16)
	if d > b.most || d <= 0 {
		d = b.most
	}
	half := d / 2
	return half + time.Duration(r.trunk.house.cfg.Random.Uint64()%uint64(half+1))
}

// after has the next REGISTER sent, or what became due meanwhile at once.
func (r *registration) after(d time.Duration) {
	r.running = false
	if r.leaving {
		r.leave()
		return
	}
	if r.again {
		d = 0
	}
	r.disarm()
	r.timer = r.shard.After(max(d, time.Millisecond), r.begin)
}

// setState is the only place where a registration's state changes.
func (r *registration) setState(s Registration, why string) {
	k := r.trunk
	k.mu.Lock()
	old := k.state
	if s.State == old.State && s.Fault == old.Fault {
		s.Since = old.Since
	} else {
		s.Since = time.Now()
	}
	k.state = s
	k.mu.Unlock()
	if old.State == s.State && old.Fault == s.Fault {
		return
	}
	level := slog.LevelInfo
	switch {
	case s.Fault == AuthFailed:
		level = slog.LevelError
	case s.State == Failing:
		level = slog.LevelWarn
	}
	k.log(level, "trunk registration", "from", old.State.String(), "to", s.State.String(), "fault", s.Fault.String(), "status", s.Status, "reason", why, "next", s.Next)
}

// retryAfter reads the seconds of a Retry-After; 0 for none.
func retryAfter(res *sip.Message) time.Duration {
	text := strings.TrimSpace(res.Get(sip.RetryAfter))
	end := 0
	for end < len(text) && end < 6 && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(text[:end])
	return time.Duration(n) * time.Second
}
