package recording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/call"
	"santral/media"
	"santral/store"
)

func TestARecordingIsFiled(t *testing.T) {
	for name, remote := range map[string]bool{"moved": false, "put": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKit(t, func(c *Config) {
					if remote {
						c.Blobs = &far{Blobs: c.Blobs}
					}
				})
				defer k.close()
				begun := time.Now().UTC()
				tape := k.begin("101")
				tape.Mark(call.Segment{What: "talk", Left: "101", Right: "102"})
				speak(tape, time.Second)
				tape.Mark(call.Segment{What: "hold", Left: "101"})
				tape.Mark(call.Segment{What: "hold", Left: "101"}) // nothing new
				speak(tape, 500*time.Millisecond)
				if s := k.a.Stats(); s.Open != 1 || s.Begun != 1 || s.Waiting != 0 {
					t.Errorf("%+v", s)
				}
				got, err := ended(tape)
				if err != nil {
					t.Fatal(err)
				}
				k.idle()
				events := k.book.told()
				if len(events) != 1 {
					t.Fatalf("%d events", len(events))
				}
				e := events[0]
				want := call.Recorded{
					Name: tape.Name(), Kind: call.TapeCall, Began: begun, Long: 1500 * time.Millisecond, Octets: got.Octets, SHA256: got.SHA256, Media: "wav",
					Segments: []call.Segment{{What: "talk", Left: "101", Right: "102"}, {At: time.Second, What: "hold", Left: "101"}},
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
				if d := cmp.Diff(want, *e.Tape); d != "" || e.Kind != call.Taped || e.Call != "c101" || e.From.Tenant != "sample" || e.From.Account != "101" {
					t.Errorf("%+v %s", e, d)
				}
				if text := k.filed(e); len(text) != 44+1500*8*4 {
					t.Errorf("%d octets", len(text))
				}
				if left := k.spool(); len(left) > 0 {
					t.Errorf("the spool holds %v", left)
				}
				if s := k.a.Stats(); s.Open != 0 || s.Filed != 1 || s.Octets != uint64(got.Octets) || s.Torn != 0 || s.Alarms != [alarms]bool{} {
					t.Errorf("%+v", s)
				}
				source, err := k.a.Play("sample", got.Name)
				if err != nil {
					t.Fatal(err)
				}
				heard := 0
				for f := make(media.Frame, 160); ; {
					n, err := source.Read(f)
					if heard += n; err == io.EOF {
						break
					}
				}
				if heard != 1500*8 {
					t.Errorf("%d samples are played", heard)
				}
				tape.Close(nil) // a second time is nothing
			})
		})
	}
}

func TestNothingIsNoRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		defer k.close()
		if _, err := ended(k.begin("101")); !errors.Is(err, call.ErrEmpty) {
			t.Error(err)
		}
		k.idle()
		if n := len(k.book.told()); n != 0 || len(k.spool()) > 0 {
			t.Errorf("%d events, %v", n, k.spool())
		}
	})
}

// What is paused or masked has segments of its own, whatever goes on meanwhile.
func TestSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		defer k.close()
		tape := k.begin("101")
		talk, hold := call.Segment{What: "talk", Left: "101", Right: "102"}, call.Segment{What: "hold", Left: "101", Right: "102"}
		tape.Mark(talk)
		speak(tape, time.Second)
		tape.Pause(true)
		tape.Pause(true)
		speak(tape, time.Second)
		tape.Pause(false)
		speak(tape, time.Second)
		tape.Mask(true)
		speak(tape, time.Second)
		tape.Mark(hold)
		speak(tape, time.Second)
		tape.Mask(false)
		speak(tape, time.Second)
		for i := range 2 * mostSegments {
			tape.Mark(call.Segment{What: "talk", Left: strings.Repeat("x", 1+i%2)})
		}
		got, err := ended(tape)
		if err != nil {
			t.Fatal(err)
		}
		at := func(s call.Segment, seconds int, what string) call.Segment {
			s.At, s.What = time.Duration(seconds)*time.Second, what
			return s
		}
		want := []call.Segment{talk, at(talk, 1, "paused"), at(talk, 1, "talk"), at(talk, 2, "masked"), at(hold, 2, "masked"), at(hold, 4, "hold")}
		if len(got.Segments) != mostSegments || cmp.Diff(want[:4], got.Segments[:4]) != "" {
			t.Errorf("%d segments: %s", len(got.Segments), cmp.Diff(want[:4], got.Segments[:4]))
		}
		if got.Segments[4] != at(hold, 4, "hold") {
			t.Errorf("%+v", got.Segments[4])
		}
		if got.Long != 5*time.Second {
			t.Errorf("it is %v long", got.Long)
		}
	})
}

func TestWhichCallsAreRecorded(t *testing.T) {
	k := newKit(t, nil)
	defer k.close()
	account := func(tenant, account string) call.Party { return call.Party{Tenant: tenant, Account: account} }
	trunk := func(tenant string) call.Party { return call.Party{Tenant: tenant, Trunk: "carrier"} }
	for _, c := range []struct {
		from, to call.Party
		want     bool
	}{
		{account("sample", "101"), account("sample", "102"), true}, // the caller's
		{account("sample", "102"), account("sample", "101"), true}, // the other's
		{account("sample", "102"), account("sample", "102"), false},
		{trunk("sample"), account("sample", "102"), false}, // the account over its tenant
		{trunk("sample"), account("sample", "101"), true},
		{account("sample", "102"), trunk("sample"), false},
		{trunk("sample"), call.Party{Tenant: "sample"}, true}, // a service
		{trunk("quiet"), call.Party{Tenant: "quiet"}, false},
		{account("quiet", "101"), account("quiet", "102"), false},
		{account("loud", "999"), trunk("loud"), true},
		{account("unknown", "1"), account("unknown", "2"), false},
	} {
		if got := k.a.Wants(c.from, c.to); got != c.want {
			t.Errorf("%+v to %+v: %t", c.from, c.to, got)
		}
	}
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, func(c *Config) { c.Most, c.Longest = 2, 2*time.Second })
		one, two := k.begin("101"), k.begin("102")
		if _, err := k.a.Begin(call.About{Tenant: "sample", Kind: call.TapeCall, Channels: 2}); !errors.Is(err, ErrMany) {
			t.Error(err)
		}
		speak(one, 5*time.Second)
		if got, err := ended(one); err != nil || got.Long > 2*time.Second+20*time.Millisecond {
			t.Errorf("%v long, %v", got.Long, err)
		}
		k.idle()
		if _, err := k.a.Begin(call.About{Tenant: "sample", Kind: call.TapeCall, Channels: 3}); err == nil {
			t.Error("three channels")
		}
		for _, tenant := range []string{"", "..", "a/b", "a~b", ".x"} {
			if _, err := k.a.Begin(call.About{Tenant: tenant, Kind: call.TapeCall, Channels: 1}); err == nil {
				t.Errorf("tenant %q", tenant)
			}
		}
		three := k.begin("103")
		speak(three, time.Second)
		speak(two, time.Second)
		k.close() // ends them
		if s := k.a.Stats(); s.Many != 1 || s.Begun != 3 || s.Filed != 3 || s.Open != 0 {
			t.Errorf("%+v", s)
		}
		if _, err := k.a.Begin(call.About{Tenant: "sample", Kind: call.TapeCall, Channels: 1}); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

// On a disk that is nearly full nothing begins, what goes on goes on, and it is said once.
func TestNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Uint64
		free.Store(100 << 30)
		k := newKit(t, func(c *Config) {
			c.Floor = Floor{Octets: 1 << 30, Share: .02}
			c.Space = func(string) (uint64, uint64, error) { return free.Load(), 1 << 40, nil }
		})
		defer k.close()
		tape := k.begin("101")
		free.Store(10 << 30) // more than the octets, less than the share
		time.Sleep(time.Minute)
		for range 3 {
			if _, err := k.a.Begin(call.About{Tenant: "sample", Kind: call.TapeCall, Channels: 2}); !errors.Is(err, ErrNoRoom) {
				t.Error(err)
			}
		}
		speak(tape, time.Second)
		if got, err := ended(tape); err != nil || got.Long != time.Second {
			t.Errorf("%v %v", got.Long, err)
		}
		free.Store(30 << 30)
		time.Sleep(time.Minute)
		ended(k.begin("101"))
		k.idle()
		if alarms, _ := k.said(); strings.Join(alarms, ", ") != "room true, room false" {
			t.Errorf("said: %v", alarms)
		}
		if s := k.a.Stats(); s.NoRoom != 3 || s.Filed != 1 || s.Free != free.Load() {
			t.Errorf("%+v", s)
		}
	})
}

// A disk that takes nothing ends nothing; it is said, and when it is well again recordings are made.
func TestABadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		defer k.close()
		if err := os.Remove(k.c.Folder); err != nil {
			t.Fatal(err)
		}
		tape := k.begin("101")
		tape.Mark(call.Segment{What: "talk"})
		speak(tape, 3*time.Second)
		if got, err := ended(tape); err == nil {
			t.Errorf("%+v", got)
		}
		if s := k.a.Stats(); !s.Alarms[BadDisk] {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		if err := os.Mkdir(k.c.Folder, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := k.a.Stats(); s.Alarms != [alarms]bool{} {
			t.Errorf("%+v", s)
		}
		tape = k.begin("102")
		speak(tape, time.Second)
		if got, err := ended(tape); err != nil || got.Long != time.Second {
			t.Errorf("%v %v", got.Long, err)
		}
		k.idle()
		if n := len(k.book.told()); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

// A server that is away loses nothing: the spool keeps what is whole, over a restart too.
func TestAServerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var server *far
		k := newKit(t, func(c *Config) {
			server = &far{Blobs: c.Blobs, away: true}
			c.Blobs = server
		})
		for _, account := range []string{"101", "102"} {
			tape := k.begin(account)
			tape.Mark(call.Segment{What: "talk", Left: account})
			speak(tape, time.Second)
			if got, err := ended(tape); err != nil || got.SHA256 == "" { // it is whole, and can be heard
				t.Errorf("%+v %v", got, err)
			}
			if _, err := k.a.Play("sample", tape.Name()); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Hour)
		if n := server.tried(); n < 10 || n > 100 {
			t.Errorf("it was tried %d times in an hour", n)
		}
		if s := k.a.Stats(); !s.Alarms[NotTook] || s.Waiting != 2 || s.Filed != 0 {
			t.Errorf("%+v", s)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := k.a.Close(ctx); err == nil {
			t.Error("closed as if all were filed")
		}
		if n := len(k.book.told()); n != 0 || len(k.spool()) != 4 {
			t.Errorf("%d events, %v", n, k.spool())
		}
		k.open()
		time.Sleep(time.Second)
		server.set(false)
		k.idle()
		events := k.book.told()
		if len(events) != 2 || len(k.spool()) != 0 {
			t.Fatalf("%d events, %v", len(events), k.spool())
		}
		for _, e := range events {
			k.filed(e)
			if e.Tape.Torn || len(e.Tape.Segments) != 1 || e.Tape.Segments[0].Left != e.From.Account || e.Call != call.ID("c"+e.From.Account) {
				t.Errorf("%+v %+v", e, e.Tape)
			}
		}
		k.close()
	})
}

// A ledger whose disk is stuck says that it has heard, and may have lost it; a database may be away. The spool knows of the
// recording until it has its row.
func TestALedgerThatLosesEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.book.loses = 3
		tape := k.begin("101")
		speak(tape, time.Second)
		if _, err := ended(tape); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := len(k.book.told()); n != 0 || len(k.spool()) != 1 || k.a.Stats().Waiting == 0 {
			t.Fatalf("%d events, %v", n, k.spool())
		}
		k.idle()
		if n := len(k.book.told()); n != 1 || len(k.spool()) != 0 {
			t.Errorf("%d events, %v", n, k.spool())
		}
		k.book.mu.Lock()
		k.book.away = errAway
		k.book.mu.Unlock()
		tape = k.begin("101")
		speak(tape, time.Second)
		if _, err := ended(tape); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if n := len(k.book.told()); n != 2 || len(k.spool()) != 1 {
			t.Errorf("%d events, %v", n, k.spool())
		}
		k.book.mu.Lock()
		k.book.away = nil
		k.book.mu.Unlock()
		k.idle()
		if n := len(k.book.told()); n != 2 || len(k.spool()) != 0 {
			t.Errorf("%d events, %v", n, k.spool())
		}
		k.close()
	})
}

// The alarm of one that can't be filed is up until it is, whatever becomes of others.
func TestOneThatIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var server *far
		k := newKit(t, func(c *Config) {
			server = &far{Blobs: c.Blobs}
			c.Blobs = server
		})
		records := func() {
			tape := k.begin("101")
			speak(tape, time.Second)
			if _, err := ended(tape); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		server.set(true)
		records()
		server.set(false)
		server.mu.Lock()
		server.without = strings.TrimPrefix(strings.TrimSuffix(k.spool()[0], noteEnd), "sample"+between)
		server.mu.Unlock()
		for range 5 {
			records()
		}
		if alarms, _ := k.said(); len(alarms) != 1 || !k.a.Stats().Alarms[NotTook] {
			t.Errorf("%v", alarms)
		}
		server.mu.Lock()
		server.without = ""
		server.mu.Unlock()
		k.idle()
		if alarms, _ := k.said(); len(alarms) != 2 || k.a.Stats().Alarms[NotTook] {
			t.Errorf("%v", alarms)
		}
		k.close()
	})
}

// A deletion that the ledger may have lost is not said to be done; asked for again it is.
func TestADeletionThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		tape := k.begin("101")
		speak(tape, time.Second)
		if _, err := ended(tape); err != nil {
			t.Error(err)
		}
		k.idle()
		k.book.loses = 1
		if err := k.a.Delete(t.Context(), "sample", tape.Name(), "test"); err == nil {
			t.Error("nobody knows of it")
		}
		if err := k.a.Delete(t.Context(), "sample", tape.Name(), "test"); err != nil {
			t.Error(err)
		}
		if err := k.a.Delete(t.Context(), "sample", tape.Name(), "test"); !errors.Is(err, ErrGone) {
			t.Error(err)
		}
		k.close()
	})
}

// Recordings may begin while the archive is closed.
func TestClosedMeanwhile(t *testing.T) {
	for range 20 {
		k := newKit(t, nil)
		var begun sync.WaitGroup
		for i := range 4 {
			begun.Go(func() {
				for j := range 5 {
					if tape, err := k.a.Begin(call.About{Call: "c", Tenant: "sample", Account: fmt.Sprint(100*i + j), Kind: call.TapeCall, Channels: 2}); err == nil {
						tape.Close(nil)
					}
				}
			})
		}
		k.close()
		begun.Wait()
	}
}

func TestGivenOutAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, func(c *Config) { c.Blobs = &far{Blobs: c.Blobs} })
		defer k.close()
		tape := k.begin("101")
		speak(tape, 5*time.Second)
		got, err := ended(tape)
		if err != nil {
			t.Fatal(err)
		}
		k.idle()
		ctx := t.Context()
		s, err := k.a.Sound(ctx, "sample", got.Name, false)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(filepath.Join(k.dir, "filed", "sample", got.Name[:8], got.Name))
		if err != nil || s.Type != "audio/wav" || s.Name != got.Name || s.Size != int64(len(whole)) || !s.Plain {
			t.Fatalf("%+v %v", s, err)
		}
		for _, from := range []int64{1000, 0, 100_000, 100_100, 99_000, int64(len(whole)) - 10} { // forwards and backwards
			if _, err := s.Seek(from, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 500)
			n, err := io.ReadFull(s, b)
			if want := whole[from:min(from+500, int64(len(whole)))]; string(b[:n]) != string(want) || err != nil && err != io.ErrUnexpectedEOF {
				t.Errorf("from %d: %d octets, %v", from, n, err)
			}
		}
		s.Close()
		for _, bad := range []string{"", "..", "../" + got.Name, got.Name + "/..", "/etc/passwd", strings.ToUpper(got.Name), got.Name[1:], "20260321-100000-aaaaaaaaaa.exe", "sample/" + got.Name} {
			if _, err := k.a.Sound(ctx, "sample", bad, false); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q: %v", bad, err)
			}
			if _, err := k.a.Play("sample", bad); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q is played: %v", bad, err)
			}
			if err := k.a.Delete(ctx, "sample", bad, "x"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q is deleted: %v", bad, err)
			}
		}
		if _, err := k.a.Sound(ctx, "quiet", got.Name, false); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another tenant: %v", err)
		}
		if _, err := k.a.Play("quiet", got.Name); !errors.Is(err, ErrAway) {
			t.Errorf("another tenant: %v", err)
		}

		file := filepath.Join(k.dir, "filed", "sample", got.Name[:8], got.Name)
		whole[5000] ^= 1
		if err := os.WriteFile(file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		if v, err := k.a.Verify(ctx, "", got.Name); err != nil || v.Whole || v.SHA256 != sum(whole) || v.Octets != int64(len(whole)) {
			t.Errorf("harmed: %+v %v", v, err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if _, err := k.a.Sound(ctx, "sample", got.Name, false); !errors.Is(err, ErrAway) {
			t.Errorf("taken away: %v", err)
		}

		if err := k.a.Delete(ctx, "sample", got.Name, "somebody"); err != nil { // of what is away too
			t.Fatal(err)
		}
		events := k.book.told()
		if e := events[len(events)-1]; e.Kind != call.Untaped || e.By != "somebody" || e.Tape.Name != got.Name || e.Call != "c101" || e.From.Tenant != "sample" {
			t.Errorf("%+v", e)
		}
		if _, err := k.a.Sound(ctx, "sample", got.Name, false); !errors.Is(err, ErrGone) {
			t.Errorf("deleted: %v", err)
		}
		if err := k.a.Delete(ctx, "sample", got.Name, "another"); !errors.Is(err, ErrGone) {
			t.Errorf("deleted twice: %v", err)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"20260321-100000-k3v9x0q2ab.wav", "20260321-100000-k3v9x0q2ab.opus.sealed", "../x.wav", "20260321-100000-../../../..wav", "sample~20260321-100000-k3v9x0q2ab.wav.json"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := keyOf("sample", s)
		if err != nil {
			return
		}
		if store.CheckBlobName(key) != nil || strings.Count(key, "/") != 2 || !strings.HasSuffix(key, "/"+s) {
			t.Fatalf("%q lies at %q", s, key)
		}
		if tenant, name, ok := spooled(spoolName("sample", s)); !ok || tenant != "sample" || name != s {
			t.Fatalf("%q in the spool is %q of %q", s, name, tenant)
		}
	})
}
