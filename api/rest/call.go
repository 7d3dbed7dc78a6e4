package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// LiveCall is a call that is going on.
type LiveCall struct {
	Call    string    `json:"call"`
	Tenant  string    `json:"tenant"`
	From    string    `json:"from" doc:"the caller's number"`
	Dialled string    `json:"dialled"`
	To      string    `json:"to,omitempty" doc:"account, service or trunks that it was routed to"`
	State   string    `json:"state" doc:"calling, ringing, answered"`
	Began   time.Time `json:"began"`
	Legs    []LiveLeg `json:"legs"`
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
}

type callPath struct {
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
	huma.Register(api, huma.Operation{OperationID: "end-call", Method: http.MethodDelete, Path: "/api/v1/calls/{call}", Summary: "End a call", DefaultStatus: http.StatusNoContent},
		func(_ context.Context, in *callPath) (*struct{}, error) {
			if !c.Hangup(in.Call) {
				return nil, huma.Error404NotFound("there is no such call now")
			}
			return nil, nil
		})
	c.trace(api)
}
