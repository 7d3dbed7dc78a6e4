package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/store"
	"santral/test/phone"
)

// A call of Linphone's with baresip is recorded through a hold and a blind transfer to another baresip: who is heard stands in the
// segments, the call that it goes on as has a recording of its own, and each side is on its channel throughout.
func TestARecordingOverAHoldAndATransfer(t *testing.T) {
	t.Parallel()
	x := phone.StartServe(t, "home.example", fmt.Sprintf(`tenant: home
domains: [home.example]
default: true
record: all
extensions:
  - {number: 101, password: %s}
  - {number: 102, password: %[1]s}
  - {number: 103, password: %[1]s}
`, phone.Password))
	aSays := phone.Speech(t, "en", "The rain in Spain stays mainly in the plain, said the teacher to her class", 60)
	bSays := phone.Speech(t, "en", "Please hold the line, I will put you through to my colleague", 60)
	cSays := phone.Speech(t, "fa", "بشنو از نی چون حکایت می\u200cکند از جدایی\u200cها شکایت می\u200cکند", 60)
	a := phone.StartLinphone(t, x.Account("101", "udp"))
	b, c := phone.StartBaresip(t, x.Account("102", "udp"), bSays), phone.StartBaresip(t, x.Account("103", "udp"), cSays)
	a.Dial("102")
	b.Wait("CALL_INCOMING")
	b.Command("accept", "")
	b.Wait("CALL_ESTABLISHED")
	a.Command("play " + aSays)
	time.Sleep(talk)
	if list := x.Run("calls"); !strings.Contains(list, " on ") {
		t.Errorf("the list of calls does not tell of the recording: %s", list)
	}
	b.Command("hold", "")
	time.Sleep(3 * time.Second)
	b.Command("resume", "")
	time.Sleep(2 * time.Second)
	b.Command("transfer", "sip:103@"+x.SIP)
	c.Wait("CALL_INCOMING")
	c.Command("accept", "")
	c.Wait("CALL_ESTABLISHED")
	b.Wait("CALL_CLOSED")
	time.Sleep(talk)
	c.Command("hangup", "")
	c.Wait("CALL_CLOSED")
	list := recorded(t, x, 2)
	slices.SortFunc(list, func(r, s store.Recording) int { return r.Began.Compare(s.Began) })
	for i, want := range []string{"talk 101 102, hold 101 102, talk 101 102, ", "talk 101 103, "} {
		r, what := &list[i], ""
		for _, s := range r.Segments {
			what += s.What + " " + s.Left + " " + s.Right + ", "
		}
		if what != want || r.Torn || r.Lost != 0 {
			t.Errorf("recording %d: %s %+v", i, what, r)
		}
		var cdr store.CDR
		if x.Get("/api/v1/cdrs/"+string(r.Call), &cdr); len(cdr.Recordings) != 1 || cdr.Recordings[0].Name != r.Name {
			t.Errorf("the record of call %s shows %+v", r.Call, cdr.Recordings)
		}
		file, lasts := saved(t, x, r)
		other, speaks := bSays, talk.Seconds()
		if i == 1 {
			other, speaks = cSays, lasts.Seconds()
		}
		judge(t, fmt.Sprintf("the left channel of recording %d", i), channel(t, file, 1, 0, speaks), aSays, 0.9)
		judge(t, fmt.Sprintf("the right channel of recording %d", i), channel(t, file, 2, 0, speaks), other, 0.9)
	}
}
