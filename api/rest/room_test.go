package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"santral/api/client"
	"santral/call"
	"santral/service/conference"
)

// lobby is rooms in memory, which write down what was wanted.
type lobby struct {
	rooms []conference.Room
	did   []string
}

// Rooms implements Rooms.
func (l *lobby) Rooms(tenant string) []conference.Room {
	return slices.DeleteFunc(slices.Clone(l.rooms), func(r conference.Room) bool { return tenant != "" && r.Tenant != tenant })
}

// Room implements Rooms.
func (l *lobby) Room(tenant, number string) (conference.Room, error) {
	for _, r := range l.rooms {
		if r.Number == number && (r.Tenant == tenant || tenant == "" && r.Tenant == "acme") {
			return r, nil
		}
	}
	return conference.Room{}, conference.ErrNoRoom
}

// Change implements Rooms.
func (l *lobby) Change(tenant, number string, id call.ID, w conference.Wish) error {
	r, err := l.Room(tenant, number)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(r.Members, func(m conference.Member) bool { return m.Call == id }) {
		return conference.ErrNoMember
	}
	l.did = append(l.did, fmt.Sprintf("%s %s %s mute %t gain %g kick %t deaf %t", r.Tenant, number, id, w.Mute != nil && *w.Mute, *w.Gain, w.Kick, w.Deaf != nil))
	return nil
}

// Lock implements Rooms.
func (l *lobby) Lock(tenant, number string, on bool) error {
	r, err := l.Room(tenant, number)
	l.did = append(l.did, fmt.Sprintf("%s %s locked %t", r.Tenant, number, on))
	return err
}

// Say implements Rooms.
func (l *lobby) Say(tenant, number, language, clip string) error {
	if clip == "no.such" {
		return &Refusal{Text: "there is no clip no.such"}
	}
	r, err := l.Room(tenant, number)
	l.did = append(l.did, fmt.Sprintf("%s %s %s %s", r.Tenant, number, language, clip))
	return err
}

// TestRooms has our own client see to conference rooms, of each tenant its own.
func TestRooms(t *testing.T) {
	began := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	l := &lobby{rooms: []conference.Room{
		{Tenant: "acme", Number: "8000", Rate: 16000, Began: began, Turns: 100, Late: 1, Members: []conference.Member{
			{Call: "c1", Name: "Ali", Number: "101", Account: "101", Came: began, Talks: true, Level: -30, Mute: true, Gain: 3},
		}},
		{Tenant: "other", Number: "8000", Locked: true},
	}}
	server := httptest.NewServer(Handler(Config{Token: "t", Rooms: l, Metrics: http.NotFoundHandler()}))
	defer server.Close()
	x := &client.Client{URL: server.URL, Token: "t"}
	ctx := t.Context()
	if list, err := x.Rooms(ctx, ""); err != nil || len(list) != 2 || !list[1].Locked || list[1].Members == nil {
		t.Errorf("rooms: %+v, %v", list, err)
	}
	if list, err := x.Rooms(ctx, "acme"); err != nil || len(list) != 1 {
		t.Errorf("rooms of a tenant: %+v, %v", list, err)
	}
	want := client.RoomMember{Call: "c1", Name: "Ali", Number: "101", Account: "101", Since: began, Talks: true, Level: -30, Mute: true, Gain: 3}
	if r, err := x.Room(ctx, "", "8000"); err != nil || r.Rate != 16000 || r.Turns != 100 || r.Late != 1 || len(r.Members) != 1 || r.Members[0] != want {
		t.Errorf("a room: %+v, %v", r, err)
	}
	yes, gain := true, -3.0
	for what, err := range map[string]error{
		"member": x.ChangeMember(ctx, "acme", "8000", "c1", client.MemberRequest{Mute: &yes, Gain: &gain, Kick: true}),
		"lock":   x.LockRoom(ctx, "other", "8000", true),
		"unlock": x.LockRoom(ctx, "", "8000", false),
		"say":    x.TellRoom(ctx, "", "8000", "", "conference.recorded"),
		"in fa":  x.TellRoom(ctx, "other", "8000", "fa", "conference.recorded"),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	slices.Sort(l.did)
	if did := []string{"acme 8000  conference.recorded", "acme 8000 c1 mute true gain -3 kick true deaf false", "acme 8000 locked false", "other 8000 fa conference.recorded", "other 8000 locked true"}; !slices.Equal(l.did, did) {
		t.Errorf("did %q", l.did)
	}
	loud := 40.0
	for what, c := range map[string]struct {
		err    error
		status int
	}{
		"another tenant's member": {x.ChangeMember(ctx, "other", "8000", "c1", client.MemberRequest{Gain: &gain}), 404},
		"no room":                 {x.LockRoom(ctx, "third", "8000", true), 404},
		"too loud":                {x.ChangeMember(ctx, "acme", "8000", "c1", client.MemberRequest{Gain: &loud}), 422},
		"no clip":                 {x.TellRoom(ctx, "", "8000", "", "no.such"), 409},
	} {
		var p *client.Problem
		if !errors.As(c.err, &p) || p.Status != c.status {
			t.Errorf("%s: %v", what, c.err)
		}
	}
}
