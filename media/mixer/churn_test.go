package mixer

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/vnet"
	"santral/media"
	"santral/media/mediatest"
	"santral/media/rtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guest is a member that keeps nothing of what it hears.
type guest struct {
	m   *Member
	say func(media.Frame)
}

func (g *guest) Hear(f media.Frame) bool {
	if clear(f); g.say != nil {
		g.say(f)
	}
	return true
}
func (g *guest) Take(*media.Mixed)               {}
func (g *guest) Say(*media.Mixed, time.Duration) {}
func (g *guest) Alone()                          {}

// For hours people come to a room on the media clock, talk, whisper, are muted, played to and tapped, and go: nothing is
// left of them. The soak makes it a day (SANTRAL_SOAK=24h).
func TestChurn(t *testing.T) {
	long := 10 * time.Minute
	if d, err := time.ParseDuration(os.Getenv("SANTRAL_SOAK")); err == nil {
		long = d
	}
	synctest.Test(t, func(t *testing.T) {
		home := netip.MustParseAddr("198.51.100.1")
		pool, err := rtp.NewPool(rtp.Config{Net: vnet.New(1).Host(home), Bind: []netip.Addr{home}, First: 10000, Last: 10009})
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		r := New(Config{Clock: pool, Rate: 8000, Most: 12, Level: true, Talks: func(*Member, bool, time.Time) {}})
		defer r.Close()
		chance := rand.New(rand.NewPCG(1, 2))
		voices := []func(media.Frame){noisy(1, 5000), noisy(2, 3000), noisy(3, 400), nil, nil}
		var in []*guest
		stop := func() {}
		one := func() *guest { return in[chance.IntN(len(in))] }
		event := func() {
			what := chance.IntN(14)
			switch {
			case len(in) < 2 || what < 4 && len(in) < 12:
				m, err := r.Join(Options{Mute: chance.IntN(5) == 0})
				if err != nil {
					t.Fatal(err)
				}
				g := &guest{m: m, say: voices[chance.IntN(len(voices))]}
				if what > 0 { // else it knows nothing of turns
					m.Draw(g)
					m.Lead(g)
				}
				in = append(in, g)
			case what < 8:
				i := chance.IntN(len(in))
				in[i].m.Leave()
				in = slices.Delete(in, i, i+1)
			case what == 8:
				one().m.Mute(chance.IntN(2) == 0)
			case what == 9:
				one().m.Address([]*Member{one().m, one().m})
			case what == 10:
				one().m.Address(nil)
			case what == 11:
				one().m.Play(&mediatest.Sound{Samples: make([]int16, chance.IntN(80000))}, make(chan struct{}))
			case what == 12:
				r.Play(&mediatest.Sound{Samples: make([]int16, 4000)}, nil)
			default:
				stop()
				stop = r.Tap(nobody{})
			}
		}
		everybodyLeaves := func() {
			for _, g := range in {
				g.m.Leave()
			}
			in = nil
			stop()
			r.Play(nil, nil)
			mediatest.Wait(time.Second)
		}
		heap := func() int64 {
			var s runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&s)
			return int64(s.HeapAlloc)
		}
		for range 100 { // what a room keeps for its turns
			event()
			mediatest.Wait(100 * time.Millisecond)
		}
		everybodyLeaves()
		before, goroutines := heap(), runtime.NumGoroutine()
		events := 0
		for begin := time.Now(); time.Since(begin) < long; events++ {
			event()
			mediatest.Wait(time.Duration(chance.IntN(2000)) * time.Millisecond)
		}
		turns, late := r.Turns()
		everybodyLeaves()
		after := heap()
		t.Logf("%s, %d events, %d turns, %d late; %d octets more", long, events, turns, late, after-before)
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines, at first %d", n, goroutines)
		}
		if after-before > 64<<10 {
			t.Errorf("%d octets are left", after-before)
		}
		if want := uint64(long / Frame / 2); turns < want || late > 0 {
			t.Errorf("%d turns, %d late", turns, late)
		}
	})
}

type nobody struct{}

func (nobody) Write(media.Frame) {}
