//go:build linux

package load

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// relay is a media relay of goroutines: what comes to a port of one side leaves from its peer.
type relay struct {
	ports [2][]netip.AddrPort
	conns [2][]*net.UDPConn
	done  sync.WaitGroup
}

func newRelay(t *testing.T, streams int, media netip.AddrPort, to func(stream int) int, drop func(n int) bool) *relay {
	t.Helper()
	r := &relay{}
	for side := range r.conns {
		for range streams {
			c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(anyPort))
			if err != nil {
				t.Fatal(err)
			}
			r.conns[side] = append(r.conns[side], c)
			r.ports[side] = append(r.ports[side], c.LocalAddr().(*net.UDPAddr).AddrPort())
		}
	}
	for side := range r.conns {
		peer := netip.AddrPortFrom(media.Addr(), media.Port()+uint16(2*(1-side)))
		for i, c := range r.conns[side] {
			out := r.conns[1-side][to(i)]
			r.done.Go(func() {
				b := make([]byte, 2048)
				for n := 0; ; n++ {
					size, _, err := c.ReadFromUDPAddrPort(b)
					if err != nil {
						return
					}
					if !drop(n) {
						out.WriteToUDPAddrPort(b[:size], peer)
					}
				}
			})
		}
	}
	t.Cleanup(func() {
		for side := range r.conns {
			for _, c := range r.conns[side] {
				c.Close()
			}
		}
		r.done.Wait()
	})
	return r
}

func TestSound(t *testing.T) {
	never := func(int) bool { return false }
	straight := func(i int) int { return i }
	tests := []struct {
		name    string
		to      func(int) int
		drop    func(int) bool
		loss    float64
		crossed bool
	}{
		{"straight", straight, never, 0, false},
		{"every tenth lost", straight, func(n int) bool { return n%10 == 0 }, 0.1, false},
		{"crossed", func(i int) int { return i ^ 1 }, never, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			media := free(t)
			r := newRelay(t, 10, media, test.to, test.drop)
			begun, ended := 0, 0
			f, err := Sound{Media: media, Ports: r.ports, Time: time.Second, During: func(begin bool) {
				if begin {
					begun++
				} else {
					ended++
				}
			}}.Run()
			if err != nil {
				t.Fatal(err)
			}
			if f.Sent < 200 || f.Sent > 2000 { // a thousand, unless a busy machine is late to begin or to end
				t.Errorf("%d packets of 10 streams each way in a second", f.Sent)
			}
			if loss := f.Loss(); loss < test.loss-0.02 || loss > test.loss+0.02 || f.Own != 0 {
				t.Errorf("%.3f lost, %d by the generator", loss, f.Own)
			}
			if (f.Crossed > 0) != test.crossed {
				t.Errorf("%d packets came to somebody else", f.Crossed)
			}
			if p50, p99 := f.Percentile(50), f.Percentile(99); p50 <= 0 || p50 > p99 || p99 > 500*time.Millisecond {
				t.Errorf("delays %v and %v", p50, p99)
			}
			if begun != 1 || ended != 1 {
				t.Errorf("begun %d times, ended %d times", begun, ended)
			}
		})
	}
}

// TestOwnLossesAreKnown floods a socket that nobody reads.
func TestOwnLossesAreKnown(t *testing.T) {
	w, err := newWire()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	ignore := func([]byte, netip.AddrPort, int64) {}
	deaf, err := w.open(anyPort, false, ignore)
	if err != nil {
		t.Fatal(err)
	}
	from, err := w.open(anyPort, false, ignore)
	if err != nil {
		t.Fatal(err)
	}
	const packets = 40_000 // of 2 KB in the kernel's eyes: more than any buffer that was asked for
	b := make([]byte, 1400)
	for range packets {
		from.send(b, deaf.addr)
	}
	from.flush()
	if n := w.own(); n == 0 || n >= packets {
		t.Errorf("%d of %d lost", n, packets)
	}
}

func TestLossLeavesOwnOut(t *testing.T) {
	f := Flow{Sent: 1000, Received: 900, Own: 100}
	if f.Loss() != 0 {
		t.Error("own losses are counted as the exchange's")
	}
	f.Own = 50
	if l := f.Loss(); l < 0.049 || l > 0.051 {
		t.Error(l)
	}
}
