package trunk

import (
	"sync"
	"time"
)

// The window that trunks are judged by: the last fifteen minutes, minute by minute.
const (
	windowMinutes = 15
	Window        = windowMinutes * time.Minute
)

// Score is how the calls out by a trunk went in the last Window.
type Score struct {
	Attempts int     // those that were answered or are over
	Answered int     // of them
	MOS      float64 // mean of what came from the trunk, 1 to 4.5; 0 when nothing was measured
	Measured int     // calls that MOS is of
}

// ASR is the answer-seizure ratio, 0 to 1; 1 without attempts.
func (s Score) ASR() float64 {
	if s.Attempts == 0 {
		return 1
	}
	return float64(s.Answered) / float64(s.Attempts)
}

// window counts minute by minute.
type window struct {
	mu      sync.Mutex // a leaf
	minutes [windowMinutes]minute
}

type minute struct {
	of                 int64 // minutes since 1970
	attempts, answered int
	mos                float64 // sum
	measured           int
}

// at gives the minute of now, emptied of what is older.
func (w *window) atLocked(now time.Time) *minute {
	of := now.Unix() / 60
	m := &w.minutes[of%windowMinutes]
	if m.of != of {
		*m = minute{of: of}
	}
	return m
}

func (w *window) score(now time.Time) (s Score) {
	oldest := now.Unix()/60 - windowMinutes
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := 0.0
	for i := range w.minutes {
		if m := &w.minutes[i]; m.of > oldest {
			s.Attempts += m.attempts
			s.Answered += m.answered
			s.Measured += m.measured
			sum += m.mos
		}
	}
	if s.Measured > 0 {
		s.MOS = sum / float64(s.Measured)
	}
	return s
}

// Attempted notes an attempt of a call out by a trunk: when it is answered, or when it is over without.
func (t *Trunks) Attempted(tenantID, trunkName string, answered bool) {
	w := t.window(tenantID, trunkName)
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.atLocked(time.Now())
	m.attempts++
	if answered {
		m.answered++
	}
}

// Measured notes the quality of what came from a trunk in a call, when that is over: its mean opinion score.
func (t *Trunks) Measured(tenantID, trunkName string, mos float64) {
	w := t.window(tenantID, trunkName)
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.atLocked(time.Now())
	m.measured++
	m.mos += mos
}

// Score gives how a trunk did in the last Window.
func (t *Trunks) Score(tenantID, trunkName string) Score {
	w, ok := t.windows.Load(name{tenantID, trunkName})
	if !ok {
		return Score{}
	}
	return w.(*window).score(time.Now())
}

// Quality is Score as routes ask for it (route.Quality).
func (t *Trunks) Quality(tenantID, trunkName string) (asr, mos float64, calls int) {
	s := t.Score(tenantID, trunkName)
	return s.ASR(), s.MOS, s.Attempts
}

// window gives that of a trunk. It stays when configuration changes.
func (t *Trunks) window(tenantID, trunkName string) *window {
	key := name{tenantID, trunkName}
	if w, ok := t.windows.Load(key); ok {
		return w.(*window)
	}
	w, _ := t.windows.LoadOrStore(key, &window{})
	return w.(*window)
}
