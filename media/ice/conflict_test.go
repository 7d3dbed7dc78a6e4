package ice

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"

	"santral/base/vnet"
)

// scripted is a peer at one address that answers checks as a test has it.
func scripted(t *testing.T, net *vnet.Network, at string, answer func(in *stun.Message, from netip.AddrPort) []byte) func() {
	t.Helper()
	addr := netip.MustParseAddrPort(at)
	udp, err := net.Host(addr.Addr()).ListenUDP(addr, vnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		batch := []vnet.Datagram{{B: make([]byte, 2048)}}
		for {
			n, err := udp.ReadBatch(batch)
			if err != nil {
				return
			}
			var in stun.Message
			if n == 1 && read(&in, batch[0].B[:batch[0].N]) == nil && in.Type.Class == stun.ClassRequest {
				if b := answer(&in, batch[0].Addr); b != nil {
					udp.WriteTo(b, batch[0].Addr)
				}
			}
		}
	}()
	return func() { udp.Close() }
}

const scriptedPwd = "abcdefghabcdefghabcdefghab"

// toScripted has an agent search for a peer at two addresses, the first of which is the better one.
func toScripted(a *side) {
	a.agent.SetRemote(Credentials{Ufrag: "peerpeer", Pwd: scriptedPwd})
	a.agent.AddRemote(Candidate{Component: 1, Transport: "udp", Priority: 200, Addr: netip.MustParseAddrPort("192.0.2.2:5000")})
	a.agent.AddRemote(Candidate{Component: 1, Transport: "udp", Priority: 100, Addr: netip.MustParseAddrPort("192.0.2.3:5000")})
}

// Two checks that are both told of a conflict change the role once (RFC 8445 §7.2.5.1).
func TestConflictToldTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := vnet.New(1)
		a := newSide(t, net.Host(netip.MustParseAddr("192.0.2.1")), "192.0.2.1", true, false)
		defer a.close()
		var refused atomic.Int64
		answer := func(in *stun.Message, from netip.AddrPort) []byte {
			var out stun.Message
			if in.Contains(stun.AttrICEControlled) {
				refused.Add(1)
				time.Sleep(200 * time.Millisecond) // the second check is on its way by then
				return append([]byte(nil), refusal(&out, in.TransactionID, stun.CodeRoleConflict, scriptedPwd)...)
			}
			return append([]byte(nil), success(&out, in.TransactionID, from, scriptedPwd)...)
		}
		defer scripted(t, net, "192.0.2.2:5000", answer)()
		defer scripted(t, net, "192.0.2.3:5000", answer)()
		toScripted(a)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		a.agent.mu.Lock()
		controlling, selected := a.agent.controlling, a.agent.now.selected != nil
		a.agent.mu.Unlock()
		if !controlling || !selected || refused.Load() != 2 {
			t.Errorf("controlling %t, selected %t, %d checks in the wrong role", controlling, selected, refused.Load())
		}
	})
}

// A peer that refuses to have one way nominated gets another, and costs no time.
func TestNominationRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := vnet.New(1)
		a := newSide(t, net.Host(netip.MustParseAddr("192.0.2.1")), "192.0.2.1", true, true)
		defer a.close()
		var checks atomic.Int64
		answer := func(refuses bool) func(*stun.Message, netip.AddrPort) []byte {
			return func(in *stun.Message, from netip.AddrPort) []byte {
				checks.Add(1)
				var out stun.Message
				if refuses && in.Contains(stun.AttrUseCandidate) {
					return append([]byte(nil), refusal(&out, in.TransactionID, stun.CodeBadRequest, scriptedPwd)...)
				}
				return append([]byte(nil), success(&out, in.TransactionID, from, scriptedPwd)...)
			}
		}
		defer scripted(t, net, "192.0.2.2:5000", answer(true))()
		defer scripted(t, net, "192.0.2.3:5000", answer(false))()
		toScripted(a)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		a.agent.mu.Lock()
		selected := a.agent.now.selected
		a.agent.mu.Unlock()
		if selected == nil || selected.remote.Addr() != netip.MustParseAddr("192.0.2.3") || checks.Load() > 10 {
			t.Errorf("selected %+v after %d checks", selected, checks.Load())
		}
	})
}

// One who may make calls, and forges where its checks come from, draws nothing away from the call of another.
func TestAPlaceIsNotStolen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := vnet.New(1)
		a := newSide(t, net.Host(netip.MustParseAddr("192.0.2.1")), "192.0.2.1", true, true)
		b := newSide(t, net.Host(netip.MustParseAddr("192.0.2.2")), "192.0.2.2", false, false)
		defer a.close()
		defer b.close()
		exchange(a, b)
		time.Sleep(3 * time.Second)
		both(t, a, b, "before")
		thief := &side{t: t}
		agent, err := b.mux.Open(AgentConfig{Peer: netip.MustParseAddr("203.0.113.66"), Handler: thief})
		if err != nil {
			t.Fatal(err)
		}
		defer agent.Close()
		agent.SetRemote(Credentials{Ufrag: "thiefs00", Pwd: scriptedPwd})
		forge := func() {
			var m stun.Message
			c := check{to: agent.Local(), from: Credentials{Ufrag: "thiefs00"}, controlling: true, use: true}
			a.mux.sockets[0].send(append([]byte(nil), c.write(&m)...), netip.MustParseAddrPort("192.0.2.2:9000"), netip.Addr{})
			synctest.Wait()
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Millisecond)
		forge()
		both(t, a, b, "after")
		if got := thief.heard(); len(got) != 0 {
			t.Errorf("the thief heard %q", got)
		}
		a.agent.Close()
		time.Sleep(10 * time.Second)
		forge() // the address is somebody else's by now
		a.mux.sockets[0].send(packet("mine"), netip.MustParseAddrPort("192.0.2.2:9000"), netip.Addr{})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := thief.heard(); len(got) != 1 {
			t.Errorf("who has the address now heard %q", got)
		}
	})
}
