package trunk

import (
	"errors"
	"strconv"
	"time"

	"santral/call"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/tenant"
)

// patience is how long an answer to OPTIONS is waited for: who is alive has said something by then, though the
// transaction lives for 64·T1.
const patience = 4 * time.Second

// ask asks one place of a trunk how it is, again and again, by OPTIONS (RFC 3261 §11). It belongs to its
// Call-ID's shard.
type ask struct {
	trunk  *trunk
	place  *place // nil for a PBX that registers here: wherever it is registered then
	shard  *endpoint.Shard
	callID string
	tag    string
	seq    uint32
	timer  *endpoint.Timer
	over   bool
}

// askAll begins to ask all places of a trunk.
func (k *trunk) askAll() {
	places := k.places
	if k.noun().Mode == tenant.Registered {
		k.mu.Lock()
		k.places = []*place{{uri: "sip:" + k.noun().User, since: time.Now()}}
		places = k.places
		k.mu.Unlock()
	}
	for i, p := range places {
		a := &ask{trunk: k, place: p, callID: k.house.cfg.Random.Token(26), tag: k.house.cfg.Random.Token(13)}
		a.shard = k.house.cfg.Shard(a.callID)
		k.asks = append(k.asks, a)
		spread := k.noun().Options * time.Duration(i) / time.Duration(len(places))
		a.shard.Do(func() { a.again(spread + time.Millisecond) })
	}
}

func (a *ask) stop() {
	a.shard.Do(func() {
		a.over = true
		if a.timer != nil {
			a.timer.Stop()
		}
	})
}

func (a *ask) again(d time.Duration) {
	if !a.over {
		a.timer = a.shard.After(d, a.send)
	}
}

// target is where the question goes; ok is false when there is nobody to ask.
func (a *ask) target() (uri string, to endpoint.Next, route []string, ok bool) {
	k := a.trunk
	t := call.Target{URI: a.place.uri, Path: k.proxy()}
	if k.noun().Mode == tenant.Registered {
		if k.house.cfg.Contacts == nil {
			return "", to, nil, false
		}
		list, _ := k.house.cfg.Contacts.Contacts(k.noun().Tenant, k.noun().User)
		if len(list) == 0 {
			return "", to, nil, false
		}
		t = list[0]
	}
	u, err := sip.ParseURI(t.URI)
	if err != nil {
		return "", to, nil, false
	}
	u.Params = u.Params.Without("bnc")
	to.URI = u
	if t.Flow != "" {
		to.Flow, err = sip.ParseFlow(t.Flow)
		to.HasFlow = err == nil
	}
	if len(t.Path) > 0 {
		if first, err := sip.ParseAddress(t.Path[0]); err == nil {
			to.URI = first.URI
		}
	}
	return u.String(), to, t.Path, true
}

func (a *ask) send() {
	k := a.trunk
	req, to, ok := a.question()
	if !ok {
		a.again(k.noun().Options)
		return
	}
	began := time.Now()
	told := false
	tell := func(ev endpoint.ClientEvent) {
		if told || ev.Response != nil && ev.Response.Status < 200 {
			return
		}
		told = true
		a.timer.Stop()
		a.heard(ev, time.Since(began))
		a.again(max(k.noun().Options-time.Since(began), time.Second))
	}
	a.timer = a.shard.After(patience, func() { tell(endpoint.ClientEvent{Err: endpoint.ErrTimeout}) })
	a.shard.Request(req, to, tell)
}

// question makes the next OPTIONS; ok is false when there is nobody to ask.
func (a *ask) question() (req *sip.Message, to endpoint.Next, ok bool) {
	k := a.trunk
	uri, to, route, ok := a.target()
	if !ok {
		return nil, to, false
	}
	a.seq++
	req = sip.NewRequest(sip.OPTIONS, uri)
	for _, r := range route {
		req.Add(sip.Route, r)
	}
	who := sip.Address{URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(k.noun().User), Host: k.noun().Domain}}
	if who.URI.Host == "" {
		who.URI.Host = "invalid"
	}
	req.Set(sip.From, who.String()+";tag="+a.tag)
	req.Set(sip.To, "<"+uri+">")
	req.Set(sip.CallID, a.callID)
	req.Set(sip.CSeqKind, sip.CSeq{Seq: a.seq, Method: sip.OPTIONS}.String())
	req.Set(sip.Accept, "application/sdp")
	if ua := k.house.cfg.UserAgent; ua != "" {
		req.Set(sip.UserAgent, ua)
	}
	to.Prepare = func(req *sip.Message, flow sip.Flow) {
		at := a.shard.SentBy(flow)
		req.Set(sip.Contact, "<"+sip.URI{Scheme: "sip", User: k.token, Host: at.Host, Port: at.Port}.String()+">")
	}
	return req, to, true
}

// Ask asks the first place of a trunk by OPTIONS, and tells once what came of it: an answer, or why there is
// none. It reports whether there is anybody to ask.
func (t *Trunks) Ask(tenantID, trunkName string, told func(res *sip.Message, err error)) bool {
	k := t.find(tenantID, trunkName)
	if k == nil || len(k.noun().To) == 0 && k.noun().Mode != tenant.Registered {
		return false
	}
	where := "sip:" + k.noun().User
	if len(k.noun().To) > 0 {
		where = k.noun().To[0]
	}
	a := &ask{trunk: k, place: &place{uri: where}, callID: t.cfg.Random.Token(26), tag: t.cfg.Random.Token(13)}
	a.shard = t.cfg.Shard(a.callID)
	return a.shard.Do(func() {
		req, to, ok := a.question()
		if !ok {
			told(nil, errNobody)
			return
		}
		a.shard.Request(req, to, func(ev endpoint.ClientEvent) {
			if ev.Response == nil || ev.Response.Status >= 200 {
				told(ev.Response, ev.Err)
			}
		})
	})
}

// errNobody is why nobody could be asked.
var errNobody = errors.New("the PBX is not registered now")

// heard takes an answer, or that there is none: whatever the place says it lives, but for 503, which says
// that it can't, and 408, which says that what stands behind it does not.
func (a *ask) heard(ev endpoint.ClientEvent, took time.Duration) {
	if a.over {
		return
	}
	k, res := a.trunk, ev.Response
	k.mu.Lock()
	a.place.status, a.place.rtt = 0, 0
	if res != nil {
		a.place.status, a.place.rtt = res.Status, took
	}
	k.mu.Unlock()
	switch {
	case res == nil:
		k.ill(a.place, "OPTIONS: "+ev.Err.Error())
	case res.Status == 503 || res.Status == 408:
		k.ill(a.place, "OPTIONS: "+strconv.Itoa(res.Status)+" "+res.Reason)
	default:
		k.well(a.place, "OPTIONS: "+strconv.Itoa(res.Status))
	}
}
