package trace

import (
	"strings"
	"testing"
	"time"
)

func TestMask(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Authorization: Digest username=\"101\", realm=\"x\", nonce=\"abc\", uri=\"sip:x\", response=\"0123\", cnonce=\"zz\", nc=00000001\r\n",
			"Authorization: Digest username=\"101\", realm=\"x\", nonce=\"xxx\", uri=\"sip:x\", response=\"xxxx\", cnonce=\"xx\", nc=00000001\r\n"},
		{"proxy-authorization : digest Response = 0123 ,nonce=ab\r\n", "proxy-authorization : digest Response = xxxx ,nonce=xx\r\n"},
		{"Authorization: Basic dXNlcjpwYXNz\r\nTo: x\r\n", "Authorization: Basic xxxxxxxxxxxx\r\nTo: x\r\n"},
		{"Authentication-Info: rspauth=\"0123\", qop=auth\r\n", "Authentication-Info: rspauth=\"xxxx\", qop=auth\r\n"},
		{"SIP/2.0 200 OK\r\nAUTHENTICATION-INFO: rspauth=\"0123\"\r\n", "SIP/2.0 200 OK\r\nAUTHENTICATION-INFO: rspauth=\"xxxx\"\r\n"},
		{"SIP/2.0 200 OK\r\nContact: <sip:a:b@c>\r\n\r\na=crypto:1 x inline:k\r\n", "SIP/2.0 200 OK\r\nContact: <sip:a:x@c>\r\n\r\na=crypto:1 x inline:x\r\n"},
		{"WWW-Authenticate: Digest realm=\"x\", nonce=\"abc\"\r\n", ""},
		{"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4\r\n",
			"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx|2^20|1:4\r\n"},
		{"a=crypto:2 F inline:abc;inline:def\r\nm=audio\r\n", "a=crypto:2 F inline:xxx;inline:xxx\r\nm=audio\r\n"},
		{"SIP/2.0 200 OK\r\n\r\na=ice-ufrag:abcd\r\na=ice-pwd:d0RmdmcmVCspeEc3QGZiNW\r\n", "SIP/2.0 200 OK\r\n\r\na=ice-ufrag:abcd\r\na=ice-pwd:xxxxxxxxxxxxxxxxxxxxxx\r\n"},
		{"INVITE sip:bob:secret@example.com SIP/2.0\r\n", "INVITE sip:bob:xxxxxx@example.com SIP/2.0\r\n"},
		{"Contact: <sips:+98;phone-context=x:pw@h:5061>;q=1, <SIP:a:b@c>\r\n", "Contact: <sips:+98;phone-context=x:xx@h:5061>;q=1, <SIP:a:x@c>\r\n"},
		{"From: sip:a:b@c;tag=1\r\n", "From: sip:a:x@c;tag=1\r\n"},
		{"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK@x\r\nCall-ID: 1:2@192.0.2.1:5060\r\n", ""},
		{"To: \"a:b@c\" <sip:x@y:5060;z=a@b>\r\nContact: <sip:192.0.2.1:5060;x=@>\r\n", ""},
		{"\r\n\r\nAuthorization: Digest response=0123\r\n", "\r\n\r\nAuthorization: Digest response=xxxx\r\n"},
		{"Authorization", ""}, {"", ""}, {"\n\n", ""}, {"x\r\n\r\na=crypto:1 x inline:k\r\n", "x\r\n\r\na=crypto:1 x inline:x\r\n"},
	} {
		want := c.want
		if want == "" {
			want = c.text
		}
		if got := Mask(c.text); got != want {
			t.Errorf("%q:\n got %q\nwant %q", c.text, got, want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("INVITE sip:a:b@c SIP/2.0\r\nAuthorization: Digest response=\"x\"\r\n\r\na=crypto:1 x inline:y|z\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := Mask(text)
		if len(got) != len(text) || Mask(got) != got {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

func BenchmarkMask(b *testing.B) {
	text := "INVITE sip:102@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1-1;rport\r\nMax-Forwards: 70\r\nFrom: <sip:101@192.0.2.1>;tag=1\r\n" +
		"To: <sip:102@192.0.2.1>\r\nCall-ID: 1-1@192.0.2.10\r\nCSeq: 1 INVITE\r\nContact: <sip:101@192.0.2.10:5060>\r\nAllow: INVITE, ACK, CANCEL, BYE\r\nContent-Type: application/sdp\r\nContent-Length: 120\r\n\r\n" +
		strings.Repeat("a=rtpmap:0 PCMU/8000\r\n", 6)
	b.ReportAllocs()
	for b.Loop() {
		Mask(text)
	}
}

// A decision names URIs that phones have written, with whatever they wrote into them.
func TestDecisionsAreMasked(t *testing.T) {
	b, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Decide("c1", time.Now(), "leg b rings 102 at sip:102:hunter2@192.0.2.9:5060")
	list, err := b.Read([]string{"c1"})
	if err != nil || len(list) != 1 || list[0].Decision != "leg b rings 102 at sip:102:xxxxxxx@192.0.2.9:5060" {
		t.Errorf("%+v, %v", list, err)
	}
}
