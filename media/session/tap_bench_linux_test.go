package session_test

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/recorder"
	"santral/media/rtp"
	"santral/media/session"
)

// BenchmarkTap is what two taps cost for 20 ms of both sides of a relayed call.
func BenchmarkTap(b *testing.B) {
	for _, name := range []string{"PCMA", "G722", "opus"} {
		b.Run(name, func(b *testing.B) {
			session.BenchTap(b, kernelConfig(b, 22000, 22009), name, func(int) media.Sink { return sinkFunc(func(media.Frame) {}) })
		})
	}
}

// BenchmarkRecordedRelay is what recording costs on the machine's own network and disk: 100 relayed calls, whose phones are
// sockets of this process, without taps and with them by turns. The figures are CPU of the process for each packet of a
// phone's, its sending and receiving here included; what counts is how much more it is.
func BenchmarkRecordedRelay(b *testing.B) {
	for _, kind := range []struct {
		name string
		o    recorder.Options
	}{{"WAV", recorder.Options{}}, {"Opus", recorder.Options{Format: recorder.Opus}}} {
		b.Run(kind.name, func(b *testing.B) {
			plain, taped := 1e9, 1e9
			for b.Loop() {
				for range 5 { // whoever else is on the machine makes it dearer: the least is nearest
					plain, taped = min(plain, relayedCost(b, nil)), min(taped, relayedCost(b, &kind.o))
				}
			}
			b.ReportMetric(plain, "µs/packet")
			b.ReportMetric(taped, "µs/recorded-packet")
			b.ReportMetric(taped-plain, "µs-more")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// relayedCost has 100 calls talk for four seconds, recorded as o says, and gives the CPU time of the process meanwhile,
// in microseconds for each packet.
func relayedCost(b *testing.B, o *recorder.Options) float64 {
	const calls, frames, early = 100, 190, 60 // a phone's socket holds 256 packets
	cfg := kernelConfig(b, 15000, 15000+8*calls)
	defer cfg.Pool.Close()
	type phone struct {
		*net.UDPConn
		to netip.AddrPort
	}
	lo := netip.MustParseAddr("127.0.0.1")
	var phones []phone
	var tapes []*recorder.Recorder
	dir := b.TempDir()
	for i := range calls {
		var p [2]phone
		for k := range p {
			c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(lo, 0)))
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			p[k].UDPConn = c
		}
		at := func(k int) netip.AddrPort { return p[k].LocalAddr().(*net.UDPAddr).AddrPort() }
		x, y := session.New(cfg, lo, session.Profile{}), session.New(cfg, lo, session.Profile{})
		defer x.Close()
		defer y.Close()
		offer, answer := mediatest.Offer(b, at(0)), mediatest.Offer(b, at(1))
		err := x.SetRemote(offer)
		if err == nil {
			toB, bad := y.RelayLocal(offer, false)
			if err = bad; err == nil {
				p[1].to = mediatest.To(b, toB)
				err = y.SetRemote(answer)
			}
		}
		if err == nil {
			toA, bad := x.RelayLocal(answer, true)
			if err = bad; err == nil {
				p[0].to = mediatest.To(b, toA)
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		x.Join(y)
		phones = append(phones, p[0], p[1])
		if o != nil {
			one := *o
			one.Path, one.Channels = filepath.Join(dir, fmt.Sprint(i)), 2
			r, err := recorder.Create(one)
			if err != nil {
				b.Skip(err)
			}
			tapes = append(tapes, r)
			defer x.Tap(r.Sink(0))()
			defer y.Tap(r.Sink(1))()
		}
	}
	buf := make([]byte, 2048)
	frame := func(n int) {
		for i, p := range phones {
			head := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: uint16(n), Timestamp: uint32(160 * n), SSRC: uint32(i + 1)})
			packet := append(head, make([]byte, 160)...)
			for k := range 160 {
				packet[12+k] = byte(n*31 + k*7)
			}
			if _, err := p.WriteToUDPAddrPort(packet, p.to); err != nil {
				b.Fatal(err)
			}
		}
	}
	var before, after syscall.Rusage
	begin := time.Now()
	for n := range early + frames {
		if n == early { // all is under way
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		}
		frame(n)
		time.Sleep(time.Until(begin.Add(time.Duration(n+1) * rtp.FrameTime))) // who is late catches up: phones keep their time
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	for i, p := range phones { // what went through is what was sent
		heard := 0
		_ = p.SetReadDeadline(time.Now().Add(time.Second))
		for ; heard < early+frames; heard++ {
			if _, err := p.Read(buf); err != nil {
				break
			}
		}
		if heard < early+frames-5 {
			b.Fatalf("phone %d has heard %d packets", i, heard)
		}
	}
	for _, r := range tapes {
		if sum, err := r.Close(); err != nil || sum.Lost > 0 || sum.Long < 2*time.Second {
			b.Fatalf("%+v, %v", sum, err)
		}
	}
	used := func(u *syscall.Rusage) time.Duration {
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return (used(&after) - used(&before)).Seconds() * 1e6 / float64(frames*len(phones))
}
