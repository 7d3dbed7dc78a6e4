package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/base/jalali"
	"santral/store"
	"santral/tenant"
)

// Steer does with calls that go on what programs want of them. Errors are store.ErrNotFound for no such call or leg, and a
// *Refusal where it can't be.
type Steer interface {
	Transfer(call, leg, number string) error
	TransferInto(call, leg, into string) error
	Hold(call, leg string, held bool) error
	Pull(call, leg, device string) error
	Press(call, leg, keys string) error
	End(call, cause string) error // cause is one of EndCauses
}

// EndCauses are the words for why a call is ended.
var EndCauses = []string{"normal", "busy", "declined", "unavailable"}

// LegChoice says for which leg something is done. It is exported because huma reads only exported fields, of an embedded struct too.
type LegChoice struct {
	Leg     string `json:"leg,omitempty" maxLength:"8" doc:"the leg for whose phone it is done; your own account's when left out, else the called account's, else the calling one's"`
	Account string `json:"account,omitempty" maxLength:"32" doc:"instead of leg: the leg of this account"`
}

// TransferRequest says where the other side goes on.
type TransferRequest struct {
	LegChoice
	To   string `json:"to,omitempty" maxLength:"64" doc:"a number, as the leg's phone would dial it"`
	Call string `json:"call,omitempty" maxLength:"64" doc:"instead of to: another call in which the account has a leg, whose place is taken"`
}

// MoveRequest says where the leg goes on.
type MoveRequest struct {
	LegChoice
	Device string `json:"device,omitempty" maxLength:"256" doc:"the one device of the account that rings; all others than the present one when left out"`
	To     string `json:"to,omitempty" maxLength:"64" doc:"instead of the account's devices: a number that is rung, and the other side hears it ring"`
}

// KeysRequest says which keys are pressed.
type KeysRequest struct {
	LegChoice
	Digits string `json:"digits" minLength:"1" maxLength:"64" doc:"keys 0 to 9, *, #, A to D; a blank or a comma is half a second without"`
}

func (c Config) steering(on huma.API) {
	huma.Register(on, op("get-call", http.MethodGet, "/api/v1/calls/{call}", "One call that is going on, with its legs and how they sound", reads("calls", tenant.RoleUser)),
		func(ctx context.Context, in *CallPath) (*body[LiveCall], error) {
			l, ok := c.liveCall(in.Call)
			if !ok || !c.seesCall(ctx, &l) {
				return nil, huma.Error404NotFound("there is no such call now; its record may be at /api/v1/cdrs/" + in.Call)
			}
			return &body[LiveCall]{l.shownTo(api.From(ctx))}, nil
		})
	steerRoute(c, on, "transfer-call", "transfer", "Send the other side of a call on, to a number or into another call", http.StatusAccepted,
		func(w TransferRequest) LegChoice { return w.LegChoice },
		func(ctx context.Context, id, leg string, w TransferRequest) error {
			switch {
			case (w.To == "") == (w.Call == ""):
				return huma.Error422UnprocessableEntity("say to or call, and not both")
			case w.Call == "":
				return c.Steer.Transfer(id, leg, jalali.ASCII(w.To))
			case !c.mayCall(ctx, w.Call):
				return huma.Error404NotFound("there is no such call to go into now")
			}
			return c.Steer.TransferInto(id, leg, w.Call)
		})
	steerRoute(c, on, "hold-call", "hold", "Have the other side of a call wait with music", http.StatusNoContent,
		func(w LegChoice) LegChoice { return w },
		func(_ context.Context, id, leg string, _ LegChoice) error { return c.Steer.Hold(id, leg, true) })
	steerRoute(c, on, "resume-call", "resume", "Have the two talk again", http.StatusNoContent,
		func(w LegChoice) LegChoice { return w },
		func(_ context.Context, id, leg string, _ LegChoice) error { return c.Steer.Hold(id, leg, false) })
	steerRoute(c, on, "move-call", "move", "Bring a call to another phone of the account, or to a number", http.StatusAccepted,
		func(w MoveRequest) LegChoice { return w.LegChoice },
		func(_ context.Context, id, leg string, w MoveRequest) error {
			if w.To != "" {
				if w.Device != "" {
					return huma.Error422UnprocessableEntity("say to or device, and not both")
				}
				return c.Steer.Transfer(id, leg, jalali.ASCII(w.To))
			}
			return c.Steer.Pull(id, leg, w.Device)
		})
	steerRoute(c, on, "press-keys", "digits", "Press keys in a call, as the leg's phone would", http.StatusAccepted,
		func(w KeysRequest) LegChoice { return w.LegChoice },
		func(_ context.Context, id, leg string, w KeysRequest) error {
			keys, ok := keysOf(w.Digits)
			if !ok {
				return huma.Error422UnprocessableEntity("digits are 0 to 9, *, #, A to D, blanks and commas")
			}
			return c.Steer.Press(id, leg, keys)
		})
}

// steerRoute registers one thing that can be done with a call.
func steerRoute[W any](c Config, on huma.API, id, verb, summary string, status int, choice func(W) LegChoice, do func(ctx context.Context, call, leg string, w W) error) {
	o := op(id, http.MethodPost, "/api/v1/calls/{call}/"+verb, summary, writes("calls", tenant.RoleUser))
	o.DefaultStatus = status
	huma.Register(on, o, func(ctx context.Context, in *struct {
		CallPath
		Body *W
	}) (*struct{}, error) {
		var w W
		if in.Body != nil {
			w = *in.Body
		}
		leg, err := c.legOf(ctx, in.Call, choice(w))
		if err != nil {
			return nil, err
		}
		return nil, c.refused(do(ctx, in.Call, leg, w))
	})
}

// refused makes a problem of why a call does not do what is wanted.
func (c Config) refused(err error) error {
	var no *Refusal
	var problem huma.StatusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &problem):
		return problem
	case errors.Is(err, store.ErrNotFound):
		return huma.Error404NotFound("there is no such call or leg now")
	case errors.As(err, &no) && no.SIP == 404:
		return huma.Error404NotFound("there is no such number")
	case errors.As(err, &no):
		return huma.Error409Conflict("the call can't do that now: " + no.Text)
	}
	return c.failed("the call was not changed", err)
}

func (c Config) liveCall(id string) (LiveCall, bool) {
	list := c.Calls()
	i := slices.IndexFunc(list, func(l LiveCall) bool { return l.Call == id })
	if i < 0 {
		return LiveCall{}, false
	}
	return list[i], true
}

// legOf gives the leg for which something is done: one of who asks, who may change what its account does.
func (c Config) legOf(ctx context.Context, id string, want LegChoice) (string, error) {
	gone := huma.Error404NotFound("there is no such call or leg now")
	l, ok := c.liveCall(id)
	if !ok {
		return "", gone
	}
	best, rank := "", 0
	for i := range l.Legs {
		g := &l.Legs[i]
		switch {
		case !c.changes(ctx, g.Tenant, g.Account), want.Leg != "" && want.Leg != g.Leg, want.Account != "" && want.Account != g.Account:
			continue
		}
		r := 1
		if g.Account != "" {
			r += 2
			if g.Account == api.From(ctx).Account {
				r += 8
			}
		}
		if g.Answered {
			r += 4
		}
		if r >= rank { // of two alike the later one: who was called
			best, rank = g.Leg, r
		}
	}
	if best == "" {
		return "", gone
	}
	return best, nil
}

// keysOf reads keys as people write them.
func keysOf(text string) (keys string, ok bool) {
	for _, r := range jalali.ASCII(text) {
		switch {
		case r >= '0' && r <= '9', r == '*', r == '#', r >= 'A' && r <= 'D':
			keys += string(r)
		case r >= 'a' && r <= 'd':
			keys += string(r - 'a' + 'A')
		case r == ' ' || r == ',':
			keys += " "
		case r == '-':
		default:
			return "", false
		}
	}
	return keys, keys != ""
}
