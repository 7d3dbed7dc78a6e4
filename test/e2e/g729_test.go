package e2e

import (
	"testing"
	"time"

	"santral/test/phone"
)

// What speech that G.729 has been through is worth: the measure thinks little of it, since it is not the wave that was
// said (Linphone to Linphone 1.7 to 2.1), but more than of what somebody else said, which is 1, and whose wave is like it
// by 0.2.
const (
	poor = 1.3
	like = 0.4
)

// TestG729 has Linphone speak G.729 to another Linphone, which passes as it is, and to a phone of A-law, for which the
// exchange needs a library.
func TestG729(t *testing.T) {
	t.Parallel()
	linSays, otherSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
	judged := func(t *testing.T, who, heard, said string) {
		t.Helper()
		score, c := phone.Opinion(t, heard, said), phone.Match(phone.Samples(t, heard), phone.Samples(t, said))
		if score < poor || c < like {
			t.Errorf("%s heard speech of %.2f out of 4.5, correlation %.2f, want %.1f and %.1f", who, score, c, poor, like)
		} else {
			t.Logf("%s heard speech of %.2f out of 4.5, correlation %.2f", who, score, c)
		}
	}
	linphone := func(t *testing.T, x *phone.Exchange, user string) *phone.Linphone {
		account := x.Account(user, "udp")
		account.Codec = "G729"
		return phone.StartLinphone(t, account)
	}
	t.Run("passes", func(t *testing.T) {
		t.Parallel()
		x := phone.StartExchange(t, "--digest", "md5")
		a, b := linphone(t, x, "101"), linphone(t, x, "102")
		a.Dial("102")
		b.Wait("Receiving new incoming call")
		b.Command("answer")
		b.Log("LinphoneCallStreamsRunning")
		a.Command("play " + linSays)
		b.Command("play " + otherSays)
		time.Sleep(talk)
		a.Command("terminate")
		c := record(t, x, "101", "102")
		time.Sleep(time.Second) // linphonec closes its recording
		judged(t, "the callee", b.Heard(), linSays)
		judged(t, "the caller", a.Heard(), otherSays)
		for _, leg := range c.Legs {
			if leg["codec"] != "G729" {
				t.Errorf("a leg speaks %v, want G729", leg["codec"])
			}
		}
	})
	t.Run("is spoken", func(t *testing.T) {
		t.Parallel()
		phone.Library(t, "libbcg729.so.0")
		x := phone.StartServeMedia(t, "site.example", ", g729: libbcg729.so.0", site([2]string{"101", "codecs: [G729]"}, [2]string{"102", "codecs: [PCMA]"}))
		a, b := linphone(t, x, "101"), phone.StartBaresip(t, x.Account("102", "udp"), otherSays)
		a.Dial("102")
		b.Wait("CALL_INCOMING")
		b.Command("accept", "")
		b.Wait("CALL_ESTABLISHED")
		a.Command("play " + linSays)
		time.Sleep(talk)
		b.Command("hangup", "")
		b.Wait("CALL_CLOSED")
		time.Sleep(time.Second) // linphonec closes its recording
		judged(t, "the phone of A-law", b.Heard(), linSays)
		judged(t, "Linphone", a.Heard(), otherSays)
	})
}
