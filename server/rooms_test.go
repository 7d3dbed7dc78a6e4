package server

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/phone"
	"santral/service/conference"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

// guest is a phone in a room, which says a pitch of its own.
type guest struct {
	*party
	c   *phone.Call
	ear *mediatest.Ear
	hz  int
}

// pitch is seconds of a tone, at half of what is loud.
func pitch(hz, seconds int) []int16 {
	sound := make([]int16, 8000*seconds)
	for i := range sound {
		sound[i] = int16(4000 * math.Sin(2*math.Pi*float64(hz*i)/8000))
	}
	return sound
}

// strength is the amplitude of a pitch in a sound at 8 kHz.
func strength(sound []int16, hz int) float64 {
	var re, im float64
	for i, v := range sound {
		sin, cos := math.Sincos(2 * math.Pi * float64(hz*i) / 8000)
		re += float64(v) * cos
		im += float64(v) * sin
	}
	return 2 * math.Hypot(re, im) / float64(max(1, len(sound)))
}

// pitches of guests, in the order in which they are made.
var pitches = []int{440, 620, 850, 1150, 1500}

// guests are phones of the stage's accounts.
func (w *stage) guests(numbers ...string) (list []*guest) {
	for i, n := range numbers {
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + i)})
		list = append(list, &guest{party: w.phone(n, w.net.Host(addr), netip.AddrPortFrom(addr, 5060), sip.UDP), hz: pitches[i]})
	}
	return list
}

// come has a guest dial a room and say its pitch.
func (g *guest) come(number string) {
	g.w.Helper()
	g.c, g.ear = g.w.served(g.party, number)
	g.c.Play(&mediatest.Sound{Samples: pitch(g.hz, 200)})
}

// hears fails the test unless the guest has heard those and nobody else of all for a second.
func (g *guest) hears(when string, who ...*guest) {
	g.w.Helper()
	from := len(g.ear.Samples())
	g.w.wait(1200 * time.Millisecond)
	g.heard(when, g.ear.Samples()[from+1000:], who...)
}

func (g *guest) heard(when string, sound []int16, who ...*guest) {
	g.w.Helper()
	for _, hz := range pitches {
		got := strength(sound, hz)
		if is := slices.ContainsFunc(who, func(o *guest) bool { return o.hz == hz }); is && got < 1000 || !is && got > 150 {
			g.w.Errorf("%s: the phone of %d Hz hears %d Hz at %.0f", when, g.hz, hz, got)
		}
	}
}

// all fails the test unless each hears all the others.
func (w *stage) all(when string, list ...*guest) {
	w.Helper()
	at := make([]int, len(list))
	for i, g := range list {
		at[i] = len(g.ear.Samples())
	}
	w.wait(1200 * time.Millisecond)
	for i, g := range list {
		g.heard(when, g.ear.Samples()[at[i]+1000:], slices.DeleteFunc(slices.Clone(list), func(o *guest) bool { return o == g })...)
	}
}

// room is a room as it stands now.
func (w *stage) room(number string) conference.Room {
	w.Helper()
	r, err := w.x.rooms.Room("sample", number)
	w.must(err)
	return r
}

// TestRoom is a newcomer's first try with three phones: who is alone hears music, then everybody hears the others; a phone
// that holds plays nothing into the room; keys and the desk do what they say.
func TestRoom(t *testing.T) {
	virtually(t, func(w *stage) {
		g := w.guests(ali, sara, omid)
		a, b, c := g[0], g[1], g[2]
		a.come("8000")
		w.wait(8 * time.Second)
		if got := loudness(a.ear.Samples()[len(a.ear.Samples())-16000:]); got != 0 {
			t.Errorf("%s of sound for one who is alone where the tenant has no music", got)
		}
		b.come("8000")
		w.wait(8 * time.Second)
		w.all("two", a, b)
		c.come("8000")
		w.wait(8 * time.Second)
		w.all("three", a, b, c)
		if r := w.room("8000"); len(r.Members) != 3 || r.Rate != 8000 || r.Late != 0 || r.Members[0].Number != ali || r.Members[2].Call == "" {
			t.Errorf("the room is %+v", r)
		}

		w.must(b.c.Hold(w.ctx)) // it goes on saying its pitch
		w.wait(time.Second)
		a.hears("b holds", c)
		if r := w.room("8000"); !r.Members[1].Held {
			t.Errorf("nobody is held: %+v", r)
		}
		w.must(b.c.Resume(w.ctx))
		w.wait(time.Second)
		w.all("b is back", a, b, c)

		w.must(a.c.SendDigits(w.ctx, "1"))
		w.wait(4 * time.Second)
		b.hears("a has muted itself", c)
		a.hears("a has muted itself", b, c)
		w.must(a.c.SendDigits(w.ctx, "1"))
		w.wait(4 * time.Second)
		w.all("a is not muted", a, b, c)

		before := strength(a.ear.Samples()[len(a.ear.Samples())-8000:], c.hz)
		w.must(a.c.SendDigits(w.ctx, "55"))
		w.wait(3 * time.Second)
		if after := strength(a.ear.Samples()[len(a.ear.Samples())-8000:], c.hz); math.Abs(after/before-0.501) > 0.1 {
			t.Errorf("two steps softer are %.2f", after/before)
		}
		w.must(a.c.SendDigits(w.ctx, "66"))
		w.must(c.c.SendDigits(w.ctx, "89"))
		w.wait(3 * time.Second)
		said := len(a.ear.Samples())
		w.must(a.c.SendDigits(w.ctx, "2*"))
		w.wait(15 * time.Second)
		if got := loudness(a.ear.Samples()[said:]); got < 10*time.Second {
			t.Errorf("menu and count are heard for %s", got)
		}

		yes, no := true, false
		id := w.room("8000").Members[1].Call
		w.must(w.x.rooms.Change("sample", "8000", id, conference.Wish{Mute: &yes, Deaf: &yes}))
		w.wait(4 * time.Second)
		a.hears("b is muted", c)
		b.hears("b is deaf")
		w.must(w.x.rooms.Change("sample", "8000", id, conference.Wish{Mute: &no, Deaf: &no}))
		w.wait(4 * time.Second)
		w.all("all may speak", a, b, c)
		if err := w.x.rooms.Change("other", "8000", id, conference.Wish{Kick: true}); err != conference.ErrNoRoom {
			t.Errorf("another tenant's desk: %v", err)
		}

		_ = c.c.SendDigits(w.ctx, "#") // the call is over before the key is
		w.over(c.c)
		w.must(w.x.rooms.Lock("sample", "8000", true))
		w.wait(3 * time.Second)
		c.come("8000")
		w.over(c.c)
		w.all("two are left", a, b)
		w.must(w.x.rooms.Lock("sample", "8000", false))
		w.must(w.x.rooms.Change("sample", "8000", id, conference.Wish{Kick: true}))
		w.over(b.c)
		a.c.Hangup()
		w.ended(a.c)
		if n := w.x.rooms.Stats(); n.Rooms != 0 || n.Members != 0 || n.Late != 0 {
			t.Errorf("rooms are left: %+v", n)
		}
		w.free()
	})
}

// TestRoomIsHandedOver has a conference go on over two changes of exchanges: without a welcome, with who is muted and what
// is locked.
func TestRoomIsHandedOver(t *testing.T) {
	virtually(t, func(w *stage) {
		g := w.guests(ali, sara, omid)
		a, b, c := g[0], g[1], g[2]
		for _, x := range g {
			x.come("8000")
			w.wait(7 * time.Second)
		}
		w.all("before", a, b, c)
		for range 2 {
			w.handOver()
			w.wait(300 * time.Millisecond)
			w.all("after", a, b, c)
		}
		w.must(c.c.SendDigits(w.ctx, "1"))
		w.must(w.x.rooms.Lock("sample", "8000", true))
		w.wait(4 * time.Second)
		at := len(c.packets())
		w.handOver()
		w.wait(300 * time.Millisecond)
		a.hears("c is muted", b)
		c.hears("c is muted", a, b)
		c.sound(at, 40, 0)
		if r := w.room("8000"); !r.Locked || len(r.Members) != 3 || r.Members[0].Mute == r.Members[1].Mute && r.Members[1].Mute == r.Members[2].Mute {
			t.Errorf("the room is %+v", r)
		}
		w.must(w.x.rooms.Lock("sample", "8000", false))
		w.must(c.c.SendDigits(w.ctx, "1"))
		w.wait(4 * time.Second)
		w.all("c is heard again", a, b, c)
		for _, x := range g {
			x.c.Hangup()
			w.ended(x.c)
		}
		w.free()
	})
}

// TestRoomWidens: one who is alone hears music until somebody comes; and when somebody comes whose phone has more than
// telephone quality, those who were there go over to a wider room, and hear on what they are being told.
func TestRoomWidens(t *testing.T) {
	virtually(t, func(w *stage) {
		musical := *w.tenants[0]
		musical.Music = nil // what is built in
		w.x.current.Store(tenant.NewSnapshot(2, []*tenant.Tenant{&musical}))
		g := w.guests(ali, sara)
		w.formats = []media.Format{{Name: "G722", Payload: 9, Rate: 8000, Channels: 1}, {Name: "telephone-event", Payload: 101, Rate: 8000, Channels: 1}}
		addr := netip.MustParseAddr("192.0.2.21")
		c := &guest{party: w.phone(omid, w.net.Host(addr), netip.AddrPortFrom(addr, 5060), sip.UDP), hz: pitches[2]}
		a, b := g[0], g[1]
		a.come("8000")
		w.wait(8 * time.Second)
		if got := loudness(a.ear.Samples()[len(a.ear.Samples())-16000:]); got < time.Second {
			t.Errorf("music is heard for %s of two seconds by one who is alone", got)
		}
		b.come("8000")
		w.wait(8 * time.Second)
		w.all("two", a, b)
		if r := w.room("8000"); r.Rate != 8000 {
			t.Errorf("a room of telephones is mixed at %d Hz", r.Rate)
		}
		c.come("8000")
		w.wait(2 * time.Second)
		w.must(a.c.SendDigits(w.ctx, "*")) // long words, while c is let in
		w.wait(18 * time.Second)
		if r := w.room("8000"); r.Rate != 16000 || len(r.Members) != 3 {
			t.Errorf("the room is %+v", r)
		}
		w.all("three", a, b, c)
		w.must(w.x.rooms.Change("sample", "8000", w.room("8000").Members[0].Call, conference.Wish{Kick: true}))
		w.over(a.c) // its story has come to the end of the words, and looks up
		b.hears("a is gone", c)
		c.c.Hangup()
		w.ended(c.c)
		w.wait(4 * time.Second)
		if got := loudness(b.ear.Samples()[len(b.ear.Samples())-16000:]); got < time.Second {
			t.Errorf("music is heard for %s of two seconds by one who is alone again", got)
		}
		b.c.Hangup()
		w.ended(b.c)
		w.free()
	})
}

// TestRoomIsRecorded: a member's policy makes a file of its call, left what it says, right what it hears.
func TestRoomIsRecorded(t *testing.T) {
	virtually(t, func(w *stage) {
		g := w.guests(ali, sara)
		a, b := g[0], g[1]
		w.tenants[0].Accounts[0].Record = tenant.RecordAll
		w.x.current.Store(tenant.NewSnapshot(2, w.tenants))
		a.come("8000")
		w.wait(6 * time.Second)
		b.come("8000")
		w.wait(12 * time.Second)
		for _, x := range g {
			x.c.Hangup()
			w.ended(x.c)
		}
		w.wait(2 * time.Second)
		rows, _, err := w.x.records.Recordings(w.ctx, store.RecordingFilter{}, "", 10)
		w.must(err)
		if len(rows) != 1 || rows[0].Account != ali || !slices.ContainsFunc(rows[0].Segments, func(s store.Segment) bool {
			return s.What == "conference" && s.Left == ali && s.Right == "8000"
		}) {
			t.Fatalf("recordings: %+v", rows)
		}
		sound, err := w.x.tapes.Sound(w.ctx, "sample", rows[0].Name, false)
		w.must(err)
		defer sound.Close()
		file := make([]byte, sound.Size)
		_, err = sound.Read(file)
		w.must(err)
		var left, right []int16
		for file = file[len(file)-4*8000*4:]; len(file) >= 4; file = file[4:] { // its last four seconds, without the very last
			left = append(left, int16(file[0])|int16(file[1])<<8)
			right = append(right, int16(file[2])|int16(file[3])<<8)
		}
		if l, r := strength(left[:16000], a.hz), strength(right[:16000], b.hz); l < 1000 || r < 1000 || strength(left, b.hz) > 150 || strength(right, a.hz) > 150 {
			t.Errorf("left has what was said at %.0f, right what was heard at %.0f", l, r)
		}
	})
}

// TestRoomsAreBounded: rooms and members are as many as the tenant's document lets there be.
func TestRoomsAreBounded(t *testing.T) {
	virtually(t, func(w *stage) {
		g := w.guests(ali, sara, omid)
		w.tenants[0].Rooms = tenant.Rooms{Members: 2, Most: 1}
		w.x.current.Store(tenant.NewSnapshot(2, w.tenants))
		for _, x := range g[:2] {
			x.come("8000")
			w.wait(7 * time.Second)
		}
		for _, number := range []string{"8000", "8001"} {
			g[2].come(number)
			w.over(g[2].c)
		}
		w.all("two are in", g[:2]...)
		w.tenants[0].Rooms = tenant.Rooms{None: true}
		w.x.current.Store(tenant.NewSnapshot(3, w.tenants))
		no, err := g[2].Call(w.ctx, "8000")
		w.must(err)
		w.over(no)
		for _, x := range g[:2] {
			x.c.Hangup()
			w.ended(x.c)
		}
		w.free()
	})
}

// TestRoomChurn is ten minutes of virtual time in which phones come, go, hold, press keys and are led about by the desk,
// while exchanges change: nothing is left of them.
func TestRoomChurn(t *testing.T) {
	virtually(t, func(w *stage) {
		w.ctx = w.Context()
		g := w.guests(ali, sara, omid)
		chance := rand.New(rand.NewPCG(3, 4))
		keys := "1256890*12"
		began := time.Now()
		holds := map[*guest]bool{}
		over := func(x *guest) bool {
			if x.c == nil {
				return true
			}
			select {
			case <-x.c.Done():
				return true
			default:
				return false
			}
		}
		handovers := 0
		for events := 0; time.Since(began) < 10*time.Minute; events++ {
			x := g[chance.IntN(len(g))]
			if events%40 == 39 {
				w.handOver()
				handovers++
			}
			switch what := chance.IntN(10); {
			case over(x):
				holds[x] = false
				x.come([]string{"8000", "8000", "8001"}[chance.IntN(3)])
			case holds[x] && what < 8:
				if x.c.Resume(w.ctx) == nil {
					holds[x] = false
				}
			case what == 0:
				x.c.Hangup()
				w.ended(x.c)
			case what == 1:
				_ = x.c.SendDigits(w.ctx, "#")
			case what < 7:
				_ = x.c.SendDigits(w.ctx, keys[chance.IntN(len(keys)):][:1])
			case what == 7:
				if x.c.Hold(w.ctx) == nil {
					holds[x] = true
				}
			default:
				for _, r := range w.x.rooms.Rooms("sample") {
					for _, m := range r.Members {
						yes := chance.IntN(2) == 0
						_ = w.x.rooms.Change("sample", r.Number, m.Call, conference.Wish{Mute: &yes, Kick: chance.IntN(4) == 0})
					}
					_ = w.x.rooms.Say("sample", r.Number, "", media.Clip("conference.recorded"))
				}
			}
			w.wait(time.Duration(chance.IntN(4000)) * time.Millisecond)
		}
		for _, x := range g {
			if !over(x) {
				x.c.Hangup()
				w.ended(x.c)
			}
		}
		if n := w.x.rooms.Stats(); n.Rooms != 0 || n.Members != 0 || n.Late != 0 || handovers < 3 {
			t.Errorf("rooms are left: %+v, %d hand-overs", n, handovers)
		}
		if n := w.x.control.Stats(); n.Live != 0 {
			t.Errorf("calls are left: %+v", n)
		}
		for _, x := range g { // and the room is as good as new
			x.come("8000")
			w.wait(8 * time.Second)
		}
		w.all("at the end", g...)
		for _, x := range g {
			x.c.Hangup()
			w.ended(x.c)
		}
		w.free()
	})
}
