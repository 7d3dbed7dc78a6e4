package session

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/rtp"
	"santral/media/sdp"
)

// BenchTranscode measures what 20 ms of sound both ways cost between two sessions that speak codecs of these
// names: the clock of packets and of the loop is the benchmark's.
func BenchTranscode(b *testing.B, cfg *Config, nameA, nameB string) {
	sides := [2]*Session{}
	packets := [2][][]byte{}
	heads := [2]rtp.Header{}
	for i, name := range []string{nameA, nameB} {
		at := slices.IndexFunc(codec.All(), func(c *codec.Codec) bool { return c.Format.Name == name })
		if at < 0 {
			b.Skipf("no %s here", name)
		}
		c := codec.All()[at]
		sides[i] = benchSide(b, cfg, c.Format, uint16(40000+2*i))
		enc, err := c.NewEncoder(c.Format, codec.Options{})
		if err != nil {
			b.Fatal(err)
		}
		for n := range 50 { // a second of a voice-like sound, coded beforehand
			f := make([]int16, c.Rate/50)
			for k := range f {
				x := float64(n*len(f)+k) / float64(c.Rate)
				f[k] = int16(6000*math.Sin(2*math.Pi*150*x) + 3000*math.Sin(2*math.Pi*700*x) + 1500*math.Sin(2*math.Pi*2400*x))
			}
			packets[i] = append(packets[i], enc.Encode(nil, f))
		}
		heads[i] = rtp.Header{Payload: c.Format.Payload, SSRC: uint32(i + 1)}
	}
	sides[0].Join(sides[1])
	if w := sides[0].Way(); w != Transcoded {
		b.Fatalf("%s", w)
	}
	now := time.Minute
	for _, s := range sides { // off the clock, which is ours now
		s.ear.clock = func() time.Duration { return now }
		s.ear.buffer.Store(nil)
		s.ear.learn(s.lines[0].local, s.lines[0].remote, s.voice.speech.codec.Rate, 0)
		s.voice.mu.Lock()
		s.voice.onClock = true
		s.voice.mu.Unlock()
	}
	time.Sleep(50 * time.Millisecond)
	buf := make([]byte, 0, 1500)
	at := 0
	step := func() {
		for i, s := range sides {
			h := &heads[i]
			sound := packets[i][at%50]
			buf = append(rtp.AppendHeader(buf[:0], *h), sound...)
			h.Begin, h.End = rtp.HeaderSize, len(buf)
			s.ear.Packet(buf, *h)
			h.Seq++
			h.Timestamp += uint32(s.voice.speech.format.Rate / 50)
		}
		for _, s := range sides {
			s.voice.Speak(0)
		}
		at++
		now += 20 * time.Millisecond
	}
	for range 20 {
		step()
	}
	for i, s := range sides {
		if st := s.ear.buffer.Load().Stats(); st.Concealed > st.Played/4 || st.Late+st.Refused > 0 {
			b.Fatalf("side %d: %+v", i, st)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
}

func benchSide(b *testing.B, cfg *Config, f media.Format, port uint16) *Session {
	lo := netip.MustParseAddr("127.0.0.1")
	s := New(cfg, lo, Profile{})
	b.Cleanup(s.Close)
	l := s.lineLocked(0)
	l.kind, l.proto, l.said, l.dir = "audio", "RTP/AVP", true, sdp.SendRecv
	l.remote, l.local = []media.Format{f}, []media.Format{f}
	l.terms = rtp.Terms{Remote: netip.AddrPortFrom(lo, port), Peer: lo, Open: true}
	stream, err := cfg.Pool.Take(lo)
	if err != nil {
		b.Fatal(err)
	}
	l.stream = stream
	s.mu.Lock()
	s.negotiateLocked(l)
	s.mu.Unlock()
	return s
}
