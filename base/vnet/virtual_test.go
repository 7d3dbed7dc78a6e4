package vnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	addrA  = netip.MustParseAddr("192.0.2.1")
	addrB  = netip.MustParseAddr("192.0.2.2")
	addrA6 = netip.MustParseAddr("2001:db8::1")
	addrB6 = netip.MustParseAddr("2001:db8::2")
)

func mustUDP(t *testing.T, h *Host, addr string) UDP {
	t.Helper()
	u, err := h.ListenUDP(netip.MustParseAddrPort(addr), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func mustRead(t *testing.T, u UDP) (string, netip.AddrPort) {
	t.Helper()
	d := buffers(1)
	if _, err := u.ReadBatch(d); err != nil {
		t.Fatal(err)
	}
	return string(d[0].B[:d[0].N]), d[0].Addr
}

func TestVirtualUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := n.Host(addrA, addrA6), n.Host(addrB, addrB6)
		n.SetDefault(Link{Latency: 20 * time.Millisecond})
		for _, c := range []struct{ from, to string }{
			{"192.0.2.1:5060", "192.0.2.2:5060"},
			{"0.0.0.0:5062", "192.0.2.2:5060"},
			{"[::]:5060", "[2001:db8::2]:5060"},
		} {
			ua, ub := mustUDP(t, a, c.from), mustUDP(t, b, c.to)
			start := time.Now()
			if err := ua.WriteTo([]byte("hello"), ub.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			text, from := mustRead(t, ub)
			if text != "hello" || !from.Addr().IsGlobalUnicast() || from.Port() != ua.LocalAddr().Port() {
				t.Fatal(text, from)
			}
			if d := time.Since(start); d != 20*time.Millisecond {
				t.Fatal("took", d)
			}
			ua.Close()
			ub.Close()
		}
		if err := mustUDP(t, a, "192.0.2.1:0").WriteTo(make([]byte, 70_000), netip.AddrPortFrom(addrB, 1)); !errors.Is(err, syscall.EMSGSIZE) {
			t.Fatal(err)
		}
		if _, err := a.ListenUDP(netip.AddrPortFrom(addrB, 5060), Options{}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Fatal(err)
		}
	})
}

func TestVirtualUDPClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := mustUDP(t, New(1).Host(addrA), "192.0.2.1:5060")
		done := make(chan error)
		go func() {
			_, err := a.ReadBatch(buffers(1))
			done <- err
		}()
		synctest.Wait()
		a.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	})
}

// The chances of a link come out as asked, and the same seed gives the same run.
func TestVirtualChance(t *testing.T) {
	run := func(seed uint64) (got int, doubled, swapped int) {
		synctest.Test(t, func(t *testing.T) {
			n := New(seed)
			a, b := n.Host(addrA), n.Host(addrB)
			n.SetDefault(Link{Latency: time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.2, Duplicate: 0.1, Reorder: 0.05, ReorderBy: 50 * time.Millisecond})
			ua, ub := mustUDP(t, a, "192.0.2.1:1"), mustUDP(t, b, "192.0.2.2:1")
			for i := range 1000 {
				ua.WriteTo(fmt.Append(nil, i), ub.LocalAddr())
			}
			time.AfterFunc(time.Minute, func() { ub.Close() })
			d, last, seen := buffers(8), -1, map[int]bool{}
			for {
				k, err := ub.ReadBatch(d)
				if err != nil {
					return
				}
				for _, x := range d[:k] {
					var i int
					fmt.Sscan(string(x.B[:x.N]), &i)
					got++
					if seen[i] {
						doubled++
					} else if i < last {
						swapped++
					}
					seen[i], last = true, max(last, i)
				}
			}
		})
		return
	}
	got, doubled, swapped := run(7)
	if got < 800 || got > 950 || doubled < 40 || doubled > 140 || swapped < 15 || swapped > 100 {
		t.Fatal(got, doubled, swapped)
	}
	if g, d, s := run(7); g != got || d != doubled || s != swapped {
		t.Fatal("same seed, other run:", g, d, s)
	}
}

func TestVirtualFilterAndCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := n.Host(addrA), n.Host(addrB)
		ua, ub := mustUDP(t, a, "192.0.2.1:1"), mustUDP(t, b, "192.0.2.2:1")
		n.SetFilter(func(p Packet) bool { return !bytes.HasPrefix(p.B, []byte("ACK")) })
		ua.WriteTo([]byte("ACK lost"), ub.LocalAddr())
		n.Cut(a, b)
		ua.WriteTo([]byte("cut"), ub.LocalAddr())
		n.Heal(a, b)
		ua.WriteTo([]byte("heard"), ub.LocalAddr())
		if text, _ := mustRead(t, ub); text != "heard" {
			t.Fatal(text)
		}
	})
}

func TestVirtualNAT(t *testing.T) {
	outside := netip.MustParseAddr("198.51.100.1")
	home := netip.MustParseAddr("10.0.0.2")
	setup := func(opt NATOptions) (*Network, *NAT, *Host, *Host, *Host) {
		n := New(1)
		nat := n.NAT(outside, opt)
		return n, nat, nat.Host(home), n.Host(addrA), n.Host(addrB)
	}
	heard := func(u UDP) bool {
		got := make(chan bool, 1)
		stop := time.AfterFunc(time.Second, func() { u.Close() })
		go func() {
			_, err := u.ReadBatch(buffers(1))
			got <- err == nil
		}()
		defer stop.Stop()
		return <-got
	}
	for _, c := range []struct {
		name   string
		opt    NATOptions
		wait   time.Duration
		third  bool // the answer comes from somebody who was never spoken to
		passes bool
	}{
		{"answer", NATOptions{}, 29 * time.Second, false, true},
		{"too late", NATOptions{}, 31 * time.Second, false, false},
		{"stranger", NATOptions{}, 0, true, false},
		{"stranger, open", NATOptions{Open: true}, 0, true, true},
		{"per peer", NATOptions{PerPeer: true}, 0, false, true},
		{"per peer, stranger", NATOptions{PerPeer: true}, 0, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, in, a, b := setup(c.opt)
				ui, ua, ub := mustUDP(t, in, "0.0.0.0:5060"), mustUDP(t, a, "192.0.2.1:5060"), mustUDP(t, b, "192.0.2.2:5060")
				ui.WriteTo([]byte("hello"), ua.LocalAddr())
				_, from := mustRead(t, ua)
				if from.Addr() != outside || from.Port() == 5060 {
					t.Fatal("seen from", from)
				}
				time.Sleep(c.wait)
				back := ua
				if c.third {
					back = ub
				}
				back.WriteTo([]byte("back"), from)
				if heard(ui) != c.passes {
					t.Fatal("passes is not", c.passes)
				}
			})
		})
	}
	t.Run("ports", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, perPeer := range []bool{false, true} {
				_, _, in, a, b := setup(NATOptions{PerPeer: perPeer})
				ui, ua, ub := mustUDP(t, in, "10.0.0.2:5060"), mustUDP(t, a, "192.0.2.1:5060"), mustUDP(t, b, "192.0.2.2:5060")
				ui.WriteTo([]byte("x"), ua.LocalAddr())
				ui.WriteTo([]byte("x"), ub.LocalAddr())
				_, fa := mustRead(t, ua)
				_, fb := mustRead(t, ub)
				if (fa == fb) == perPeer {
					t.Fatal(perPeer, fa, fb)
				}
			}
		})
	})
	t.Run("forward and forget", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, nat, in, a, _ := setup(NATOptions{})
			ui, ua := mustUDP(t, in, "10.0.0.2:5060"), mustUDP(t, a, "192.0.2.1:5060")
			nat.Forward("udp", 5060, ui.LocalAddr())
			ua.WriteTo([]byte("knock"), netip.AddrPortFrom(outside, 5060))
			if text, _ := mustRead(t, ui); text != "knock" {
				t.Fatal(text)
			}
			nat.Forget()
			ua.WriteTo([]byte("knock"), netip.AddrPortFrom(outside, 5060))
			if heard(ui) {
				t.Fatal("heard through a forgotten port")
			}
		})
	})
	t.Run("stream", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n, _, in, a, _ := setup(NATOptions{})
			n.SetDefault(Link{Latency: 10 * time.Millisecond})
			l, _ := a.ListenTCP(netip.AddrPortFrom(addrA, 5060))
			defer l.Close()
			c, err := in.DialTCP(t.Context(), netip.Addr{}, netip.AddrPortFrom(addrA, 5060))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			s, err := l.Accept()
			if err != nil || s.RemoteAddr().(*net.TCPAddr).AddrPort().Addr() != outside {
				t.Fatal(err, s.RemoteAddr())
			}
			defer s.Close()
			s.Write([]byte("x"))
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// streams connects two hosts and gives both ends.
func streams(t *testing.T, n *Network, a, b *Host) (net.Conn, net.Conn) {
	t.Helper()
	l, err := b.ListenTCP(netip.AddrPortFrom(addrB, 5060))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := a.DialTCP(t.Context(), netip.Addr{}, netip.AddrPortFrom(addrB, 5060))
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c, s
}

// A long transfer through a link with jitter, cut for a while, arrives whole and in order.
func TestVirtualStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := n.Host(addrA), n.Host(addrB)
		n.SetDefault(Link{Latency: 5 * time.Millisecond, Jitter: 20 * time.Millisecond})
		c, s := streams(t, n, a, b)
		want := make([]byte, 500_000)
		for i := range want {
			want[i] = byte(rand.Uint32())
		}
		go func() {
			c.Write(want)
			c.(interface{ CloseWrite() error }).CloseWrite()
		}()
		time.AfterFunc(10*time.Millisecond, func() { n.Cut(a, b) })
		time.AfterFunc(3*time.Second, func() { n.Heal(a, b) })
		start := time.Now()
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatal(len(got), err)
		}
		if time.Since(start) < 3*time.Second {
			t.Fatal("a cut link carried data")
		}
		if _, err := s.Write([]byte("still open this way")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestVirtualStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := n.Host(addrA), n.Host(addrB)
		n.SetDefault(Link{Latency: time.Millisecond})

		// A reader's deadline passes, and a later one lets it go on.
		c, s := streams(t, n, a, b)
		one := make([]byte, 1)
		s.SetReadDeadline(time.Now().Add(time.Second))
		start := time.Now()
		if _, err := s.Read(one); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Fatal(err)
		}
		s.SetReadDeadline(time.Time{})

		// A writer waits for a reader that does not read.
		c.SetWriteDeadline(time.Now().Add(time.Second))
		if k, err := c.Write(make([]byte, 2*window)); !errors.Is(err, os.ErrDeadlineExceeded) || k != window {
			t.Fatal(k, err)
		}

		// Closing with data unread resets.
		s.Close()
		if _, err := c.Read(one); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
		c.Close()
		if _, err := c.Read(one); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}

		// Writing to an end that was closed politely resets later.
		c, s = streams(t, n, a, b)
		s.Close()
		if _, err := c.Read(one); err != io.EOF {
			t.Fatal(err)
		}
		c.Write(one)
		time.Sleep(time.Second)
		if _, err := c.Write(one); !errors.Is(err, syscall.EPIPE) {
			t.Fatal(err)
		}
	})
}

func TestVirtualDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		a, b := n.Host(addrA), n.Host(addrB)
		to := netip.AddrPortFrom(addrB, 5060)
		if _, err := a.DialTCP(t.Context(), netip.Addr{}, to); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		l, err := b.ListenTCP(netip.MustParseAddrPort("0.0.0.0:5060"))
		if err != nil {
			t.Fatal(err)
		}
		n.Cut(a, b)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := a.DialTCP(ctx, netip.Addr{}, to); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		time.AfterFunc(90*time.Second, func() { n.Heal(a, b) })
		c, err := a.DialTCP(t.Context(), addrA, to)
		if err != nil {
			t.Fatal(err)
		}
		l.Close() // the connection that nobody took is torn down
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	})
}

func TestVirtualNames(t *testing.T) {
	n := New(1)
	h := n.Host(addrA)
	n.SetName("pbx.example", addrB, addrB6)
	if list, err := h.LookupIP(t.Context(), "pbx.example"); err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	var dns *net.DNSError
	if _, err := h.LookupIP(t.Context(), "no.example"); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Fatal(err)
	}
}
