package rtp_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/media/mediatest"
	"santral/media/rtp"
)

var (
	homeAddr = netip.MustParseAddr("198.51.100.1")
	aAddr    = netip.MustParseAddrPort("192.0.2.10:4000")
	bAddr    = netip.MustParseAddrPort("192.0.2.20:6000")
	thief    = netip.MustParseAddrPort("203.0.113.66:6666")
)

// house is a pool between two phones and somebody who does not belong there.
type house struct {
	net     *vnet.Network
	host    *vnet.Host
	hostA   *vnet.Host
	pool    *rtp.Pool
	a, b, x *mediatest.Phone
	sa, sb  *rtp.Stream // where a and b talk to
}

func open(t *testing.T, net vnet.Net, first, last uint16) *rtp.Pool {
	t.Helper()
	pool, err := rtp.NewPool(rtp.Config{Net: net, Bind: []netip.Addr{homeAddr}, First: first, Last: last})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func take(t *testing.T, pool *rtp.Pool) *rtp.Stream {
	t.Helper()
	s, err := pool.Take(homeAddr)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func terms(at netip.AddrPort) rtp.Terms {
	return rtp.Terms{
		Remote: at, Control: netip.AddrPortFrom(at.Addr(), at.Port()+1), Peer: at.Addr(), Open: true,
		Types: rtp.Types(8), Packets: 50, Octets: 50 * 172,
	}
}

func newHouse(t *testing.T) *house {
	n := vnet.New(1)
	h := &house{net: n, host: n.Host(homeAddr)}
	h.pool = open(t, h.host, 10000, 10099)
	h.hostA = n.Host(aAddr.Addr())
	h.a = mediatest.NewPhone(t, h.hostA, aAddr)
	h.b = mediatest.NewPhone(t, n.Host(bAddr.Addr()), bAddr)
	h.x = mediatest.NewPhone(t, n.Host(thief.Addr()), thief)
	h.sa, h.sb = take(t, h.pool), take(t, h.pool)
	h.sa.Relay(h.sb)
	h.sb.Relay(h.sa)
	return h
}

func (h *house) agree() {
	h.sa.Negotiate(terms(aAddr))
	h.sb.Negotiate(terms(bAddr))
}

func at(s *rtp.Stream) netip.AddrPort { return netip.AddrPortFrom(homeAddr, s.Port()) }

func control(s *rtp.Stream) netip.AddrPort { return netip.AddrPortFrom(homeAddr, s.Port()+1) }

// whole checks that a phone heard n packets of another in order, untouched, from its own port here.
func whole(t *testing.T, p *mediatest.Phone, from netip.AddrPort, ssrc uint32, n int) {
	t.Helper()
	heard := p.Heard()
	if len(heard) != n {
		t.Errorf("%s heard %d packets, want %d", p.Addr(), len(heard), n)
		return
	}
	for i, h := range heard {
		if h.From != from || h.Header.SSRC != ssrc || h.Header.Seq != heard[0].Header.Seq+uint16(i) || len(h.Data) != 172 {
			t.Errorf("%s: packet %d is %+v from %s", p.Addr(), i, h.Header, h.From)
			return
		}
	}
}

func TestRelayBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		h.a.Seq = 65500 // over the wrap
		mediatest.Talk(100, func() { h.a.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		whole(t, h.b, at(h.sb), h.a.SSRC, 100)
		whole(t, h.a, at(h.sa), h.b.SSRC, 100)
		if f := h.sa.Facts(); f.Source != aAddr || f.Rank != rtp.Signalled || f.Packets != 100 || f.Sent != 100 || f.Octets != 17200 {
			t.Errorf("%+v", f)
		}
		old := h.a.SSRC
		h.a.Forget()
		h.b.Forget()
		h.a.SSRC, h.a.Seq, h.a.Stamp = 99, 7, 7 // a new source in the same stream
		h.a.Talk(at(h.sa), 50)
		whole(t, h.b, at(h.sb), 99, 50)
		if h.b.HeardOf(old) != 0 {
			t.Error("the old source is still heard")
		}
		if s := h.pool.Stats(); s.Packets != 250 || s.Sent != 250 || s.Used != 2 || s.Open != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestNothingBeforeTerms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.sb.Negotiate(terms(bAddr))
		h.a.Talk(at(h.sa), 5)
		h.x.Talk(at(h.sa), 5)
		if n := len(h.b.Heard()); n != 0 {
			t.Errorf("%d packets passed before anything was settled", n)
		}
		if f := h.sa.Facts(); f.Counts[rtp.Unarmed] != 10 {
			t.Errorf("%+v", f)
		}
	})
}

// A third party can neither be heard nor hear, whatever it copies (threats, row 18).
func TestThirdParty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		copied := func() {
			h.x.SSRC, h.x.Seq, h.x.Stamp = h.a.SSRC, h.a.Seq, h.a.Stamp
			h.x.Say(at(h.sa))
		}
		sr := rtp.AppendReport(nil, h.a.SSRC, &rtp.Sender{NTP: 5 << 32})
		bye := rtp.AppendGoodbye(rtp.AppendReport(nil, h.a.SSRC, nil), h.a.SSRC)
		h.a.SendControl(control(h.sa), sr)
		h.b.SendControl(control(h.sb), sr)
		mediatest.Talk(250,
			func() { h.a.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) },
			func() { h.x.SSRC = 0xbad; h.x.Say(at(h.sa)) }, copied,
			func() { h.x.SendControl(control(h.sa), bye); h.x.SendControl(control(h.sa), []byte("junk")) },
			func() { h.x.Send(at(h.sa), bye); h.x.Send(at(h.sa), []byte("junk")) },
		)
		whole(t, h.b, at(h.sb), h.a.SSRC, 250)
		whole(t, h.a, at(h.sa), h.b.SSRC, 250)
		if n := len(h.x.Heard()) + len(h.x.HeardControl()); n != 0 {
			t.Errorf("the third party got %d packets", n)
		}
		if got := h.b.HeardControl(); len(got) != 1 || string(got[0].Data) != string(sr) || got[0].From != control(h.sb) {
			t.Errorf("b heard %d reports", len(got))
		}
		if f := h.sa.Facts(); f.Counts[rtp.Stranger] != 250*4 {
			t.Errorf("%d strangers counted", f.Counts[rtp.Stranger])
		}
	})
}

// Nobody hears or sends reports in the place of a phone that sends none, not even from its own host,
// unless a translator stands before it.
func TestReportsOfStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		beside := mediatest.NewPhone(t, h.hostA, netip.AddrPortFrom(aAddr.Addr(), 4800))
		sr := rtp.AppendReport(nil, 1, &rtp.Sender{NTP: 5 << 32})
		story := func() {
			mediatest.Talk(3000,
				func() { beside.SendControl(control(h.sa), sr); h.x.SendControl(control(h.sa), sr) },
				func() { h.b.SendControl(control(h.sb), sr) })
		}
		story()
		h.a.Say(at(h.sa))
		story()
		if n := len(h.b.HeardControl()) + len(beside.HeardControl()) + len(h.x.HeardControl()); n != 0 {
			t.Errorf("%d reports went astray", n)
		}
		if n := len(h.a.HeardControl()); n == 0 {
			t.Error("the phone itself got none")
		}

		behind := terms(netip.MustParseAddrPort("192.168.1.1:4000"))
		behind.Open = false
		behind.Peer = aAddr.Addr()
		h.sa.Negotiate(behind)
		h.a.SendControl(control(h.sa), sr)
		synctest.Wait()
		if n := len(h.b.HeardControl()); n != 0 {
			t.Errorf("%d reports before RTP showed where the peer is", n)
		}
		mediatest.Wait(2 * time.Second) // it was at another address: late packets teach nothing
		h.a.Say(at(h.sa))
		synctest.Wait()
		h.x.SendControl(control(h.sa), sr)
		h.a.SendControl(control(h.sa), sr)
		synctest.Wait()
		if n := len(h.b.HeardControl()); n != 1 {
			t.Errorf("%d reports, want the peer's one", n)
		}
	})
}

// An attacker who is there first loses all once the caller talks (threats, row 18).
func TestAttackerFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		behind := terms(aAddr)
		behind.Open = false // nothing may be sent to the signalled address before it was heard from
		h.sa.Negotiate(behind)
		h.sb.Negotiate(terms(bAddr))
		mediatest.Talk(20, func() { h.x.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		h.x.Forget()
		h.b.Forget()
		mediatest.Talk(100, func() { h.a.Say(at(h.sa)); synctest.Wait() }, func() { h.x.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		whole(t, h.b, at(h.sb), h.a.SSRC, 100)
		if n := len(h.x.Heard()); n != 0 {
			t.Errorf("the attacker got %d packets after the caller spoke", n)
		}
		if n := len(h.a.Heard()); n != 100 {
			t.Errorf("the caller got %d packets", n)
		}
		if got := h.a.Control(); h.sa.Facts().Source != aAddr || !got.IsValid() {
			t.Error("the caller is not pinned")
		}
	})
}

func TestRelearning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		mediatest.Talk(600, func() { h.a.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) }) // beyond the window

		// After silence another port of the same host is learned, without a new negotiation.
		moved := mediatest.NewPhone(t, h.hostA, netip.AddrPortFrom(aAddr.Addr(), 4100))
		h.b.Forget()
		moved.Talk(at(h.sa), 50)
		if n := len(h.b.Heard()); n != 0 {
			t.Errorf("%d packets of another port passed within a second", n)
		}
		moved.Talk(at(h.sa), 100)
		if n := len(h.b.Heard()); n == 0 || h.sa.Facts().Source != moved.Addr() {
			t.Errorf("after silence %d packets passed, source %s", n, h.sa.Facts().Source)
		}

		// After a negotiation that names another address the old one is heard no more.
		c := netip.MustParseAddrPort("192.0.2.30:7000")
		third := mediatest.NewPhone(t, h.net.Host(c.Addr()), c)
		h.sa.Negotiate(terms(c))
		h.b.Forget()
		mediatest.Talk(50, func() { third.Say(at(h.sa)) }, func() { moved.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		whole(t, h.b, at(h.sb), third.SSRC, 50)
		if n := len(third.Heard()); n != 50 {
			t.Errorf("the new address got %d packets", n)
		}

		// One that names the same address again changes nothing.
		h.sa.Negotiate(terms(c))
		h.b.Forget()
		mediatest.Talk(50, func() { h.x.Say(at(h.sa)) }, func() { third.Say(at(h.sa)) })
		whole(t, h.b, at(h.sb), third.SSRC, 50)
	})
}

func TestHoldOfOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		mediatest.Talk(10, func() { h.a.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		h.sa.Negotiate(rtp.Terms{Mute: true, Peer: aAddr.Addr(), Types: rtp.Types(8)})
		h.a.Forget()
		h.b.Talk(at(h.sb), 10)
		if n := len(h.a.Heard()); n != 0 {
			t.Errorf("%d packets went to one that wants none", n)
		}
		h.sa.Negotiate(terms(aAddr))
		h.b.Talk(at(h.sb), 10)
		if n := len(h.a.Heard()); n != 10 {
			t.Errorf("%d packets after the hold", n)
		}
	})
}

// A pair rests until late packets have ceased, and nothing of the last call reaches the next.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		pool := open(t, n.Host(homeAddr), 10000, 10007) // four pairs
		old := mediatest.NewPhone(t, n.Host(aAddr.Addr()), aAddr)
		next := mediatest.NewPhone(t, n.Host(bAddr.Addr()), bAddr)
		s := take(t, pool)
		first := at(s)
		s.Negotiate(terms(aAddr))
		s.Relay(s)
		old.Talk(first, 10)
		s.Release()
		s.Release()
		if s.Send(old.Next()) || len(old.Heard()) != 10 {
			t.Error("a stream that was given back still sends")
		}

		s = take(t, pool)
		if at(s) == first {
			t.Error("the pair was used again at once")
		}
		s.Release()
		old.Talk(first, 150) // the old phone has not understood
		mediatest.Wait(200 * time.Millisecond)
		taken := []*rtp.Stream{take(t, pool)}
		if at(taken[0]) == first {
			t.Error("a pair that is still talked to was used again")
		}
		taken = append(taken, take(t, pool), take(t, pool))
		if st := pool.Stats(); st.Used != 3 || st.Strays != 150 {
			t.Errorf("%+v", st)
		}
		last := take(t, pool) // the range is full: it cannot wait
		if at(last) != first {
			t.Errorf("%s, want the pair at rest", at(last))
		}
		last.Negotiate(terms(bAddr))
		last.Relay(last)
		next.Say(first)
		mediatest.Talk(20, func() { next.Say(first) }, func() { old.Say(first) })
		whole(t, next, first, next.SSRC, 21)
		if _, err := pool.Take(homeAddr); err != rtp.ErrNoPorts {
			t.Errorf("a fifth pair of four: %v", err)
		}
		for _, s := range append(taken, last) {
			s.Release()
		}
		if _, err := pool.Take(homeAddr); err != rtp.ErrNoPorts {
			t.Errorf("a pair without rest: %v", err)
		}
		mediatest.Wait(100 * time.Millisecond)
		take(t, pool).Release()
		if _, err := pool.Take(netip.IPv6Loopback()); err == nil {
			t.Error("a pair of a family that the pool has not")
		}
	})
}

func TestRateGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		mediatest.Talk(500, func() {
			for range 40 {
				h.a.Say(at(h.sa))
			}
		})
		passed := len(h.b.Heard())
		if passed < 2000 || passed > 2300 { // ten seconds at four times fifty, and the burst
			t.Errorf("%d of 20000 packets passed", passed)
		}
		if f := h.sa.Facts(); f.Counts[rtp.TooFast] != uint64(20000-passed) {
			t.Errorf("%d counted as too fast", f.Counts[rtp.TooFast])
		}
	})
}

// The round trip to a phone is read from its reports about the sender reports that it got.
func TestRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.net.SetDefault(vnet.Link{Latency: 30 * time.Millisecond})
		h.agree()
		h.b.SendControl(control(h.sb), rtp.AppendReport(nil, h.b.SSRC, &rtp.Sender{NTP: 0x1111222233334444}))
		mediatest.Wait(560 * time.Millisecond) // 60 ms on the way to a, which keeps it for half a second
		if n := len(h.a.HeardControl()); n != 1 {
			t.Fatalf("a heard %d reports", n)
		}
		h.a.SendControl(control(h.sa), rtp.AppendReport(nil, h.a.SSRC, nil, rtp.Report{SSRC: h.b.SSRC, LastSR: 0x22223333, Delay: 1 << 15}))
		mediatest.Wait(100 * time.Millisecond)
		if got := h.sa.Facts().RoundTrip; got < 59*time.Millisecond || got > 61*time.Millisecond {
			t.Errorf("round trip %v", got)
		}
		if got := h.sb.Facts().RoundTrip; got != 0 {
			t.Errorf("round trip of b %v, which reported nothing", got)
		}

		// The next reports of both sides cross on the way.
		h.net.SetDefault(vnet.Link{Latency: 10 * time.Millisecond})
		h.b.SendControl(control(h.sb), rtp.AppendReport(nil, h.b.SSRC, &rtp.Sender{NTP: 0x1111444455556666}))
		mediatest.Wait(20 * time.Millisecond)
		h.b.SendControl(control(h.sb), rtp.AppendReport(nil, h.b.SSRC, &rtp.Sender{NTP: 0x1111555566667777}))
		h.a.SendControl(control(h.sa), rtp.AppendReport(nil, h.a.SSRC, nil, rtp.Report{SSRC: h.b.SSRC, LastSR: 0x44445555, Delay: 0}))
		mediatest.Wait(100 * time.Millisecond)
		if got := h.sa.Facts().RoundTrip; got < 19*time.Millisecond || got > 21*time.Millisecond {
			t.Errorf("round trip %v where reports cross", got)
		}
	})
}

// RTP and RTCP on one port pass alike when both sides want it so (RFC 5761).
func TestMultiplexed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		for s, at := range map[*rtp.Stream]netip.AddrPort{h.sa: aAddr, h.sb: bAddr} {
			m := terms(at)
			m.Mux, m.Control = true, at
			s.Negotiate(m)
		}
		sr := rtp.AppendReport(nil, 1, &rtp.Sender{})
		mediatest.Talk(3, func() { h.a.Say(at(h.sa)) }, func() { h.a.Send(at(h.sa), sr) })
		if n, c := len(h.b.Heard()), len(h.b.HeardControl()); n != 6 || c != 0 {
			t.Errorf("%d packets on the RTP port, %d on the RTCP port", n, c)
		}
	})
}

// A stream that is written out and read back on the same port goes on as if nothing had happened.
func TestFreezeAndThaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		mediatest.Talk(50, func() { h.a.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		text, err := json.Marshal([]rtp.StreamState{h.sa.Freeze(), h.sb.Freeze()})
		if err != nil {
			t.Fatal(err)
		}
		before := h.sa.Facts()
		h.pool.Close()
		h.pool.Close()

		pool := open(t, h.host, 10000, 10099)
		var states []rtp.StreamState
		if err := json.Unmarshal(text, &states); err != nil {
			t.Fatal(err)
		}
		var back [2]*rtp.Stream
		for i := range states {
			if back[i], err = pool.Thaw(states[i], nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := pool.Thaw(states[0], nil); err == nil {
			t.Error("a stream was thawed twice")
		}
		back[0].Relay(back[1])
		back[1].Relay(back[0])
		after := back[0].Facts()
		if after.Source != before.Source || after.Packets != before.Packets || after.Sent != before.Sent || after.Rank != before.Rank {
			t.Errorf("%+v became %+v", before, after)
		}
		h.a.Forget()
		h.b.Forget()
		mediatest.Talk(50, func() { h.x.Say(at(h.sa)) }, func() { h.a.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		whole(t, h.b, at(h.sb), h.a.SSRC, 50)
		whole(t, h.a, at(h.sa), h.b.SSRC, 50)
	})
}

// Whoever took a silent source's place does so after a hand-over too, though the clock of the next pool
// begins anew: it has to knock once more.
func TestThawedAfterASilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		mediatest.Talk(50, func() { h.a.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		mediatest.Wait(time.Minute)
		x := mediatest.NewPhone(t, h.hostA, netip.AddrPortFrom(aAddr.Addr(), 4100))
		x.Say(at(h.sa))
		mediatest.Wait(time.Millisecond)
		states := []rtp.StreamState{h.sa.Freeze(), h.sb.Freeze()}
		h.pool.Close()

		pool := open(t, h.host, 10000, 10099)
		var back [2]*rtp.Stream
		for i := range states {
			var err error
			if back[i], err = pool.Thaw(states[i], nil); err != nil {
				t.Fatal(err)
			}
		}
		back[0].Relay(back[1])
		back[1].Relay(back[0])
		h.b.Forget()
		mediatest.Wait(time.Second)
		x.Say(at(back[0]))
		mediatest.Wait(time.Millisecond)
		if n := h.b.HeardOf(x.SSRC); n != 0 {
			t.Errorf("%d packets of somebody who came once were passed on", n)
		}
		mediatest.Wait(100 * time.Millisecond)
		x.Talk(at(back[0]), 10)
		if n := h.b.HeardOf(x.SSRC); n != 10 {
			t.Errorf("%d packets of 10 were passed on", n)
		}
	})
}

// Five losses in a hundred, jitter and reordering stay exactly what the network made of them
// (threats, row 23).
func TestTransparent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.net.SetDefault(vnet.Link{Latency: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.025, Reorder: 0.05, ReorderBy: 40 * time.Millisecond})
		h.agree()
		h.a.Talk(at(h.sa), 1000)
		mediatest.Wait(time.Second)
		passed := h.sa.Facts().Packets
		if n := uint64(len(h.b.Heard())); n < passed*96/100 || passed < 960 {
			t.Errorf("%d arrived here, %d at the other phone", passed, n)
		}
	})
}

func TestConfig(t *testing.T) {
	for _, c := range []rtp.Config{
		{},
		{First: 10000, Last: 10000, Bind: []netip.Addr{homeAddr}},
		{First: 10001, Last: 10002, Bind: []netip.Addr{homeAddr}},
		{First: 10000, Last: 10010},
		{First: 10000, Last: 10010, Bind: []netip.Addr{homeAddr, homeAddr}},
	} {
		if p, err := rtp.NewPool(c); err == nil {
			p.Close()
			t.Errorf("%+v makes a pool", c)
		}
	}
}
