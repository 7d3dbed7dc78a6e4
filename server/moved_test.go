package server

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/phone"
	"santral/sip"
)

// TestAPhoneMoves has a phone come back from another place in the middle of a call: its translator forgot it,
// or its connection broke. Once it has registered again the call goes on as before: each side can hold,
// resume and hang up, after a hand-over too.
func TestAPhoneMoves(t *testing.T) {
	for _, transport := range []sip.Transport{sip.UDP, sip.TCP} {
		for _, calls := range []bool{true, false} { // the phone that moves, or the other one
			for _, hangsUp := range []bool{true, false} {
				name := map[bool]string{true: "the mover", false: "the other"}
				t.Run(transport.String()+", "+name[calls]+" calls, "+name[hangsUp]+" hangs up", func(t *testing.T) {
					virtually(t, func(w *stage) { w.moves(transport, calls, hangsUp) })
				})
			}
		}
	}
}

func (w *stage) moves(transport sip.Transport, calls, hangsUp bool) {
	home := w.net.NAT(netip.MustParseAddr("198.51.100.7"), vnet.NATOptions{})
	wires := &breakable{Net: home.Host(netip.MustParseAddr("10.0.0.5"))}
	b := w.phone(sara, wires, netip.MustParseAddrPort("10.0.0.5:5060"), transport)
	addr := netip.MustParseAddr("192.0.2.11")
	a := w.phone(ali, w.net.Host(addr), netip.AddrPortFrom(addr, 5060), sip.UDP)
	var other, mover *phone.Call
	if calls {
		mover, other = w.talk(b, a, ali)
	} else {
		other, mover = w.talk(a, b, sara)
	}
	w.move(home, wires, b)
	w.hear(a, b)
	w.holds(other, mover)
	w.holds(mover, other)
	w.move(home, wires, b)
	w.handOver()
	if transport == sip.TCP {
		w.wait(70 * time.Second) // its connection ended with the exchange, and it comes back by itself
	}
	w.holds(other, mover)
	w.move(home, wires, b)
	if hangsUp {
		mover.Hangup()
	} else {
		other.Hangup()
	}
	w.ended(mover, other)
	if r := w.record(); r.Q850 != 16 {
		w.Errorf("the call ended with %d %s", r.Q850, r.Cause)
	}
	w.free()
}

// move has everything be forgotten that was open, and the phone register.
func (w *stage) move(home *vnet.NAT, wires *breakable, p *party) {
	w.Helper()
	before := w.x.registry.Bindings("sample", sara)
	w.wait(100 * time.Millisecond) // for the last ACK
	home.Forget()
	wires.tear()
	w.wait(100 * time.Millisecond)
	w.must(p.Register(w.ctx, time.Hour))
	after := w.x.registry.Bindings("sample", sara)
	if len(before) == 0 || len(after) == 0 || before[0].Flow == after[0].Flow {
		w.Fatalf("the phone has not moved: %+v, %+v", before, after)
	}
}

// holds has one side hold and resume the other.
func (w *stage) holds(c, peer *phone.Call) {
	w.Helper()
	w.must(c.Hold(w.ctx))
	_, err := peer.Wait(w.ctx, phone.Held)
	w.must(err)
	w.must(c.Resume(w.ctx))
	_, err = peer.Wait(w.ctx, phone.Resumed)
	w.must(err)
}

// breakable is a network whose connections can be torn.
type breakable struct {
	vnet.Net

	mu    sync.Mutex
	conns []net.Conn
}

// DialTCP opens a connection that tear ends.
func (x *breakable) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	c, err := x.Net.DialTCP(ctx, local, remote)
	if err == nil {
		x.mu.Lock()
		x.conns = append(x.conns, c)
		x.mu.Unlock()
	}
	return c, err
}

func (x *breakable) tear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.conns {
		c.Close()
	}
	x.conns = nil
}
