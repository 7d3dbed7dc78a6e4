// Package e2e tells the stories of the exchange as a user meets them: the program itself, started as
// a newcomer would, and phones that nobody here wrote.
package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// speech lasts as long as any call of these tests.
const speech = 30

// talk is how long the parties of a judged call speak.
const talk = 8 * time.Second

// What the two sides of a call say.
const (
	pageText = "The quick brown fox jumps over the lazy dog near the river bank"
	aliText  = "سلام، حال شما چطور است؟ امروز هوا خیلی خوب است"
)

// judge fails the test unless what was heard is what was said.
func judge(t *testing.T, who, heard, said string, least float64) {
	t.Helper()
	if c := phone.Match(phone.Samples(t, heard), phone.Samples(t, said)); c < least {
		t.Errorf("%s heard something else than was said: correlation %.3f, want at least %.3f", who, c, least)
	} else {
		t.Logf("%s heard what was said: correlation %.4f", who, c)
	}
}

// record waits for the one record of a call and gives it.
func record(t *testing.T, x *phone.Exchange, from, dialled string) phone.CDR {
	t.Helper()
	var found []phone.CDR
	phone.Eventually(t, 10*time.Second, "a record of "+from+" → "+dialled, func() bool {
		found = nil
		for _, c := range x.CDRs() {
			if c.From == from && c.Dialled == dialled {
				found = append(found, c)
			}
		}
		return len(found) > 0
	})
	if len(found) > 1 {
		t.Errorf("%d records of one call", len(found))
	}
	return found[0]
}

func TestTwoBaresipsTalk(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			x := phone.StartExchange(t, "--digest", "md5")
			saraSays := phone.Speech(t, "en", pageText, speech)
			aliSays := phone.Speech(t, "fa", aliText, speech)
			sara := phone.StartBaresip(t, x.Account("101", transport), saraSays)
			ali := phone.StartBaresip(t, x.Account("102", transport), aliSays)
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
			c := record(t, x, "101", "102")
			if c.State != "answered" || c.EndedBy != "caller" || c.SIP != 200 || c.Q850 != 16 || len(c.Legs) != 2 {
				t.Errorf("record %+v", c)
			}
			if c.TalkMS < (talk-time.Second).Milliseconds() || c.TalkMS > (talk+3*time.Second).Milliseconds() {
				t.Errorf("talked %d ms, want about %v", c.TalkMS, talk)
			}
		})
	}
}

func TestLinphoneCallsBaresip(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"udp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			linphoneCallsBaresip(t, transport)
		})
	}
}

func linphoneCallsBaresip(t *testing.T, transport string) {
	x := phone.StartExchange(t, "--digest", "md5")
	linSays := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)
	bareSays := phone.Speech(t, "fa", "یک دو سه چهار پنج شش هفت هشت نه ده", speech)
	lin := phone.StartLinphone(t, x.Account("103", transport))
	bare := phone.StartBaresip(t, x.Account("104", "udp"), bareSays)
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
	c := record(t, x, "103", "104")
	if c.State != "answered" || c.EndedBy != "callee" {
		t.Errorf("record %+v", c)
	}
}

// TestPhonesOfEveryDigest holds the default, SHA-256 before MD5, against a phone that knows
// both, and one that gives up on the first sight of SHA-256 and is offered MD5 alone the next time.
func TestPhonesOfEveryDigest(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t)
	phone.StartLinphone(t, x.Account("101", "udp"))
	weak := x.Account("102", "udp")
	weak.Within = 100 * time.Second // it tries again after its own pause
	phone.StartBaresip(t, weak, phone.Speech(t, "en", "hello", speech))
}

// TestHoldAndResume is judged by Linphone's ears: baresip 1.0 records nothing more once it was held.
func TestHoldAndResume(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	aSays := phone.Speech(t, "en", "Mary had a little lamb whose fleece was white as snow", 60)
	bSays := phone.Speech(t, "fa", "توانا بود هر که دانا بود", 60)
	a := phone.StartBaresip(t, x.Account("101", "udp"), aSays)
	b := phone.StartLinphone(t, x.Account("102", "udp"))
	a.Dial("102")
	b.Wait("Receiving new incoming call")
	b.Command("answer")
	a.Wait("CALL_ESTABLISHED")
	b.Command("play " + bSays)
	time.Sleep(2 * time.Second)
	a.Command("hold", "")
	time.Sleep(2 * time.Second)
	a.Command("resume", "")
	time.Sleep(2 * talk)
	a.Command("hangup", "")
	a.Wait("CALL_CLOSED")
	time.Sleep(time.Second) // linphonec closes its recording
	judge(t, "b", b.Heard(), aSays, 0.9)
	c := record(t, x, "101", "102")
	if c.State != "answered" || c.Legs[0]["held_ms"] == nil || c.Legs[0]["held_ms"].(float64) < 1500 {
		t.Errorf("the record does not know of the hold: %+v", c)
	}
}

func TestEchoAndOwnNumber(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	says := phone.Speech(t, "en", "Is there anybody out there, just nod if you can hear me", speech)
	a := phone.StartBaresip(t, x.Account("101", "udp"), says)
	a.Dial("*43")
	a.Wait("CALL_ESTABLISHED")
	time.Sleep(talk)
	a.Command("hangup", "")
	judge(t, "the caller of *43", a.Heard(), says, 0.95)
	if c := record(t, x, "101", "*43"); c.State != "answered" || c.EndedBy != "caller" {
		t.Errorf("record %+v", c)
	}
}

// A telephone hears the time and what its line is like, and the exchange hangs up then.
func TestTimeAndLine(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	for i, code := range []string{"*44", "*46"} {
		account := fmt.Sprint(101 + i)
		a := phone.StartBaresip(t, x.Account(account, "udp"), phone.Speech(t, "en", "Is there anybody out there, just nod if you can hear me", speech))
		a.Dial(code)
		a.Wait("CALL_ESTABLISHED")
		phone.Eventually(t, time.Minute, "the exchange hangs up", func() bool { return a.Out.Contains("CALL_CLOSED") })
		if c := record(t, x, account, code); c.State != "answered" || c.EndedBy != "exchange" {
			t.Errorf("record %+v", c)
		}
		loud := 0
		for _, v := range phone.Samples(t, a.Heard()) {
			if v > 1000 || v < -1000 {
				loud++
			}
		}
		if loud < 8000 {
			t.Errorf("%d loud samples of %s were heard", loud, code)
		}
	}
}

func TestTheLadderOfACall(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	a := phone.StartBaresip(t, x.Account("101", "udp"), phone.Speech(t, "en", "hello", speech))
	b := phone.StartBaresip(t, x.Account("102", "udp"), phone.Speech(t, "en", "hello", speech))
	a.Dial("102")
	b.Wait("CALL_INCOMING")
	b.Command("accept", "")
	a.Wait("CALL_ESTABLISHED")
	a.Command("hangup", "")
	b.Wait("CALL_CLOSED")
	call := record(t, x, "101", "102").Call
	ladder := x.Run("trace", call)
	for _, want := range []string{"INVITE +SDP", "401 Unauthorized (INVITE)", "180 Ringing (INVITE)", "200 OK (INVITE) +SDP", "ACK", "BYE", "200 OK (BYE)",
		"* a call of 101 at sample, dialled 102", "* goes to 102", "* leg b rings 102 at sip:", "* ended by the caller: normal call clearing"} {
		if !strings.Contains(ladder, want) {
			t.Errorf("the ladder lacks %q", want)
		}
	}
	t.Log("\n" + ladder)
	file := filepath.Join(t.TempDir(), "call.pcapng")
	x.Run("trace", call, "--pcap", file)
	if tshark, err := exec.LookPath("tshark"); err == nil {
		out, err := exec.Command(tshark, "-n", "-r", file, "-Y", "sip.Method == \"INVITE\" && sdp && frame.comment contains \"leg b rings 102\"", "-T", "fields", "-e", "sip.Method").Output()
		if err != nil || strings.TrimSpace(string(out)) != "INVITE" {
			t.Errorf("tshark reads %q, %v", out, err)
		}
	}
}

func TestALineIsOneCallOverAllItsDevices(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	sound := phone.Speech(t, "en", "hello", speech)
	line := phone.StartBaresip(t, x.Account("22000001", "udp"), sound)
	second := phone.StartBaresip(t, x.Account("22000001", "udp"), sound)
	a := phone.StartBaresip(t, x.Account("101", "udp"), sound)
	b := phone.StartBaresip(t, x.Account("102", "udp"), sound)
	line.Dial("101")
	a.Wait("CALL_INCOMING")
	b.Dial("22000001")
	b.Wait("486 Busy Here")
	second.Dial("102")
	second.Wait("403 ")
	line.Command("hangup", "")
	line.Wait("CALL_CLOSED")
	second.Dial("102")
	b.Wait("CALL_INCOMING")
	second.Command("hangup", "")
	if c := record(t, x, "102", "22000001"); c.State != "busy" || c.SIP != 486 || c.Q850 != 17 {
		t.Errorf("record %+v", c)
	}
}

func TestSIPpCallsBySIPp(t *testing.T) {
	for _, c := range []struct {
		transport, flag string
		rate, seconds   int
	}{{"udp", "u1", 50, 60}, {"tcp", "t1", 50, 20}} {
		t.Run(c.transport, func(t *testing.T) {
			x := phone.StartExchange(t, "--digest", "md5", "--extensions", "40", "--channels", "200", "--rtp-ports", "30000-49999")
			calls := c.rate * c.seconds
			answers, registers, calling := fmt.Sprint(phone.FreePort(t)), fmt.Sprint(phone.FreePort(t)), fmt.Sprint(phone.FreePort(t))
			answering := phone.StartSIPp(t, phone.Answer, x.SIP, "-t", c.flag, "-p", answers, "-m", fmt.Sprint(calls), "-rtp_echo", "-mp", fmt.Sprint(phone.FreePort(t)), "-timeout", "150", "-aa")
			var register, inject [][]string
			for i := range 20 {
				callee, caller := fmt.Sprint(121+i), fmt.Sprint(101+i)
				register = append(register, []string{callee, phone.AuthField(callee, phone.Password), answers, c.transport})
				inject = append(inject, []string{caller, phone.AuthField(caller, phone.Password), callee})
			}
			phone.StartSIPp(t, phone.Register, x.SIP, "-t", "u1", "-p", registers, "-m", "20", "-inf", phone.CSV(t, register...)).Wait(t, 20*time.Second)
			said := phone.ALaw(t, phone.Speech(t, "en", "test call", 4))
			phone.StartSIPp(t, phone.Call(said), x.SIP, "-t", c.flag, "-p", calling, "-r", fmt.Sprint(c.rate), "-m", fmt.Sprint(calls), "-l", "1000",
				"-inf", phone.CSV(t, inject...), "-mi", "127.0.0.1", "-mp", "61000", "-timeout", "150", "-timeout_error").Wait(t, 160*time.Second)
			answering.Wait(t, 20*time.Second)
			phone.Eventually(t, 20*time.Second, "every call has its record", func() bool {
				return x.Metric("santral_calls_total", `result="answered"`) == float64(calls)
			})
		})
	}
}
