package e2e

import (
	"fmt"
	"testing"
	"time"

	"santral/test/phone"
)

// TestMusicOnHold has baresip and Linphone hold a Linphone, which hears the tenant's music, and not what the phone that holds
// says all the while. baresip 1.0 records nothing more once it was held, so it is not who is held.
func TestMusicOnHold(t *testing.T) {
	t.Parallel()
	music := phone.Speech(t, "en", "Row, row, row your boat, gently down the stream, merrily, merrily, life is but a dream", 40)
	says := phone.Speech(t, "fa", "توانا بود هر که دانا بود", 60)
	x := phone.StartServe(t, "home.example", fmt.Sprintf(`tenant: home
domains: [home.example]
default: true
music: [{name: default, play: %q}]
extensions:
  - {number: 101, password: %s}
  - {number: 102, password: %[2]s}
  - {number: 103, password: %[2]s}
`, music, phone.Password))
	held := phone.StartLinphone(t, x.Account("102", "udp"))
	baresip := phone.StartBaresip(t, x.Account("101", "udp"), says)
	baresip.Dial("102")
	held.Wait("Receiving new incoming call")
	held.Command("answer")
	baresip.Wait("CALL_ESTABLISHED")
	baresip.Command("hold", "")
	time.Sleep(2 * talk)
	baresip.Command("hangup", "")
	baresip.Wait("CALL_CLOSED")
	time.Sleep(time.Second) // linphonec closes its recording
	judge(t, "who is held by baresip", held.Heard(), music, 0.9)
	if c := record(t, x, "101", "102"); c.Legs[0]["held_ms"] == nil || c.Legs[0]["held_ms"].(float64) < 1500 {
		t.Errorf("the record does not know of the hold: %+v", c)
	}

	other := phone.StartLinphone(t, x.Account("103", "udp"))
	other.Dial("102")
	phone.Eventually(t, 15*time.Second, "linphone rings again", func() bool { return held.Out.Contains("[sip:103@") || held.Out.Contains("sip:103@") })
	held.Command("answer")
	other.Wait("connected")
	other.Command("play " + says)
	time.Sleep(time.Second)
	other.Command("pause")
	time.Sleep(2 * talk)
	other.Command("terminate")
	time.Sleep(time.Second)
	judge(t, "who is held by Linphone", held.Heard(), music, 0.9)
}
