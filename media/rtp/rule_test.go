package rtp

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

func addr(s string) Addr { return AddrFrom(netip.MustParseAddrPort(s)) }

func pcma(seq uint16) []byte {
	return append(AppendHeader(nil, Header{Payload: 8, Seq: seq, SSRC: 7}), make([]byte, 160)...)
}

// Who may become the source of a stream, told as a story of packets: at, from, what comes of it.
func TestLatch(t *testing.T) {
	const (
		phone    = "192.0.2.1:4000"    // where the peer says it is
		shifted  = "192.0.2.1:61000"   // the same host, another port
		proxy    = "198.51.100.9:5000" // the host that it signals from
		proxy2   = "198.51.100.9:5002"
		thief    = "203.0.113.66:6666"
		stranger = "203.0.113.77:7777"
	)
	type packet struct {
		at   time.Duration
		from string
		want Verdict
	}
	for name, c := range map[string]struct {
		quiet bool
		open  bool
		story []packet
		to    string // where packets for the peer go in the end
	}{
		"the first one is learned and pinned": {story: []packet{
			{0, proxy, Learned}, {20 * time.Millisecond, proxy, Passed}, {30 * time.Millisecond, proxy2, Stranger}, {35 * time.Millisecond, thief, Stranger}, {40 * time.Millisecond, proxy, Passed},
		}, to: proxy},
		"attacker first, then the signalled address": {open: true, story: []packet{
			{0, thief, Learned}, {time.Second, phone, Learned}, {time.Second, thief, Stranger}, {5 * time.Second, phone, Passed}, {5 * time.Second, thief, Stranger},
		}, to: phone},
		"an attacker on the same host, then the signalled address": {open: true, story: []packet{
			{0, shifted, Learned}, {20 * time.Second, phone, Learned}, {20 * time.Second, shifted, Stranger},
		}, to: phone},
		"attacker first, then the host that signals": {story: []packet{
			{0, thief, Learned}, {3 * time.Second, proxy, Learned}, {3 * time.Second, thief, Stranger},
		}, to: proxy},
		"a foreign one draws nothing from an address that may be sent to": {open: true, story: []packet{
			{0, thief, Learned},
		}, to: phone},
		"a foreign one is all there is": {story: []packet{
			{0, thief, Learned},
		}, to: thief},
		"after the window better rank alone displaces nobody": {story: []packet{
			{11 * time.Second, thief, Learned}, {12 * time.Second, shifted, Stranger}, {13 * time.Second, shifted, Stranger}, {13060 * time.Millisecond, shifted, Learned},
		}, to: shifted},
		"a foreign one after silence, within the window": {story: []packet{
			{0, proxy, Learned}, {900 * time.Millisecond, thief, Stranger}, {1100 * time.Millisecond, thief, Stranger}, {1160 * time.Millisecond, thief, Learned},
		}, to: thief},
		"a foreign one proves nothing by silence": {story: []packet{
			{0, proxy, Learned}, {20 * time.Second, thief, Stranger}, {21060 * time.Millisecond, thief, Stranger}, {time.Hour, thief, Stranger}, {61 * time.Minute, thief, Stranger},
		}, to: proxy},
		"a near one after silence": {story: []packet{
			{11 * time.Second, proxy, Learned}, {12 * time.Second, proxy2, Stranger}, {13 * time.Second, proxy2, Stranger}, {13060 * time.Millisecond, proxy2, Learned}, {13060 * time.Millisecond, proxy2, Passed},
		}, to: proxy2},
		"who comes back after silence has the older right": {story: []packet{
			{11 * time.Second, proxy, Learned}, {13 * time.Second, proxy2, Stranger}, {13060 * time.Millisecond, proxy2, Learned}, {14 * time.Second, proxy, Learned}, {14 * time.Second, proxy2, Stranger},
		}, to: proxy},
		"the signalled one comes back after silence": {open: true, story: []packet{
			{0, phone, Learned}, {5 * time.Second, thief, Stranger}, {5060 * time.Millisecond, thief, Learned}, {21 * time.Second, phone, Learned}, {21 * time.Second, thief, Stranger},
		}, to: phone},
		"our own hitch is no silence": {story: []packet{
			{11 * time.Second, proxy, Learned}, {14 * time.Second, proxy2, Stranger}, {14001 * time.Millisecond, thief, Stranger}, {14002 * time.Millisecond, proxy2, Stranger}, {14003 * time.Millisecond, proxy, Passed}, {14100 * time.Millisecond, proxy2, Stranger},
		}, to: proxy},
		"silence means nothing of one that is not to send": {quiet: true, story: []packet{
			{0, proxy, Learned}, {time.Minute, proxy2, Stranger}, {time.Hour, thief, Stranger}, {time.Hour, phone, Learned},
		}, to: phone},
		"nobody yet":                   {open: true, to: phone},
		"nobody yet, and no way to it": {},
	} {
		r := Rule{
			Carries: RTP, Opened: int64(time.Hour), Quiet: c.quiet, Open: c.open, Signalled: addr(phone),
			Near: netip.MustParseAddrPort(proxy).Addr().As16(), Types: TypeSet{1 << 8},
		}
		for i, p := range c.story {
			if got := r.Step(pcma(uint16(i)), addr(p.from), int64(time.Hour+p.at)); got != p.want {
				t.Errorf("%s: packet %d from %s: %s, want %s", name, i, p.from, got, p.want)
			}
		}
		to, ok := r.Target()
		if ok != (c.to != "") || ok && to.AddrPort().String() != c.to {
			t.Errorf("%s: packets go to %v, want %q", name, to.AddrPort(), c.to)
		}
	}
}

func TestWhatTeaches(t *testing.T) {
	sr := AppendReport(nil, 7, &Sender{NTP: 1 << 32})
	opus := append(AppendHeader(nil, Header{Payload: 111}), 1, 2, 3)
	for name, c := range map[string]struct {
		rule Rule
		p    []byte
		from string
		want Verdict
	}{
		"negotiated":                 {Rule{Carries: RTP}, pcma(1), "192.0.2.2:1", Learned},
		"another payload type":       {Rule{Carries: RTP}, opus, "192.0.2.2:1", Stranger},
		"that, signalled":            {Rule{Carries: RTP}, opus, "192.0.2.1:4000", Learned},
		"a report on the RTP port":   {Rule{Carries: RTP}, sr, "192.0.2.1:4000", Malformed},
		"a report, multiplexed":      {Rule{Carries: RTP, Mux: true}, sr, "192.0.2.1:4000", Learned},
		"junk":                       {Rule{Carries: RTP}, []byte("hello, this is no media"), "192.0.2.1:4000", Malformed},
		"nothing":                    {Rule{Carries: RTP}, nil, "192.0.2.1:4000", Malformed},
		"nothing, where all passes":  {Rule{Carries: Other}, nil, "192.0.2.1:4000", Learned},
		"a report":                   {Rule{Carries: RTCP}, sr, "192.0.2.2:1", Learned},
		"half a report":              {Rule{Carries: RTCP}, sr[:24], "192.0.2.1:4000", Malformed},
		"RTP on the RTCP port":       {Rule{Carries: RTCP}, pcma(1), "192.0.2.1:4000", Malformed},
		"before anything is settled": {Rule{Carries: RTP, Opened: -1}, pcma(1), "192.0.2.1:4000", Unarmed},
	} {
		c.rule.Signalled, c.rule.Types = addr("192.0.2.1:4000"), TypeSet{1 << 8}
		if c.rule.Opened++; c.rule.Opened > 0 {
			c.rule.Opened = 100
		}
		if got := c.rule.Step(c.p, addr(c.from), 100); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A stream may come four times as fast as negotiated, and in bursts; what comes faster is cut to that.
func TestGuard(t *testing.T) {
	run := func(every time.Duration, size int) (passed, cut uint64) {
		r := Rule{Carries: RTP, Opened: 1, Signalled: addr("192.0.2.1:4000"), PerPacket: int64(time.Second) / 200, PerKilo: int64(time.Second) * 1024 / (4 * 10_000)}
		p := append(pcma(1), make([]byte, size)...)
		for at := time.Duration(1); at < 100*time.Second; at += every {
			r.Step(p, addr("192.0.2.1:4000"), int64(at))
		}
		return r.Counts[Passed] + r.Counts[Learned], r.Counts[TooFast]
	}
	if passed, cut := run(20*time.Millisecond, 0); cut != 0 || passed != 5000 {
		t.Errorf("as negotiated: %d passed, %d cut", passed, cut)
	}
	if passed, cut := run(5*time.Millisecond, 0); cut != 0 || passed != 20000 {
		t.Errorf("four times as fast: %d passed, %d cut", passed, cut)
	}
	if passed, cut := run(time.Millisecond, 0); passed < 20000 || passed > 20300 || cut < 79000 {
		t.Errorf("twenty times as fast: %d passed, %d cut", passed, cut)
	}
	if passed, cut := run(20*time.Millisecond, 1000); passed < 3300 || passed > 3500 || cut == 0 {
		t.Errorf("seven times as wide: %d passed, %d cut", passed, cut)
	}
	r := Rule{Carries: RTP, Opened: 1, Signalled: addr("192.0.2.1:4000"), PerPacket: int64(time.Second) / 200}
	for range 100 {
		r.Step(pcma(1), addr("192.0.2.1:4000"), int64(time.Second))
	}
	if r.Counts[TooFast] != 0 {
		t.Errorf("a burst of two seconds after a stall lost %d", r.Counts[TooFast])
	}
}

func TestRuleIsData(t *testing.T) {
	r := Rule{Carries: RTP, Opened: 5, Signalled: addr("192.0.2.1:4000"), Source: addr("[2001:db8::1]:9"), Rank: Near, Near: addr("10.0.0.1:1").IP, Types: TypeSet{1, 1 << 63}, Octets: 9}
	r.Counts[Stranger] = 3
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Rule
	if err := json.Unmarshal(text, &back); err != nil || back != r {
		t.Errorf("%v: %s came back as %+v", err, text, back)
	}
	if (Addr{}).AddrPort().IsValid() || AddrFrom(netip.AddrPort{}) != (Addr{}) {
		t.Error("no address is an address")
	}
}

func BenchmarkRule(b *testing.B) {
	r := Rule{Carries: RTP, Opened: 1, Signalled: addr("192.0.2.1:4000"), Types: TypeSet{1 << 8}, PerPacket: int64(time.Second) / 200, PerKilo: 1}
	p, from, at := pcma(1), addr("192.0.2.1:4000"), int64(1)
	b.ReportAllocs()
	for b.Loop() {
		at += int64(FrameTime)
		r.Step(p, from, at)
	}
}

// nowhere is a socket that takes everything.
type nowhere struct{ n int }

func (s *nowhere) send([]byte, *target) bool { s.n++; return true }

// BenchmarkRelayStep is all that a packet costs but the system calls: found by its port, judged,
// measured, and handed to the other side's socket.
func BenchmarkRelayStep(b *testing.B) {
	p := &Pool{birth: time.Now()}
	to := &nowhere{}
	var pairs [2]pair
	var streams [2]*Stream
	for i := range pairs {
		pairs[i].rtp = port{pool: p, socket: to}
		streams[i] = &Stream{pool: p, pair: &pairs[i]}
		streams[i].Negotiate(Terms{Remote: netip.MustParseAddrPort("192.0.2.1:4000"), Open: true, Types: Types(8), Packets: 1 << 20})
		pairs[i].rtp.stream.Store(streams[i])
	}
	streams[0].Relay(streams[1])
	packet, from := pcma(1), addr("192.0.2.1:4000")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		pairs[0].rtp.packet(packet, from, int64(n)*int64(FrameTime))
	}
	if to.n != n {
		b.Fatalf("%d of %d relayed", to.n, n)
	}
}
