package session

import (
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// A browser whose network changes restarts ICE by a new offer: another port of it is found, with the same keys, and what it
// hears stops for less than a second; none is lost. The time is real, so that it is the middle one of several that is
// judged: a busy machine makes some of them wait. SANTRAL_SOAK asks for a hundred instead of ten.
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
			changes := 5
			if os.Getenv("SANTRAL_SOAK") != "" {
				changes = 50
			}
			var silences []time.Duration
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
				if p.say(10*time.Second) == nil {
					t.Fatalf("change %d: lost; ICE: %+v", i, cfg.ICE.Stats())
				}
				silences = append(silences, time.Since(begun))
				deadline := time.Now().Add(10 * time.Second)
				for s.lines[0].path.agent.Remote() == before && time.Now().Before(deadline) {
					p.say(20 * time.Millisecond)
				}
				if now := s.lines[0].path.agent.Remote(); now == before {
					t.Fatalf("change %d: packets still go to %s", i, now)
				} else {
					before = now
				}
			}
			slices.Sort(silences)
			middle := silences[changes/2]
			if middle > time.Second {
				t.Errorf("changes took %s", silences)
			}
			if now := cfg.DTLS.Stats().Agreed; now != agreed {
				t.Errorf("%d handshakes besides", now-agreed)
			}
			t.Logf("%d changes, silences of %s, the longest %s", changes, middle, silences[changes-1])
		})
	}
}
