package session

import (
	"net/netip"
	"testing"

	"santral/base/id"
	"santral/media"
	"santral/media/rtp"
	"santral/media/udptl"
)

// BenchmarkFaxPacket is a datagram of a fax on its way through: read, put in order, and made anew with redundancy.
func BenchmarkFaxPacket(b *testing.B) {
	f, s := newFax(), new(udptl.Sender)
	ifp := make([]byte, 54)
	var d []byte
	seq := uint16(0)
	b.ReportAllocs()
	for b.Loop() {
		d = s.Append(d[:0], seq, ifp)
		seq++
		f.Packet(d, rtp.Header{})
	}
}

// BenchmarkHarkPacket is a packet of a relayed call that is listened to for the tones of a fax.
func BenchmarkHarkPacket(b *testing.B) {
	s := New(&Config{Random: id.Random()}, netip.MustParseAddr("192.0.2.1"), Profile{})
	h, _ := s.harkLocked(&line{kind: "audio", proto: "RTP/AVP", local: []media.Format{{Name: "PCMA", Payload: 8, Rate: 8000}}})
	p := make([]byte, 172)
	b.ReportAllocs()
	for b.Loop() {
		h.left = 8000
		h.Packet(p, rtp.Header{Payload: 8, Begin: 12, End: 172})
	}
}
