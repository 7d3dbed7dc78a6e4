package rtp_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/media/mediatest"
	"santral/media/rtp"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// eventually waits for what real sockets take their time for.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if ok() {
			return
		}
		<-tick.C
	}
	t.Fatalf("never: %s", what)
}

func TestKernelSockets(t *testing.T) {
	for name, c := range map[string]struct{ home, peer string }{
		"IPv4":     {"127.0.0.1", "127.0.0.1"},
		"IPv6":     {"::1", "::1"},
		"wildcard": {"0.0.0.0", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			home, peer := netip.MustParseAddr(c.home), netip.MustParseAddr(c.peer)
			pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{home}, First: 30000, Last: 30099, DSCP: 46})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			a := mediatest.NewPhone(t, vnet.Real(), netip.AddrPortFrom(peer, 31000))
			b := mediatest.NewPhone(t, vnet.Real(), netip.AddrPortFrom(peer, 31010))
			x := mediatest.NewPhone(t, vnet.Real(), netip.AddrPortFrom(peer, 31020))
			var streams [2]*rtp.Stream
			for i, p := range []*mediatest.Phone{a, b} {
				if streams[i], err = pool.Take(home); err != nil {
					t.Fatal(err)
				}
				streams[i].Negotiate(rtp.Terms{Remote: p.Addr(), Control: p.Control(), Peer: peer, Open: true, Types: rtp.Types(8), Packets: 50})
			}
			streams[0].Relay(streams[1])
			streams[1].Relay(streams[0])
			ours := netip.AddrPortFrom(peer, streams[0].Port())
			mediatest.Talk(10, func() { a.Say(ours) }, func() { x.Say(ours) })
			eventually(t, "b hears a", func() bool { return len(b.Heard()) == 10 })
			for _, h := range b.Heard() {
				if h.Header.SSRC != a.SSRC || h.From.Port() != streams[1].Port() {
					t.Errorf("%+v from %s", h.Header, h.From)
				}
			}
			sr := rtp.AppendReport(nil, 5, &rtp.Sender{})
			a.SendControl(netip.AddrPortFrom(peer, streams[0].Port()+1), sr)
			eventually(t, "b hears the report", func() bool { return len(b.HeardControl()) == 1 })

			old := streams[0].Port()
			streams[0].Release()
			a.Say(ours)
			eventually(t, "the stray is counted", func() bool { return pool.Stats().Strays == 1 })
			if s, err := pool.TakeAt(home, old); err != nil || s.Port() != old {
				t.Errorf("the same port again: %v", err)
			}
			if len(x.Heard()) != 0 {
				t.Error("the third party heard something")
			}
		})
	}
}

// Under load a loop gathers; nothing is lost on the way there and back again.
func TestGathering(t *testing.T) {
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{loopback}, First: 30100, Last: 30199, Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var phones []*mediatest.Phone
	var streams []*rtp.Stream
	for i := range 10 {
		p := mediatest.NewPhone(t, vnet.Real(), netip.AddrPortFrom(loopback, uint16(31100+2*i)))
		s, err := pool.Take(loopback)
		if err != nil {
			t.Fatal(err)
		}
		s.Negotiate(rtp.Terms{Remote: p.Addr(), Peer: loopback, Open: true, Types: rtp.Types(8)})
		phones, streams = append(phones, p), append(streams, s)
	}
	for i := range streams {
		streams[i].Relay(streams[i^1])
	}
	const rounds, burst = 100, 2 // twenty packets every other millisecond, and then little
	var all sync.WaitGroup
	for i, p := range phones {
		all.Go(func() {
			to := netip.AddrPortFrom(loopback, streams[i].Port())
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for range rounds {
				for range burst {
					p.Say(to)
				}
				<-tick.C
			}
		})
	}
	all.Wait()
	for _, p := range phones {
		eventually(t, "all packets arrive", func() bool { return len(p.Heard()) == rounds*burst })
	}
	phones[0].Talk(netip.AddrPortFrom(loopback, streams[0].Port()), 10)
	eventually(t, "and the last ones", func() bool { return len(phones[1].Heard()) == rounds*burst+10 })
}

// A port that somebody else holds is passed over.
func TestTakenPort(t *testing.T) {
	other := mediatest.NewPhone(t, vnet.Real(), netip.AddrPortFrom(loopback, 30200))
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{loopback}, First: 30200, Last: 30205})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for range 2 {
		if s, err := pool.Take(loopback); err != nil || s.Port() == other.Addr().Port() {
			t.Errorf("took %v, %v", s, err)
		}
	}
	if _, err := pool.Take(loopback); err != rtp.ErrNoPorts {
		t.Errorf("the taken port: %v", err)
	}
	other.Close()
	if s, err := pool.Take(loopback); err != nil || s.Port() != 30200 {
		t.Errorf("the port that became free: %v", err)
	}
}

// BenchmarkPorts is what a call's two pairs cost while the pool is warm.
func BenchmarkPorts(b *testing.B) {
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{loopback}, First: 26000, Last: 27999, Drain: time.Nanosecond})
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	b.ReportAllocs()
	for b.Loop() {
		x, err := pool.Take(loopback)
		if err != nil {
			b.Fatal(err)
		}
		y, err := pool.Take(loopback)
		if err != nil {
			b.Fatal(err)
		}
		x.Release()
		y.Release()
	}
}

// BenchmarkOpen is what a pair costs when it is used for the first time.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{loopback}, First: 26000, Last: 27999, Loops: 1})
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		for range 1000 {
			if _, err := pool.Take(loopback); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(time.Since(begin).Microseconds())/1000, "µs/pair")
		pool.Close()
	}
}
