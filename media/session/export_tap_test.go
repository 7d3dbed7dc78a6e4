package session

import (
	"math"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/rtp"
)

// BenchTap measures what two taps of a relayed call cost for 20 ms of both sides, from the packets on their way to the sinks:
// two packets an operation.
func BenchTap(b *testing.B, cfg *Config, name string, sink func(side int) media.Sink) {
	at := slices.IndexFunc(codec.All(), func(c *codec.Codec) bool { return c.Format.Name == name })
	if at < 0 {
		b.Skipf("no %s here", name)
	}
	c := codec.All()[at]
	enc, err := c.NewEncoder(c.Format, codec.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var packets [50][]byte
	for n := range packets {
		f := make([]int16, c.Rate/50)
		for k := range f {
			x := float64(n*len(f)+k) / float64(c.Rate)
			f[k] = int16(6000*math.Sin(2*math.Pi*150*x) + 3000*math.Sin(2*math.Pi*700*x))
		}
		packets[n] = enc.Encode(nil, f)
	}
	now := time.Minute
	var all [2]*overheard
	for i := range all {
		r := &overheard{receiver: receiver{clock: func() time.Duration { return now }, steady: TapDelay}, lag: newLag(cfg.Pool, sink(i))}
		r.learn([]media.Format{c.Format}, nil, r.lag.rate, 0)
		all[i] = r
	}
	h := rtp.Header{Payload: c.Format.Payload, SSRC: 1}
	buf := make([]byte, 0, 1500)
	n := 0
	step := func() {
		buf = append(rtp.AppendHeader(buf[:0], h), packets[n%50]...)
		h.Begin, h.End = rtp.HeaderSize, len(buf)
		for _, r := range all {
			r.Packet(buf, h)
			r.Speak(now)
		}
		h.Seq++
		h.Timestamp += uint32(c.Format.Rate / 50)
		n++
		now += 20 * time.Millisecond
	}
	for range 200 {
		step()
	}
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
}
