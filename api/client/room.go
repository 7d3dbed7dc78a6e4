package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Room is a conference room as it stands now.
type Room struct {
	Tenant  string       `json:"tenant"`
	Number  string       `json:"number"`
	Rate    int          `json:"rate_hz"`
	Locked  bool         `json:"locked,omitempty"`
	Began   time.Time    `json:"began"`
	Turns   uint64       `json:"turns"`
	Late    uint64       `json:"late"`
	Members []RoomMember `json:"members"`
}

// RoomMember is one who is in a room.
type RoomMember struct {
	Call    string    `json:"call"`
	Name    string    `json:"name,omitempty"`
	Number  string    `json:"number,omitempty"`
	Account string    `json:"account,omitempty"`
	Since   time.Time `json:"since"`
	Talks   bool      `json:"talks"`
	Level   float64   `json:"level_dbov"`
	Mute    bool      `json:"mute,omitempty"`
	Deaf    bool      `json:"deaf,omitempty"`
	Held    bool      `json:"held,omitempty"`
	Gain    float64   `json:"gain_db,omitempty"`
	Volume  float64   `json:"volume_db,omitempty"`
}

// MemberRequest is what becomes of a member; nil leaves things as they are.
type MemberRequest struct {
	Mute   *bool    `json:"mute,omitempty"`
	Deaf   *bool    `json:"deaf,omitempty"`
	Gain   *float64 `json:"gain_db,omitempty"`
	Volume *float64 `json:"volume_db,omitempty"`
	Kick   bool     `json:"kick,omitempty"`
}

// Rooms lists the rooms of a tenant, "" for all.
func (c *Client) Rooms(ctx context.Context, tenant string) ([]Room, error) {
	var page Page[Room]
	err := c.do(ctx, http.MethodGet, "/api/v1/rooms"+of(tenant), &page)
	return page.Items, err
}

// Room gives one; a tenant "" is the default one, here and below.
func (c *Client) Room(ctx context.Context, tenant, number string) (Room, error) {
	var r Room
	err := c.do(ctx, http.MethodGet, "/api/v1/rooms/"+url.PathEscape(number)+of(tenant), &r)
	return r, err
}

// ChangeMember has a member of a room be otherwise.
func (c *Client) ChangeMember(ctx context.Context, tenant, number, call string, r MemberRequest) error {
	return c.send(ctx, http.MethodPost, "/api/v1/rooms/"+url.PathEscape(number)+"/members/"+url.PathEscape(call)+of(tenant), r, nil)
}

// LockRoom lets nobody more into a room, or everybody again.
func (c *Client) LockRoom(ctx context.Context, tenant, number string, on bool) error {
	word := "unlock"
	if on {
		word = "lock"
	}
	return c.do(ctx, http.MethodPost, "/api/v1/rooms/"+url.PathEscape(number)+"/"+word+of(tenant), nil)
}

// TellRoom has everybody in a room hear a prompt; a language "" is the tenant's.
func (c *Client) TellRoom(ctx context.Context, tenant, number, language, clip string) error {
	say := map[string]string{"clip": clip}
	if language != "" {
		say["language"] = language
	}
	return c.send(ctx, http.MethodPost, "/api/v1/rooms/"+url.PathEscape(number)+"/say"+of(tenant), say, nil)
}

func of(tenant string) string {
	if tenant == "" {
		return ""
	}
	return "?" + url.Values{"tenant": {tenant}}.Encode()
}
