package e2e

import (
	"fmt"
	"testing"
	"time"

	"santral/test/phone"
)

// TestSIPpEarly has SIPp at both ends of a call that uses what comes before the answer: a session timer that
// is too short (422), a reliable 183 whose first copy goes unheard, PRACK on both legs, UPDATE that crosses the
// call before the answer, and one after it that goes no further.
func TestSIPpEarly(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	answers, registers, calling := fmt.Sprint(phone.FreePort(t)), fmt.Sprint(phone.FreePort(t)), fmt.Sprint(phone.FreePort(t))
	answering := phone.StartSIPp(t, phone.EarlyAnswer(), x.SIP, "-t", "u1", "-p", answers, "-m", "3", "-timeout", "60", "-timeout_error")
	auth := func(user string) string { return phone.AuthField(user, phone.Password) }
	register := phone.CSV(t, []string{"102", auth("102"), answers, "udp"})
	phone.StartSIPp(t, phone.Register, x.SIP, "-t", "u1", "-p", registers, "-m", "1", "-inf", register).Wait(t, 20*time.Second)
	calls := phone.CSV(t, []string{"101", auth("101"), "102"})
	phone.StartSIPp(t, phone.EarlyCall(), x.SIP, "-t", "u1", "-p", calling, "-r", "1", "-m", "3", "-l", "1", "-inf", calls, "-timeout", "50", "-timeout_error").Wait(t, 60*time.Second)
	answering.Wait(t, 10*time.Second)
	phone.Eventually(t, 10*time.Second, "every call has its record", func() bool {
		return x.Metric("santral_calls_total", `result="answered"`) == 3
	})
}
