package session

import (
	"net/netip"
	"testing"

	"santral/media/sdp"
)

// A description may name any address; only some may be sent to before they have spoken.
func TestWhoMayBeSentTo(t *testing.T) {
	for _, c := range []struct {
		addr, peer string
		want       bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "198.51.100.2", true},
		{"192.168.1.5", "192.168.1.5", true},
		{"192.168.1.5", "10.0.0.1", true},
		{"192.168.1.5", "192.0.2.1", false},
		{"10.0.0.1", "192.0.2.1", false},
		{"100.64.3.2", "192.0.2.1", false},
		{"fd00::1", "2001:db8::1", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.2", true},
		{"127.0.0.1", "192.168.1.5", false},
		{"::1", "192.0.2.1", false},
		{"169.254.1.1", "192.168.1.5", false},
		{"fe80::1", "fd00::1", false},
		{"224.0.0.5", "127.0.0.1", false},
		{"255.255.255.255", "192.0.2.1", false},
		{"0.0.0.0", "192.0.2.1", false},
	} {
		if got := mayOpen(netip.MustParseAddr(c.addr), netip.MustParseAddr(c.peer)); got != c.want {
			t.Errorf("%s of a peer at %s: %v", c.addr, c.peer, got)
		}
	}
}

func TestRates(t *testing.T) {
	for name, c := range map[string]struct {
		lines           string
		packets, octets int
	}{
		"telephony":      {"m=audio 9 RTP/AVP 8\r\n", 50, voiceOctets + 50*header},
		"short packets":  {"m=audio 9 RTP/AVP 8\r\na=ptime:10\r\n", 100, voiceOctets + 100*header},
		"long packets":   {"m=audio 9 RTP/AVP 8\r\na=ptime:60\r\n", 50, voiceOctets + 50*header},
		"linear":         {"m=audio 9 RTP/AVP 10\r\n", 50, 4*44100 + 50*header},
		"wide video":     {"m=video 9 RTP/AVP 99\r\nb=AS:8000\r\n", 0, 1_000_000},
		"by TIAS":        {"m=video 9 RTP/AVP 99\r\nb=TIAS:16000000\r\n", 0, 2_000_000},
		"senseless":      {"m=video 9 RTP/AVP 99\r\nb=AS:-1\r\nb=AS:x\r\nb=AS\r\n", 0, videoOctets},
		"fax":            {"m=image 9 udptl t38\r\n", faxPackets, faxOctets},
		"beyond measure": {"m=video 9 RTP/AVP 99\r\nb=AS:99999999999\r\n", 0, mostBits / 8},
		"no encoding":    {"m=audio 9 RTP/AVP 99\r\na=rtpmap:99 L16/2147483647/255\r\n", 50, 4*48000 + 50*header},
	} {
		d, err := sdp.Parse("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\n" + c.lines)
		if err != nil {
			t.Fatal(name, err)
		}
		packets, octets := rates(&d.Media[0], &line{remote: d.Media[0].FormatList()})
		if packets != c.packets || octets != c.octets {
			t.Errorf("%s: %d packets and %d octets a second, want %d and %d", name, packets, octets, c.packets, c.octets)
		}
	}
}
