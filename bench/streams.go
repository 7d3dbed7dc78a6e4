//go:build linux

package main

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"santral/media/srtp"
	"santral/test/load"
)

// streamed is what streams came to.
type streamed struct {
	flow   *load.Flow
	work   work
	before int // octets of memory before the calls
	during int // and while they stream
}

// cost of a packet that was relayed, in microseconds of CPU time.
func (s streamed) cost() float64 {
	return s.work.cpu.Seconds() * 1e6 / float64(max(1, s.flow.Received))
}

func (s streamed) text() string {
	return fmt.Sprintf("%.2f µs a packet, core %.0f %%, others %.0f %%, %d packets, %.4f %% lost, %d crossed, %d lost by the generator, delay p50 %s p99 %s, late %s, %d failed",
		s.cost(), 100*s.work.share(), 100*s.work.others, s.flow.Sent, 100*s.flow.Loss(), s.flow.Crossed, s.flow.Own, s.flow.Percentile(50), s.flow.Percentile(99), s.flow.Late, s.flow.Failed)
}

const setUpRate = 400 // calls a second before streams

// stream measures ours with n calls.
func (b *bench) stream(x *exchange, n int, span time.Duration, suite srtp.Suite) (streamed, error) {
	s := streamed{}
	m := b.meter(x.process)
	var err error
	if s.before, err = x.memory(); err != nil {
		return s, err
	}
	s.flow, err = load.Streams{Server: x.sip, Answer: x.answer, Callers: numbers(0, n), Callees: numbers(accounts/2, accounts/2), Calls: n, Time: span, Media: mediaPorts(), SetUp: setUpRate, Suite: suite,
		During: func(begin bool) {
			if begin {
				m = b.meter(x.process)
				return
			}
			s.work = m.read()
			s.during, _ = x.memory()
		}}.Run()
	if err == nil {
		b.say("%s: %d calls%s: %s", x.name, n, over(suite), s.text())
	}
	return s, err
}

// over says what protects one leg.
func over(suite srtp.Suite) string {
	if suite == srtp.UnknownSuite {
		return ""
	}
	return ", one leg " + suite.String()
}

// streamPeer measures rtpengine with n calls.
func (b *bench) streamPeer(r *relayPeer, n int, span time.Duration) (streamed, error) {
	s := streamed{}
	var err error
	if s.before, err = r.memory(); err != nil {
		return s, err
	}
	media := mediaPorts()
	ports, err := r.setUp(n, media)
	if err != nil {
		return s, err
	}
	m := b.meter(r.process)
	s.flow, err = load.Sound{Media: media, Ports: ports, Time: span, During: func(begin bool) {
		if begin {
			m = b.meter(r.process)
			return
		}
		s.work = m.read()
		s.during, _ = r.memory()
	}}.Run()
	if err != nil {
		return s, err
	}
	b.say("%s: %d calls: %s", r.name, n, s.text())
	return s, r.tearDown(n)
}

// mediaPorts finds a free port whose second next is free too, for the two sides.
func mediaPorts() netip.AddrPort {
	for {
		a := freePort()
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a.Addr(), a.Port()+2)))
		if err == nil {
			c.Close()
			return a
		}
	}
}

// byTurns streams through ours and rtpengine, round after round.
func (b *bench) byTurns(n int, each func(s streamed, ours bool)) error {
	x, err := b.santral(accounts, ourPorts)
	if err != nil {
		return err
	}
	defer x.stop()
	if err := x.enrol(accounts / 2); err != nil {
		return err
	}
	peer, err := b.rtpengine()
	if err != nil {
		return err
	}
	defer func() {
		if peer != nil {
			peer.stop()
		}
	}()
	for range b.rounds {
		s, err := b.stream(x, n, b.span, srtp.UnknownSuite)
		if err != nil {
			return err
		}
		each(s, true)
		if peer == nil {
			continue
		}
		if s, err = b.streamPeer(peer, n, b.span); err != nil {
			b.say("%s is left out from here on: %v", peer.name, err)
			peer.stop()
			peer = nil
			continue
		}
		each(s, false)
	}
	return nil
}

func (s streamed) doubts(to *series) {
	if s.flow.Crossed > 0 {
		to.note(fmt.Sprintf("%d packets came to somebody else", s.flow.Crossed))
	}
	if s.flow.Failed > 0 {
		to.note(fmt.Sprintf("%d calls failed", s.flow.Failed))
	}
}

// relay measures 400 calls: the cost of a packet and the delay.
func (b *bench) relay() error {
	var cost, p50, p99, loss [2]series
	err := b.byTurns(400, func(s streamed, ours bool) {
		i := 1
		if ours {
			i = 0
		}
		cost[i].add(s.cost())
		p50[i].add(float64(s.flow.Percentile(50)) / 1e6)
		p99[i].add(float64(s.flow.Percentile(99)) / 1e6)
		loss[i].add(100 * s.flow.Loss())
		s.doubts(&cost[i])
	})
	if err != nil {
		return err
	}
	b.table.add(against("RTP packet relayed, 400 calls, G.711: CPU", &cost[0], "%.2f", "µs", 10, "rtpengine", &cost[1], 0.85))
	b.table.add(against("one-way delay added at 400 calls, p50", &p50[0], "%.2f", "ms", 1.5, "rtpengine", &p50[1], 0))
	b.table.add(against("one-way delay added at 400 calls, p99", &p99[0], "%.2f", "ms", 5, "rtpengine", &p99[1], 0))
	b.table.add(against("loss at 400 calls", &loss[0], "%.4f", "%", 0.1, "rtpengine", &loss[1], 0))
	return nil
}

// secured measures 400 calls whose callers speak SRTP with keys in their descriptions, and whose callees speak RTP,
// by turns with 400 plain ones.
func (b *bench) secured() error {
	x, err := b.santral(accounts, ourPorts)
	if err != nil {
		return err
	}
	defer x.stop()
	if err := x.enrol(accounts / 2); err != nil {
		return err
	}
	suites := []srtp.Suite{srtp.UnknownSuite, srtp.AES128GCM, srtp.AES128CM80}
	cost, p99 := make([]series, len(suites)), make([]series, len(suites))
	for range b.rounds {
		for i, suite := range suites {
			s, err := b.stream(x, 400, b.span, suite)
			if err != nil {
				return err
			}
			cost[i].add(s.cost())
			p99[i].add(float64(s.flow.Percentile(99)) / 1e6)
			s.doubts(&cost[i])
		}
	}
	for i, suite := range suites[1:] {
		b.table.add(against("packet relayed between SRTP ("+suite.String()+") and RTP, 400 calls: CPU", &cost[i+1], "%.2f", "µs", 12, "ours without keys", &cost[0], 0))
		b.table.add(against("one-way delay added, the same, p99", &p99[i+1], "%.2f", "ms", 5, "ours without keys", &p99[0], 0))
	}
	return nil
}

// streams measures 1,000 calls: the loss.
func (b *bench) streams() error {
	var loss, share [2]series
	err := b.byTurns(1000, func(s streamed, ours bool) {
		i := 1
		if ours {
			i = 0
		}
		loss[i].add(100 * s.flow.Loss())
		share[i].add(100 * s.work.share())
		s.doubts(&loss[i])
	})
	if err != nil {
		return err
	}
	b.table.add(against("1000 calls with RTP on one core: loss", &loss[0], "%.4f", "%", 0.1, "rtpengine", &loss[1], 0))
	r := row{work: "1000 calls with RTP: share of the core", ours: share[0].text("%.0f", "%")}
	if len(share[1].values) > 0 {
		r.peer, r.ratio = "rtpengine "+share[1].text("%.0f", "%"), fmt.Sprintf("%.2f", share[0].median()/share[1].median())
	}
	b.table.add(r)
	return nil
}
