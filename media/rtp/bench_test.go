package rtp_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"santral/media/rtp"
	"santral/media/srtp"
)

// hole is a Path on which packets vanish.
type hole struct{ n int }

func (h *hole) Send([]byte) bool { h.n++; return true }
func (h *hole) Close()           {}

// relay is two streams over paths: what arrives at the first leaves by the second. in protects what arrives, out
// what leaves.
func relay(t testing.TB, in, out srtp.Suite) (from *rtp.Stream, next func(p []byte) []byte, to *hole) {
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{loopback}, First: 30400, Last: 30403, Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	to = &hole{}
	from = pool.Over(&hole{})
	other := pool.Over(to)
	var peer *srtp.Sealer
	if in != srtp.UnknownSuite {
		k := keyOf(t, in, 1)
		from.Secure(opener(t, k), sealer(t, k))
		peer = sealer(t, k)
	}
	if out != srtp.UnknownSuite {
		k := keyOf(t, out, 2)
		other.Secure(opener(t, k), sealer(t, k))
	}
	for _, s := range []*rtp.Stream{from, other} {
		s.Negotiate(rtp.Terms{Types: rtp.Types(8)})
	}
	from.Relay(other)
	seq := uint16(0)
	plain := sound(5, 0, 8, "")
	return from, func(p []byte) []byte {
		seq++
		binary.BigEndian.PutUint16(plain[2:], seq)
		if peer == nil {
			return append(p[:0], plain...)
		}
		p, err := peer.Seal(p[:0], plain)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}, to
}

var relays = map[string][2]srtp.Suite{
	"RTP-RTP":   {},
	"GCM-RTP":   {srtp.AES128GCM, srtp.UnknownSuite},
	"RTP-GCM":   {srtp.UnknownSuite, srtp.AES128GCM},
	"CM80-RTP":  {srtp.AES128CM80, srtp.UnknownSuite},
	"RTP-CM80":  {srtp.UnknownSuite, srtp.AES128CM80},
	"GCM-CM80":  {srtp.AES128GCM, srtp.AES128CM80},
	"CM80-CM80": {srtp.AES128CM80, srtp.AES128CM80},
}

// A relayed packet allocates nothing, whatever protects it on either side.
func TestRelayAllocatesNothing(t *testing.T) {
	if racing {
		t.Skip("the race detector makes pools forget")
	}
	for name, c := range relays {
		from, next, to := relay(t, c[0], c[1])
		buf := make([]byte, 0, 2048)
		n := testing.AllocsPerRun(1000, func() { from.Receive(next(buf)) })
		if n != 0 || to.n < 1000 {
			t.Errorf("%s: %.2f allocations for a packet, %d relayed", name, n, to.n)
		}
	}
}

// Nor does one of a stream that shares its transport.
func TestBundledRelayAllocatesNothing(t *testing.T) {
	if racing {
		t.Skip("the race detector makes pools forget")
	}
	from, next, to := relay(t, srtp.AES128GCM, srtp.AES128CM80)
	video := from.Beside()
	video.Negotiate(rtp.Terms{Types: rtp.Types(96)})
	buf := make([]byte, 0, 2048)
	if n := testing.AllocsPerRun(1000, func() { from.Receive(next(buf)) }); n != 0 || to.n < 1000 {
		t.Errorf("%.2f allocations for a packet, %d relayed", n, to.n)
	}
}

// BenchmarkRelay is a packet's whole way without the system calls. With a suite before RTP the peer's sealing is in
// it too.
func BenchmarkRelay(b *testing.B) {
	for name, c := range relays {
		b.Run(name, func(b *testing.B) {
			from, next, to := relay(b, c[0], c[1])
			buf := make([]byte, 0, 2048)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				from.Receive(next(buf))
				n++
			}
			if to.n != n {
				b.Errorf("%d of %d relayed", to.n, n)
			}
		})
	}
}
