package sip

import "testing"

// everydayInvite is what a desk phone sends: 14 header fields and a short offer.
const everydayInvite = "INVITE sip:102@192.0.2.1:5060;transport=udp SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.77:5062;branch=z9hG4bK-524287-1---6e1f3c8a9d2b4f17;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"Contact: <sip:101@192.0.2.77:5062;transport=udp>\r\n" +
	"To: <sip:102@192.0.2.1:5060>\r\n" +
	"From: \"Alice Example\" <sip:101@192.0.2.1:5060>;tag=5f3a9c21\r\n" +
	"Call-ID: 83402NTk4MmFlNzY0ZGE1MzVlYzQ1\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Supported: replaces, norefersub, extended-refer, timer, outbound, path\r\n" +
	"User-Agent: Example Phone 5.1.65\r\n" +
	"Allow-Events: presence, kpml, talk\r\n" +
	"Content-Length: 153\r\n\r\n" +
	"v=0\r\no=- 13324 1 IN IP4 192.0.2.77\r\ns=Example\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\n" +
	"m=audio 52382 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"

const everydayRegister = "REGISTER sip:192.0.2.1:5060 SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.77:5062;branch=z9hG4bK-524287-1---6e1f3c8a9d2b4f17;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"Contact: <sip:101@192.0.2.77:5062;transport=udp>;expires=300\r\n" +
	"To: <sip:101@192.0.2.1:5060>\r\n" +
	"From: <sip:101@192.0.2.1:5060>;tag=5f3a9c21\r\n" +
	"Call-ID: 83402NTk4MmFlNzY0ZGE1MzVlYzQ1\r\n" +
	"CSeq: 2 REGISTER\r\n" +
	"Authorization: Digest username=\"101\",realm=\"santral\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",uri=\"sip:192.0.2.1:5060\",response=\"6629fae49393a05397450978507c4ef1\",cnonce=\"0a4f113b\",nc=00000001,qop=auth,algorithm=MD5\r\n" +
	"User-Agent: Example Phone 5.1.65\r\n" +
	"Content-Length: 0\r\n\r\n"

func BenchmarkParseInvite(b *testing.B) {
	var m Message
	b.SetBytes(int64(len(everydayInvite)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Parse(everydayInvite, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRegister(b *testing.B) {
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if err := Parse(everydayRegister, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	req, err := ParseMessage(everydayInvite)
	if err != nil {
		b.Fatal(err)
	}
	res := NewResponse(req, 180, "")
	res.SetToTag("8321234356")
	res.Set(Contact, "<sip:192.0.2.1:5060>")
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = res.Append(buf[:0])
	}
}

func BenchmarkNewResponse(b *testing.B) {
	req, err := ParseMessage(everydayInvite)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		NewResponse(req, 180, "")
	}
}

func BenchmarkViews(b *testing.B) {
	m, err := ParseMessage(everydayInvite)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		v, _ := m.Via()
		_ = v.Branch()
		_ = m.FromTag()
		_ = m.CallID()
		_, _ = m.CSeq()
		for a, err := range m.Contacts() {
			if err != nil || a.URI.User != "101" {
				b.Fatal(err)
			}
		}
		if !m.HasToken(Supported, "timer") {
			b.Fatal("timer")
		}
	}
}

func TestEverydayMessages(t *testing.T) {
	for _, text := range []string{everydayInvite, everydayRegister} {
		m, err := ParseMessage(text)
		if err != nil {
			t.Fatal(err)
		}
		if s := m.String(); s != text {
			t.Errorf("printed %q\nwant %q", s, text)
		}
		if n := testing.AllocsPerRun(100, func() { Parse(text, m) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}
