package session

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/media/rtp"
	"santral/media/sdp"
)

// BenchmarkLook is what the watch and the samples of 1,000 calls cost in five seconds: 2,000 sessions are looked
// at five times, and sampled once.
func BenchmarkLook(b *testing.B) {
	home, peer := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddrPort("192.0.2.10:4000")
	pool, err := rtp.NewPool(rtp.Config{Net: vnet.New(1).Host(home), Bind: []netip.Addr{home}, First: 10000, Last: 14001})
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	cfg := &Config{Pool: pool, DeadAfter: time.Minute, Random: id.New([32]byte{1})}
	offer, err := sdp.Parse("v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio " + fmt.Sprint(peer.Port()) + " RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n")
	if err != nil {
		b.Fatal(err)
	}
	var list []*Session
	for range 2000 {
		s := New(cfg, peer.Addr(), Profile{})
		if err := s.SetRemote(offer); err != nil {
			b.Fatal(err)
		}
		if _, err := s.AnswerLocal(); err != nil {
			b.Fatal(err)
		}
		s.watch = watch{on: true, f: func() {}, since: time.Now()}
		list = append(list, s)
		defer s.Close()
	}
	b.ReportAllocs()
	seq := uint16(0)
	for b.Loop() {
		for range 5 {
			now := time.Now()
			for _, s := range list {
				m := &s.lines[0].meter
				m.Packet(rtp.Header{Payload: 8, Seq: seq, Timestamp: uint32(seq) * 160, SSRC: 1}, 160, time.Duration(seq)*rtp.FrameTime)
				s.look(now, true)
			}
			seq++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/5s")
}

// FuzzReports holds that no report of a peer makes figures that cannot be.
func FuzzReports(f *testing.F) {
	p := rtp.AppendReport(nil, 1, &rtp.Sender{Packets: 9}, rtp.Report{SSRC: 2, Lost: -1, Highest: 70000, Jitter: 1 << 31})
	n := len(p)
	f.Add(rtp.EndXR(rtp.AppendVoIP(rtp.AppendReference(rtp.BeginXR(p, 1), 9), rtp.VoIP{Discarded: 255, EndDelay: 65535, Listening: 200}), n))
	f.Fuzz(func(t *testing.T, p []byte) {
		if !rtp.ValidControl(p) {
			return
		}
		l := &line{local: Formats()}
		l.meter.learn(l.local)
		for at := range 3 {
			l.meter.Control(append([]byte(nil), p...), time.Duration(at)*time.Second)
			q, _, _ := l.quality(true)
			if h := q.Heard; h.MOS < 0 || h.MOS > 4.5 || h.Lost > h.Packets || h.Discarded < 0 || h.Discarded > 1 || h.Delay < 0 || h.Delay > 66*time.Second || h.Said > 5 || q.RoundTrip < 0 {
				t.Fatalf("%+v", q)
			}
			out := l.meter.appendExtended(nil, 5, 0, time.Duration(at)*time.Second, 1)
			if len(out) > 0 && !rtp.ValidControl(out) {
				t.Fatalf("%x", out)
			}
		}
	})
}
