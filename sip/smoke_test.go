package sip

import "testing"

const invite = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: \"Alice\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n" +
	"To: Bob <sip:bob@biloxi.example.com>\r\n" +
	"Call-ID: 3848276298220188511@atlanta.example.com\r\n" +
	"CSeq: 2 INVITE\r\n" +
	"Contact: <sip:alice@client.atlanta.example.com:5060;transport=udp>\r\n" +
	"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO\r\n" +
	"Supported: replaces, timer\r\n" +
	"User-Agent: Example/1.0\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 152\r\n\r\n" +
	"v=0\r\no=alice 2890844526 2890844526 IN IP4 client.atlanta.example.com\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

func TestEverydayInvite(t *testing.T) {
	m, err := ParseMessage(invite)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(m.String() == invite, len(m.Body))
	v, err := m.Via()
	t.Log(v, err, m.FromTag(), m.ToTag(), m.HasToken(Supported, "TIMER"))
	r := NewResponse(m, 180, "")
	r.SetToTag("abc")
	t.Log(r)
}

func BenchmarkParse(b *testing.B) {
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if err := Parse(invite, &m); err != nil {
			b.Fatal(err)
		}
	}
}
