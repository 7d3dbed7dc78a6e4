package session

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	pionturn "github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"santral/media/turn"
)

// relayHouse opens a server of relays that lead to the port of cfg.
func relayHouse(t testing.TB, cfg *Config, perUser int) (s *turn.Server, at string) {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err = turn.Start(turn.Config{
		Packets: []net.PacketConn{udp}, Streams: []net.Listener{tcp}, Realm: "media", Secret: []byte("a secret of the test"), PerUser: perUser,
		Ours:  cfg.ICE.Ours,
		Relay: func(bool) (net.PacketConn, error) { return cfg.ICE.Relay(netip.MustParseAddr("127.0.0.1")) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, udp.LocalAddr().String()
}

// A browser that has nothing but a relay talks, over UDP and over TCP.
func TestABrowserBehindAWall(t *testing.T) {
	for _, full := range [...]bool{false, true} {
		for _, transport := range [...]string{"udp", "tcp"} {
			t.Run(fmt.Sprint(transport, ", full ", full), func(t *testing.T) {
				cfg := webHouse(t, full)
				relays, at := relayHouse(t, cfg, 0)
				name, password := relays.Credentials("home/101", time.Now().Add(time.Hour))
				s := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{Web: true})
				defer s.Close()
				p := newPage(t, false, webrtc.Configuration{ICETransportPolicy: webrtc.ICETransportPolicyRelay, ICEServers: []webrtc.ICEServer{
					{URLs: []string{"turn:" + at + "?transport=" + transport}, Username: name, Credential: password},
				}})
				connect(t, s, p, true)
				s.Echo()
				if p.say(5*time.Second) == nil {
					t.Fatalf("nothing came back; ICE: %+v; relays: %+v", cfg.ICE.Stats(), relays.Stats())
				}
				if st := relays.Stats(); st.Relays != 1 || st.Made != 1 {
					t.Errorf("%+v", st)
				}
				if w := s.lines[0].path.agent.Remote(); !w.Addr().IsLoopback() || w.Port() < 1024 {
					t.Errorf("packets go to %s", w)
				}
			})
		}
	}
}

// Relays are for who has credentials that have not expired, as many as a user may have, and lead to us alone.
func TestRelaysAreGuarded(t *testing.T) {
	cfg := webHouse(t, false)
	relays, at := relayHouse(t, cfg, 1)
	client := func(name, password string) *pionturn.Client {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c, err := pionturn.NewClient(&pionturn.ClientConfig{
			STUNServerAddr: at, TURNServerAddr: at, Conn: conn, Username: name, Password: password, Realm: "media", RTO: 100 * time.Millisecond,
			LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Listen(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(); conn.Close() })
		return c
	}
	refused := func(what, name, password, want string) {
		t.Helper()
		if _, err := client(name, password).Allocate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	name, password := relays.Credentials("home/101", time.Now().Add(time.Hour))
	old, late := relays.Credentials("home/101", time.Now().Add(-time.Minute))
	refused("expired", old, late, "4")
	refused("another password", name, late, "4")
	refused("another time", "9"+name, password, "4")
	relay, err := client(name, password).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	refused("a second one of the same user", name, password, "486")

	// A neighbour of ours on the same machine is not reached, by whatever name.
	neighbour, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer neighbour.Close()
	if _, err := relay.WriteTo([]byte("hello"), neighbour.LocalAddr()); err != nil {
		t.Logf("refused at once: %v", err)
	}
	if _, err := relay.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 22}); err == nil {
		t.Error("a relay to another address was permitted")
	}
	neighbour.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, _, err := neighbour.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("the neighbour got %d octets", n)
	}
	if st := relays.Stats(); st.Relays != 1 || st.Refused != 1 || st.Denied < 3 {
		t.Errorf("%+v", st)
	}
}
