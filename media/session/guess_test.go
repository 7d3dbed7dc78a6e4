package session

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"santral/media/rtp"
	"santral/media/sdp"
)

// TestWhoSeemedABrowser: one that was offered a browser's media and answers as a plain phone is talked to as one, at the
// address that it names; where security is required, or asked for, it is not.
func TestWhoSeemedABrowser(t *testing.T) {
	cfg := webHouse(t, false)
	phone, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	answer, err := sdp.Parse(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n", phone.LocalAddr().(*net.UDPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Profile{{Web: true, Secure: SecureRequired}, {Web: true, DTLS: true}} {
		s := New(cfg, netip.MustParseAddr("127.0.0.1"), p)
		if _, err := s.OfferLocal(); err != nil {
			t.Fatal(err)
		}
		if err := s.SetAnswer(answer); err == nil {
			t.Errorf("%+v: an answer in the clear is taken", p)
		}
		s.Close()
	}
	s := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{Web: true})
	defer s.Close()
	offer, err := s.OfferLocal()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetAnswer(answer); err != nil {
		t.Fatal(err)
	}
	s.Echo()
	to, _ := offer.Media[0].Addr(offer)
	packet := append(rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: 1, SSRC: 5}), make([]byte, 160)...)
	got := make([]byte, 2048)
	for range 50 {
		if _, err := phone.WriteToUDPAddrPort(packet, to); err != nil {
			t.Fatal(err)
		}
		phone.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if n, err := phone.Read(got); err == nil {
			if h, ok := rtp.Parse(got[:n]); !ok || h.Payload != 8 || h.Seq != 1 {
				t.Errorf("%x came back", got[:n])
			}
			return
		}
	}
	t.Error("nothing came back")
}
