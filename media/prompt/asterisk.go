package prompt

import (
	"strconv"
	"strings"

	"santral/media"
)

// asterisk gives for our clips the files that say the same in a set with Asterisk's names: one, or some that are heard
// one after another. Clips that such a set has no words for are not in it; a sentence with one of them is ours.
func asterisk() map[string][]string {
	m := map[string][]string{}
	for id, files := range asteriskNames {
		m[id] = strings.Fields(files)
	}
	for n := range 100 {
		if n > 20 && n%10 != 0 {
			continue
		}
		s := strconv.Itoa(n)
		m["number."+s] = []string{"digits/" + s}
		if n > 0 {
			m["ordinal."+s] = []string{"digits/h-" + s}
		}
	}
	for _, scale := range []string{"hundred", "thousand", "million", "billion"} {
		m["number."+scale] = []string{"digits/" + scale}
		m["ordinal."+scale] = []string{"digits/h-" + scale}
	}
	for i, id := range weekdays {
		m[id] = []string{"digits/day-" + strconv.Itoa(i)}
	}
	for i, id := range months[media.Gregorian] {
		m[id] = []string{"digits/mon-" + strconv.Itoa(i)}
	}
	for r := 'a'; r <= 'z'; r++ {
		m[latin(r)] = []string{"letters/" + string(r)}
	}
	for key, word := range map[string]string{"star": "digits/star", "hash": "digits/pound"} {
		m["menu.press-"+key] = []string{"vm-press", word}
		m["sign."+key] = []string{word}
	}
	for d := '0'; d <= '9'; d++ {
		m["menu.press-"+string(d)] = []string{"vm-press", "digits/" + string(d)}
	}
	return m
}

var asteriskNames = map[string]string{
	"number.minus": "digits/minus", "number.and": "vm-and", "number.oh": "digits/oh",
	"clock.am": "digits/a-m", "clock.pm": "digits/p-m", "time.at": "digits/at",
	"day.today": "digits/today", "day.tomorrow": "digits/tomorrow", "day.yesterday": "digits/yesterday",
	"time.hours": "hours", "time.minute": "minute", "time.minutes": "minutes", "time.second": "second", "time.seconds": "seconds",
	"money.usd-many": "digits/dollars",
	"sign.plus":      "letters/plus", "sign.dot": "letters/dot", "sign.dash": "letters/dash", "sign.underscore": "letters/ascii95",
	"sign.colon": "letters/ascii58", "sign.slash": "letters/slash", "sign.at": "letters/at",

	"general.hello": "hello", "general.goodbye": "goodbye", "general.one-moment": "one-moment-please", "general.connecting": "pls-hold-while-try",
	"general.try-again": "please-try-again", "general.try-later": "please-try-call-later", "general.cancelled": "cancelled",
	"general.not-available": "feature-not-avail-line",

	"menu.invalid": "pm-invalid-option", "menu.you-entered": "you-entered", "menu.extension": "extension",
	"menu.to-listen": "to-listen-to-it", "menu.to-record-again": "to-rerecord-it",

	"pin.enter": "agent-pass", "pin.wrong": "auth-incorrect", "pin.new": "vm-newpassword", "pin.again": "vm-reenterpassword",
	"pin.mismatch": "vm-mismatch", "pin.changed": "vm-passchanged",

	"error.not-in-service": "ss-noservice", "error.invalid-number": "pbx-invalid", "error.no-answer": "number-not-answering",
	"error.all-lines-busy": "all-circuits-busy-now", "error.not-possible": "cannot-complete-as-dialed", "error.withheld": "privacy-unident",

	"voicemail.unavailable": "vm-nobodyavail", "voicemail.leave-message": "vm-intro", "voicemail.full": "vm-mailboxfull", "voicemail.you-have": "vm-youhave",
	"voicemail.new-message": "vm-INBOX vm-message", "voicemail.new-messages": "vm-INBOX vm-messages",
	"voicemail.saved-message": "vm-Old vm-message", "voicemail.saved-messages": "vm-Old vm-messages",
	"voicemail.urgent-messages": "vm-Urgent vm-messages", "voicemail.no-messages": "vm-youhave vm-no vm-messages",
	"voicemail.no-new-messages": "vm-youhave vm-no vm-INBOX vm-messages",
	"voicemail.message":         "vm-message", "voicemail.first": "vm-first vm-message", "voicemail.last": "vm-last vm-message",
	"voicemail.received": "vm-received", "voicemail.from": "vm-from-phonenumber", "voicemail.from-unknown": "vm-unknown-caller",
	"voicemail.length": "vm-duration", "voicemail.deleted": "vm-deleted", "voicemail.restored": "vm-undeleted", "voicemail.recorded": "vm-msgsaved",
	"voicemail.no-more": "vm-nomore", "voicemail.too-short": "vm-tooshort", "voicemail.record-greeting": "vm-rec-unv", "voicemail.record-name": "vm-rec-name",

	"conference.enter-number": "conf-getconfno", "conference.enter-pin": "conf-getpin", "conference.wrong-pin": "conf-invalidpin",
	"conference.no-such": "conf-invalid", "conference.full": "conf-full", "conference.is-locked": "conf-locked", "conference.only-you": "conf-onlyperson",
	"conference.joined": "conf-hasjoin", "conference.left": "conf-hasleft", "conference.muted": "conf-muted", "conference.unmuted": "conf-unmuted",
	"conference.all-muted": "conf-now-muted", "conference.all-unmuted": "conf-now-unmuted", "conference.locked": "conf-lockednow",
	"conference.unlocked": "conf-unlockednow", "conference.waiting": "conf-waitforleader", "conference.leader-left": "conf-leaderhasleft",
	"conference.begins": "confbridge-conf-begin", "conference.ended": "confbridge-conf-end", "conference.removed": "conf-kicked",
	"conference.recorded": "conf-now-recording",

	"queue.all-busy": "queue-periodic-announce", "queue.thanks-for-waiting": "queue-thankyou", "queue.next": "queue-youarenext",
	"queue.you-are-number": "queue-thereare", "queue.in-line": "queue-callswaiting", "queue.wait": "queue-holdtime",

	"agent.enter-number": "agent-user", "agent.in": "agent-loginok", "agent.out": "agent-loggedoff",
	"forwarding.off": "call-forwarding de-activated", "disturb.on": "do-not-disturb activated", "disturb.off": "do-not-disturb de-activated",
	"follow.call-from": "followme/call-from", "follow.accept": "followme/options", "follow.searching": "followme/pls-hold-while-try",
	"directory.none": "dir-nomatch", "echo.intro": "demo-echotest", "echo.end": "demo-echodone", "test.your-number": "your telephone-number is",
}
