package trace

import (
	"encoding/binary"
	"io"
	"net/netip"
)

// Blocks and options of a pcapng file, and the two protocols that messages travel in.
const (
	blockSection   = 0x0A0D0D0A
	blockInterface = 1
	blockPacket    = 6
	optComment     = 1
	optName        = 2 // of an interface
	optApplication = 4
	linkRaw        = 101   // IPv4 or IPv6, nothing around it
	segmentMax     = 60000 // octets of a message in one TCP segment: an IP packet has no more than 65,535
	protoTCP       = 6
	protoUDP       = 17
)

// WritePcapng writes a call's messages as a pcapng capture that Wireshark reads: each message in the packet
// that it travelled in, UDP or TCP, with its real addresses; what travelled encrypted stands in plain TCP
// with a comment that says so. TCP packets have the ports and sequence numbers that let a reader put
// streams together, without the handshake that nobody kept. Decisions are comments of the message that
// follows them, or of the last one.
func WritePcapng(w io.Writer, entries []Entry) error {
	p := &pcap{seq: map[stream]uint32{}}
	p.section("Santral")
	var waiting []string
	last := -1
	for i := range entries {
		if entries[i].Decision == "" {
			last = i
		}
	}
	for i := range entries {
		if e := &entries[i]; e.Decision != "" {
			waiting = append(waiting, e.Decision)
			continue
		}
		comments := waiting
		waiting = nil
		if i == last {
			for _, e := range entries[i+1:] {
				comments = append(comments, "afterwards: "+e.Decision)
			}
		}
		p.message(&entries[i], comments)
	}
	_, err := w.Write(p.b)
	return err
}

// stream is one direction of a TCP connection.
type stream struct{ from, to netip.AddrPort }

type pcap struct {
	b   []byte
	seq map[stream]uint32
}

// block appends a block; body appends what is inside of it.
func (p *pcap) block(kind uint32, body func()) {
	at := len(p.b)
	p.b = binary.LittleEndian.AppendUint32(p.b, kind)
	p.b = append(p.b, 0, 0, 0, 0)
	body()
	p.pad()
	total := uint32(len(p.b) - at + 4)
	p.b = binary.LittleEndian.AppendUint32(p.b, total)
	binary.LittleEndian.PutUint32(p.b[at+4:], total)
}

func (p *pcap) pad() {
	for len(p.b)%4 != 0 {
		p.b = append(p.b, 0)
	}
}

func (p *pcap) option(code uint16, text string) {
	text = text[:min(len(text), 60000)]
	p.b = binary.LittleEndian.AppendUint16(p.b, code)
	p.b = binary.LittleEndian.AppendUint16(p.b, uint16(len(text)))
	p.b = append(p.b, text...)
	p.pad()
}

func (p *pcap) endOptions() { p.b = append(p.b, 0, 0, 0, 0) }

func (p *pcap) section(application string) {
	p.block(blockSection, func() {
		p.b = binary.LittleEndian.AppendUint32(p.b, 0x1A2B3C4D)
		p.b = binary.LittleEndian.AppendUint16(p.b, 1)
		p.b = binary.LittleEndian.AppendUint16(p.b, 0)
		p.b = binary.LittleEndian.AppendUint64(p.b, 1<<64-1) // of a length that is not said
		p.option(optApplication, application)
		p.endOptions()
	})
	p.block(blockInterface, func() { // times are in microseconds when nothing else is said
		p.b = binary.LittleEndian.AppendUint16(p.b, linkRaw)
		p.b = append(p.b, 0, 0, 0, 0, 0, 0)
		p.option(optName, "sip")
		p.endOptions()
	})
}

// message writes a message as one packet, or as several of a stream where it is too long for one.
func (p *pcap) message(e *Entry, comments []string) {
	from, to := e.Remote, e.Local
	if e.Out {
		from, to = to, from
	}
	if e.Proto == "TLS" || e.Proto == "WS" || e.Proto == "WSS" {
		what := map[string]string{"TLS": "TLS, encrypted", "WS": "a WebSocket", "WSS": "a WebSocket over TLS, encrypted"}[e.Proto]
		comments = append(comments, "travelled over "+what)
	}
	if e.Proto == "UDP" {
		p.packet(e, from, to, protoUDP, 0, e.Text[:min(len(e.Text), segmentMax)], comments)
		return
	}
	key := stream{from, to}
	for rest := e.Text; ; {
		n := min(len(rest), segmentMax)
		seq := p.seq[key]
		if seq == 0 {
			seq = 1
		}
		p.packet(e, from, to, protoTCP, seq, rest[:n], comments)
		p.seq[key] = seq + uint32(n)
		if rest, comments = rest[n:], nil; rest == "" {
			return
		}
	}
}

func (p *pcap) packet(e *Entry, from, to netip.AddrPort, proto byte, seq uint32, text string, comments []string) {
	ip := p.wrap(from, to, proto, seq, text)
	at := uint64(e.At.UnixMicro())
	p.block(blockPacket, func() {
		p.b = binary.LittleEndian.AppendUint32(p.b, 0)
		p.b = binary.LittleEndian.AppendUint32(p.b, uint32(at>>32))
		p.b = binary.LittleEndian.AppendUint32(p.b, uint32(at))
		p.b = binary.LittleEndian.AppendUint32(p.b, uint32(len(ip)))
		p.b = binary.LittleEndian.AppendUint32(p.b, uint32(len(ip)))
		p.b = append(p.b, ip...)
		p.pad()
		for _, c := range comments {
			p.option(optComment, c)
		}
		p.endOptions()
	})
}

// wrap makes the IP packet of a text. Addresses of two families, which no packet has, both become IPv6.
func (p *pcap) wrap(from, to netip.AddrPort, proto byte, seq uint32, text string) []byte {
	src, dst := from.Addr().Unmap().WithZone(""), to.Addr().Unmap().WithZone("")
	if !src.IsValid() {
		src = netip.IPv4Unspecified()
	}
	if !dst.IsValid() {
		dst = netip.IPv4Unspecified()
	}
	var inner []byte
	inner = binary.BigEndian.AppendUint16(inner, from.Port())
	inner = binary.BigEndian.AppendUint16(inner, to.Port())
	sum := 6
	if proto == protoUDP {
		inner = binary.BigEndian.AppendUint16(inner, uint16(8+len(text)))
		inner = append(inner, 0, 0)
	} else {
		sum = 16
		ack := p.seq[stream{to, from}]
		if ack == 0 {
			ack = 1
		}
		inner = binary.BigEndian.AppendUint32(inner, seq)
		inner = binary.BigEndian.AppendUint32(inner, ack)
		inner = append(inner, 5<<4, 0x18, 0xff, 0xff, 0, 0, 0, 0) // PSH and ACK, a wide window
	}
	inner = append(inner, text...)
	var pseudo, head []byte
	if src.Is4() && dst.Is4() {
		s, d := src.As4(), dst.As4()
		pseudo = append(append(append(pseudo, s[:]...), d[:]...), 0, proto)
		pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(inner)))
		head = append(head, 0x45, 0)
		head = binary.BigEndian.AppendUint16(head, uint16(20+len(inner)))
		head = append(head, 0, 0, 0x40, 0, 64, proto, 0, 0)
		head = append(append(head, s[:]...), d[:]...)
		binary.BigEndian.PutUint16(head[10:], checksum(head))
	} else {
		s, d := src.As16(), dst.As16()
		pseudo = append(append(pseudo, s[:]...), d[:]...)
		pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(inner)))
		pseudo = append(pseudo, 0, 0, 0, proto)
		head = append(head, 0x60, 0, 0, 0)
		head = binary.BigEndian.AppendUint16(head, uint16(len(inner)))
		head = append(head, proto, 64)
		head = append(append(head, s[:]...), d[:]...)
	}
	c := checksum(pseudo, inner)
	if c == 0 && proto == protoUDP {
		c = 0xffff // a zero would say that there is none
	}
	binary.BigEndian.PutUint16(inner[sum:], c)
	return append(head, inner...)
}

// checksum is that of IP, UDP and TCP; every part but the last has an even length.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, b := range parts {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint32(b[0])<<8 | uint32(b[1])
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
