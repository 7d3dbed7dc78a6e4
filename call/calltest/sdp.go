package calltest

import (
	"fmt"
	"net/netip"
	"strings"

	"santral/media/sdp"
)

// Describe makes a description of one audio line with formats by name, best first, and a direction
// ("" for sendrecv), for a phone at 192.0.2.1:4000.
func Describe(direction string, formats ...string) *sdp.Description {
	return DescribeAt(netip.MustParseAddrPort("192.0.2.1:4000"), direction, formats...)
}

// DescribeAt is Describe for a phone whose media is at an IPv4 address.
func DescribeAt(at netip.AddrPort, direction string, formats ...string) *sdp.Description {
	numbers := map[string]int{"PCMU": 0, "PCMA": 8, "G722": 9, "G729": 18, "opus": 96, "telephone-event": 101}
	var list, maps strings.Builder
	for _, f := range formats {
		rate := "8000"
		if f == "opus" {
			rate = "48000/2"
		}
		fmt.Fprintf(&list, " %d", numbers[f])
		fmt.Fprintf(&maps, "a=rtpmap:%d %s/%s\r\n", numbers[f], f, rate)
	}
	text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %d RTP/AVP%s\r\n%s",
		at.Addr(), at.Port(), list.String(), maps.String())
	if direction != "" {
		text += "a=" + direction + "\r\n"
	}
	d, err := sdp.Parse(text)
	if err != nil {
		panic(err)
	}
	return d
}

// text prints a description in few words for a ladder.
func text(d *sdp.Description) string {
	if d == nil {
		return "no sdp"
	}
	var b strings.Builder
	b.WriteString("sdp(")
	for i := range d.Media {
		m := &d.Media[i]
		if i > 0 {
			b.WriteString("; ")
		}
		for j, f := range m.FormatList() {
			if j > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(f.Name)
		}
		if dir := m.Direction(d); dir != sdp.SendRecv {
			b.WriteString(" " + dir.String())
		}
	}
	return b.String() + ")"
}

// ours prints what control has a leg answer with: nil is the description of the leg's own session.
func ours(d *sdp.Description) string {
	if d == nil {
		return "own sdp"
	}
	return text(d)
}
