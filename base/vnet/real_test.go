package vnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
)

func loopback(t testing.TB, v6, wildcard bool, opt Options) UDP {
	t.Helper()
	addr := netip.MustParseAddr("127.0.0.1")
	switch {
	case v6 && wildcard:
		addr = netip.IPv6Unspecified()
	case v6:
		addr = netip.IPv6Loopback()
	case wildcard:
		addr = netip.IPv4Unspecified()
	}
	u, err := Real().ListenUDP(netip.AddrPortFrom(addr, 0), opt)
	if err != nil {
		if v6 {
			t.Skip("no IPv6 here: ", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u
}

func buffers(n int) []Datagram {
	d := make([]Datagram, n)
	for i := range d {
		d[i].B = make([]byte, 2048)
	}
	return d
}

// A batch that is longer than one system call carries arrives whole, in order and with its sender,
// and a wildcard socket says which address was meant.
func TestRealBatch(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for _, wildcard := range []bool{false, true} {
			t.Run(fmt.Sprintf("v6=%v wildcard=%v", v6, wildcard), func(t *testing.T) {
				a := loopback(t, v6, wildcard, Options{ReadBuffer: 1 << 20})
				b := loopback(t, v6, false, Options{WriteBuffer: 1 << 20})
				home := b.LocalAddr().Addr()
				to := netip.AddrPortFrom(home, a.LocalAddr().Port())
				const count = 2*batchMax + 3
				out := make([]Datagram, count)
				for i := range out {
					out[i] = Datagram{B: fmt.Appendf(nil, "datagram %d", i), Addr: to}
				}
				if n, err := b.WriteBatch(out); n != count || err != nil {
					t.Fatalf("wrote %d: %v", n, err)
				}
				in := buffers(batchMax)
				for got := 0; got < count; {
					n, err := a.ReadBatch(in)
					if err != nil {
						t.Fatal(err)
					}
					for _, d := range in[:n] {
						if want := fmt.Sprintf("datagram %d", got); string(d.B[:d.N]) != want || d.Addr != b.LocalAddr() {
							t.Fatalf("got %q from %s, want %q", d.B[:d.N], d.Addr, want)
						}
						if wildcard != d.Local.IsValid() || wildcard && d.Local != home {
							t.Fatalf("local address %s", d.Local)
						}
						got++
					}
				}
				// And back, from the address that was meant.
				if n, err := a.WriteBatch([]Datagram{{B: []byte("back"), Addr: b.LocalAddr(), Local: in[0].Local}}); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				if n, err := b.ReadBatch(in); n != 1 || err != nil || in[0].Addr != to {
					t.Fatal(n, err, in[0].Addr)
				}
			})
		}
	}
}

// One datagram that cannot be sent stops the batch at itself, and the caller may go on behind it.
func TestRealBatchError(t *testing.T) {
	a := loopback(t, false, false, Options{})
	out := []Datagram{
		{B: []byte("one"), Addr: a.LocalAddr()},
		{B: []byte("two"), Addr: netip.MustParseAddrPort("[2001:db8::1]:5060")},
		{B: make([]byte, 70_000), Addr: a.LocalAddr()},
		{B: []byte("four"), Addr: a.LocalAddr()},
	}
	sent := 0
	for len(out) > 1 {
		n, err := a.WriteBatch(out)
		if err == nil {
			t.Fatal("no error for", out)
		}
		sent += n
		out = out[n+1:]
	}
	if sent != 1 {
		t.Fatal("sent", sent)
	}
	if n, err := a.WriteBatch(out); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	in := buffers(4)
	for _, want := range []string{"one", "four"} {
		if _, err := a.ReadBatch(in[:1]); err != nil || string(in[0].B[:in[0].N]) != want {
			t.Fatalf("%q, %v", in[0].B[:in[0].N], err)
		}
	}
}

func TestRealClose(t *testing.T) {
	a := loopback(t, false, false, Options{})
	done := make(chan error)
	go func() {
		_, err := a.ReadBatch(buffers(1))
		done <- err
	}()
	a.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	if err := a.WriteTo(nil, a.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}

func TestRealReusePort(t *testing.T) {
	a := loopback(t, false, false, Options{ReusePort: true})
	b, err := Real().ListenUDP(a.LocalAddr(), Options{ReusePort: true})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
}

func TestRealRoute(t *testing.T) {
	lo := netip.MustParseAddr("127.0.0.1")
	if a, err := Real().RouteTo(lo); err != nil || a != lo {
		t.Fatal(a, err)
	}
	list, err := Real().Prefixes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.Contains(lo) {
			return
		}
	}
	t.Fatal("loopback is not among", list)
}

func BenchmarkRealBatch(b *testing.B) {
	for _, size := range []int{1, 32} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			rx, tx := loopback(b, false, false, Options{ReadBuffer: 1 << 22}), loopback(b, false, false, Options{})
			out, in := make([]Datagram, size), buffers(size)
			for i := range out {
				out[i] = Datagram{B: make([]byte, 500), Addr: rx.LocalAddr()}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tx.WriteBatch(out); err != nil {
					b.Fatal(err)
				}
				for got := 0; got < size; {
					n, err := rx.ReadBatch(in)
					if err != nil {
						b.Fatal(err)
					}
					got += n
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/datagram")
		})
	}
}
