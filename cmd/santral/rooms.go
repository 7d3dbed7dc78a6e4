package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"santral/api/client"
)

// rooms holds what is done with conference rooms.
type rooms struct {
	List   listRooms  `cmd:"" default:"withargs" help:"List the rooms that somebody is in."`
	Show   showRoom   `cmd:"" help:"Show who is in a room."`
	Member roomMember `cmd:"" help:"Mute a member, deafen it, turn it up or down, or have it go."`
	Lock   lockRoom   `cmd:"" help:"Let nobody more into a room."`
	Unlock unlockRoom `cmd:"" help:"Let everybody into a room again."`
	Say    tellRoom   `cmd:"" help:"Have everybody in a room hear a prompt."`
}

// listRooms lists them.
type listRooms struct {
	Tenant string `help:"Of this tenant." placeholder:"ID"`
	exchange
}

// Run prints them.
func (l *listRooms) Run() error {
	x, err := l.open()
	if err != nil {
		return err
	}
	rows, err := x.Rooms(context.Background(), l.Tenant)
	if err != nil {
		return err
	}
	return show(&l.exchange, rows, "ROOM\tTENANT\tMEMBERS\tTALKS\tSINCE\tHZ\tLATE\tSTATE", func(r client.Room) string {
		state := ""
		if r.Locked {
			state = "locked"
		}
		return fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t%d\t%d\t%s", r.Number, r.Tenant, len(r.Members), talk(r.Members), time.Since(r.Began).Round(time.Second), r.Rate, r.Late, state)
	})
}

// talk names who is talking.
func talk(members []client.RoomMember) string {
	var list []string
	for _, m := range members {
		if m.Talks {
			list = append(list, m.Number)
		}
	}
	return strings.Join(list, " ")
}

// ofRoom names a room.
type ofRoom struct {
	Room   string `arg:"" help:"The room's number."`
	Tenant string `help:"The room's tenant; the default one when left out." placeholder:"ID"`
	exchange
}

// showRoom shows one.
type showRoom struct{ ofRoom }

// Run prints its members.
func (s *showRoom) Run() error {
	x, err := s.open()
	if err != nil {
		return err
	}
	r, err := x.Room(context.Background(), s.Tenant, s.Room)
	if err != nil {
		return err
	}
	return show(&s.exchange, r.Members, "CALL\tNUMBER\tNAME\tSINCE\tTALKS\tLEVEL\tGAIN\tVOLUME\tSTATE", func(m client.RoomMember) string {
		var state []string
		if m.Mute {
			state = append(state, "mute")
		}
		if m.Deaf {
			state = append(state, "deaf")
		}
		if m.Held {
			state = append(state, "held")
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%t\t%.0f dBov\t%+.0f\t%+.0f\t%s", m.Call, m.Number, m.Name, time.Since(m.Since).Round(time.Second), m.Talks, m.Level, m.Gain, m.Volume, strings.Join(state, " "))
	})
}

// roomMember changes a member.
type roomMember struct {
	ofRoom
	Call   string   `arg:"" help:"The member's call, as santral rooms show lists it."`
	Mute   *bool    `negatable:"" help:"The others don't hear it."`
	Deaf   *bool    `negatable:"" help:"It doesn't hear the others."`
	Gain   *float64 `help:"How loud it is to the others, -12 to 12." placeholder:"DB"`
	Volume *float64 `help:"How loud the others are to it, -12 to 12." placeholder:"DB"`
	Kick   bool     `help:"It has to go."`
}

// Run asks for it.
func (m *roomMember) Run() error {
	x, err := m.open()
	if err != nil {
		return err
	}
	return x.ChangeMember(context.Background(), m.Tenant, m.Room, m.Call, client.MemberRequest{Mute: m.Mute, Deaf: m.Deaf, Gain: m.Gain, Volume: m.Volume, Kick: m.Kick})
}

// lockRoom locks one.
type lockRoom struct{ ofRoom }

// Run asks for it.
func (l *lockRoom) Run() error { return l.lock(true) }

// unlockRoom opens one.
type unlockRoom struct{ ofRoom }

// Run asks for it.
func (l *unlockRoom) Run() error { return l.lock(false) }

func (r *ofRoom) lock(on bool) error {
	x, err := r.open()
	if err != nil {
		return err
	}
	return x.LockRoom(context.Background(), r.Tenant, r.Room, on)
}

// tellRoom tells a room something.
type tellRoom struct {
	ofRoom
	Clip     string `arg:"" help:"The prompt by its name, such as conference.recorded."`
	Language string `help:"en or fa; the tenant's when left out."`
}

// Run asks for it.
func (t *tellRoom) Run() error {
	x, err := t.open()
	if err != nil {
		return err
	}
	return x.TellRoom(context.Background(), t.Tenant, t.Room, t.Language, t.Clip)
}
