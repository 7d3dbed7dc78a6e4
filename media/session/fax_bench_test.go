package session

import (
	"testing"

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
