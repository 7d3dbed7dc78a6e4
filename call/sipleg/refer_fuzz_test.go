package sipleg

import (
	"strings"
	"testing"

	"santral/sip"
)

// FuzzReadRefer asserts that whatever a Refer-To says, what comes of it is a clean number, a well-formed
// Replaces or a refusal.
func FuzzReadRefer(f *testing.F) {
	f.Add("<sip:104@192.0.2.1>")
	f.Add("<sip:104@192.0.2.1?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>")
	f.Add("<tel:+98-21-22000001;phone-context=example.com>")
	f.Add("<sip:a%0d%0ab@c?Replaces=x&body=y>")
	f.Fuzz(func(t *testing.T, to string) {
		if strings.ContainsAny(to, "\r\n\x00") {
			return // no header field can hold that
		}
		req := sip.NewRequest(sip.REFER, "sip:102@192.0.2.1")
		req.Set(sip.ReferTo, to)
		r, bad := readRefer(req)
		if bad != nil {
			if bad.status < 400 || bad.status > 699 {
				t.Fatalf("%q is refused with %d", to, bad.status)
			}
			return
		}
		if clean(r.number) != r.number {
			t.Fatalf("%q gives the number %q", to, r.number)
		}
		if r.replaces != nil {
			if _, err := sip.ParseReplaces(r.replaces.String()); err != nil {
				t.Fatalf("%q gives %+v", to, r.replaces)
			}
		}
	})
}
