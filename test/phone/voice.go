package phone

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Voice is a phone's media socket: it sends RTP packets that a test can tell apart, and remembers
// what it hears. RTCP has the port above.
type Voice struct {
	t         testing.TB
	rtp, rtcp *net.UDPConn
	SSRC      uint32
	Seq       uint16
	TS        uint32
	mu        sync.Mutex
	heard     []Frame
	hitch     time.Duration
	reports   [][]byte
}

// Frame is an RTP packet that was heard.
type Frame struct {
	At      time.Time
	From    string
	SSRC    uint32
	Seq     uint16
	Payload []byte
	Packet  []byte // all of it
}

// NewVoice opens an even port and the one above at an address.
func NewVoice(t testing.TB, host string) *Voice {
	t.Helper()
	for range 200 {
		port := 20000 + 2*rand.IntN(2500)
		rtp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host), Port: port})
		if err != nil {
			continue
		}
		rtcp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host), Port: port + 1})
		if err != nil {
			rtp.Close()
			continue
		}
		v := &Voice{t: t, rtp: rtp, rtcp: rtcp, SSRC: rand.Uint32(), Seq: uint16(rand.IntN(30000)), TS: rand.Uint32()}
		t.Cleanup(func() { rtp.Close(); rtcp.Close() })
		go v.hear()
		go v.hearReports()
		return v
	}
	t.Fatal("no free media port")
	return nil
}

// Addr is where the voice listens.
func (v *Voice) Addr() string { return v.rtp.LocalAddr().String() }

// Offer is a description that names this voice.
func (v *Voice) Offer() string { return Offer(v.Addr()) }

func (v *Voice) hear() {
	b := make([]byte, 2048)
	for {
		n, from, err := v.rtp.ReadFromUDP(b)
		if err != nil {
			return
		}
		f := Frame{At: time.Now(), From: from.String(), Packet: slices.Clone(b[:n])}
		if n >= 12 {
			f.Seq, f.SSRC, f.Payload = binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[8:]), f.Packet[12:]
		}
		v.mu.Lock()
		v.heard = append(v.heard, f)
		v.mu.Unlock()
	}
}

func (v *Voice) hearReports() {
	b := make([]byte, 2048)
	for {
		n, err := v.rtcp.Read(b)
		if err != nil {
			return
		}
		v.mu.Lock()
		v.reports = append(v.reports, slices.Clone(b[:n]))
		v.mu.Unlock()
	}
}

// Heard gives all frames that came, in the order in which they came.
func (v *Voice) Heard() []Frame {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.heard)
}

// Reports gives all RTCP packets that came.
func (v *Voice) Reports() [][]byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.reports)
}

// Forget forgets what was heard.
func (v *Voice) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.heard, v.reports = nil, nil
}

// Frame makes the next 20 ms of A-law, filled with a mark.
func (v *Voice) Frame(mark byte) []byte {
	b := make([]byte, 172)
	b[0], b[1] = 0x80, 8
	binary.BigEndian.PutUint16(b[2:], v.Seq)
	binary.BigEndian.PutUint32(b[4:], v.TS)
	binary.BigEndian.PutUint32(b[8:], v.SSRC)
	for i := 12; i < len(b); i++ {
		b[i] = mark
	}
	v.Seq++
	v.TS += 160
	return b
}

// Send sends a packet to a media address.
func (v *Voice) Send(to string, packet []byte) {
	if addr, err := net.ResolveUDPAddr("udp", to); err == nil {
		v.rtp.WriteTo(packet, addr)
	}
}

// SendReport sends a packet to the RTCP port above a media address.
func (v *Voice) SendReport(to string, packet []byte) {
	if addr, err := net.ResolveUDPAddr("udp", to); err == nil {
		addr.Port++
		v.rtcp.WriteTo(packet, addr)
	}
}

// Talk sends count frames with a mark, one every 20 ms. change, unless nil, gives what goes onto the
// wire in a frame's place, in order.
func (v *Voice) Talk(to string, count int, mark byte, change func(i int, frame []byte) [][]byte) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := time.Now()
	for i := range count {
		<-tick.C
		v.mu.Lock()
		v.hitch = max(v.hitch, time.Since(last)-20*time.Millisecond)
		v.mu.Unlock()
		last = time.Now()
		frame := v.Frame(mark)
		if change == nil {
			v.Send(to, frame)
			continue
		}
		for _, p := range change(i, frame) {
			v.Send(to, p)
		}
	}
}

// Hitch gives by how much this side has ever been late to send a frame.
func (v *Voice) Hitch() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hitch
}

// Marked counts the frames that carry a mark, and gives the longest time between two of them.
func Marked(frames []Frame, mark byte) (count int, gap time.Duration) {
	var last time.Time
	for _, f := range frames {
		if len(f.Payload) == 0 || f.Payload[0] != mark {
			continue
		}
		if count++; count > 1 {
			gap = max(gap, f.At.Sub(last))
		}
		last = f.At
	}
	return count, gap
}
