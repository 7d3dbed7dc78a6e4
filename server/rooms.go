package server

import (
	"errors"
	"maps"

	"santral/api/rest"
	"santral/call"
	"santral/media"
	"santral/observe/metric"
	"santral/service/conference"
	"santral/service/feature"
	"santral/service/pin"
	"santral/service/prompt"
	"santral/service/ring"
)

// stories are the services that numbers lead to, by name.
func (s *server) stories(voice call.Speech) map[string]call.Story {
	s.rooms = conference.New(conference.Config{Clock: s.pool, Snapshot: s.current.Load, Music: s.music, Speech: voice})
	list := maps.Clone(feature.Stories(s.zone))
	list[conference.Name] = s.rooms
	list[prompt.StoryName] = s.prompts.Story()
	list[ring.Name] = ring.New(s.current.Load)
	list[pin.Name] = pin.New(s.current.Load, s.guessed)
	return list
}

// desk is what the API does with conference rooms. A room whose tenant is not said is the default one's.
type desk struct{ s *server }

func (d desk) tenant(id string) string {
	if t := d.s.current.Load().Default(); id == "" && t != nil {
		return t.ID
	}
	return id
}

// Rooms implements rest.Rooms.
func (d desk) Rooms(tenantID string) []conference.Room { return d.s.rooms.Rooms(tenantID) }

// Room implements rest.Rooms.
func (d desk) Room(tenantID, number string) (conference.Room, error) {
	return d.s.rooms.Room(d.tenant(tenantID), number)
}

// Change implements rest.Rooms.
func (d desk) Change(tenantID, number string, id call.ID, w conference.Wish) error {
	return d.s.rooms.Change(d.tenant(tenantID), number, id, w)
}

// Lock implements rest.Rooms.
func (d desk) Lock(tenantID, number string, on bool) error {
	return d.s.rooms.Lock(d.tenant(tenantID), number, on)
}

// Say implements rest.Rooms.
func (d desk) Say(tenantID, number, language, clip string) error {
	err := d.s.rooms.Say(d.tenant(tenantID), number, language, media.Clip(clip))
	if err != nil && !errors.Is(err, conference.ErrNoRoom) {
		return &rest.Refusal{Text: err.Error()}
	}
	return err
}

// roomMetrics adds the figures of conference rooms.
func (s *server) roomMetrics(r *metric.Registry) {
	r.Gauge("santral_rooms", "Conference rooms that somebody is in.", func() float64 { return float64(s.rooms.Stats().Rooms) })
	r.Gauge("santral_room_members", "Who is in them.", func() float64 { return float64(s.rooms.Stats().Members) })
	r.Counter("santral_room_late_turns_total", "Turns of 20 ms that rooms were mixed too late for.", func() uint64 { return s.rooms.Stats().Late })
}
