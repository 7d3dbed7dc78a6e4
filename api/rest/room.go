package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/call"
	"santral/service/conference"
	"santral/tenant"
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
	Tenant string `query:"tenant" maxLength:"40" doc:"whose it is; your own, or the default tenant, when left out"`
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
	huma.Register(api, op("list-rooms", http.MethodGet, path, "Conference rooms that somebody is in", reads("rooms", tenant.RoleReporter)),
		func(ctx context.Context, in *struct {
			Tenant string `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
		}) (*body[Page[Room]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			list := []Room{}
			for _, r := range c.Rooms.Rooms(tenantID) {
				if c.sees(ctx, r.Tenant, "") {
					list = append(list, roomOf(&r))
				}
			}
			return &body[Page[Room]]{Page[Room]{Items: list}}, nil
		})
	huma.Register(api, op("get-room", http.MethodGet, path+"/{number}", "One room, and who is in it", reads("rooms", tenant.RoleReporter)),
		func(ctx context.Context, in *RoomPath) (*body[Room], error) {
			if err := inRoom(ctx, in); err != nil {
				return nil, c.roomless(err)
			}
			r, err := c.Rooms.Room(in.Tenant, in.Number)
			if err != nil {
				return nil, c.roomless(err)
			}
			return &body[Room]{roomOf(&r)}, nil
		})
	huma.Register(api, empty(op("change-room-member", http.MethodPost, path+"/{number}/members/{call}", "Mute a member, deafen it, turn it up or down, or have it go", writes("rooms", tenant.RoleManager))),
		func(ctx context.Context, in *struct {
			RoomPath
			CallPath
			Body MemberRequest
		}) (*struct{}, error) {
			if err := inRoom(ctx, &in.RoomPath); err != nil {
				return nil, c.roomless(err)
			}
			b := &in.Body
			err := c.Rooms.Change(in.Tenant, in.Number, call.ID(in.Call), conference.Wish{Mute: b.Mute, Deaf: b.Deaf, Gain: b.Gain, Volume: b.Volume, Kick: b.Kick})
			return nil, c.roomless(err)
		})
	for word, on := range map[string]bool{"lock": true, "unlock": false} {
		summary := "Let everybody into a room again"
		if on {
			summary = "Let nobody more into a room"
		}
		huma.Register(api, empty(op(word+"-room", http.MethodPost, path+"/{number}/"+word, summary, writes("rooms", tenant.RoleManager))),
			func(ctx context.Context, in *RoomPath) (*struct{}, error) {
				if err := inRoom(ctx, in); err != nil {
					return nil, c.roomless(err)
				}
				return nil, c.roomless(c.Rooms.Lock(in.Tenant, in.Number, on))
			})
	}
	huma.Register(api, empty(op("tell-room", http.MethodPost, path+"/{number}/say", "Have everybody in a room hear a prompt", writes("rooms", tenant.RoleManager))),
		func(ctx context.Context, in *struct {
			RoomPath
			Body RoomSaying
		}) (*struct{}, error) {
			if err := inRoom(ctx, &in.RoomPath); err != nil {
				return nil, c.roomless(err)
			}
			return nil, c.roomless(c.Rooms.Say(in.Tenant, in.Number, in.Body.Language, in.Body.Clip))
		})
}

// inRoom fills in the tenant of a room that who asks may see: rooms are of a tenant as a whole.
func inRoom(ctx context.Context, in *RoomPath) error {
	var err error
	if in.Tenant, err = tenantOf(ctx, in.Tenant); err != nil || partly(ctx) {
		return conference.ErrNoRoom
	}
	return nil
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
