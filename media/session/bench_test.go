package session_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"santral/base/id"
	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
)

func kernelConfig(b *testing.B, first, last uint16) *session.Config {
	b.Helper()
	lo := netip.MustParseAddr("127.0.0.1")
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{lo}, First: first, Last: last, Drain: time.Nanosecond})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return &session.Config{Pool: pool, DeadAfter: time.Minute, Random: id.Random()}
}

// relayed is the media work of one call from offer to end, but its packets.
func relayed(b *testing.B, cfg *session.Config, offer, answer *sdp.Description) (x, y *session.Session) {
	x, y = session.New(cfg, aAddr.Addr(), session.Profile{}), session.New(cfg, bAddr.Addr(), session.Profile{})
	x.OnDigit(func(session.Digit) {})
	y.OnDigit(func(session.Digit) {})
	err := x.SetRemote(offer)
	if err == nil {
		_, err = y.RelayLocal(offer, false)
	}
	if err == nil {
		err = y.SetRemote(answer)
	}
	if err == nil {
		_, err = x.RelayLocal(answer, true)
	}
	if err != nil {
		b.Fatal(err)
	}
	x.Join(y)
	x.OnDead(func() {})
	y.OnDead(func() {})
	return x, y
}

// BenchmarkCall is what media costs a call in signalling: descriptions, ports, latches, join, end.
func BenchmarkCall(b *testing.B) {
	cfg := kernelConfig(b, 28000, 29999)
	offer, answer := mediatest.Offer(b, aAddr), mediatest.Offer(b, bAddr)
	b.ReportAllocs()
	for b.Loop() {
		x, y := relayed(b, cfg, offer, answer)
		x.Quality()
		y.Quality()
		x.Close()
		y.Close()
	}
}

// BenchmarkMemory reports what a call with media holds: both sessions, their streams and watches, and
// what the pool keeps for their four sockets.
func BenchmarkMemory(b *testing.B) {
	const calls = 500
	offer, answer := mediatest.Offer(b, aAddr), mediatest.Offer(b, bAddr)
	for b.Loop() {
		cfg := kernelConfig(b, 24000, 24000+4*calls)
		all := make([]*session.Session, 0, 2*calls)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range calls {
			x, y := relayed(b, cfg, offer, answer)
			all = append(all, x, y)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/calls, "B/call")
		for _, s := range all {
			s.Close()
		}
		cfg.Pool.Close()
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkTranscode is what the sound of a transcoded call costs, both ways: a packet of each phone taken in, decoded,
// brought to the other rate, encoded and sent, 20 ms of each side an operation.
func BenchmarkTranscode(b *testing.B) {
	for _, pair := range [][2]string{{"PCMA", "PCMU"}, {"G722", "PCMA"}, {"opus", "PCMA"}} {
		b.Run(pair[0]+"-"+pair[1], func(b *testing.B) { session.BenchTranscode(b, kernelConfig(b, 23000, 23099), pair[0], pair[1]) })
	}
}

// BenchmarkPrompt is a packet of a prompt that a thousand phones hear, from the sound to the socket.
func BenchmarkPrompt(b *testing.B) {
	for _, name := range []string{"PCMA", "G722", "opus"} {
		b.Run(name, func(b *testing.B) { session.BenchPrompt(b, kernelConfig(b, 20000, 23999), name) })
	}
}

// BenchmarkRoom is what a conference costs, of which three talk, but for receiving: a turn of the room an operation.
func BenchmarkRoom(b *testing.B) {
	for _, c := range []struct {
		name    string
		rate    int
		members int
	}{{"PCMA", 8000, 100}, {"PCMA", 8000, 3}, {"G722", 16000, 100}, {"opus", 48000, 100}, {"opus", 16000, 100}, {"PCMA", 16000, 100}} {
		b.Run(fmt.Sprintf("%s at %d Hz, %d members", c.name, c.rate, c.members), func(b *testing.B) {
			session.BenchRoom(b, kernelConfig(b, 23000, 23399), c.name, c.rate, c.members, 3)
		})
	}
}
