package trunk

import (
	"testing"
	"testing/synctest"
	"time"
)

// A trunk is judged by its last fifteen minutes alone.
func TestTheLastFifteenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trunks := &Trunks{}
		if asr, mos, calls := trunks.Quality("a", "k"); asr != 1 || mos != 0 || calls != 0 {
			t.Errorf("of nothing: %v %v %v", asr, mos, calls)
		}
		for i := range 10 {
			trunks.Attempted("a", "k", i < 4)
		}
		trunks.Measured("a", "k", 4)
		trunks.Measured("a", "k", 3)
		trunks.Attempted("b", "k", false) // another tenant's of the same name
		want := Score{Attempts: 10, Answered: 4, MOS: 3.5, Measured: 2}
		if got := trunks.Score("a", "k"); got != want || got.ASR() != 0.4 {
			t.Errorf("%+v, want %+v", got, want)
		}
		time.Sleep(14 * time.Minute)
		trunks.Attempted("a", "k", true)
		if got := trunks.Score("a", "k"); got.Attempts != 11 || got.Answered != 5 || got.MOS != 3.5 {
			t.Errorf("after 14 minutes: %+v", got)
		}
		time.Sleep(time.Minute)
		if got := trunks.Score("a", "k"); got != (Score{Attempts: 1, Answered: 1}) {
			t.Errorf("after 15 minutes: %+v", got)
		}
		time.Sleep(time.Hour)
		if got := trunks.Score("a", "k"); got != (Score{}) {
			t.Errorf("after an hour: %+v", got)
		}
	})
}
