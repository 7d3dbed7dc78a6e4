package server

import (
	"testing"
	"time"

	"santral/call"
	"santral/media/mediatest"
	"santral/phone"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

// TestACallIsTaped: a call of a tenant that has its calls recorded is, from its answer on: on the left who called and on
// the right who was called. A hand-over makes two recordings of it, which follow one another.
func TestACallIsTaped(t *testing.T) {
	virtually(t, func(w *stage) {
		a, b := w.pair(sip.UDP)
		w.tenants[0].Record = tenant.RecordAll
		w.x.current.Store(tenant.NewSnapshot(2, w.tenants))
		from, to := w.talk(a, b, sara)
		from.Play(&mediatest.Sound{Samples: buzz(3)})
		w.wait(4 * time.Second)
		w.handOver()
		w.must(from.Hold(w.ctx))
		_, err := to.Wait(w.ctx, phone.Held)
		w.must(err)
		w.wait(2 * time.Second)
		w.must(from.Resume(w.ctx))
		to.Play(&mediatest.Sound{Samples: buzz(2)})
		w.wait(4 * time.Second)
		from.Hangup()
		w.ended(from, to)
		w.free()

		var rows []store.Recording
		for range 50 {
			if rows, _, err = w.x.records.Recordings(w.ctx, store.RecordingFilter{}, "", 10); err != nil || len(rows) == 2 {
				break
			}
			w.wait(100 * time.Millisecond)
		}
		w.must(err)
		if len(rows) != 2 {
			t.Fatalf("%d recordings", len(rows))
		}
		for i, want := range []struct {
			long     time.Duration
			segments []string
		}{{7 * time.Second, []string{"talk", "hold", "talk"}}, {5 * time.Second, []string{"talk"}}} { // the latest first
			r := rows[i]
			var what []string
			for _, s := range r.Segments {
				what = append(what, s.What)
				if s.Left != ali || s.Right != sara {
					t.Errorf("a segment of %q and %q", s.Left, s.Right)
				}
			}
			if len(what) != len(want.segments) || r.Kind != string(call.TapeCall) || r.Long.Duration() < want.long-2*time.Second || r.Long.Duration() > want.long+3*time.Second || r.Lost != 0 {
				t.Errorf("recording %d: %+v", i, r)
			}
			if src, err := w.x.tapes.Play("sample", r.Name); err != nil || src == nil {
				t.Errorf("it can't be played: %v", err)
			}
		}
	})
}
