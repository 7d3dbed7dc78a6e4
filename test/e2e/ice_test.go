package e2e

import (
	"testing"
	"time"

	"santral/test/phone"
)

// TestPhonesAreOfferedICE is the other side of TestHandshakesAndICEOfPhones: the phones are called, and it is our offer
// that has candidates, where the account's settings say so. (baresip gathers no candidate of loopback, so this machine's
// own address is what they agree on.) With keys in descriptions beside ICE baresip 1.0 answers by a key of its own first
// suite under the tag of ours, and opens by our first: such an answer is refused (RFC 4568 §5.1.2), where to take it would
// be a call that one side hears.
func TestPhonesAreOfferedICE(t *testing.T) {
	t.Parallel()
	saraSays, aliSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
	for name, c := range map[string]struct {
		encryption, media string
		refused           bool
	}{
		"ice":          {"", "ice: true", false},
		"ice and dtls": {"dtls_srtp", "ice: true, srtp: required, keys: dtls", false},
		"ice and keys": {"srtp-mand", "ice: true, srtp: required", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := phone.StartServe(t, "site.example", site([2]string{"101", ""}, [2]string{"102", c.media}))
			sara := phone.StartBaresip(t, x.Account("101", "udp"), saraSays)
			account := x.Account("102", "udp")
			account.Encryption, account.ICE, account.More = c.encryption, true, ";rtcp_mux=yes"
			ali := phone.StartBaresip(t, account, aliSays)
			sara.Dial("102")
			ali.Wait("CALL_INCOMING")
			ali.Command("accept", "")
			if c.refused {
				sara.Wait("488 Not Acceptable Here")
				return
			}
			sara.Wait("CALL_ESTABLISHED")
			ali.Wait("CALL_ESTABLISHED")
			time.Sleep(talk)
			sara.Command("hangup", "")
			ali.Wait("CALL_CLOSED")
			understood(t, "ali", ali.Heard(), saraSays)
			understood(t, "sara", sara.Heard(), aliSays)
			if x.Metric("santral_ice_packets_total", "result", "media") == 0 {
				t.Errorf("no media came to the port of browsers; ali says\n%s", ali.Out)
			}
		})
	}
}
