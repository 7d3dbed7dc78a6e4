package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/call"
	"santral/service/conference"
)

// Rooms is what the API does with conference rooms. In a list a tenant "" is any, elsewhere the default one.
type Rooms interface {
	Rooms(tenant string) []conference.Room
	Room(tenant, number string) (conference.Room, error)
	Change(tenant, number string, id call.ID, w conference.Wish) error
	Lock(tenant, number string, on bool) error
	Say(tenant, number, language, clip string) error // a *Refusal where it can't be said
}

// Room is a conference room as it stands now.
type Room struct {
	Tenant  string       `json:"tenant"`
	Number  string       `json:"number"`
	Rate    int          `json:"rate_hz" doc:"of its sound"`
	Locked  bool         `json:"locked,omitempty" doc:"nobody more is let in"`
	Began   time.Time    `json:"began"`
	Turns   uint64       `json:"turns" doc:"of its mixing, 50 a second"`
	Late    uint64       `json:"late" doc:"of these turns"`
	Members []RoomMember `json:"members" doc:"in the order in which they came"`
}

// RoomMember is one who is in a room.
type RoomMember struct {
	Call    string    `json:"call"`
	Name    string    `json:"name,omitempty"`
	Number  string    `json:"number,omitempty" doc:"that it presents"`
	Account string    `json:"account,omitempty"`
	Since   time.Time `json:"since"`
	Talks   bool      `json:"talks" doc:"it is talking now"`
	Level   float64   `json:"level_dbov" doc:"of what it says; -127 for silence"`
	Mute    bool      `json:"mute,omitempty" doc:"the others don't hear it"`
	Deaf    bool      `json:"deaf,omitempty" doc:"it doesn't hear the others"`
	Held    bool      `json:"held,omitempty" doc:"its phone holds us: neither"`
	Gain    float64   `json:"gain_db,omitempty" doc:"of what it says"`
	Volume  float64   `json:"volume_db,omitempty" doc:"of what it hears"`
}

func roomOf(r *conference.Room) Room {
	list := make([]RoomMember, 0, len(r.Members))
	for _, m := range r.Members {
		list = append(list, RoomMember{
			Call: string(m.Call), Name: m.Name, Number: m.Number, Account: m.Account, Since: m.Came, Talks: m.Talks, Level: m.Level,
			Mute: m.Mute, Deaf: m.Deaf, Held: m.Held, Gain: m.Gain, Volume: m.Volume,
		})
	}
	return Room{Tenant: r.Tenant, Number: r.Number, Rate: r.Rate, Locked: r.Locked, Began: r.Began, Turns: r.Turns, Late: r.Late, Members: list}
}

// RoomPath names a room. It is exported because huma reads only exported fields, of an embedded struct too.
type RoomPath struct {
	Number string `path:"number" maxLength:"20"`
	Tenant string `query:"tenant" doc:"whose it is; the default tenant when left out"`
}

// MemberRequest is what becomes of a member.
type MemberRequest struct {
	Mute   *bool    `json:"mute,omitempty" doc:"the others hear it no more, or again; it is told"`
	Deaf   *bool    `json:"deaf,omitempty" doc:"it hears the others no more, or again"`
	Gain   *float64 `json:"gain_db,omitempty" minimum:"-12" maximum:"12" doc:"of what it says"`
	Volume *float64 `json:"volume_db,omitempty" minimum:"-12" maximum:"12" doc:"of what it hears"`
	Kick   bool     `json:"kick,omitempty" doc:"it has to go; it is told"`
}

// RoomSaying is what a room is told.
type RoomSaying struct {
	Clip     string `json:"clip" maxLength:"100" doc:"a prompt by its name, such as conference.recorded"`
	Language string `json:"language,omitempty" enum:"en,fa" doc:"the tenant's when left out"`
}

func (c Config) rooms(api huma.API) {
	const path = "/api/v1/rooms"
	huma.Register(api, huma.Operation{OperationID: "list-rooms", Method: http.MethodGet, Path: path, Summary: "Conference rooms that somebody is in"},
		func(_ context.Context, in *struct {
			Tenant string `query:"tenant" doc:"whose; all when left out"`
		}) (*body[Page[Room]], error) {
			list := []Room{}
			for _, r := range c.Rooms.Rooms(in.Tenant) {
				list = append(list, roomOf(&r))
			}
			return &body[Page[Room]]{Page[Room]{Items: list}}, nil
		})
	huma.Register(api, huma.Operation{OperationID: "get-room", Method: http.MethodGet, Path: path + "/{number}", Summary: "One room, and who is in it"},
		func(_ context.Context, in *RoomPath) (*body[Room], error) {
			r, err := c.Rooms.Room(in.Tenant, in.Number)
			if err != nil {
				return nil, c.roomless(err)
			}
			return &body[Room]{roomOf(&r)}, nil
		})
	huma.Register(api, huma.Operation{OperationID: "change-room-member", Method: http.MethodPost, Path: path + "/{number}/members/{call}", Summary: "Mute a member, deafen it, turn it up or down, or have it go", DefaultStatus: http.StatusNoContent},
		func(_ context.Context, in *struct {
			RoomPath
			CallPath
			Body MemberRequest
		}) (*struct{}, error) {
			b := &in.Body
			err := c.Rooms.Change(in.Tenant, in.Number, call.ID(in.Call), conference.Wish{Mute: b.Mute, Deaf: b.Deaf, Gain: b.Gain, Volume: b.Volume, Kick: b.Kick})
			return nil, c.roomless(err)
		})
	for word, on := range map[string]bool{"lock": true, "unlock": false} {
		summary := "Let everybody into a room again"
		if on {
			summary = "Let nobody more into a room"
		}
		huma.Register(api, huma.Operation{OperationID: word + "-room", Method: http.MethodPost, Path: path + "/{number}/" + word, Summary: summary, DefaultStatus: http.StatusNoContent},
			func(_ context.Context, in *RoomPath) (*struct{}, error) {
				return nil, c.roomless(c.Rooms.Lock(in.Tenant, in.Number, on))
			})
	}
	huma.Register(api, huma.Operation{OperationID: "tell-room", Method: http.MethodPost, Path: path + "/{number}/say", Summary: "Have everybody in a room hear a prompt", DefaultStatus: http.StatusNoContent},
		func(_ context.Context, in *struct {
			RoomPath
			Body RoomSaying
		}) (*struct{}, error) {
			return nil, c.roomless(c.Rooms.Say(in.Tenant, in.Number, in.Body.Language, in.Body.Clip))
		})
}

// roomless puts into HTTP why nothing was done with a room.
func (c Config) roomless(err error) error {
	var no *Refusal
	switch {
	case err == nil:
		return nil
	case errors.Is(err, conference.ErrNoRoom):
		return huma.Error404NotFound("nobody is in that room now; GET /api/v1/rooms lists those that somebody is in")
	case errors.Is(err, conference.ErrNoMember):
		return huma.Error404NotFound("that call is not in the room")
	case errors.As(err, &no):
		return huma.Error409Conflict(no.Text)
	}
	return c.failed("the room could not be changed", err)
}
