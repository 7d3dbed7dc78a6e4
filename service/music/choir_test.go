package music

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/rtp"
	"santral/tenant"
)

// clock is a media clock of the test's own.
type clock struct {
	mu       sync.Mutex
	speakers []rtp.Speaker
}

func (c *clock) Speak(s rtp.Speaker) {
	c.mu.Lock()
	c.speakers = append(c.speakers, s)
	c.mu.Unlock()
}

// turn gives everyone a turn, and gives how many go on.
func (c *clock) turn() int {
	c.mu.Lock()
	now := c.speakers
	c.speakers = nil
	c.mu.Unlock()
	for _, s := range now {
		if s.Speak(0) {
			c.Speak(s)
		}
	}
	time.Sleep(rtp.FrameTime)
	return len(c.speakers)
}

// singer notes what it is to say.
type singer struct {
	took, said *media.Mixed
	turns      []uint64
	heard      []int16
	alone      bool
}

func (s *singer) Take(m *media.Mixed) { s.took = m }

func (s *singer) Say(m *media.Mixed, _ time.Duration) {
	s.said = m
	s.turns = append(s.turns, m.Turn)
	s.heard = append(s.heard, m.Sound...)
}

func (s *singer) Alone() { s.alone = true }

// Voices that say one stream take turns together, of one sound that is where the clock says, and nobody has a turn when
// all have gone.
func TestChoir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	put(t, path, 16000, 5*time.Second, 1000)
	synctest.Test(t, func(t *testing.T) {
		s, _ := house(tenant.Tune{Name: "default", Play: path})
		media16 := &clock{}
		s.cfg.Clock = media16
		s.Load(context.Background())
		lead := func() (media.Leader, *singer) {
			l, v := s.Music("acme", "").(media.Leader), &singer{}
			if !l.Lead(v) {
				t.Fatal("there are no turns")
			}
			return l, v
		}
		time.Sleep(1234 * time.Millisecond)
		a, x := lead()
		for range 10 {
			media16.turn()
		}
		b, y := lead()
		for range 10 {
			if n := media16.turn(); n != 1 {
				t.Fatalf("%d choirs", n)
			}
			if x.took != x.said || x.said != y.said || x.turns[len(x.turns)-1] != y.turns[len(y.turns)-1] {
				t.Fatal("two say unlike things")
			}
		}
		if len(x.heard) != 20*320 || !slices.Equal(x.heard[10*320:], y.heard) {
			t.Errorf("%d and %d samples are heard", len(x.heard), len(y.heard))
		}
		for i, v := range y.heard { // 200 ms after x
			at := (1434*16 + i) % 1000
			if int(v) != 1000+at {
				t.Fatalf("sample %d is %d, want %d", i, v, 1000+at)
			}
		}
		// Another voice of the same source takes the place of the one before; what it dismissed it does not lead.
		z := &singer{}
		b.Lead(z)
		b.Dismiss(y)
		media16.turn()
		if len(y.turns) != 10 || len(z.turns) != 1 {
			t.Errorf("%d and %d turns", len(y.turns), len(z.turns))
		}
		a.Dismiss(x)
		b.Dismiss(z)
		if n := media16.turn(); n != 0 || len(x.turns) != 21 {
			t.Errorf("%d choirs go on with nobody", n)
		}
		// And then somebody comes again.
		c, w := lead()
		media16.turn()
		if len(w.turns) != 1 {
			t.Error("who comes later has no turn")
		}
		c.Dismiss(w)
		media16.turn()

		// Many are several choirs.
		leaders, voices := make([]media.Leader, 2*mostVoices+1), make([]media.Voice, 2*mostVoices+1)
		for i := range leaders {
			l, v := lead()
			leaders[i], voices[i] = l, v
		}
		if n := media16.turn(); n != 3 {
			t.Errorf("%d voices are %d choirs", len(leaders), n)
		}
		for i, l := range leaders {
			l.Dismiss(voices[i])
		}
		if n := media16.turn(); n != 0 {
			t.Errorf("%d choirs go on with nobody", n)
		}
	})
}

// Voices come and go from anywhere while turns are taken.
func TestChoirComesAndGoes(t *testing.T) {
	s, _ := house()
	s.cfg.Clock = &clock{}
	st := newStream(s.cfg.Clock, s.began, []track{{sound: builtin()}}, false, 0)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				l, v := st.listen(), &singer{}
				l.Lead(v)
				l.Dismiss(v)
			}
		})
	}
	group.Go(func() {
		c := s.cfg.Clock.(*clock)
		for range 200 {
			c.mu.Lock()
			now := c.speakers
			c.speakers = nil
			c.mu.Unlock()
			for _, each := range now {
				if each.Speak(0) {
					c.Speak(each)
				}
			}
		}
	})
	group.Wait()
}
