package conference

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"santral/call"
	"santral/media"
)

// Room is a room as it stands now.
type Room struct {
	Tenant  string
	Number  string
	Rate    int // of its sound, Hz
	Locked  bool
	Began   time.Time
	Turns   uint64 // of its mixing, 50 a second
	Late    uint64 // of these
	Members []Member
}

// Member is one who is in a room.
type Member struct {
	Call    call.ID
	Name    string
	Number  string // that it presents
	Account string
	Came    time.Time
	Talks   bool
	Level   float64 // of what it says, dBov
	Mute    bool
	Deaf    bool
	Held    bool
	Gain    float64 // dB, of what it says
	Volume  float64 // dB, of what it hears
}

// Wish is what becomes of a member; nil leaves things as they are.
type Wish struct {
	Mute, Deaf   *bool
	Gain, Volume *float64 // dB, from −12 to 12
	Kick         bool
}

// Why the desk can't do something.
var (
	ErrNoRoom   = errors.New("there is no such room now")
	ErrNoMember = errors.New("that call is not in the room")
)

// Rooms lists those of a tenant, "" for all, by tenant and number.
func (s *Service) Rooms(tenantID string) []Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Room{}
	for k, r := range s.rooms {
		if tenantID == "" || k.tenant == tenantID {
			list = append(list, r.show())
		}
	}
	slices.SortFunc(list, func(a, b Room) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Number, b.Number))
	})
	return list
}

// Room gives one; ErrNoRoom.
func (s *Service) Room(tenantID, number string) (Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[key{tenantID, number}]
	if r == nil {
		return Room{}, ErrNoRoom
	}
	return r.show(), nil
}

// show tells how a room stands. The lock is held.
func (r *room) show() Room {
	all, late := r.mixer.Turns()
	now := Room{Tenant: r.tenant, Number: r.number, Rate: r.mixer.Rate(), Locked: r.locked, Began: r.began, Turns: all, Late: late, Members: []Member{}}
	for _, v := range r.seats {
		if v.member == nil {
			continue
		}
		st := v.member.State()
		now.Members = append(now.Members, Member{
			Call: v.c.ID(), Name: v.who.Name, Number: v.who.Number, Account: v.who.Account, Came: v.came,
			Talks: st.Talks, Level: st.Level, Mute: v.options.Mute, Deaf: v.options.Deaf, Held: st.Held, Gain: v.options.Gain, Volume: v.options.Volume,
		})
	}
	return now
}

// Change has a member be otherwise; it is told when it can't be heard any more, can be heard again, or has to go.
// ErrNoRoom, ErrNoMember.
func (s *Service) Change(tenantID, number string, id call.ID, w Wish) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[key{tenantID, number}]
	if r == nil {
		return ErrNoRoom
	}
	i := slices.IndexFunc(r.seats, func(v *seat) bool { return v.c.ID() == id && v.member != nil })
	if i < 0 {
		return ErrNoMember
	}
	v := r.seats[i]
	o := &v.options
	if w.Mute != nil && *w.Mute != o.Mute {
		v.tell = []media.Phrase{media.Clip("conference.unmuted")}
		if o.Mute = *w.Mute; o.Mute {
			v.tell = []media.Phrase{media.Clip("conference.muted")}
		}
	}
	if w.Deaf != nil {
		o.Deaf = *w.Deaf
	}
	if w.Gain != nil {
		o.Gain = min(max(*w.Gain, -most), most)
	}
	if w.Volume != nil {
		o.Volume = min(max(*w.Volume, -most), most)
	}
	if w.Kick && !v.kicked {
		v.kicked, v.tell = true, []media.Phrase{media.Clip("conference.removed")}
	}
	v.apply()
	v.look()
	return nil
}

// Lock lets nobody more into a room, or everybody again; the room is told. ErrNoRoom.
func (s *Service) Lock(tenantID, number string, on bool) error {
	s.mu.Lock()
	r := s.rooms[key{tenantID, number}]
	if r == nil {
		s.mu.Unlock()
		return ErrNoRoom
	}
	changed := r.locked != on
	r.locked = on
	for _, v := range r.seats {
		v.look()
	}
	s.mu.Unlock()
	if !changed {
		return nil
	}
	what := media.Clip("conference.unlocked")
	if on {
		what = "conference.locked"
	}
	_ = s.Say(tenantID, number, "", what) // without a voice it is locked all the same
	return nil
}

// Say has everybody in a room hear phrases, in a language or, with "", the tenant's. ErrNoRoom; another error is why it
// can't be said.
func (s *Service) Say(tenantID, number, language string, what ...media.Phrase) error {
	if _, err := s.Room(tenantID, number); err != nil {
		return err
	}
	if s.cfg.Speech == nil {
		return errors.New("the exchange has no voice")
	}
	if language == "" {
		language = s.cfg.Speech.Language(call.Party{Tenant: tenantID})
	}
	src, err := s.cfg.Speech.Say(tenantID, language, what...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[key{tenantID, number}]
	if r == nil {
		return ErrNoRoom
	}
	r.mixer.Play(src, nil)
	return nil
}

// Stats counts rooms, members and the turns of mixing that came late, of rooms that are over too.
type Stats struct {
	Rooms, Members int
	Late           uint64
}

// Stats tells how things are.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := Stats{Rooms: len(s.rooms), Late: s.late}
	for _, r := range s.rooms {
		_, late := r.mixer.Turns()
		n.Late += late
		n.Members += r.seated()
	}
	return n
}
