package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// LiveCall is a call that is going on.
type LiveCall struct {
	Call      string    `json:"call"`
	Tenant    string    `json:"tenant" doc:"the caller's; operator for a call that came by one of the operator's carriers"`
	ToTenant  string    `json:"to_tenant,omitempty" doc:"whose it is what it was routed to; left out while that is unknown"`
	From      string    `json:"from" doc:"the caller's number; to another tenant, the one that it presents"`
	Presented string    `json:"-"`
	Withheld  bool      `json:"-"`
	Dialled   string    `json:"dialled"`
	To        string    `json:"to,omitempty" doc:"account, service or trunks that it was routed to"`
	State     string    `json:"state" doc:"routing, ringing, serving, talking, transferring"`
	Began     time.Time `json:"began"`
	Legs      []LiveLeg `json:"legs"`

	Recording string `json:"recording,omitempty" doc:"on, paused or masked; left out of a call that is not recorded"`
}

// LiveLeg is a leg of a live call.
type LiveLeg struct {
	Leg       string `json:"leg"`
	Direction string `json:"direction"`
	Tenant    string `json:"tenant,omitempty"`
	Account   string `json:"account,omitempty"`
	Trunk     string `json:"trunk,omitempty" doc:"the trunk that it came or goes by"`
	Answered  bool   `json:"answered"`
	Held      bool   `json:"held,omitempty" doc:"its phone holds the other side"`
	SIPCallID string `json:"sip_call_id,omitempty"`
	SessionID string `json:"session_id,omitempty" doc:"as the exchange sends it: the other side's half, then the peer's"`
	Remote    string `json:"remote,omitempty" doc:"the peer's signalling address"`
	Media     string `json:"media,omitempty" doc:"the peer's media address"`
	Codec     string `json:"codec,omitempty"`
	Way       string `json:"way,omitempty" doc:"how its sound goes to the other leg: relay, transcode, or mix where others are with the two or it is in a room"`

	Streams []LiveStream   `json:"streams,omitempty" doc:"one for each media line"`
	Notices []store.Notice `json:"notices,omitempty" doc:"what was noticed of its media, the oldest first"`
}

// LiveStream is a stream of a live call, up to now and of the last five seconds.
type LiveStream struct {
	store.Stream
	Now      *LiveSample `json:"now,omitempty" doc:"what came from the peer in the last five seconds in which something came"`
	HeardNow *LiveSample `json:"heard_now,omitempty" doc:"what the peer says it got, by its last report"`
}

// LiveSample is five seconds of a stream.
type LiveSample struct {
	MOS    float64 `json:"mos"`
	Loss   float64 `json:"loss" doc:"share lost, 0 to 1"`
	Jitter int64   `json:"jitter_us"`
}

// DialRequest asks for a call: an account's phones are rung, and who answers is connected.
type DialRequest struct {
	Tenant string `json:"tenant,omitempty" maxLength:"40" doc:"the account's; the default tenant when left out"`
	From   string `json:"from" minLength:"1" maxLength:"32" doc:"the account that is rung first"`
	To     string `json:"to" minLength:"1" maxLength:"64" doc:"the number that it is connected with, as its phone would dial it"`
	Shown  string `json:"shown,omitempty" maxLength:"32" doc:"the number that the other side is shown; one that the account does not own is replaced by its own"`
	Ring   int    `json:"ring,omitempty" minimum:"1" maximum:"300" doc:"seconds that the account's phones ring; the exchange's own time when left out"`
	Auto   bool   `json:"auto,omitempty" doc:"asks the account's phones to answer by themselves"`
	Alert  string `json:"alert,omitempty" maxLength:"256" pattern:"^[ -~]*$" doc:"Alert-Info that its phones get"`
}

// DialAnswer names the call that was begun.
type DialAnswer struct {
	Call string `json:"call"`
}

// Refusal is why a call that was asked for can't be begun, by the status that a phone would get.
type Refusal struct {
	SIP  int
	Text string
}

// Error gives it in words.
func (r *Refusal) Error() string { return r.Text }

// CallPath names a call. It is exported because huma reads only exported fields, of an embedded struct too.
type CallPath struct {
	Call string `path:"call" maxLength:"64"`
}

func (c Config) calls(on huma.API) {
	huma.Register(on, op("list-calls", http.MethodGet, "/api/v1/calls", "Calls that are going on", reads("calls", tenant.RoleUser)),
		func(ctx context.Context, in *struct {
			Paging
			Tenant  string `query:"tenant" maxLength:"40" doc:"only calls that it is in; your own, or all, when left out"`
			Account string `query:"account" maxLength:"32" doc:"only calls that this account has a leg in"`
			Trunk   string `query:"trunk" maxLength:"64" doc:"only calls that go or came by it"`
			State   string `query:"state" enum:"routing,ringing,serving,talking,transferring"`
		}) (*body[Page[LiveCall]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			page := Page[LiveCall]{Items: []LiveCall{}}
			for _, l := range c.Calls() { // the oldest first, and of those that began together by their ids
				if !(tenantID == "" || l.in(tenantID)) || in.State != "" && in.State != l.State || !c.seesCall(ctx, &l) || in.Cursor != "" && l.place() <= in.Cursor {
					continue
				}
				l = l.shownTo(api.From(ctx))
				if !l.has(in.Account, in.Trunk) {
					continue
				}
				if len(page.Items) == in.Limit {
					page.Next = page.Items[in.Limit-1].place()
					break
				}
				page.Items = append(page.Items, l)
			}
			return &body[Page[LiveCall]]{page}, nil
		})
	huma.Register(on, made(op("dial", http.MethodPost, "/api/v1/calls", "Have an account rung and connected with a number", writes("calls", tenant.RoleUser))),
		func(ctx context.Context, in *struct{ Body DialRequest }) (*body[DialAnswer], error) {
			var err error
			if in.Body.Tenant, err = tenantOf(ctx, in.Body.Tenant); err != nil {
				return nil, err
			}
			if who := api.From(ctx); who.Tenant != "" && !c.changes(ctx, who.Tenant, in.Body.From) {
				return nil, huma.Error404NotFound("there is no such account or number")
			}
			id, err := c.Dial(in.Body)
			var no *Refusal
			switch {
			case errors.As(err, &no) && no.SIP >= 500:
				return nil, huma.Error503ServiceUnavailable("no call can be begun now: " + no.Text)
			case errors.As(err, &no) && no.SIP == 404:
				return nil, huma.Error404NotFound("there is no such account or number")
			case errors.As(err, &no):
				return nil, huma.Error409Conflict("the call can't be begun: " + no.Text)
			case err != nil:
				return nil, c.failed("the call can't be begun", err)
			}
			return &body[DialAnswer]{DialAnswer{Call: id}}, nil
		})
	huma.Register(on, empty(op("end-call", http.MethodDelete, "/api/v1/calls/{call}", "End a call", writes("calls", tenant.RoleUser))),
		func(ctx context.Context, in *struct {
			CallPath
			Cause string `query:"cause" enum:"normal,busy,declined,unavailable" default:"normal" doc:"why, as its phones are told and the record says"`
		}) (*struct{}, error) {
			if !c.mayCall(ctx, in.Call) {
				return nil, huma.Error404NotFound("there is no such call now")
			}
			return nil, c.refused(c.Steer.End(in.Call, in.Cause))
		})
	c.steering(on)
	c.trace(on)
}

// LegID is a leg of a live call, by what its trace stands under.
type LegID struct {
	Tenant, Account string
	SIPCallID       string
}

// place is where a call stands in the list of those that go on.
func (l *LiveCall) place() string { return l.Began.UTC().Format("20060102150405.000000000") + l.Call }

// has tells whether a leg is of an account, and one of a trunk; "" is of any.
func (l *LiveCall) has(account, trunk string) bool {
	of := func(want string, name func(*LiveLeg) string) bool {
		return want == "" || slices.ContainsFunc(l.Legs, func(g LiveLeg) bool { return name(&g) == want })
	}
	return of(account, func(g *LiveLeg) string { return g.Account }) && of(trunk, func(g *LiveLeg) string { return g.Trunk })
}

// in tells whether a tenant has a part in the call.
func (l *LiveCall) in(tenantID string) bool {
	return l.Tenant == tenantID || l.ToTenant == tenantID || slices.ContainsFunc(l.Legs, func(g LiveLeg) bool { return g.Tenant == tenantID })
}

// seesCall tells whether who asks may see a call: one of its sides is theirs.
func (c Config) seesCall(ctx context.Context, l *LiveCall) bool { return c.sideOf(ctx, l, c.sees) }

// sideOf tells whether one of a call's sides is good for who asks.
func (c Config) sideOf(ctx context.Context, l *LiveCall, good func(ctx context.Context, tenant, account string) bool) bool {
	for _, g := range l.Legs {
		if good(ctx, g.Tenant, g.Account) {
			return true
		}
	}
	return good(ctx, l.Tenant, l.From) || l.ToTenant != "" && good(ctx, l.ToTenant, l.To)
}

// mayCall tells whether who asks may do something with a live call.
func (c Config) mayCall(ctx context.Context, id string) bool {
	if api.From(ctx).Tenant == "" && !partly(ctx) {
		return true
	}
	list := c.Calls()
	i := slices.IndexFunc(list, func(l LiveCall) bool { return l.Call == id })
	return i >= 0 && c.sideOf(ctx, &list[i], c.changes)
}

// shownTo gives what of a call who asks may see: of the other side of a call between two tenants, or of the operator's
// carriers, that it is there and how it sounds.
func (l LiveCall) shownTo(who api.Identity) LiveCall {
	if who.Tenant == "" {
		return l
	}
	if !who.In(l.Tenant) {
		if l.Tenant != tenant.OperatorID {
			l.From = l.Presented
		}
		if l.Withheld {
			l.From = ""
		}
		l.Tenant = ""
	}
	if !who.In(l.ToTenant) {
		l.To, l.ToTenant = "", ""
	}
	legs := make([]LiveLeg, 0, len(l.Legs))
	for _, g := range l.Legs {
		if !who.In(g.Tenant) {
			g = LiveLeg{Leg: g.Leg, Direction: g.Direction, Codec: g.Codec, Way: g.Way, Streams: g.Streams}
		}
		legs = append(legs, g)
	}
	l.Legs = legs
	return l
}
