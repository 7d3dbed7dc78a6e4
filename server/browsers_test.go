package server

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"santral/base/vnet"
	"santral/config"
	"santral/media/ice"
)

// noting is a network that keeps how each socket was opened.
type noting struct {
	vnet.Net

	mu      sync.Mutex
	sockets map[uint16]vnet.Options
}

// ListenUDP keeps it.
func (n *noting) ListenUDP(addr netip.AddrPort, opt vnet.Options) (vnet.UDP, error) {
	u, err := n.Net.ListenUDP(addr, opt)
	if err == nil {
		n.mu.Lock()
		n.sockets[u.LocalAddr().Port()] = opt
		n.mu.Unlock()
	}
	return u, err
}

// TestThePortOfBrowsers: its packets are marked as all sound is, and a second exchange on the same machine gets another
// port: one that both shared would lose half of what comes.
func TestThePortOfBrowsers(t *testing.T) {
	virtually(t, func(w *stage) {
		plain := network
		note := &noting{Net: network, sockets: map[uint16]vnet.Options{}}
		network = note
		defer func() { network = plain }()
		w.boot.Media.DSCP = config.DefaultDSCP
		w.change()
		port := w.x.browsers.ice.Port()
		if got := note.sockets[port].DSCP; got != config.DefaultDSCP {
			t.Errorf("the port of browsers marks packets by %d", got)
		}
		m, err := w.x.openPort(ice.Config{Net: network, Bind: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Random: w.x.random})
		w.must(err)
		defer m.Close()
		if m.Port() == port {
			t.Errorf("two exchanges share port %d", port)
		}
		if m, err := w.x.openPort(ice.Config{Net: network, Bind: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Port: port, Random: w.x.random}); err == nil || !strings.Contains(err.Error(), "media.port") {
			t.Errorf("port %d is opened twice, or nobody says what to do: %v, %v", port, m, err)
		}
	})
}

// TestWhereRelaysAre: a browser is told an address that it can reach, whatever the server of relays was opened on.
func TestWhereRelaysAre(t *testing.T) {
	far := func(v6 bool) netip.Addr {
		if v6 {
			return netip.Addr{}
		}
		return netip.MustParseAddr("203.0.113.5")
	}
	for _, c := range []struct {
		turn config.TURN
		name string
		want []string
	}{
		{config.TURN{Address: netip.MustParseAddrPort("0.0.0.0:3478")}, "", []string{"turn:203.0.113.5:3478?transport=udp", "turn:203.0.113.5:3478?transport=tcp"}},
		{config.TURN{Address: netip.MustParseAddrPort("[::]:3478")}, "", []string{"turn:203.0.113.5:3478?transport=udp", "turn:203.0.113.5:3478?transport=tcp"}},
		{config.TURN{Address: netip.MustParseAddrPort("192.0.2.1:3478")}, "", []string{"turn:192.0.2.1:3478?transport=udp", "turn:192.0.2.1:3478?transport=tcp"}},
		{config.TURN{TLS: netip.MustParseAddrPort("0.0.0.0:443")}, "pbx.example", []string{"turns:pbx.example:443?transport=tcp"}},
		{config.TURN{TLS: netip.MustParseAddrPort("0.0.0.0:443"), Host: "relay.example"}, "pbx.example", []string{"turns:relay.example:443?transport=tcp"}},
	} {
		if got := relayURLs(c.turn, c.name, far); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.turn, got, c.want)
		}
	}
}
