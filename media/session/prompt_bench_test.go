package session

import (
	"math"
	"net"
	"syscall"
	"testing"
	"time"

	"santral/media/codec"
	"santral/media/player"
)

// BenchPrompt measures what a packet of a prompt costs, encoded and sent, while a thousand phones are played the same
// sound of 16 kHz: an operation is a packet. The clock is the benchmark's.
func BenchPrompt(b *testing.B, cfg *Config, name string) {
	var c *codec.Codec
	for _, each := range codec.All() {
		if each.Format.Name == name {
			c = each
		}
	}
	if c == nil {
		b.Skipf("no %s here", name)
	}
	peer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // so that no errors come back
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = peer.Close() })
	samples := make([]int16, 16000*10)
	for i := range samples {
		x := float64(i) / 16000
		samples[i] = int16(6000*math.Sin(2*math.Pi*150*x) + 3000*math.Sin(2*math.Pi*700*x) + 1500*math.Sin(2*math.Pi*2400*x))
	}
	sound := player.New(samples, 16000)
	const many = 1000
	sides := make([]*Session, many)
	for i := range sides {
		s := benchSide(b, cfg, c.Format, uint16(peer.LocalAddr().(*net.UDPAddr).Port))
		p := sound.Loop()
		p.Seek(time.Duration(i) * 7 * time.Millisecond)
		s.mu.Lock()
		s.mode = attached
		v := s.voiceLocked()
		v.onClock = true // ours
		v.play(p, true)
		s.applyModeLocked()
		s.mu.Unlock()
		sides[i] = s
	}
	for range 520 { // all of the sound is there at the rate
		if !sides[0].voice.Speak(0) {
			b.Fatal("it has nothing to say")
		}
	}
	for _, s := range sides {
		s.voice.Speak(0)
	}
	if sides[0].voice.src.change != nil {
		b.Fatal("each has a resampler of its own")
	}
	b.ReportAllocs()
	before := cpu(b)
	n := 0
	for ; b.Loop(); n++ {
		sides[n%many].voice.Speak(0)
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(n), "cpu-ns/op") // on a machine that has more to do, what counts
}

// cpu is what the process has used of the cores, the kernel's part included.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
