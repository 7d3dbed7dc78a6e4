package session

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// A browser whose network changes restarts ICE by a new offer: another port of it is found, with the same keys, and what it
// hears stops for less than a second. A hundred times, none is lost.
func TestABrowserRoams(t *testing.T) {
	for _, full := range [...]bool{false, true} {
		t.Run(map[bool]string{true: "full", false: "lite"}[full], func(t *testing.T) {
			t.Parallel()
			cfg := webHouse(t, full)
			s := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{Web: true, Codecs: []string{"PCMU"}})
			defer s.Close()
			p := newPage(t, false)
			connect(t, s, p, true)
			s.Echo()
			if p.say(5*time.Second) == nil {
				t.Fatal("nothing came back")
			}
			agreed := cfg.DTLS.Stats().Agreed
			before := s.lines[0].path.agent.Remote()
			changes := 50
			if testing.Short() {
				changes = 5
			}
			var worst time.Duration
			for i := range changes {
				begun := time.Now()
				if err := s.SetRemote(p.local(true, &webrtc.OfferOptions{ICERestart: true})); err != nil {
					t.Fatal(err)
				}
				d, err := s.AnswerLocal()
				if err != nil {
					t.Fatal(err)
				}
				p.remote(webrtc.SDPTypeAnswer, d)
				if p.say(3*time.Second) == nil {
					t.Fatalf("change %d: lost; ICE: %+v", i, cfg.ICE.Stats())
				}
				worst = max(worst, time.Since(begun))
				deadline := time.Now().Add(3 * time.Second)
				for s.lines[0].path.agent.Remote() == before && time.Now().Before(deadline) {
					p.say(20 * time.Millisecond)
				}
				if now := s.lines[0].path.agent.Remote(); now == before {
					t.Fatalf("change %d: packets still go to %s", i, now)
				} else {
					before = now
				}
			}
			if worst > time.Second {
				t.Errorf("one change took %s", worst)
			}
			if now := cfg.DTLS.Stats().Agreed; now != agreed {
				t.Errorf("%d handshakes besides", now-agreed)
			}
			t.Logf("%d changes, the longest silence %s", changes, worst)
		})
	}
}
