package control_test

import (
	"math"
	"testing"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media/tone"
)

// in has the stage's tenant be in a country.
func (s *stage) in(country string) {
	s.k = control.New(control.Config{Router: s, Contacts: s, Trunks: s, Channels: s, Ledger: s, Dialer: s, Random: id.New([32]byte{1}), Tones: func(tenantID string) tone.Set {
		if tenantID == "" {
			s.t.Error("tones of no tenant are asked for")
		}
		set, _ := tone.Country(country)
		return set
	}})
}

// pitches compares the frequencies that a phone heard in the last quarter of a second with those that it should have.
func (e *ear) pitches(t *testing.T, when string, want ...float64) {
	t.Helper()
	e.mu.Lock()
	said := e.said[max(0, len(e.said)-2000):]
	e.mu.Unlock()
	for _, hz := range []float64{400, 425, 440, 480, 620, 950, 1400, 1800} {
		expected := false
		for _, w := range want {
			expected = expected || w == hz
		}
		var re, im float64
		for i, x := range said {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(said)))
			a := 2 * math.Pi * hz * float64(i) / 8000
			re += w * float64(x) * math.Cos(a)
			im += w * float64(x) * math.Sin(a)
		}
		// What lies next to an expected pitch is not told from it in a quarter of a second.
		if level := 4 * math.Hypot(re, im) / 2000; (level > 1000) != expected && (expected || hz-want[0] > 20 || want[0]-hz > 20) {
			t.Errorf("%s: %v Hz are heard at %.0f", when, hz, level)
		}
	}
}

// Tones that the exchange plays are those of the tenant's country: ringing, busy, congestion, and of what is no number.
func TestTonesOfACountry(t *testing.T) {
	t.Parallel()
	for country, c := range map[string]struct{ rings, busy, congestion []float64 }{
		"":   {[]float64{425}, []float64{425}, []float64{425}},
		"us": {[]float64{440, 480}, []float64{480, 620}, []float64{480, 620}},
		"uk": {[]float64{400, 450}, []float64{400}, []float64{400}},
	} {
		sounding(t, nil, func(s *stage, phone func(byte) *ear) {
			s.in(country)
			anna, ben := phone(1), phone(3)
			a := s.Call(s.k, "1", "101", "103", calltest.DescribeAt(anna.at, "", "PCMA"))
			b, c2 := s.leg("b"), s.leg("c")
			c2.Ring()
			b.Progressing(calltest.DescribeAt(ben.at, "", "PCMA"))
			ben.talk(s, b, 5)
			b.Fail(call.Busy)
			s.pass(350 * time.Millisecond)
			anna.pitches(t, "ringing in "+country, c.rings...)
			a.Cancel()
		})
		for _, x := range []struct {
			cause call.Cause
			want  []float64
		}{{call.Busy, c.busy}, {call.Unavailable, c.congestion}, {call.NotFound, []float64{950}}} {
			sounding(t, nil, func(s *stage, phone func(byte) *ear) {
				s.in(country)
				anna := phone(1)
				s.ask("101", "102")
				a := s.rung(0)
				a.Pickup(calltest.DescribeAt(anna.at, "", "PCMA"))
				s.rung(1).Fail(x.cause)
				s.pass(240 * time.Millisecond)
				anna.pitches(t, x.cause.Text+" in "+country, x.want...)
				s.pass(4 * time.Second)
			})
		}
	}
}
