package ice

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/id"
	"santral/base/vnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// side is one end of a leg, on a host of its own.
type side struct {
	t     *testing.T
	host  *vnet.Host
	mux   *Mux
	agent *Agent

	mu     sync.Mutex
	got    []string
	from   []netip.AddrPort
	states []State
}

func (s *side) Packet(p []byte, from netip.AddrPort) {
	s.mu.Lock()
	s.got, s.from = append(s.got, string(p[12:])), append(s.from, from)
	s.mu.Unlock()
}

func (s *side) State(st State) {
	s.mu.Lock()
	s.states = append(s.states, st)
	s.mu.Unlock()
}

// heard gives what came since the last time.
func (s *side) heard() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, s.got = s.got, nil
	return list
}

func packet(text string) []byte {
	p := make([]byte, 12, 64)
	p[0] = 0x80
	return append(p, text...)
}

func newSide(t *testing.T, host *vnet.Host, addr string, full, controlling bool) *side {
	t.Helper()
	ip := netip.MustParseAddr(addr)
	s := &side{t: t, host: host}
	r := id.New([32]byte{byte(len(addr)), addr[len(addr)-1], 1})
	var err error
	s.mux, err = NewMux(Config{
		Net: host, Bind: []netip.Addr{ip}, Port: 9000, Full: full, Random: r,
		Advertise: func(_ netip.Addr, v6 bool) netip.Addr {
			if v6 != ip.Is6() {
				return netip.Addr{}
			}
			return ip
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.agent, err = s.mux.Open(AgentConfig{Peer: netip.MustParseAddr("198.51.100.9"), Controlling: controlling, Handler: s})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *side) close() {
	s.agent.Close()
	s.mux.Close()
	if n := s.mux.Stats().Agents; n != 0 || len(s.mux.places) != 0 {
		s.t.Errorf("%d agents and %d places are left", n, len(s.mux.places))
	}
}

func exchange(a, b *side) {
	a.agent.SetRemote(b.agent.Local())
	b.agent.SetRemote(a.agent.Local())
	for _, c := range b.agent.Candidates() {
		a.agent.AddRemote(c)
	}
	for _, c := range a.agent.Candidates() {
		b.agent.AddRemote(c)
	}
}

func both(t *testing.T, a, b *side, when string) {
	t.Helper()
	for _, x := range [...][2]*side{{a, b}, {b, a}} {
		x[1].heard()
		if !x[0].agent.Send(packet(when)) {
			t.Errorf("%s: there is no way to send", when)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got := x[1].heard(); len(got) != 1 || got[0] != when {
			t.Errorf("%s: the other side heard %q", when, got)
		}
	}
}

// Every pair of modes and roles finds a way, and packets go both ways on it.
func TestAWayIsFound(t *testing.T) {
	for _, c := range []struct {
		name         string
		aFull, bFull bool
		aOffers      bool
		bOffers      bool
	}{
		{"full and lite", true, false, true, false},
		{"full and lite, the lite one offers", true, false, false, true},
		{"both full", true, true, true, false},
		{"both full, both say that they control", true, true, true, true},
		{"both full, neither says so", true, true, false, false},
		{"both lite", false, false, true, false},
	} {
		for _, family := range [...][2]string{{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8::2"}} {
			t.Run(c.name+" "+family[0], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					net := vnet.New(1)
					a := newSide(t, net.Host(netip.MustParseAddr(family[0])), family[0], c.aFull, c.aOffers)
					b := newSide(t, net.Host(netip.MustParseAddr(family[1])), family[1], c.bFull, c.bOffers)
					defer a.close()
					defer b.close()
					exchange(a, b)
					time.Sleep(3 * time.Second)
					synctest.Wait()
					both(t, a, b, "hello")
					time.Sleep(2 * time.Minute) // consent is asked for and given
					both(t, a, b, "still here")
					for _, s := range [...]*side{a, b} {
						if s.agent.State() != Found {
							t.Errorf("%s", s.agent.State())
						}
					}
				})
			})
		}
	}
}

// A restart, by either side, keeps packets flowing until the new way is there, and then leaves nothing of the old.
func TestRestart(t *testing.T) {
	for _, full := range [...]bool{true, false} {
		t.Run(fmt.Sprint("full ", full), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := vnet.New(1)
				a := newSide(t, net.Host(netip.MustParseAddr("192.0.2.1")), "192.0.2.1", true, true)
				b := newSide(t, net.Host(netip.MustParseAddr("192.0.2.2")), "192.0.2.2", full, false)
				defer a.close()
				defer b.close()
				exchange(a, b)
				time.Sleep(3 * time.Second)
				both(t, a, b, "before")
				for i := range 5 {
					x, y := a, b
					if i&1 != 0 {
						x, y = b, a
					}
					old := x.agent.Local()
					if x.agent.Restart() == old {
						t.Fatal("the credentials stayed")
					}
					both(t, a, b, "between")
					if !y.agent.SetRemote(x.agent.Local()) {
						t.Error("the peer's restart was not seen")
					}
					both(t, a, b, "between two")
					exchange(a, b)
					time.Sleep(3 * time.Second)
					both(t, a, b, "after")
				}
				if n := len(a.mux.ufrags) + len(b.mux.ufrags); n != 2 {
					t.Errorf("%d generations are left", n)
				}
				before := b.agent.Local() // an offer with a restart that is refused is taken back
				keep := a.agent.Local()
				b.agent.SetRemote(Credentials{Ufrag: "abcdefgh", Pwd: "abcdefghabcdefghabcdefgh"})
				b.agent.SetRemote(keep)
				if b.agent.Local() != before {
					t.Error("a restart was not taken back")
				}
				both(t, a, b, "taken back")
			})
		})
	}
}

// A peer that is gone has its packets stopped after 30 s, and both sides say so.
func TestConsentRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := vnet.New(1)
		a := newSide(t, net.Host(netip.MustParseAddr("192.0.2.1")), "192.0.2.1", true, true)
		b := newSide(t, net.Host(netip.MustParseAddr("192.0.2.2")), "192.0.2.2", false, false)
		defer a.close()
		exchange(a, b)
		time.Sleep(3 * time.Second)
		both(t, a, b, "before")
		b.close()
		time.Sleep(25 * time.Second)
		if a.agent.State() != Found {
			t.Error("lost too early")
		}
		time.Sleep(15 * time.Second)
		if a.agent.State() != Lost || a.agent.Send(packet("x")) {
			t.Error("packets go to one who does not want them")
		}
	})
}

// What strangers send changes nothing, and is counted.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := vnet.New(1)
		a := newSide(t, net.Host(netip.MustParseAddr("192.0.2.1")), "192.0.2.1", true, true)
		b := newSide(t, net.Host(netip.MustParseAddr("192.0.2.2")), "192.0.2.2", false, false)
		defer a.close()
		defer b.close()
		exchange(a, b)
		time.Sleep(3 * time.Second)
		thief, err := net.Host(netip.MustParseAddr("203.0.113.66")).ListenUDP(netip.MustParseAddrPort("203.0.113.66:9000"), vnet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer thief.Close()
		to := netip.MustParseAddrPort("192.0.2.2:9000")
		var out = new(check)
		m := &a.agent.out
		for i := range 5000 {
			*out = check{to: b.agent.Local(), from: a.agent.Local(), controlling: true, use: true}
			out.tx[0] = byte(i)
			switch i % 4 {
			case 0:
				out.to.Ufrag = "nobody00"
			case 1:
				out.to.Pwd = "abcdefghabcdefghabcdefghab"
			case 2:
				out.from.Ufrag = "another0"
				out.to.Pwd = "abcdefghabcdefghabcdefghab"
			case 3:
				thief.WriteTo(packet("stolen"), to)
				thief.WriteTo([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, to)
				continue
			}
			a.agent.mu.Lock()
			text := append([]byte(nil), out.write(m)...)
			a.agent.mu.Unlock()
			thief.WriteTo(text, to)
			if i%100 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := b.heard(); len(got) != 0 {
			t.Errorf("the leg heard %d packets of a stranger's", len(got))
		}
		st := b.mux.Stats()
		if st.Unknown < 1000 || st.Strangers < 1000 || st.Forged+st.Crowded < 2000 {
			t.Errorf("counted: %+v", st)
		}
		time.Sleep(3 * time.Second)
		both(t, a, b, "as ever")
		if w := b.agent.Remote(); w.Addr() != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("packets go to %s", w)
		}
	})
}

// Candidates come when they come: before the credentials, after, one by one; what can't be used is passed over and
// more than the limit is not kept.
func TestTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := vnet.New(1)
		a := newSide(t, net.Host(netip.MustParseAddr("192.0.2.1")), "192.0.2.1", true, true)
		b := newSide(t, net.Host(netip.MustParseAddr("192.0.2.2")), "192.0.2.2", true, false)
		defer a.close()
		defer b.close()
		for i := range 200 {
			a.agent.AddRemote(Candidate{Foundation: "1", Component: 1, Transport: "UDP", Priority: uint32(i), Addr: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(1000+i)), Kind: Host})
		}
		a.agent.AddRemote(Candidate{Foundation: "1", Component: 1, Transport: "udp", Name: "0d0b2ef9.local", Kind: Host})
		a.agent.AddRemote(Candidate{Foundation: "1", Component: 2, Transport: "udp", Addr: netip.MustParseAddrPort("192.0.2.2:9000"), Kind: Host})
		if n := len(a.agent.now.pairs); n != maxCandidates {
			t.Errorf("%d pairs", n)
		}
		a.agent.SetRemote(b.agent.Local())
		b.agent.SetRemote(a.agent.Local())
		time.Sleep(2 * time.Second)
		for _, c := range a.agent.Candidates() {
			stale := c
			stale.Ufrag = "notthisone"
			b.agent.AddRemote(stale)
			if len(b.agent.now.pairs) != 0 {
				t.Error("a candidate of another generation was taken")
			}
			b.agent.AddRemote(c)
		}
		b.agent.EndOfCandidates()
		time.Sleep(20 * time.Second)
		both(t, a, b, "peer-reflexive")
	})
}

func TestCandidateText(t *testing.T) {
	for _, text := range []string{
		"1 1 udp 2130706431 192.0.2.1 9000 typ host",
		"842163049 1 udp 1677729535 203.0.113.5 46154 typ srflx raddr 192.168.1.5 rport 46154",
		"1 1 udp 2130706431 2001:db8::1 9000 typ host ufrag abcd",
		"3 1 udp 2122260223 0d0b2ef9-5c7a-4f0a-9d5a-25f5f2f0c7e1.local 57000 typ host",
	} {
		c, err := ParseCandidate("candidate:" + text)
		if err != nil || c.String() != text {
			t.Errorf("%v: %q came back as %q", err, text, c.String())
		}
	}
	c, err := ParseCandidate("842163049 1 tcp 1518214911 10.0.0.7 9 typ host tcptype active generation 0 ufrag Ab+/ network-id 1 network-cost 10")
	if err != nil || c.Usable() || c.Ufrag != "Ab+/" {
		t.Errorf("%v %+v", err, c)
	}
	for _, text := range []string{"", "1 1 udp 1 192.0.2.1 9", "1 0 udp 1 192.0.2.1 9 typ host", "1 1 udp 1 192.0.2.1 99999 typ host", "1 1 udp 1 fe80::1%eth0 9 typ host", "1 1 udp 1 192.0.2.1 9 typ moon", "! 1 udp 1 192.0.2.1 9 typ host"} {
		if _, err := ParseCandidate(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestFragmentText(t *testing.T) {
	text := "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-ufrag:8hhY\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\na=candidate:1 1 UDP 2130706432 198.51.100.1 5000 typ host\r\na=candidate:rubbish\r\na=end-of-candidates\r\nm=audio 9 RTP/AVP 0\r\na=mid:2\r\na=candidate:1 1 UDP 2130706432 198.51.100.1 6000 typ host\r\n"
	f, err := ParseFragment(text)
	if err != nil || f.Credentials.Ufrag != "8hhY" || f.Mid != "1" || len(f.Candidates) != 1 || f.Candidates[0].Addr.Port() != 5000 || !f.End {
		t.Fatalf("%v %+v", err, f)
	}
	again, err := ParseFragment(f.String())
	if err != nil || again.String() != f.String() {
		t.Errorf("%v: came back as %q", err, again.String())
	}
	for _, text := range []string{"", "hello", "a=ice-ufrag:8hhY\r\n", "a=ice-ufrag:!!!!\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"} {
		if _, err := ParseFragment(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzCandidate(f *testing.F) {
	f.Add("1 1 udp 2130706431 192.0.2.1 9000 typ host")
	f.Add("candidate:842163049 1 tcp 1518214911 0d0b2ef9.local 9 typ srflx raddr ::1 rport 9 tcptype active ufrag x")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCandidate(text)
		if err != nil {
			return
		}
		d, err := ParseCandidate(c.String())
		if err != nil || d != c {
			t.Errorf("%v: %q: %+v came back as %+v", err, text, c, d)
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseFragment(text)
		if err != nil {
			return
		}
		again, err := ParseFragment(p.String())
		if err == nil && again.String() != p.String() {
			t.Errorf("%q came back as %q", p.String(), again.String())
		}
	})
}

// An agent that is written out goes on at another mux with the same port: the peer does not notice.
func TestFreeze(t *testing.T) {
	for _, full := range [...]bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			net := vnet.New(1)
			a := newSide(t, net.Host(netip.MustParseAddr("192.0.2.1")), "192.0.2.1", true, true)
			b := newSide(t, net.Host(netip.MustParseAddr("192.0.2.2")), "192.0.2.2", full, false)
			defer a.close()
			exchange(a, b)
			time.Sleep(3 * time.Second)
			both(t, a, b, "before")
			text, err := json.Marshal(b.agent.Freeze())
			if err != nil {
				t.Fatal(err)
			}
			b.close()
			c := newSide(t, b.host, "192.0.2.2", full, false)
			defer c.close()
			c.agent.Close()
			var st AgentState
			if err := json.Unmarshal(text, &st); err != nil {
				t.Fatal(err)
			}
			if c.agent, err = c.mux.Thaw(st, c); err != nil {
				t.Fatal(err)
			}
			if _, err := c.mux.Thaw(st, c); err == nil {
				t.Error("one agent was thawed twice")
			}
			both(t, a, c, "after")
			time.Sleep(2 * time.Minute)
			both(t, a, c, "much later")
			old := a.agent.Restart()
			c.agent.SetRemote(old)
			exchange(a, c)
			time.Sleep(3 * time.Second)
			both(t, a, c, "after a restart")
			if n := len(a.mux.ufrags); n != 1 {
				t.Errorf("%d generations are left", n)
			}
		})
	}
}
