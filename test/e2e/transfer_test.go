package e2e

import (
	"testing"
	"time"

	"santral/test/phone"
)

// moved fails the test unless the transferee's first call was answered and ended, and its second is with the
// target.
func moved(t *testing.T, x *phone.Exchange, from, first, second string) {
	t.Helper()
	if c := record(t, x, from, first); c.State != "answered" {
		t.Errorf("the record of the call that was transferred: %+v", c)
	}
	if c := record(t, x, from, second); c.State != "answered" || c.TalkMS < 5000 {
		t.Errorf("the record of the call with the target: %+v", c)
	}
}

// TestBaresipTransfers: baresip sends Linphone on to another baresip, and both hear each other.
func TestBaresipTransfers(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	aSays := phone.Speech(t, "en", "The rain in Spain stays mainly in the plain, said the teacher to her class", speech)
	bSays := phone.Speech(t, "en", "Please hold the line, I will put you through to my colleague", speech)
	cSays := phone.Speech(t, "fa", "بشنو از نی چون حکایت می\u200cکند از جدایی\u200cها شکایت می\u200cکند", speech)
	a := phone.StartLinphone(t, x.Account("101", "udp"))
	b := phone.StartBaresip(t, x.Account("102", "udp"), bSays)
	c := phone.StartBaresip(t, x.Account("103", "udp"), cSays)
	a.Dial("102")
	b.Wait("CALL_INCOMING")
	b.Command("accept", "")
	b.Wait("CALL_ESTABLISHED")
	time.Sleep(time.Second)
	b.Command("transfer", "sip:103@"+x.SIP)
	c.Wait("CALL_INCOMING")
	c.Command("accept", "")
	c.Wait("CALL_ESTABLISHED")
	b.Wait("CALL_CLOSED")
	a.Command("play " + aSays)
	time.Sleep(talk)
	c.Command("hangup", "")
	c.Wait("CALL_CLOSED")
	time.Sleep(time.Second) // linphonec closes its recording
	judge(t, "the target", c.Heard(), aSays, 0.9)
	judge(t, "the transferee", a.Heard(), cSays, 0.9)
	moved(t, x, "101", "102", "103")
}

// TestBaresipTransfersToNobody: the target does not exist. baresip hangs up whatever became of its transfer,
// so it is rung again, and the two go on talking.
func TestBaresipTransfersToNobody(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	aSays := phone.Speech(t, "en", "Sing a song of sixpence, a pocket full of rye, four and twenty blackbirds", speech)
	b := phone.StartBaresip(t, x.Account("102", "udp"), phone.Speech(t, "en", "one moment please", speech))
	a := phone.StartBaresip(t, x.Account("101", "udp"), aSays)
	a.Dial("102")
	b.Wait("CALL_INCOMING")
	b.Command("accept", "")
	a.Wait("CALL_ESTABLISHED")
	b.Wait("CALL_ESTABLISHED")
	b.Out.Reset()
	b.Command("transfer", "sip:999@"+x.SIP)
	b.Wait("CALL_INCOMING")
	record(t, x, "101", "999")
	b.Command("accept", "")
	b.Wait("CALL_ESTABLISHED")
	b.Out.Reset()
	time.Sleep(talk)
	a.Command("hangup", "")
	b.Wait("CALL_CLOSED")
	judge(t, "the transferor", b.Heard(), aSays, 0.9)
}

// TestLinphoneTransfers: blind.
func TestLinphoneTransfers(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	aSays := phone.Speech(t, "en", "Humpty Dumpty sat on a wall, Humpty Dumpty had a great fall", speech)
	cSays := phone.Speech(t, "fa", "هر کسی کو دور ماند از اصل خویش باز جوید روزگار وصل خویش", speech)
	a := phone.StartBaresip(t, x.Account("101", "udp"), aSays)
	b := phone.StartLinphone(t, x.Account("102", "udp"))
	c := phone.StartBaresip(t, x.Account("103", "udp"), cSays)
	a.Dial("102")
	b.Wait("Receiving new incoming call")
	b.Command("answer")
	a.Wait("CALL_ESTABLISHED")
	b.Command("play " + cSays) // baresip hears nobody after a change of the session who comes upon a long silence
	time.Sleep(2 * time.Second)
	b.Command("transfer sip:103@" + x.SIP)
	c.Wait("CALL_INCOMING")
	a.Anew()
	c.Command("accept", "")
	c.Wait("CALL_ESTABLISHED")
	time.Sleep(talk)
	a.Command("hangup", "")
	c.Wait("CALL_CLOSED")
	judge(t, "the target", c.Heard(), aSays, 0.9)
	judge(t, "the transferee", a.Heard(), cSays, 0.9)
	moved(t, x, "101", "102", "103")
}

// TestLinphoneTransfersAttended: it holds one, asks the other, and joins them by a REFER with Replaces.
func TestLinphoneTransfersAttended(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	aSays := phone.Speech(t, "en", "Twinkle twinkle little star, how I wonder what you are", speech)
	cSays := phone.Speech(t, "fa", "ای نام تو بهترین سرآغاز بی نام تو نامه کی کنم باز", speech)
	a := phone.StartLinphone(t, x.Account("101", "udp"))
	b := phone.StartLinphone(t, x.Account("102", "udp"))
	c := phone.StartBaresip(t, x.Account("103", "udp"), cSays)
	a.Dial("102")
	b.Wait("Receiving new incoming call")
	b.Command("answer")
	a.Wait("connected")
	time.Sleep(time.Second)
	b.Command("pause")
	time.Sleep(time.Second)
	b.Dial("103")
	c.Wait("CALL_INCOMING")
	c.Command("accept", "")
	c.Wait("CALL_ESTABLISHED")
	time.Sleep(time.Second)
	b.Command("transfer 1 --to-call 2")
	time.Sleep(2 * time.Second)
	a.Command("play " + aSays)
	time.Sleep(2 * talk)
	c.Command("hangup", "")
	c.Wait("CALL_CLOSED")
	time.Sleep(time.Second) // linphonec closes its recording
	judge(t, "the target", c.Heard(), aSays, 0.9)
	judge(t, "the transferee", phone.Ending(t, a.Heard(), 12), cSays, 0.9) // before it there was music on hold
	if c := record(t, x, "102", "103"); c.State != "answered" || len(c.Legs) != 3 {
		t.Errorf("the record of the call that was taken over: %+v", c)
	}
	if t.Failed() {
		t.Logf("the transferor printed\n%s", b.Out)
	}
}

// TestClickToDial: a program has 101 rung and connected with 102.
func TestClickToDial(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	aSays := phone.Speech(t, "en", "Jack and Jill went up the hill to fetch a pail of water", speech)
	bSays := phone.Speech(t, "fa", "میازار موری که دانه کش است که جان دارد و جان شیرین خوش است", speech)
	a := phone.StartBaresip(t, x.Account("101", "udp"), aSays)
	b := phone.StartBaresip(t, x.Account("102", "udp"), bSays)
	x.Run("dial", "101", "102")
	a.Wait("CALL_INCOMING")
	a.Command("accept", "")
	b.Wait("CALL_INCOMING")
	a.Anew()
	b.Command("accept", "")
	b.Wait("CALL_ESTABLISHED")
	time.Sleep(talk)
	b.Command("hangup", "")
	a.Wait("CALL_CLOSED")
	judge(t, "the account that was rung first", a.Heard(), bSays, 0.9)
	judge(t, "the number that it was connected with", b.Heard(), aSays, 0.9)
	c := record(t, x, "101", "102")
	if c.State != "answered" || c.EndedBy != "callee" {
		t.Errorf("record %+v", c)
	}
	if t.Failed() {
		t.Log(x.Run("trace", c.Call, "--full"))
		t.Log(c)
	}
}
