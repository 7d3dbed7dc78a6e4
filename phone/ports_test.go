package phone

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// Many phones on one machine do not all begin at the same port: a pool gives up when the first 64
// pairs that it tries belong to others.
func TestPhonesStandBesideOthers(t *testing.T) {
	for port := 30000; port < 30200; port++ {
		if c, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			defer c.Close()
		}
	}
	good := 0
	for range 20 {
		p, err := New(t.Context(), Config{Server: "127.0.0.1:5060", Listen: netip.MustParseAddrPort("127.0.0.1:0")})
		if err != nil {
			t.Fatal(err)
		}
		stream, err := p.pool.Take(netip.MustParseAddr("127.0.0.1"))
		if err == nil {
			stream.Release()
			good++
		}
		p.Close(t.Context())
	}
	if good < 15 {
		t.Errorf("%d of 20 phones got a pair of ports", good)
	}
}
