package rtp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"santral/media/rtp"
)

// What a peer gets is marked as the pool says, or as the stream does, and the next stream on the ports begins anew
// (RFC 2474 §3).
func TestMarks(t *testing.T) {
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{loopback}, First: 30500, Last: 30501, DSCP: 46, Drain: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	peer, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	raw, err := peer.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1) })
	if err != nil {
		t.Fatal(err)
	}
	marked := func(s *rtp.Stream, want int) {
		t.Helper()
		if !s.Send(sound(1, 2, 8, "")) {
			t.Fatal("not sent")
		}
		peer.SetReadDeadline(time.Now().Add(5 * time.Second))
		b, more := make([]byte, 2048), make([]byte, 256)
		_, n, _, _, err := peer.ReadMsgUDP(b, more)
		if err != nil {
			t.Fatal(err)
		}
		list, err := unix.ParseSocketControlMessage(more[:n])
		if err != nil || len(list) == 0 || len(list[0].Data) == 0 || int(list[0].Data[0])>>2 != want {
			t.Errorf("marked %+v (%v), want %d", list, err, want)
		}
	}
	terms := rtp.Terms{Remote: peer.LocalAddr().(*net.UDPAddr).AddrPort(), Peer: loopback, Open: true}
	for _, dscp := range []int{0, 34, 0} {
		s, err := pool.TakeAt(loopback, 30500)
		if err != nil {
			t.Fatal(err)
		}
		terms.DSCP = dscp
		s.Negotiate(terms)
		if dscp == 0 {
			dscp = 46
		}
		marked(s, dscp)
		s.Release()
	}
}
