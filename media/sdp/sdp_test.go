package sdp

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"santral/media"
)

func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }

// What phones really send; every one is printed back as it came.
var samples = map[string]string{
	"a desk phone": lines(
		"v=0", "o=- 20518 0 IN IP4 203.0.113.1", "s=-", "c=IN IP4 203.0.113.1", "t=0 0",
		"m=audio 54400 RTP/AVP 8 0 18 101",
		"a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:18 G729/8000", "a=fmtp:18 annexb=no",
		"a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=ptime:20", "a=sendrecv"),
	"video, bandwidth and session attributes": lines(
		"v=0", "o=alice 2890844526 2890844527 IN IP6 2001:db8::1", "s= ", "i=a talk", "c=IN IP6 2001:db8::1", "b=AS:512", "t=0 0",
		"a=tool:phone", "a=sendonly",
		"m=audio 5004 RTP/AVP 0", "i=sound", "c=IN IP4 192.0.2.7", "b=AS:64", "b=RR:0", "a=rtcp:6001 IN IP4 192.0.2.8",
		"m=video 5006/2 RTP/AVPF 96 97", "c=IN IP4 192.0.2.9", "c=IN IP4 192.0.2.10", "a=rtpmap:96 H264/90000", "a=rtpmap:97 VP8/90000", "a=rtcp-mux", "a=recvonly",
		"m=image 0 udptl t38"),
	"repeats, zones, unknown letters": lines(
		"v=0", "o=j 3724394400 99999999999999999999999 IN IP4 host.example", "s=seminar", "u=http://example.com/", "e=j@example.com", "p=+1 617 555-6011",
		"c=IN IP4 233.252.0.1/127", "t=3724394400 3724398000", "r=7d 1h 0 25h", "t=0 0", "z=2882844526 -1h", "k=prompt", "a=recvonly", "y=never heard of",
		"m=application 32416 udp wb", "a=orient:portrait", "q=nor of this"),
}

func TestPrintsAsReceived(t *testing.T) {
	for name, text := range samples {
		d, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(text, d.String()); diff != "" {
			t.Errorf("%s: (-received +printed)\n%s", name, diff)
		}
		if diff := cmp.Diff(d, d.Clone()); diff != "" {
			t.Errorf("%s: the clone differs: %s", name, diff)
		}
	}
}

func TestCareless(t *testing.T) {
	for name, c := range map[string]struct{ in, out string }{
		"no s and no t, LF alone, no last line end": {
			"v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\nm=audio 4000 RTP/AVP 0",
			lines("v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=-", "c=IN IP4 10.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 0")},
		"lines out of order": {
			lines("v=0", "s=x", "t=0 0", "a=inactive", "o=- 1 1 IN IP4 10.0.0.1", "b=AS:1", "c=IN IP4 10.0.0.1", "m=audio 4000 RTP/AVP 0", "a=x", "b=AS:2", "c=IN IP4 10.0.0.2"),
			lines("v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=x", "c=IN IP4 10.0.0.1", "b=AS:1", "t=0 0", "a=inactive", "m=audio 4000 RTP/AVP 0", "c=IN IP4 10.0.0.2", "b=AS:2", "a=x")},
		"empty name, spaces, empty lines": {
			"v=0 \r\n\r\no=-  1  1 IN IP4 10.0.0.1 \r\ns=\r\nt=0 0\r\nm=audio  4000  RTP/AVP  0  8 \r\n\r\n",
			lines("v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=-", "t=0 0", "m=audio 4000 RTP/AVP 0 8")},
	} {
		d, err := Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(c.out, d.String()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestRefused(t *testing.T) {
	head := "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n"
	for name, text := range map[string]string{
		"empty":                     "",
		"blank":                     "\r\n\r\n",
		"no version":                "o=- 1 1 IN IP4 10.0.0.1\r\n",
		"version 1":                 "v=1\r\no=- 1 1 IN IP4 10.0.0.1\r\n",
		"second version":            head + "v=0\r\n",
		"no origin":                 "v=0\r\ns=-\r\nt=0 0\r\n",
		"second origin":             head + "o=- 1 1 IN IP4 10.0.0.1\r\n",
		"second name":               head + "s=-\r\n",
		"short origin":              "v=0\r\no=- 1 1 IN IP4\r\n",
		"long origin":               "v=0\r\no=- 1 1 IN IP4 10.0.0.1 more\r\n",
		"origin's version a word":   "v=0\r\no=- 1 x IN IP4 10.0.0.1\r\n",
		"not a line":                head + "hello\r\n",
		"one octet":                 head + "a\r\n",
		"carriage return":           head + "a=x\ry\r\n",
		"zero octet":                head + "a=x\x00\r\n",
		"attribute without a name":  head + "a=:x\r\n",
		"connection without addr":   head + "c=IN IP4\r\n",
		"connection with too much":  head + "c=IN IP4 10.0.0.1 x\r\n",
		"media without formats":     head + "m=audio 4000 RTP/AVP\r\n",
		"media without proto":       head + "m=audio 4000\r\n",
		"media port above 65535":    head + "m=audio 65536 RTP/AVP 0\r\n",
		"media port negative":       head + "m=audio -1 RTP/AVP 0\r\n",
		"media port with a plus":    head + "m=audio +1 RTP/AVP 0\r\n",
		"media with zero ports":     head + "m=audio 4000/0 RTP/AVP 0\r\n",
		"session line in the media": head + "m=audio 4000 RTP/AVP 0\r\nt=0 0\r\n",
		"too many media":            head + strings.Repeat("m=audio 1 RTP/AVP 0\r\n", MaxMedia+1),
		"too many formats":          head + "m=audio 1 RTP/AVP" + strings.Repeat(" 0", MaxFormats+1) + "\r\n",
		"too many lines":            head + strings.Repeat("a=x\r\n", MaxLines),
		"too long":                  head + "a=" + strings.Repeat("x", MaxSize) + "\r\n",
	} {
		if d, err := Parse(text); err == nil {
			t.Errorf("%s: taken as\n%s", name, d)
		}
	}
}

func TestNothingAddsALine(t *testing.T) {
	d := Offer(Local{Formats: []media.Format{{Name: "PCMU", Rate: 8000}}})
	want := strings.Count(d.String(), "\r\n") + 1
	d.Name = "x\r\nm=audio 1 RTP/AVP 0"
	d.Origin.User = "a\nb"
	d.Media[0].Formats[0] = "0\r\na=evil"
	d.Media[0].Attrs = append(d.Media[0].Attrs, Attr{Name: "n\r", Value: "v\x00\n"})
	if got := strings.Count(d.String(), "\n"); got != want {
		t.Errorf("%d lines, want %d:\n%s", got, want, d)
	}
	if strings.ContainsAny(strings.ReplaceAll(d.String(), "\r\n", ""), "\r\n\x00") {
		t.Errorf("bare line ends:\n%q", d)
	}
}

func TestAddresses(t *testing.T) {
	d, err := Parse(samples["video, bandwidth and session attributes"])
	if err != nil {
		t.Fatal(err)
	}
	type where struct{ rtp, rtcp string }
	for i, want := range []where{
		{"192.0.2.7:5004", "192.0.2.8:6001"},
		{"192.0.2.9:5006", "192.0.2.9:5006"},
		{"[2001:db8::1]:0", "[2001:db8::1]:1"},
	} {
		rtp, _ := d.Media[i].Addr(d)
		rtcp, _ := d.Media[i].RTCP(d)
		if got := (where{rtp.String(), rtcp.String()}); got != want {
			t.Errorf("line %d: %v, want %v", i, got, want)
		}
	}
	if addr, ok := (&Media{Conn: Conn{"IN", "IP4", "phone.example"}, Port: 1}).Addr(nil); ok {
		t.Errorf("a name gave %v", addr)
	}
	if addr, ok := (&Media{Port: 1}).Addr(&Description{}); ok {
		t.Errorf("nothing gave %v", addr)
	}
	multicast, _ := (Conn{"IN", "IP4", "233.252.0.1/127"}).IP()
	if multicast != netip.MustParseAddr("233.252.0.1") {
		t.Errorf("multicast gave %v", multicast)
	}
	if c := NewConn(netip.MustParseAddr("::ffff:192.0.2.1")); c != (Conn{"IN", "IP4", "192.0.2.1"}) {
		t.Errorf("a mapped address gave %v", c)
	}
}

func TestDirections(t *testing.T) {
	for name, c := range map[string]struct {
		session, line, conn string
		want                Direction
		held                bool
	}{
		"nothing said":        {"", "", "10.0.0.1", SendRecv, false},
		"sendonly":            {"", "sendonly", "10.0.0.1", SendOnly, true},
		"inactive":            {"", "inactive", "10.0.0.1", Inactive, true},
		"recvonly":            {"", "recvonly", "10.0.0.1", RecvOnly, false},
		"session's holds":     {"sendonly", "", "10.0.0.1", SendOnly, true},
		"the line's is first": {"inactive", "sendrecv", "10.0.0.1", SendRecv, false},
		"the old hold":        {"", "", "0.0.0.0", SendRecv, true},
		"the old hold in six": {"", "sendrecv", "::", SendRecv, true},
	} {
		d := &Description{Conn: Conn{"IN", "IP4", c.conn}, Media: []Media{{Kind: "audio", Port: 4000, Proto: "RTP/AVP"}}}
		if c.session != "" {
			d.Attrs = []Attr{{Name: c.session}}
		}
		if c.line != "" {
			d.Media[0].Attrs = []Attr{{Name: "x"}, {Name: c.line}, {Name: "y"}}
		}
		m := &d.Media[0]
		if got := m.Direction(d); got != c.want || m.Held(d) != c.held {
			t.Errorf("%s: %v, held %v", name, got, m.Held(d))
		}
		m.SetDirection(RecvOnly)
		if got := m.Direction(d); got != RecvOnly {
			t.Errorf("%s: set to recvonly, is %v", name, got)
		}
		if c.line != "" && m.Attrs[1].Name != "recvonly" {
			t.Errorf("%s: the attribute moved: %v", name, m.Attrs)
		}
	}
	all := []Direction{SendRecv, SendOnly, RecvOnly, Inactive}
	for _, a := range all {
		if a.Reverse().Reverse() != a || a.Reverse().Sends() != a.Receives() {
			t.Errorf("reverse of %v is %v", a, a.Reverse())
		}
		for _, b := range all {
			got := a.And(b)
			if got.Sends() != (a.Sends() && b.Sends()) || got.Receives() != (a.Receives() && b.Receives()) {
				t.Errorf("%v and %v give %v", a, b, got)
			}
		}
	}
}

func TestAttrs(t *testing.T) {
	m := Media{Attrs: []Attr{{"a", "1"}, {"b", ""}, {"a", "2"}, {"c", "3"}}}
	if v, _ := m.Attr("a"); v != "1" {
		t.Errorf("a is %q, not the first", v)
	}
	if v, ok := m.Attr("c"); v != "3" || !ok || !m.Has("b") || m.Has("d") {
		t.Errorf("c is %q", v)
	}
}

func TestFormats(t *testing.T) {
	d, err := Parse(lines("v=0", "o=- 1 1 IN IP4 10.0.0.1", "s=-", "t=0 0",
		"m=audio 4000 RTP/AVP 96 9 8 8 100 128 x 0 13 101 110",
		"a=rtpmap:96 opus/48000/2", "a=fmtp:96  useinbandfec=1; stereo=0", "a=rtpmap:8 pcma/8000/1", "a=rtpmap:101 telephone-event/8000",
		"a=rtpmap:110 broken", "a=rtpmap:101 speex/16000", "a=fmtp:101 0-16", "a=ptime:30"))
	if err != nil {
		t.Fatal(err)
	}
	want := []media.Format{
		{Name: "opus", Payload: 96, Rate: 48000, Channels: 2, Params: "useinbandfec=1; stereo=0"},
		{Name: "G722", Payload: 9, Rate: 8000, Channels: 1},
		{Name: "pcma", Payload: 8, Rate: 8000, Channels: 1},
		{Name: "PCMU", Payload: 0, Rate: 8000, Channels: 1},
		{Name: "CN", Payload: 13, Rate: 8000, Channels: 1},
		{Name: "telephone-event", Payload: 101, Rate: 8000, Channels: 1, Params: "0-16"},
	}
	if diff := cmp.Diff(want, d.Media[0].FormatList()); diff != "" {
		t.Error(diff)
	}
	if d.Media[0].Ptime() != 30 {
		t.Errorf("ptime %d", d.Media[0].Ptime())
	}
	if got := Rtpmap(want[0]); got != "96 opus/48000/2" {
		t.Errorf("rtpmap %q", got)
	}
	if list := (&Media{Kind: "image", Proto: "udptl", Formats: []string{"0"}}).FormatList(); list != nil {
		t.Errorf("T.38 gave %v", list)
	}
}

func TestAudio(t *testing.T) {
	d := &Description{Media: []Media{{Kind: "video", Port: 4}, {Kind: "audio"}, {Kind: "audio", Port: 6}}}
	if got := d.Audio(); got != 2 {
		t.Errorf("audio line %d", got)
	}
	d.Media[1].Attrs = []Attr{{Name: "bundle-only"}}
	if got := d.Audio(); got != 1 {
		t.Errorf("bundled audio line %d", got)
	}
	if got := new(Description).Audio(); got != -1 {
		t.Errorf("audio line %d of none", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range samples {
		f.Add(text)
	}
	f.Add("v=0\no=- 1 1 IN IP4 0.0.0.0\nm=audio 1/2 RTP/AVP 0 96\na=rtpmap:96 opus/48000/2\na=rtcp:1 IN IP4 1.1.1.1\n=x=")
	ours := []media.Format{{Name: "PCMU", Rate: 8000}, {Name: "opus", Rate: 48000, Channels: 2}, {Name: "telephone-event", Payload: 101, Rate: 8000}}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		first := d.String()
		again, err := Parse(first)
		if err != nil {
			if len(first) > MaxSize || strings.Count(first, "\n") > MaxLines {
				return // what was put in made it longer than what is read
			}
			t.Fatalf("printed text is refused: %v\n%q", err, first)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Fatalf("parse, print, parse differ: %s", diff)
		}
		if second := again.String(); second != first {
			t.Fatalf("printed differently:\n%q\n%q", first, second)
		}
		for i := range d.Media {
			m := &d.Media[i]
			m.Addr(d)
			m.RTCP(d)
			m.Held(d)
			m.FormatList()
		}
		if a, c, err := Answer(d, Local{Formats: ours}); err == nil {
			if err := CheckAnswer(d, a); err != nil {
				t.Fatalf("our own answer: %v", err)
			}
			if a.Media[c.Line].Port != placeholder {
				t.Fatalf("line %d is not the one answered", c.Line)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := samples["a desk phone"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	d, err := Parse(samples["a desk phone"])
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = d.Append(buf[:0])
	}
}

func BenchmarkFormatList(b *testing.B) {
	d, err := Parse(samples["a desk phone"])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Media[0].FormatList()
	}
}
