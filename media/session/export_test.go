package session

import (
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/mixer"
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

// hand is a media clock that a benchmark turns.
type hand struct{ speakers []rtp.Speaker }

func (h *hand) Speak(s rtp.Speaker) { h.speakers = append(h.speakers, s) }

// BenchRoom measures a turn of a room whose members all speak the codec of this name, of whom so many talk: packets in,
// buffers, decoders, the room, encoders, packets out over sockets. The clock of packets and of the room is the benchmark's.
func BenchRoom(b *testing.B, cfg *Config, name string, rate, members, talkers int) {
	at := slices.IndexFunc(codec.All(), func(c *codec.Codec) bool { return c.Format.Name == name })
	if at < 0 {
		b.Skipf("no %s here", name)
	}
	c := codec.All()[at]
	phones, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // nobody reads it
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { phones.Close() })
	clock, now := &hand{}, time.Minute
	room := mixer.New(mixer.Config{Clock: clock, Rate: rate})
	sides, packets := make([]*Session, members), make([][50][]byte, 2)
	for kind := range packets {
		enc, err := c.NewEncoder(c.Format, codec.Options{})
		if err != nil {
			b.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, uint64(kind)))
		for n := range 50 {
			loud := 12
			if kind == 1 && n%10 < 8 {
				loud = 6000
			}
			f := make([]int16, c.Rate/50)
			for i := range f {
				f[i] = int16(random.IntN(2*loud+1) - loud)
			}
			packets[kind][n] = enc.Encode(nil, f)
		}
	}
	for i := range sides {
		s := benchSide(b, cfg, c.Format, uint16(phones.LocalAddr().(*net.UDPAddr).Port))
		m, err := room.Join(mixer.Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Attach(m, m)
		s.ear.clock = func() time.Duration { return now }
		s.ear.buffer.Store(nil)
		s.ear.learn(s.lines[0].local, s.lines[0].remote, s.voice.speech.codec.Rate, 0)
		sides[i] = s
	}
	buf, n := make([]byte, 0, 1500), 0
	turn := func() {
		for i, s := range sides {
			kind := 0
			if i < talkers {
				kind = 1
			}
			h := rtp.Header{Payload: c.Format.Payload, SSRC: uint32(i + 1), Seq: uint16(n), Timestamp: uint32(n * c.Format.Rate / 50)}
			buf = append(rtp.AppendHeader(buf[:0], h), packets[kind][(n+7*i)%50]...)
			h.Begin, h.End = rtp.HeaderSize, len(buf)
			s.ear.Packet(buf, h)
		}
		for _, s := range clock.speakers {
			s.Speak(now)
		}
		n++
		now += 20 * time.Millisecond
	}
	for range 100 {
		turn()
	}
	b.ReportAllocs()
	begin := cpuTime()
	for b.Loop() {
		turn()
	}
	b.ReportMetric(float64((cpuTime()-begin).Nanoseconds())/1000/float64(b.N*members), "cpu-µs/member")
	shared := map[*coder]bool{}
	for _, s := range sides {
		shared[s.voice.coder] = true
	}
	b.ReportMetric(float64(len(shared)), "encoders")
}
