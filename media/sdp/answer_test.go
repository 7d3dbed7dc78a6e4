package sdp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"santral/media"
)

var (
	pcma   = media.Format{Name: "PCMA", Payload: 8, Rate: 8000, Channels: 1}
	pcmu   = media.Format{Name: "PCMU", Payload: 0, Rate: 8000, Channels: 1}
	events = media.Format{Name: "telephone-event", Payload: 101, Rate: 8000, Channels: 1}
	ours   = []media.Format{pcma, pcmu, events}
	here   = netip.MustParseAddr("192.0.2.50")
)

func local() Local { return Local{Formats: ours} }

// at gives a description of ours the origin and the address that its session would.
func at(d *Description) string {
	d.Origin, d.Conn = NewOrigin(7, 3, here), NewConn(here)
	for i := range d.Media {
		if d.Media[i].Port != 0 {
			d.Media[i].Port = uint16(10000 + 2*i)
		}
	}
	return d.String()
}

func TestOffer(t *testing.T) {
	l := local()
	l.Ptime, l.Dir = 30, RecvOnly
	want := lines("v=0", "o=- 7 3 IN IP4 192.0.2.50", "s=-", "c=IN IP4 192.0.2.50", "t=0 0",
		"m=audio 10000 RTP/AVP 8 0 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16",
		"a=ptime:30", "a=recvonly")
	if diff := cmp.Diff(want, at(Offer(l))); diff != "" {
		t.Error(diff)
	}
}

func TestAnswer(t *testing.T) {
	head := func(media ...string) string {
		return lines(append([]string{"v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=-", "c=IN IP4 10.0.0.1", "t=5 6"}, media...)...)
	}
	answered := func(media ...string) string {
		return lines(append([]string{"v=0", "o=- 7 3 IN IP4 192.0.2.50", "s=-", "c=IN IP4 192.0.2.50", "t=5 6"}, media...)...)
	}
	for name, c := range map[string]struct {
		offer, answer string
		chosen        Chosen
	}{
		"the peer's first choice, its payload numbers, other lines refused": {
			head("m=video 6000 RTP/AVP 31", "m=audio 4000 RTP/AVP 18 0 8 96", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-16", "m=audio 4002 RTP/AVP 0"),
			answered("m=video 0 RTP/AVP 31", "m=audio 10002 RTP/AVP 0 96", "a=rtpmap:0 PCMU/8000", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-16", "a=ptime:20", "a=sendrecv", "m=audio 0 RTP/AVP 0"),
			Chosen{Line: 1, Format: pcmu, Events: media.Format{Name: "telephone-event", Payload: 96, Rate: 8000, Channels: 1, Params: "0-16"}, Digits: true, Ptime: 20, Dir: SendRecv}},
		"hold is answered by recvonly": {
			head("m=audio 4000 RTP/AVP 8", "a=sendonly", "a=ptime:30"),
			answered("m=audio 10000 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=recvonly"),
			Chosen{Format: pcma, Ptime: 30, Dir: RecvOnly, PeerHeld: true}},
		"comfort noise and events of another clock are no codec": {
			head("m=audio 4000 RTP/AVP 13 97 8", "a=rtpmap:97 telephone-event/16000"),
			answered("m=audio 10000 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=sendrecv"),
			Chosen{Format: pcma, Ptime: 20, Dir: SendRecv}},
		"a dynamic number for a known name": {
			head("m=audio 0 RTP/AVP 8", "m=audio 4000 RTP/AVPF 99", "a=rtpmap:99 pcmu/8000"),
			answered("m=audio 0 RTP/AVP 8", "m=audio 10002 RTP/AVPF 99", "a=rtpmap:99 pcmu/8000", "a=ptime:20", "a=sendrecv"),
			Chosen{Line: 1, Format: media.Format{Name: "pcmu", Payload: 99, Rate: 8000, Channels: 1}, Ptime: 20, Dir: SendRecv}},
	} {
		offer, err := Parse(c.offer)
		if err != nil {
			t.Fatal(err)
		}
		answer, chosen, err := Answer(offer, local())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.answer, at(answer)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(c.chosen, chosen); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if err := CheckAnswer(offer, answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"no common codec": head("m=audio 4000 RTP/AVP 18"),
		"over TCP":        head("m=audio 4000 TCP/RTP/AVP 8"),
		"switched off":    head("m=audio 0 RTP/AVP 8"),
		"only video":      head("m=video 4000 RTP/AVP 31"),
		"nothing":         head(),
	} {
		offer, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if a, _, err := Answer(offer, local()); !errors.Is(err, ErrNoMatch) {
			t.Errorf("%s: %v\n%v", name, err, a)
		}
	}
}

// Comfort noise and redundancy are answered where they are wanted and belong to what was chosen.
func TestAnswerWithMore(t *testing.T) {
	offer := parsed(t, lines("v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=-", "c=IN IP4 10.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 8 0 13 121 122 101",
		"a=rtpmap:121 red/8000", "a=fmtp:121 8/8", "a=rtpmap:122 red/8000", "a=fmtp:122 0/0", "a=rtpmap:101 telephone-event/8000"))
	for _, c := range []struct {
		noise, red bool
		want       string
	}{{false, false, "8 101"}, {true, false, "8 13 101"}, {false, true, "8 121 101"}, {true, true, "8 13 121 101"}} {
		l := local()
		l.Noise, l.Red = c.noise, c.red
		d, _, err := Answer(offer, l)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(d.Media[0].Formats, " "); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestCheckAnswer(t *testing.T) {
	offer := &Description{Media: []Media{{Kind: "audio", Port: 4, Proto: "RTP/AVP"}, {Kind: "video", Port: 0, Proto: "RTP/AVP"}}}
	line := func(kind string, port uint16, proto string) Media { return Media{Kind: kind, Port: port, Proto: proto} }
	refused := line("video", 0, "RTP/AVP")
	for name, c := range map[string]struct {
		media []Media
		fits  bool
	}{
		"as offered":               {[]Media{line("audio", 6, "RTP/AVP"), refused}, true},
		"refused":                  {[]Media{line("image", 0, "udptl"), refused}, true},
		"too few":                  {[]Media{line("audio", 6, "RTP/AVP")}, false},
		"too many":                 {[]Media{line("audio", 6, "RTP/AVP"), refused, refused}, false},
		"another kind":             {[]Media{line("image", 6, "RTP/AVP"), refused}, false},
		"another protocol":         {[]Media{line("audio", 6, "RTP/SAVP"), refused}, false},
		"a line that was not open": {[]Media{line("audio", 6, "RTP/AVP"), line("video", 8, "RTP/AVP")}, false},
	} {
		if err := CheckAnswer(offer, &Description{Media: c.media}); (err == nil) != c.fits {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReject(t *testing.T) {
	m := Media{Kind: "audio", Port: 4, Ports: 2, Proto: "RTP/AVP", Formats: []string{"0"}, Attrs: []Attr{{Name: "sendrecv"}}}
	m.Reject()
	if diff := cmp.Diff(Media{Kind: "audio", Proto: "RTP/AVP", Formats: []string{"0"}}, m); diff != "" || !m.Rejected() {
		t.Error(diff)
	}
}
