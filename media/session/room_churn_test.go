package session_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/mixer"
	"santral/media/session"
)

// Sessions go from room to room, out and in again, by several who don't wait for each other: nobody is left behind in
// a room, and in the end all hear each other.
func TestMovesBetweenRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 8000})
		other := mixer.New(mixer.Config{Clock: h.cfg.Pool, Rate: 16000})
		defer other.Close()
		for i := range 4 {
			h.seat([]media.Format{pcma, g722}[i%2], 20, 350+200*float64(i))
		}
		var moves sync.WaitGroup
		for n, x := range h.seats {
			moves.Add(1)
			go func() {
				defer moves.Done()
				m := x.m
				for i := range 40 {
					room := []*mixer.Room{h.room, other}[(i+n)%2]
					if i == 39 {
						room = h.room
					}
					next, err := room.Join(mixer.Options{})
					if err != nil {
						t.Error(err)
						return
					}
					if i%3 == 0 { // it leaves before or after it goes
						m.Leave()
					}
					if i%5 == 0 {
						x.s.Part()
					}
					x.s.Attach(next, next)
					m.Leave()
					m = next
					mediatest.Wait(time.Duration(7*(i+n)%30) * time.Millisecond)
				}
			}()
		}
		h.talk(time.Second, h.seats...)
		moves.Wait()
		for _, x := range h.seats {
			x.phone.Take()
		}
		h.talk(2*time.Second, h.seats...)
		if n := len(h.room.Members()); n != 4 || len(other.Members()) > 0 {
			t.Errorf("%d members here, %d there", n, len(other.Members()))
		}
		for _, x := range h.seats {
			sound := x.sound()
			sound = sound[len(sound)-x.codec.Rate/2:]
			for _, o := range h.seats {
				want := 8000.
				if o == x {
					want = 0
				}
				if level, _ := toneOf(sound, o.hz, x.codec.Rate); math.Abs(level-want) > 1000 {
					t.Errorf("%s %g hears %g at %.0f, want %.0f", x.f.Name, x.hz, o.hz, level, want)
				}
			}
		}
	})
}

// For a while phones of all sorts call, come into the room, talk, hold, and hang up: nothing is left of them. The soak makes
// it an hour (SANTRAL_SOAK=1h).
func TestRoomChurn(t *testing.T) {
	long := time.Minute
	if d, err := time.ParseDuration(os.Getenv("SANTRAL_SOAK")); err == nil {
		long = d
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 16000, Level: true, Mixed: 2})
		kinds := []media.Format{pcma, pcmu, g722, l16}
		for i := range 8 {
			h.phone(kinds[i%len(kinds)], 20, 300+100*float64(i))
		}
		chance := rand.New(rand.NewPCG(1, 1))
		come := func(x *seat) {
			x.s = session.New(h.cfg, x.phone.Addr().Addr(), session.Profile{})
			check(t, x.s.SetRemote(x.offer()))
			x.to = mediatest.To(t, got(x.s.AnswerLocal())(t))
			x.m = got(h.room.Join(mixer.Options{}))(t)
			x.s.Attach(x.m, x.m)
		}
		leave := func(x *seat) {
			if chance.IntN(2) == 0 {
				x.m.Leave()
			}
			x.s.Close()
			x.m.Leave()
			x.s = nil
		}
		for range int(long / (500 * time.Millisecond)) {
			x := h.seats[chance.IntN(len(h.seats))]
			switch {
			case x.s == nil:
				come(x)
			case chance.IntN(2) == 0:
				leave(x)
			default:
				check(t, x.s.SetRemote(x.offer([]string{"sendonly", "sendrecv", "inactive"}[chance.IntN(3)])))
				x.to = mediatest.To(t, got(x.s.AnswerLocal())(t))
			}
			var talkers []*seat
			for _, x := range h.seats {
				if x.phone.Take(); x.s != nil && chance.IntN(2) == 0 {
					talkers = append(talkers, x)
				}
			}
			h.talk(500*time.Millisecond, talkers...)
		}
		for _, x := range h.seats {
			if x.s != nil {
				leave(x)
			}
		}
		mediatest.Wait(5 * time.Second)
		if s := h.cfg.Pool.Stats(); s.Used > 0 || s.Unsent > 0 {
			t.Errorf("%+v", s)
		}
		if n := len(h.room.Members()); n > 0 {
			t.Errorf("%d members are left", n)
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if bytes.Contains(stacks, []byte("rtp.(*clock).run")) {
			t.Error("a clock is running, and nobody is left")
		}
		if turns, late := h.room.Turns(); turns < uint64(long/mixer.Frame)/2 || late > 0 {
			t.Errorf("%d turns, %d late", turns, late)
		}
	})
}
