//go:build linux

package load

import (
	"crypto/rand"
	"net/netip"
	"strings"
	"testing"

	"santral/media/srtp"
)

const ringing = "SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\nVIA : SIP/2.0/UDP 127.0.0.1:5070\r\n" +
	"f: <sip:101@x>;tag=1\r\nt:<sip:102@x>;tag=2\r\nCALL-id: abc\r\ncseq: 7 INVITE\r\nm: \"B\" <sip:102@127.0.0.1:5070;x=y>;q=1\r\n" +
	"Record-Route: <sip:a;lr>\r\nrecord-route: <sip:b;lr>\r\nContent-Length: 4\r\n\r\nbody"

func TestRead(t *testing.T) {
	var m message
	if !m.read([]byte(ringing)) {
		t.Fatal("not read")
	}
	if m.status != 180 || string(m.method) != "INVITE" || m.seq != 7 || string(m.callID) != "abc" || string(m.from) != "<sip:101@x>;tag=1" ||
		string(m.to) != "<sip:102@x>;tag=2" || len(m.via) != 2 || len(m.route) != 2 || m.target() != "sip:102@127.0.0.1:5070;x=y" || string(m.body) != "body" || user(m.to) != "102" {
		t.Errorf("%+v", m)
	}
	for _, bad := range []string{"", "SIP/2.0 x", "SIP/2.0 200 OK\r\n\r\n", strings.Replace(ringing, "cseq", "cse", 1), ringing[:100]} {
		if m.read([]byte(bad)) {
			t.Errorf("read %q", bad)
		}
	}
}

func TestMediaAddress(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.1:9002")
	if got := media([]byte(offer(at))); got != at {
		t.Error(got)
	}
	if got := media([]byte("v=0\r\n")); got.IsValid() {
		t.Error(got)
	}
}

// TestAuthorize answers the example of the first digest standard, without qop.
func TestAuthorize(t *testing.T) {
	got := string(authorize([][]byte{[]byte(`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc"`)}, "GET", "/dir/index.html", "Mufasa", "Circle Of Life"))
	if !strings.Contains(got, `response="670fd8c2df070c60b045671b8b24ff02"`) || !strings.Contains(got, `opaque="5ccc"`) || strings.Contains(got, "qop") {
		t.Error(got)
	}
	if authorize([][]byte{[]byte(`Digest realm="r", nonce="n", algorithm=SHA-256`)}, "REGISTER", "sip:x", "u", "p") != nil {
		t.Error("answered SHA-256")
	}
}

func TestParam(t *testing.T) {
	c := []byte(`realm="a, b", cnonce="no", nonce="yes", qop=auth , algorithm=MD5`)
	for name, want := range map[string]string{"realm": "a, b", "nonce": "yes", "qop": "auth", "algorithm": "MD5", "opaque": ""} {
		if got := param(c, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(ringing))
	f.Add([]byte("INVITE sip:a SIP/2.0\r\n\r\n"))
	f.Add([]byte("\r\n :0\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var m message
		if m.read(text) && (len(m.callID) > len(text) || m.status != 0 && m.status < 100) {
			t.Errorf("%+v", m)
		}
		m.target()
		user(text)
		media(text)
		param(text, "nonce")
	})
}

func BenchmarkRead(b *testing.B) {
	text := []byte(ringing)
	var m message
	b.ReportAllocs()
	for b.Loop() {
		m.read(text)
	}
}

func TestKeysInDescriptions(t *testing.T) {
	k, err := srtp.NewKey(srtp.AES128CM80, 1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain := offer(netip.MustParseAddrPort("127.0.0.1:4000"))
	text := secured(plain, k)
	got, ok := crypto([]byte(text))
	if !ok || got.Crypto() != k.Crypto() || media([]byte(text)) != media([]byte(plain)) || !strings.Contains(text, " RTP/SAVP 8\r\n") {
		t.Errorf("%v of\n%s", got, text)
	}
	if _, ok := crypto([]byte(plain)); ok {
		t.Error("a key in the clear")
	}
}
