package e2e

import (
	"fmt"
	"testing"
	"time"

	"santral/test/phone"
)

// SIPp plays captures of real traffic: speech in packets of 30 ms, and keys as events that another source sent with
// numbers and a clock of its own. A phone that takes events is told the keys, one that wants tones hears them, and
// both hear the speech.
func TestSIPpPlaysCaptures(t *testing.T) {
	t.Parallel()
	phone.Root(t, "SIPp plays captures by raw sockets, which need root")
	for _, digits := range []string{"events", "inband"} {
		t.Run(digits, func(t *testing.T) {
			t.Parallel()
			x := phone.StartServe(t, "site.example", site([2]string{"101", ""}, [2]string{"102", "digits: " + digits}))
			ali := phone.StartBaresip(t, x.Account("102", "udp"), phone.Speech(t, "en", "hello", speech))
			inject := []string{"101", phone.AuthField("101", phone.Password), "102"}
			sipp := phone.StartSIPp(t, phone.Plays(t, "g711a", "7300", "dtmf_2833_4", "dtmf_2833_7"), x.SIP, "-p", fmt.Sprint(phone.FreePort(t)),
				"-m", "1", "-mp", fmt.Sprint(phone.FreePort(t)), "-inf", phone.CSV(t, inject))
			ali.Wait("CALL_INCOMING")
			ali.Command("accept", "")
			sipp.Wait(t, 25*time.Second)
			ali.Wait("CALL_CLOSED")
			understood(t, "the phone", phone.Beginning(t, ali.Heard(), 7), phone.Played(t, "g711a"))
			if digits == "inband" {
				if keys := phone.Keys(t, ali.Heard()); keys != "47" {
					t.Errorf("the phone heard the tones of %q, want 47", keys)
				}
				return
			}
			if keys := ali.Pressed(); keys != "47" {
				t.Errorf("the phone was told the keys %q, want 47", keys)
			}
		})
	}
}
