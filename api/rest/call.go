package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/store"
)

// LiveCall is a call that is going on.
type LiveCall struct {
	Call    string    `json:"call"`
	Tenant  string    `json:"tenant"`
	From    string    `json:"from" doc:"the caller's number"`
	Dialled string    `json:"dialled"`
	To      string    `json:"to,omitempty" doc:"account, service or trunks that it was routed to"`
	State   string    `json:"state" doc:"routing, ringing, serving, talking, transferring"`
	Began   time.Time `json:"began"`
	Legs    []LiveLeg `json:"legs"`

	Recording string `json:"recording,omitempty" doc:"on, paused or masked; left out of a call that is not recorded"`
}

// LiveLeg is a leg of a live call.
type LiveLeg struct {
	Leg       string `json:"leg"`
	Direction string `json:"direction"`
	Account   string `json:"account,omitempty"`
	Trunk     string `json:"trunk,omitempty" doc:"the trunk that it came or goes by"`
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

func (c Config) calls(api huma.API) {
	huma.Register(api, huma.Operation{OperationID: "list-calls", Method: http.MethodGet, Path: "/api/v1/calls", Summary: "Calls that are going on"},
		func(_ context.Context, _ *struct{}) (*body[Page[LiveCall]], error) {
			list := c.Calls()
			if list == nil {
				list = []LiveCall{}
			}
			return &body[Page[LiveCall]]{Page[LiveCall]{Items: list}}, nil
		})
	huma.Register(api, huma.Operation{OperationID: "dial", Method: http.MethodPost, Path: "/api/v1/calls", Summary: "Have an account rung and connected with a number", DefaultStatus: http.StatusCreated},
		func(_ context.Context, in *struct{ Body DialRequest }) (*body[DialAnswer], error) {
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
	huma.Register(api, huma.Operation{OperationID: "end-call", Method: http.MethodDelete, Path: "/api/v1/calls/{call}", Summary: "End a call", DefaultStatus: http.StatusNoContent},
		func(_ context.Context, in *CallPath) (*struct{}, error) {
			if !c.Hangup(in.Call) {
				return nil, huma.Error404NotFound("there is no such call now")
			}
			return nil, nil
		})
	c.trace(api)
}
