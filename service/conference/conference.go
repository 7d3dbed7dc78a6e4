// Package conference holds the rooms that are there for whoever dials their number: the first who comes makes one, and
// it is gone with the last. All in it hear each other.
//
// What lives here: which rooms there are, who is in them and may come, what they are told and which keys they have. What
// does not: how a room mixes (media/mixer), how a caller is seated (call/control), which number leads here (route). The
// table of rooms is behind one lock, under which nothing is called that waits.
package conference

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/mixer"
	"santral/tenant"
)

// Name is the story's, as a Destination's Service says it.
const Name = "conference"

// Config is what a Service needs.
type Config struct {
	Clock    mixer.Clock
	Snapshot func() *tenant.Snapshot
	Music    call.Music  // for who is alone; nil for silence
	Speech   call.Speech // for what whole rooms are told; nil for nothing
}

// Service is the rooms of all tenants, and the story of whoever comes to one (call.Story). It is safe for concurrent use.
type Service struct {
	cfg Config

	mu    sync.Mutex
	rooms map[key]*room
	late  uint64 // turns of rooms that are over
}

type key struct{ tenant, number string }

// room is one of them. All of it is under the service's lock.
type room struct {
	key
	mixer  *mixer.Room
	locked bool
	began  time.Time
	seats  []*seat // in the order in which they came; some are still being welcomed
}

// seat is one caller's in a room. What is not told otherwise is under the service's lock.
type seat struct {
	room *room        // does not change, as what follows
	c    call.Control // is asked without the lock
	who  call.Party
	came time.Time

	member   *mixer.Member // nil while it is welcomed
	options  options
	entering bool // it hears nothing of the room yet
	gone     bool

	wake   context.CancelFunc // has the story look at what is new; nil while it does not wait
	tell   []media.Phrase     // what it is told next
	kicked bool
	music  *lonely // nil while it hears none
}

// options are what a member has chosen, or was chosen for it, and what is told on after a take-over.
type options struct {
	Mute   bool    `json:"mute,omitempty"`
	Deaf   bool    `json:"deaf,omitempty"`
	Gain   float64 `json:"gain,omitempty"`   // dB, of what it says
	Volume float64 `json:"volume,omitempty"` // dB, of what it hears
	Locked bool    `json:"locked,omitempty"` // the room is
}

// Rates of rooms. One is of telephone quality until somebody comes who has more, and wideband from then on. Above that a
// voice gains little, and a member's 20 ms would cost ten times as much.
const (
	narrow = 8000
	wide   = 16000
)

// New makes the service without any room.
func New(cfg Config) *Service { return &Service{cfg: cfg, rooms: map[key]*room{}} }

// Why somebody can't come in.
var (
	errFull   = errors.New("the room is full, or there are too many")
	errLocked = errors.New("the room is locked")
)

// enter reserves a seat. Who was in the room before a take-over is let in whatever has become of the room meanwhile.
func (s *Service) enter(c call.Control, back bool, o options) (*seat, error) {
	who, rate := c.Caller(), int(c.Detail().Rate)
	k := key{c.Tenant(), c.Number()}
	var rooms tenant.Rooms
	if t := s.cfg.Snapshot().Tenant(k.tenant); t != nil {
		rooms = t.Rooms
	}
	members, most := rooms.Limits()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[k]
	if !back {
		switch {
		case r == nil && s.countLocked(k.tenant) >= most, r != nil && len(r.seats) >= members:
			return nil, errFull
		case r != nil && r.locked:
			return nil, errLocked
		}
	}
	if r == nil {
		r = &room{key: k, began: time.Now(), mixer: s.mixer(rate)}
		s.rooms[k] = r
	}
	r.locked = r.locked || o.Locked
	v := &seat{room: r, c: c, who: who, came: time.Now(), options: o}
	r.seats = append(r.seats, v)
	return v, nil
}

func (s *Service) countLocked(tenantID string) (n int) {
	for k := range s.rooms {
		if k.tenant == tenantID {
			n++
		}
	}
	return n
}

// mixer makes what mixes a room, for members who speak at a rate.
func (s *Service) mixer(rate int) *mixer.Room {
	if rate > narrow {
		rate = wide
	} else {
		rate = narrow
	}
	return mixer.New(mixer.Config{Clock: s.cfg.Clock, Rate: rate, Level: true})
}

// sit has a seat's caller be in the room: the others hear that somebody comes, and it does not. quietly is for who was
// there before.
func (s *Service) sit(ctx context.Context, v *seat, quietly bool) error {
	s.widen(v.room, int(v.c.Detail().Rate))
	said := make(chan struct{})
	s.mu.Lock()
	v.entering = !quietly && v.room.seated() > 0
	if tells := v.entering; tells {
		v.room.mixer.Play(comes(), said)
	} else {
		close(said)
	}
	s.mu.Unlock()
	err := s.seat(v)
	if err == nil {
		late := time.NewTimer(time.Second) // everybody may have left meanwhile
		defer late.Stop()
		select {
		case <-said:
		case <-late.C:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v.entering = false
	v.apply()
	return err
}

// seat gives the caller its place in what mixes the room now.
func (s *Service) seat(v *seat) error {
	for {
		s.mu.Lock()
		now, o := v.room.mixer, mixer.Options{Name: v.who.Name, Mute: v.options.Mute, Deaf: v.options.Deaf || v.entering, Gain: v.options.Gain, Volume: v.options.Volume}
		s.mu.Unlock()
		m, err := v.c.Meet(now, o)
		s.mu.Lock()
		again := v.room.mixer != now
		if err == nil && v.gone {
			m.Leave()
			err, again = call.ErrEnded, false
		}
		if err == nil && !again {
			v.member = m
			v.apply()
			v.room.count()
		}
		s.mu.Unlock()
		if !again || err != nil && !errors.Is(err, mixer.ErrOver) {
			return err
		}
	}
}

// apply has the member be as it was chosen. The lock is held.
func (v *seat) apply() {
	if m := v.member; m != nil {
		m.Mute(v.options.Mute)
		m.Deaf(v.options.Deaf || v.entering)
		m.Gain(v.options.Gain)
		m.Volume(v.options.Volume)
	}
}

// widen has a room be mixed at the rate of a newcomer who has more than those who were there.
func (s *Service) widen(r *room, rate int) {
	s.mu.Lock()
	if rate <= narrow || r.mixer.Rate() >= wide {
		s.mu.Unlock()
		return
	}
	old := r.mixer
	r.mixer = s.mixer(rate)
	var move []*seat
	for _, v := range r.seats {
		if v.member != nil {
			move = append(move, v)
		}
	}
	s.mu.Unlock()
	for _, v := range move {
		_ = s.seat(v) // who can't any more is leaving
	}
	s.over(old)
}

// over ends what mixed a room.
func (s *Service) over(m *mixer.Room) {
	_, late := m.Turns()
	m.Close()
	s.mu.Lock()
	s.late += late
	s.mu.Unlock()
}

// leave gives a seat back; the others hear that somebody goes, unless it is told on elsewhere.
func (s *Service) leave(v *seat, quietly bool) {
	r := v.room
	s.mu.Lock()
	m := v.member
	v.gone, v.member = true, nil
	if i := slices.Index(r.seats, v); i >= 0 {
		r.seats = slices.Delete(r.seats, i, i+1)
	}
	last := len(r.seats) == 0
	if last {
		delete(s.rooms, r.key)
	}
	if m != nil {
		m.Leave()
		if !quietly {
			r.mixer.Play(goes(), nil)
			r.count()
		}
	}
	s.mu.Unlock()
	if last {
		s.over(r.mixer)
	}
}

// seated is how many are in the room. The lock is held.
func (r *room) seated() (n int) {
	for _, v := range r.seats {
		if v.member != nil {
			n++
		}
	}
	return n
}

// count has everybody notice how many are in the room: who is alone hears music. The lock is held.
func (r *room) count() {
	alone := r.seated() == 1
	for _, v := range r.seats {
		switch {
		case alone && v.member != nil:
			v.look()
		case !alone && v.music != nil:
			v.music.over.Store(true)
			v.music = nil
		}
	}
}

// look has the story of a seat look around. The lock is held.
func (v *seat) look() {
	if v.wake != nil {
		v.wake()
	}
}
