package server

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/sip"
	"santral/tenant"
)

// TestMusicOnHold has a phone hold another, which hears the tenant's music from where that is now until it is taken back,
// and whoever else listens hears the same at the same time.
func TestMusicOnHold(t *testing.T) {
	virtually(t, func(w *stage) {
		loop := *w.tenants[0]
		loop.Music = nil // what is built in
		w.x.current.Store(tenant.NewSnapshot(2, []*tenant.Tenant{&loop}))
		a, b := w.pair(sip.UDP)
		from, to := w.talk(a, b, sara)
		w.must(to.Hold(w.ctx))
		w.wait(time.Second)
		var ear mediatest.Ear
		from.Record(&ear)
		src := w.x.music.Music(loop.ID, "")
		if !src.(media.Adjustable).SetRate(8000) {
			w.Fatal("no music at 8 kHz")
		}
		var want []int16
		f := make(media.Frame, 160)
		for range 200 {
			if _, err := src.Read(f); err != nil {
				w.Fatal(err)
			}
			want = append(want, f...)
			w.wait(20 * time.Millisecond)
		}
		from.Record(nil)
		late, alike := 0, 0.0
		heard := ear.Samples()
		for lag := 0; lag < 4000 && lag+16000 < len(heard); lag++ { // a play-out buffer and packets on their way
			var xy, xx, yy float64
			for i, v := range want[4000:12000] {
				x, y := float64(v), float64(heard[4000+lag+i])
				xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
			}
			if c := xy / math.Sqrt(xx*yy+1); c > alike {
				late, alike = lag, c
			}
		}
		if alike < 0.97 || late > 8000/4 {
			w.Errorf("of %d samples what is heard on hold is like the music by %.3f, %d samples late", len(heard), alike, late)
		}
		w.must(to.Resume(w.ctx))
		w.hear(a, b)
		from.Hangup()
		w.ended(from, to)
		w.free()
	})
}

// TestReloads tells several of each reload, and waits for none of them.
func TestReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s server
		from := make(chan struct{})
		told := s.reloads(from, 2)
		for range 3 { // the second is busy with something else
			from <- struct{}{}
			synctest.Wait()
			<-told[0]
		}
		<-told[1]
		select {
		case <-told[1]:
			t.Error("told twice of what it has not looked at yet")
		default:
		}
		s.close()
	})
}
