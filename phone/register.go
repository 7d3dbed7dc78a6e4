package phone

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"santral/sip"
	"santral/sip/digest"
	"santral/sip/endpoint"
)

// Registration is what the server thinks of us, told each time that it is said anew.
type Registration struct {
	At      time.Time
	Status  int           // of the final answer, 0 when there was none
	Expires time.Duration // what the server granted; 0: we are not registered
	Err     error         // why not, nil for success
}

// maxTries bounds the challenges and corrections that one registration follows.
const maxTries = 4

// again is how soon a registration that failed after it had been granted is tried anew.
const again = 30 * time.Second

// registration keeps us registered (RFC 3261 §10.2). But for asked it belongs to its Call-ID's shard.
type registration struct {
	phone  *Phone
	shard  *endpoint.Shard
	callID string
	tag    string
	asked  atomic.Bool // we want to be registered

	seq     uint32
	digest  digest.ClientState
	expires time.Duration // what we ask for
	running bool          // a REGISTER is under way
	next    func()        // what to do after it
	timer   *endpoint.Timer
	waiting []chan<- error
}

func newRegistration(p *Phone) *registration {
	callID := p.cfg.Random.Token(26)
	return &registration{
		phone: p, shard: p.endpoint.Shard(callID), callID: callID, tag: p.cfg.Random.Token(13),
		digest: digest.ClientState{Random: p.cfg.Random},
	}
}

// Register registers our address for the time, answering challenges, and keeps it registered until
// Unregister or Close. It returns the server's first word: nil, or an error that wraps ErrRefused
// when it said no.
func (p *Phone) Register(ctx context.Context, expires time.Duration) error {
	if !p.server.Addr.IsValid() || p.cfg.User == "" {
		return fmt.Errorf("register: %w", ErrNobody)
	}
	if err := p.reg.ask(ctx, max(expires, time.Second)); err != nil {
		return fmt.Errorf("register %s at %s: %w", p.cfg.User, p.cfg.Server, err)
	}
	return nil
}

// Unregister takes our address back.
func (p *Phone) Unregister(ctx context.Context) error {
	if err := p.reg.ask(ctx, 0); err != nil {
		return fmt.Errorf("unregister %s at %s: %w", p.cfg.User, p.cfg.Server, err)
	}
	return nil
}

// Registered waits for the server's next word on our registration, refreshes included.
func (p *Phone) Registered(ctx context.Context) (Registration, error) { return p.statuses.take(ctx) }

// ask sends a registration for the time and waits for what comes of it.
func (r *registration) ask(ctx context.Context, expires time.Duration) error {
	result := make(chan error, 1)
	r.asked.Store(expires > 0)
	if !r.shard.Do(func() {
		r.expires = expires
		r.waiting = append(r.waiting, result)
		r.begin()
	}) {
		return ErrClosed
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the refreshing.
func (r *registration) stop() {
	r.asked.Store(false)
	r.shard.Do(r.disarm)
}

// lost registers anew: the connection that calls would have come by is gone.
func (r *registration) lost() {
	if r.asked.Load() && r.phone.cfg.Transport.Stream() {
		r.shard.Do(func() {
			if r.asked.Load() && !r.running {
				r.begin()
			}
		})
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
	if r.running {
		r.next = r.begin
		return
	}
	r.disarm()
	r.running, r.next = true, nil
	r.send(1, "", "")
}

// send sends one REGISTER, with credentials where kind says so.
func (r *registration) send(try int, kind string, value string) {
	p := r.phone
	flow, err := p.layer.Way(p.server)
	if err != nil {
		r.done(Registration{Err: err})
		return
	}
	registrar := sip.URI{Scheme: "sip", Host: p.domain, Port: p.server.Addr.Port()}
	registrar.Params = p.cfg.Transport.Param()
	aor := sip.Address{Display: p.cfg.Name, URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(p.cfg.User), Host: p.domain}}.String()
	r.seq++
	req := sip.NewRequest(sip.REGISTER, registrar.String())
	req.Set(sip.From, aor+";tag="+r.tag)
	req.Set(sip.To, aor)
	req.Set(sip.CallID, r.callID)
	req.Set(sip.CSeqKind, sip.CSeq{Seq: r.seq, Method: sip.REGISTER}.String())
	contact := "<" + r.contact(flow).String() + ">"
	if p.cfg.Instance != "" {
		contact += `;+sip.instance="<` + p.cfg.Instance + `>"` // RFC 5626 §4.1
	}
	req.Set(sip.Contact, contact)
	req.Set(sip.Expires, strconv.Itoa(int(r.expires/time.Second)))
	req.Set(sip.UserAgent, p.cfg.UserAgent)
	switch kind {
	case "401":
		req.Set(sip.Authorization, value)
	case "407":
		req.Set(sip.ProxyAuthorization, value)
	}
	r.shard.Request(req, endpoint.Next{Flow: flow, HasFlow: true}, func(e endpoint.ClientEvent) {
		switch {
		case e.Err != nil:
			err := e.Err
			if why := p.unproved.Load(); why != nil {
				err = fmt.Errorf("%w: %w", err, *why)
			}
			r.done(Registration{Err: err})
		case e.Response.Status >= 200:
			r.answered(try, req, e.Response)
		}
	})
}

// contact is the address that calls to us shall go to.
func (r *registration) contact(flow sip.Flow) sip.URI {
	at := r.phone.layer.SentBy(flow)
	u := sip.URI{Scheme: "sip", User: sip.EscapeUser(r.phone.cfg.User), Host: at.Host, Port: at.Port}
	u.Params = flow.Transport.Param()
	return u
}

// answered takes a final answer: the end, a challenge, or an interval that is too brief
// (RFC 3261 §10.2.7, §22.2, §21.4.17).
func (r *registration) answered(try int, req, res *sip.Message) {
	switch {
	case res.Status < 300:
		r.done(Registration{Status: res.Status, Expires: r.granted(res)})
		return
	case try >= maxTries:
	case res.Status == 401 || res.Status == 407:
		if value, ok := r.authorize(req, res); ok {
			r.send(try+1, strconv.Itoa(res.Status), value)
			return
		}
	case res.Status == 423:
		least, err := strconv.ParseUint(strings.TrimSpace(res.Get(sip.MinExpires)), 10, 31)
		if err == nil && time.Duration(least)*time.Second > r.expires && r.expires > 0 {
			r.expires = time.Duration(least) * time.Second
			r.send(try+1, "", "")
			return
		}
	}
	r.done(Registration{Status: res.Status, Err: fmt.Errorf("%w: %d %s", ErrRefused, res.Status, res.Reason)})
}

func (r *registration) authorize(req, res *sip.Message) (value string, ok bool) {
	ask := sip.WWWAuthenticate
	if res.Status == 407 {
		ask = sip.ProxyAuthenticate
	}
	var challenges []string
	for v := range res.Values(ask) {
		challenges = append(challenges, v)
	}
	if answered(req) && !slices.ContainsFunc(challenges, stale) {
		return "", false // what we know was not good enough, and will not be
	}
	cfg := &r.phone.cfg
	value, err := digest.Answer(challenges, cfg.User, cfg.Password, string(req.Method), req.RequestURI, &r.digest)
	return value, err == nil
}

// answered reports whether a request carries credentials.
func answered(req *sip.Message) bool {
	return req.Has(sip.Authorization) || req.Has(sip.ProxyAuthorization)
}

// stale reports a challenge whose server minds only the age of the nonce (RFC 7616 §3.3).
func stale(challenge string) bool {
	_, rest, ok := strings.Cut(strings.ToLower(challenge), "stale")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " =\"\t"), "true")
}

// granted is how long the server keeps our address: our Contact's own time, else the Expires of the
// answer, else what we asked for (RFC 3261 §10.2.4).
func (r *registration) granted(res *sip.Message) time.Duration {
	if r.expires == 0 {
		return 0
	}
	flow, err := r.phone.layer.Way(r.phone.server)
	if err == nil {
		ours := r.contact(flow)
		for c, err := range res.Contacts() {
			if err == nil && c.URI.Equal(ours) {
				if n, ok := c.Expires(); ok {
					return time.Duration(n) * time.Second
				}
			}
		}
	}
	if n, ok := res.Expires(); ok {
		return time.Duration(n) * time.Second
	}
	return r.expires
}

// done tells what came of it and looks ahead to the next time.
func (r *registration) done(told Registration) {
	told.At = time.Now()
	r.running = false
	if r.asked.Load() && r.next == nil {
		switch {
		case told.Expires > 0: // a fifth of the time is left for trouble
			r.timer = r.shard.After(max(told.Expires*4/5, time.Second), r.begin)
		case told.Status == 0 || told.Status >= 500:
			r.timer = r.shard.After(again, r.begin)
		}
	}
	for _, w := range r.waiting {
		w <- told.Err
	}
	r.waiting = nil
	r.phone.statuses.put(told)
	if next := r.next; next != nil {
		next()
	}
}
