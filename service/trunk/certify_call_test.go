package trunk

import (
	"fmt"
	"testing"
	"time"

	"santral/sip"
)

// A callee that answers our offer in a reliable 183 need not say it again in its 200 (RFC 3262 §5, RFC 6337 §2.2).
func TestADescriptionThatWasReliable(t *testing.T) {
	const audio = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
	seen := func(out bool, line, fields, body string) Seen {
		m, err := sip.ParseMessage(fmt.Sprintf("%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n%sContent-Length: %d\r\n\r\n%s", line, fields, len(body), body))
		if err != nil {
			t.Fatal(err)
		}
		return Seen{At: time.Unix(0, 0), Out: out, Transport: "UDP", Msg: m}
	}
	for _, c := range []struct {
		require string
		want    Verdict
	}{{"Require: 100rel\r\nRSeq: 1\r\n", Passed}, {"", Failed}} {
		call := newTestCall(&Observed{Digit: true, Call: []Seen{
			seen(true, "INVITE sip:c@d SIP/2.0", "", audio),
			seen(false, "SIP/2.0 183 Session Progress", c.require, audio),
			seen(false, "SIP/2.0 200 OK", "", ""),
		}})
		if codec, keys := call.codec(), call.dtmf(); codec.Verdict != c.want || keys.Verdict != c.want {
			t.Errorf("with %q: %s (%s), %s (%s)", c.require, codec.Verdict, codec.Seen, keys.Verdict, keys.Seen)
		}
	}
}
