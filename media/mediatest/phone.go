// Package mediatest is the media wing's kit for tests: ears and mouths of phones on any network,
// virtual or real, sources and sinks of sound, and session descriptions as phones write them.
//
// What lives here knows no signalling: who calls whom is the caller's business. A Phone owns its two
// sockets and one goroutine for each, and closes them when the test ends.
package mediatest

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/media/rtp"
	"santral/media/sdp"
)

// Packet is one packet that a phone has heard.
type Packet struct {
	From   netip.AddrPort
	At     time.Time
	Header rtp.Header // of an RTP packet
	Data   []byte
}

// Phone is the media of one phone: an RTP port and the RTCP port after it.
type Phone struct {
	SSRC    uint32 // changed at will between packets
	Seq     uint16 // of the next packet
	Stamp   uint32 // timestamp of the next packet
	Payload uint8  // PCMA when it is not changed

	t    testing.TB
	rtp  vnet.UDP
	rtcp vnet.UDP
	done sync.WaitGroup

	mu      sync.Mutex
	heard   []Packet
	control []Packet
}

// NewPhone opens a phone's ports at at and the next one.
func NewPhone(t testing.TB, net vnet.Net, at netip.AddrPort) *Phone {
	t.Helper()
	p := &Phone{t: t, SSRC: uint32(at.Port())<<16 | 0x5a5a, Seq: 1000, Stamp: 50000, Payload: 8}
	p.rtp = listen(t, net, at)
	p.rtcp = listen(t, net, netip.AddrPortFrom(at.Addr(), p.rtp.LocalAddr().Port()+1))
	p.done.Add(2)
	go p.read(p.rtp, &p.heard)
	go p.read(p.rtcp, &p.control)
	t.Cleanup(p.Close)
	return p
}

func listen(t testing.TB, net vnet.Net, at netip.AddrPort) vnet.UDP {
	t.Helper()
	u, err := net.ListenUDP(at, vnet.Options{})
	if err != nil {
		t.Fatalf("phone at %s: %v", at, err)
	}
	return u
}

func (p *Phone) read(u vnet.UDP, list *[]Packet) {
	defer p.done.Done()
	batch := []vnet.Datagram{{B: make([]byte, 2048)}}
	for {
		n, err := u.ReadBatch(batch)
		if err != nil {
			return
		}
		for _, d := range batch[:n] {
			h, _ := rtp.Parse(d.B[:d.N])
			p.mu.Lock()
			*list = append(*list, Packet{From: d.Addr, At: time.Now(), Header: h, Data: append([]byte(nil), d.B[:d.N]...)})
			p.mu.Unlock()
		}
	}
}

// Close closes the phone's ports and waits for its readers. It may be called again.
func (p *Phone) Close() {
	p.rtp.Close()
	p.rtcp.Close()
	p.done.Wait()
}

// Addr is where the phone's RTP comes from and goes to, in its own network.
func (p *Phone) Addr() netip.AddrPort { return p.rtp.LocalAddr() }

// Control is the same for RTCP.
func (p *Phone) Control() netip.AddrPort { return p.rtcp.LocalAddr() }

// Next makes the phone's next packet: 20 ms of PCMA whose first octets are its sequence number.
func (p *Phone) Next() []byte {
	b := rtp.AppendHeader(nil, rtp.Header{Payload: p.Payload, Seq: p.Seq, Timestamp: p.Stamp, SSRC: p.SSRC})
	sound := make([]byte, 160)
	binary.BigEndian.PutUint16(sound, p.Seq)
	p.Seq++
	p.Stamp += 160
	return append(b, sound...)
}

// Say sends the next packet.
func (p *Phone) Say(to netip.AddrPort) { p.Send(to, p.Next()) }

// Send sends anything from the RTP port.
func (p *Phone) Send(to netip.AddrPort, b []byte) {
	p.t.Helper()
	if err := p.rtp.WriteTo(b, to); err != nil {
		p.t.Errorf("send to %s: %v", to, err)
	}
}

// SendControl sends anything from the RTCP port.
func (p *Phone) SendControl(to netip.AddrPort, b []byte) {
	p.t.Helper()
	if err := p.rtcp.WriteTo(b, to); err != nil {
		p.t.Errorf("send to %s: %v", to, err)
	}
}

// Talk says n packets, 20 ms apart, and returns 20 ms after the last one.
func (p *Phone) Talk(to netip.AddrPort, n int) { Talk(n, func() { p.Say(to) }) }

// Talk calls say n times, 20 ms apart, and returns 20 ms after the last one.
func Talk(n int, say ...func()) {
	tick := time.NewTicker(rtp.FrameTime)
	defer tick.Stop()
	for range n {
		for _, f := range say {
			f()
		}
		<-tick.C
	}
}

// Heard is every RTP packet heard so far.
func (p *Phone) Heard() []Packet { return p.copy(&p.heard) }

// Take gives every RTP packet heard so far, and forgets them.
func (p *Phone) Take() (list []Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list, p.heard = p.heard, nil
	return list
}

// HeardControl is every RTCP packet heard so far.
func (p *Phone) HeardControl() []Packet { return p.copy(&p.control) }

func (p *Phone) copy(list *[]Packet) []Packet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Packet(nil), *list...)
}

// Forget empties what was heard.
func (p *Phone) Forget() {
	p.mu.Lock()
	p.heard, p.control = nil, nil
	p.mu.Unlock()
}

// HeardOf counts the packets of one source number.
func (p *Phone) HeardOf(ssrc uint32) (n int) {
	for _, h := range p.Heard() {
		if h.Header.SSRC == ssrc {
			n++
		}
	}
	return n
}

// Offer is a phone's description of one audio line at at, further attribute lines behind it
// ("sendonly"). It serves as an answer too.
func Offer(t testing.TB, at netip.AddrPort, attrs ...string) *sdp.Description {
	t.Helper()
	family := "IP6"
	if at.Addr().Is4() {
		family = "IP4"
	}
	text := "v=0\r\no=phone 1 1 IN " + family + " " + at.Addr().String() + "\r\ns=-\r\nc=IN " + family + " " + at.Addr().String() +
		"\r\nt=0 0\r\nm=audio " + strconv.Itoa(int(at.Port())) + " RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
	for _, a := range attrs {
		text += "a=" + a + "\r\n"
	}
	return Parse(t, text)
}

// Parse reads a description that is known to be good.
func Parse(t testing.TB, text string) *sdp.Description {
	t.Helper()
	d, err := sdp.Parse(text)
	if err != nil {
		t.Fatalf("description: %v\n%s", err, text)
	}
	return d
}

// To is where a description wants its first line's media.
func To(t testing.TB, d *sdp.Description) netip.AddrPort {
	t.Helper()
	at, ok := d.Media[0].Addr(d)
	if !ok || at.Port() == 0 {
		t.Fatalf("no address in\n%s", d)
	}
	return at
}

// Wait lets time pass, virtual in a synctest bubble.
func Wait(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}
