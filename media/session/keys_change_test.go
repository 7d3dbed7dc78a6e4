package session_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/mediatest"
)

// A peer that takes its events, or its encoding, out of the session while a key is on its way to it gets the key in
// the way that holds then, and all those after it.
func TestKeyThroughAChange(t *testing.T) {
	offer := func(m string) string {
		return "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP " + m
	}
	const (
		events = "8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
		none   = "8\r\n"
		wide   = "9\r\n"
		fast   = "8 101\r\na=rtpmap:101 telephone-event/16000\r\n"
	)
	for _, c := range [...]struct{ name, before, after string }{
		{"events end", events, none}, {"events begin", none, events}, {"another clock of events", events, fast}, {"tones at another rate", none, wide},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call := newCall(t)
				change := func(text string) {
					t.Helper()
					check(t, call.sa.SetRemote(mediatest.Parse(t, offer(text))))
					call.toA = mediatest.To(t, got(call.sa.AnswerLocal())(t))
				}
				change(c.before)
				call.sa.Attach(nil, nil)
				check(t, call.sa.SendDigit('5', 300))
				mediatest.Wait(100 * time.Millisecond)
				change(c.after)
				check(t, call.sa.SendDigit('6', 100))
				synctest.Wait() // what was sent in this instant was sent before the change
				call.a.Forget()
				mediatest.Wait(time.Second)
				keys, sound := map[byte]bool{}, 0
				for _, p := range call.a.Heard() {
					if b := p.Data[p.Header.Begin:p.Header.End]; p.Header.Payload == 101 && len(b) == 4 {
						keys[b[0]] = true
					} else {
						sound++
					}
				}
				if want := strings.Contains(c.after, "101"); keys[5] != want || keys[6] != want || !want && sound < 15 {
					t.Errorf("keys %v, %d packets of sound", keys, sound)
				}
			})
		})
	}
}
