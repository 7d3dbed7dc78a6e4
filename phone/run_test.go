package phone

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/player"
	"santral/media/recorder"
	"santral/media/tone"
	"santral/sip"
)

// file writes a WAV file of a tone.
func file(t *testing.T, name string, play tone.Tone, d time.Duration) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	r, err := recorder.Create(recorder.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	src, sink := play.Play(), r.Sink(0)
	f := make(media.Frame, 160)
	for range d / (20 * time.Millisecond) {
		n, _ := src.Read(f)
		clear(f[n:])
		sink.Write(f)
	}
	if _, err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// loud is how much of a recording is sound.
func loud(t *testing.T, path string) time.Duration {
	t.Helper()
	s, err := player.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	samples := s.Samples()
	n := 0
	for i := 0; i+160 <= len(samples); i += 160 {
		sum := 0.0
		for _, v := range samples[i : i+160] {
			sum += float64(v) * float64(v)
		}
		if math.Sqrt(sum/160) > 1000 {
			n++
		}
	}
	return time.Duration(n) * 20 * time.Millisecond
}

func near(got, want, by time.Duration) bool { return got >= want-by && got <= want+by }

// outcome is what a run came to.
type outcome struct {
	sum Summary
	err error
}

// both runs two phones and waits for them.
func both(ctx context.Context, a, b Options) (x, y outcome) {
	var running sync.WaitGroup
	running.Go(func() { y.sum, y.err = Run(ctx, b) })
	running.Go(func() { x.sum, x.err = Run(ctx, a) })
	running.Wait()
	return x, y
}

func (w *world) config(at netip.Addr, user string) Config {
	return Config{Net: w.net.Host(at), Listen: netip.AddrPortFrom(at, 5060), User: user, Random: w.random()}
}

func TestRunACall(t *testing.T) {
	said := file(t, "said.wav", tone.Milliwatt(), 5*time.Second)
	heard, answered := filepath.Join(t.TempDir(), "heard.wav"), filepath.Join(t.TempDir(), "answered.wav")
	virtually(t, func(w *world) {
		var mu sync.Mutex
		var notes []string
		a, b := both(w.ctx, Options{
			Config: w.config(addrA, "alice"), Number: "sip:bob@10.0.0.2", Play: said, Record: answered,
			Digits: "12,#", DigitsAt: 6 * time.Second, HoldAt: 8 * time.Second, ResumeAt: 10 * time.Second, HangupAt: 15 * time.Second,
			Note: func(text string) { mu.Lock(); notes = append(notes, text); mu.Unlock() },
		}, Options{
			Config: w.config(addrB, "bob"), Await: true, Ring: 2 * time.Second, Play: said, Loop: true, Record: heard,
		})
		if a.err != nil || b.err != nil {
			t.Fatalf("%v\n%v", a.err, b.err)
		}
		if a.sum.Reached != Talking || a.sum.Exit(a.err) != ExitDone || a.sum.Registered {
			t.Errorf("a: %s", a.sum.JSON())
		}
		fa, fb := a.sum.Call, b.sum.Call
		if fa == nil || fb == nil || fb.Digits != "12#" || fa.Holds != 1 || fa.By != "us" || fb.By != "peer" || fa.Status != 200 || fa.Codec != "PCMA" {
			t.Fatalf("a: %s\nb: %s", a.sum.JSON(), b.sum.JSON())
		}
		if !near(time.Duration(fa.TalkMS)*time.Millisecond, 15*time.Second, 100*time.Millisecond) || !near(fa.Answered.Sub(*fa.Rang), 2*time.Second, 100*time.Millisecond) {
			t.Errorf("talked %d ms, rang %v, answered %v", fa.TalkMS, fa.Rang, fa.Answered)
		}
		if len(notes) < 7 {
			t.Errorf("notes: %q", notes)
		}
		var back map[string]any
		if err := json.Unmarshal(a.sum.JSON(), &back); err != nil || back["reached"] != "talking" {
			t.Errorf("%v in %s", err, a.sum.JSON())
		}
	})
	if d := loud(t, heard); !near(d, 5*time.Second, 60*time.Millisecond) {
		t.Errorf("b heard %v of sound", d)
	}
	if d := loud(t, answered); !near(d, 13*time.Second, 300*time.Millisecond) { // all but the two seconds of hold
		t.Errorf("a heard %v of sound", d)
	}
}

func TestRunEndsWithItsFile(t *testing.T) {
	said := file(t, "said.wav", tone.Milliwatt(), 2*time.Second)
	virtually(t, func(w *world) {
		a, b := both(w.ctx,
			Options{Config: w.config(addrA, "alice"), Number: "sip:bob@10.0.0.2", Play: said},
			Options{Config: w.config(addrB, "bob"), Await: true})
		if a.err != nil || b.err != nil || !near(time.Duration(a.sum.Call.TalkMS)*time.Millisecond, 2*time.Second, 60*time.Millisecond) {
			t.Errorf("%v %s%v %s", a.err, a.sum.JSON(), b.err, b.sum.JSON())
		}
	})
}

func TestRunFails(t *testing.T) {
	virtually(t, func(w *world) {
		nobody, timid := netip.MustParseAddr("10.2.0.1"), netip.MustParseAddr("10.2.0.2")
		for name, c := range map[string]struct {
			options Options
			exit    int
			reached State
			says    string
		}{
			"nothing to do":         {Options{}, ExitUsage, UnknownState, "nothing to do"},
			"two things":            {Options{Number: "1", Await: true}, ExitUsage, UnknownState, "either"},
			"resume without a hold": {Options{Number: "1", ResumeAt: 1}, ExitUsage, UnknownState, "resumed"},
			"no such file":          {Options{Number: "1", Play: "absent.wav"}, ExitUsage, UnknownState, "absent.wav"},
			"nowhere to record":     {Options{Number: "1", Record: "absent/x.wav"}, ExitUsage, UnknownState, "recording"},
			"nowhere to listen":     {Options{Config: Config{Net: w.net.Host(nobody)}, Number: "1"}, ExitUsage, UnknownState, "listen"},
			"nobody calls":          {Options{Config: w.config(timid, "x"), Await: true, Within: 5 * time.Second}, ExitNoCall, Started, "wait for a call"},
			"nobody answers":        {Options{Config: w.config(netip.MustParseAddr("10.2.0.3"), "x"), Number: "sip:y@10.3.0.1", Within: 5 * time.Second}, ExitNoCall, Calling, "given up"},
			"no server":             {Options{Config: w.config(netip.MustParseAddr("10.2.0.4"), "x"), Register: true}, ExitUnregistered, Started, "not registered"},
		} {
			sum, err := Run(w.ctx, c.options)
			if err == nil || sum.Exit(err) != c.exit || sum.Reached != c.reached || !strings.Contains(sum.Error, c.says) {
				t.Errorf("%s: %v, exit %d, %s", name, err, sum.Exit(err), sum.JSON())
			}
		}
	})
}

func TestRunIsRefusedOrBroken(t *testing.T) {
	virtually(t, func(w *world) {
		b := w.phone(Config{Listen: netip.AddrPortFrom(addrB, 5060), User: "bob"})
		config := w.config(addrA, "alice")
		answer := func(act func(c *Call)) {
			c, err := b.Ringing(w.ctx)
			if err != nil {
				t.Error(err)
				return
			}
			act(c)
		}
		var running sync.WaitGroup
		run := func(o Options, act func(c *Call)) (Summary, error) {
			running.Go(func() { answer(act) })
			sum, err := Run(w.ctx, o)
			running.Wait()
			return sum, err
		}
		o := Options{Config: config, Number: "sip:bob@10.0.0.2"}
		sum, err := run(o, func(c *Call) { c.Hangup() })
		if sum.Exit(err) != ExitNoCall || sum.Reached != Rings || sum.Call.Status != 603 || sum.Call.By != "peer" {
			t.Errorf("declined: %v, %s", err, sum.JSON())
		}
		sum, err = run(o, func(c *Call) { c.Answer(); w.pass(time.Second); c.Hangup() })
		if err != nil || sum.Call.By != "peer" {
			t.Errorf("hung up by the peer: %v, %s", err, sum.JSON())
		}
		o.HangupAt = time.Second
		o.HoldAt = 3 * time.Second // later than the end: never mind
		sum, err = run(o, func(c *Call) { c.Answer(); <-c.Done() })
		if err != nil || sum.Call.Holds != 0 {
			t.Errorf("a hold after the end: %v, %s", err, sum.JSON())
		}
		ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
		defer cancel()
		o = Options{Config: config, Number: "sip:bob@10.0.0.2"}
		running.Go(func() { answer(func(c *Call) { c.Answer(); <-c.Done() }) })
		sum, err = Run(ctx, o)
		running.Wait()
		if err != nil || sum.Call.By != "us" || !near(time.Duration(sum.Call.TalkMS)*time.Millisecond, 5*time.Second, 100*time.Millisecond) {
			t.Errorf("interrupted: %v, %s", err, sum.JSON())
		}
	})
}

// The same over the kernel's sockets and real time.
func TestRunForReal(t *testing.T) {
	keys := tone.Digits("x159D", 80*time.Millisecond, 80*time.Millisecond) // a silence, in which 7 is pressed
	keys.Parts[0].For = 500 * time.Millisecond
	said := file(t, "said.wav", keys, 1500*time.Millisecond)
	for _, transport := range []sip.Transport{sip.UDP, sip.TCP} {
		loopback := netip.MustParseAddrPort("127.0.0.1:0")
		b, err := New(t.Context(), Config{Transport: transport, Listen: loopback, User: "bob"})
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		running.Go(func() {
			c, err := b.Answer(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if e, err := c.Wait(t.Context(), Over); err != nil || !e.ByPeer {
				t.Errorf("%+v, %v", e, err)
			}
			if f := c.Facts(); f.Tones != "159D" || f.Digits != "7" || f.Received < 30 || f.Lost != 0 {
				t.Errorf("%+v", f)
			}
		})
		sum, err := Run(t.Context(), Options{Config: Config{Transport: transport, Listen: loopback, User: "alice"},
			Number: "sip:bob@" + b.Addr().String() + ";transport=" + strings.ToLower(transport.String()), Play: said, Digits: "7"})
		if err != nil || sum.Call.Received < 30 || sum.Call.Transport != transport.String() {
			t.Errorf("%v, %s", err, sum.JSON())
		}
		running.Wait()
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestStates(t *testing.T) {
	for s := UnknownState; s <= Ended; s++ {
		if text, err := s.MarshalText(); err != nil || string(text) != s.String() || s.String() == "" {
			t.Errorf("%d is %q", s, text)
		}
	}
	for k := UnknownEvent; k <= Over; k++ {
		if k.String() == "" {
			t.Errorf("event %d has no name", k)
		}
	}
}

func TestMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m mailbox[int]
		m.init()
		const takers, items = 3, 300
		got := make(chan int, items)
		var running sync.WaitGroup
		for range takers {
			running.Go(func() {
				for {
					v, err := m.take(t.Context())
					if err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
					got <- v
				}
			})
		}
		for i := range items {
			m.put(i)
		}
		synctest.Wait()
		m.close(ErrClosed)
		m.put(1)
		running.Wait()
		if len(got) != items {
			t.Errorf("%d of %d taken", len(got), items)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var empty mailbox[int]
		empty.init()
		if _, err := empty.take(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		for i := range most + 5 {
			empty.put(i)
		}
		if v, err := empty.take(t.Context()); v != 5 || err != nil {
			t.Errorf("the oldest left is %d, %v", v, err)
		}
	})
}
