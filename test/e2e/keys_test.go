package e2e

import (
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// Phones with keys in their descriptions talk with one that has none: one that must have them calls over signalling in the
// clear, one that may have them is called over TLS, and takes those that stand beside a plain profile (RFC 8643).
func TestPhonesWithKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		caller, callee phone.Account
		from, to       string // transports
	}{
		"keys alone":        {phone.Account{Encryption: "srtp-mand"}, phone.Account{}, "udp", "udp"},
		"keys beside plain": {phone.Account{}, phone.Account{Encryption: "srtp"}, "udp", "tls"},
		"keys on each side": {phone.Account{Encryption: "srtp-mand"}, phone.Account{Encryption: "srtp"}, "tls", "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := phone.StartExchange(t, "--digest", "md5")
			saraSays := phone.Speech(t, "en", pageText, speech)
			aliSays := phone.Speech(t, "fa", aliText, speech)
			from, to := x.Account("101", c.from), x.Account("102", c.to)
			from.Encryption, to.Encryption = c.caller.Encryption, c.callee.Encryption
			sara, ali := phone.StartBaresip(t, from, saraSays), phone.StartBaresip(t, to, aliSays)
			sara.Dial("102")
			ali.Wait("CALL_INCOMING")
			ali.Command("accept", "")
			sara.Wait("CALL_ESTABLISHED")
			ali.Wait("CALL_ESTABLISHED")
			time.Sleep(talk)
			sara.Command("hangup", "")
			ali.Wait("CALL_CLOSED")
			judge(t, "ali", ali.Heard(), saraSays, 0.95)
			judge(t, "sara", sara.Heard(), aliSays, 0.95)
			for who, p := range map[string]struct {
				keyed bool
				said  string
			}{"sara": {from.Encryption != "", sara.Out.String()}, "ali": {to.Encryption != "", ali.Out.String()}} {
				if got := strings.Contains(p.said, "SRTP is Enabled"); got != p.keyed {
					t.Errorf("%s is secure: %v\n%s", who, got, p.said)
				}
			}
		})
	}
}

// Linphone, which knows no AES-GCM, must have keys and calls a plain phone.
func TestLinphoneWithKeys(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	linSays := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)
	bareSays := phone.Speech(t, "fa", "یک دو سه چهار پنج شش هفت هشت نه ده", speech)
	account := x.Account("103", "tls")
	account.Encryption = "srtp"
	lin, bare := phone.StartLinphone(t, account), phone.StartBaresip(t, x.Account("104", "udp"), bareSays)
	lin.Dial("104")
	bare.Wait("CALL_INCOMING")
	bare.Command("accept", "")
	bare.Wait("CALL_ESTABLISHED")
	lin.Command("play " + linSays)
	time.Sleep(talk)
	bare.Command("hangup", "")
	bare.Wait("CALL_CLOSED")
	time.Sleep(time.Second) // linphonec closes its recording
	judge(t, "baresip", bare.Heard(), linSays, 0.9)
	judge(t, "linphone", lin.Heard(), bareSays, 0.9)
}
