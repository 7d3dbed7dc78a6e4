package server

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/access"
	"santral/config"
	"santral/sip"
)

// What the API allows is allowed after a restart too; what the boot file allows only it can take back.
func TestAllowedSurvives(t *testing.T) {
	folder := t.TempDir()
	from := netip.MustParseAddrPort("192.0.2.9:5060")
	open := func() *server {
		t.Helper()
		s := &server{boot: &config.Boot{Data: folder, Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, guard: access.NewGuard(access.DefaultLimits)}
		if err := s.openAllowed(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	guess := func(s *server) {
		for range 2 * access.DefaultLimits.HostBanAfter {
			s.guard.Wrong(from, true, time.Now())
		}
	}
	s := open()
	guess(s)
	if s.guard.Hear(from, time.Now()) || s.admit(from.Addr(), sip.WSS, 0) || !s.admit(from.Addr(), sip.TCP, 500) || s.traffic.banned.Load() != 1 {
		t.Error("whoever guesses may connect")
	}
	if err := s.allowed.add(netip.MustParsePrefix("192.0.2.9/24")); err != nil {
		t.Fatal(err)
	}
	if !s.guard.Hear(from, time.Now()) || !s.admit(from.Addr(), sip.WSS, 0) {
		t.Error("a source that is allowed now is not heard")
	}
	s = open()
	guess(s)
	if !s.guard.Hear(from, time.Now()) || len(s.allowed.list()) != 2 {
		t.Errorf("after a restart: %v", s.allowed.list())
	}
	for prefix, want := range map[string]bool{"10.0.0.0/8": false, "192.0.2.0/24": true} {
		if found, err := s.allowed.remove(netip.MustParsePrefix(prefix)); err != nil || found != want {
			t.Errorf("taking out %s: %v, %v", prefix, found, err)
		}
	}
	if s = open(); len(s.allowed.list()) != 1 {
		t.Errorf("what was taken out is back: %v", s.allowed.list())
	}
	guess(s)
	if !s.unban("192.0.2.9:5060") || !s.unban("192.0.2.9") || s.unban("192.0.2.9") || !s.guard.Hear(from, time.Now()) {
		t.Error("bans can't be lifted")
	}
	if err := os.WriteFile(filepath.Join(folder, allowFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&server{boot: &config.Boot{Data: folder}, guard: s.guard}).openAllowed(); err == nil {
		t.Error("a torn list is taken for none")
	}
}

// As many calls at once as the boot file allows; one more is told to come again, and the first goes on.
func TestCallsAtOnce(t *testing.T) {
	virtually(t, func(w *stage) {
		w.boot.Calls = 1
		a, b := w.pair(sip.UDP)
		from, to := w.talk(a, b, sara)
		c := w.phone(omid, w.net.Host(netip.MustParseAddr("192.0.2.13")), netip.MustParseAddrPort("192.0.2.13:5060"), sip.UDP)
		w.wait(time.Second)
		busy, err := c.Call(w.ctx, ali)
		if err == nil {
			w.ended(busy)
		}
		refused := false
		c.mu.Lock()
		for _, m := range c.came {
			refused = refused || m.Status == 503 && m.Get(sip.RetryAfter) != "" && strings.HasSuffix(m.Get(sip.CSeqKind), "INVITE")
		}
		c.mu.Unlock()
		if !refused || w.x.endpoint.Load().Stats().Overload == 0 {
			w.Error("a call too many was not refused with 503 and Retry-After")
		}
		w.hear(a, b)
		w.live(from, to)
		from.Hangup()
		w.ended(from, to)
		w.wait(5 * time.Second)
		again, err := c.Call(w.ctx, sara)
		w.must(err)
		if _, err := b.Answer(w.ctx); err != nil {
			w.Error(err)
		}
		again.Hangup()
		w.ended(again)
	})
}
