package calltest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"santral/call"
	"santral/media/sdp"
)

// Say has the phone do one thing: the line for the ladder, and the event that control is told. It does
// nothing on a leg that is over. The verbs below say it in words.
func (l *Leg) Say(line string, e call.LegEvent) {
	l.say(line, e)
	l.house.settle()
}

// Together says several things before the call can do its part for any of them: how messages cross.
func (h *House) Together(words ...func()) {
	settle := h.Settle
	h.Settle = nil
	for _, w := range words {
		w()
	}
	h.Settle = settle
	h.settle()
}

func (l *Leg) say(line string, e call.LegEvent) {
	l.house.mu.Lock()
	if l.over || l.frozen || l.inbox == nil {
		l.house.mu.Unlock()
		return
	}
	l.house.writeLocked("%s -> %s", l.name(), line)
	if l.told {
		l.house.mu.Unlock()
		return // the phone does not know yet that it is over; its door keeps that to itself
	}
	e.Leg, e.At = l.id, time.Now()
	if e.Desc != nil {
		l.remote(e.Desc)
	}
	switch e.Kind {
	case call.Progressed:
		l.early = l.early || l.offered && l.house.Prompt && e.Desc != nil
	case call.Answered:
		l.answered = true
		l.confirmed = l.offered
		l.owes = !l.offered && (e.Due || !l.early)
	case call.Confirmed:
		l.confirmed = true
	case call.Offered:
		l.asked, l.wants = true, e.Desc == nil
	case call.Accepted:
		if l.awaited {
			l.awaited = false
			l.early = l.early || !l.answered
		} else {
			l.asking, l.owes = false, l.askingFor
		}
	case call.Refused:
		l.asking = false
	case call.Failed, call.Ended:
		l.over = true
		detail := l.Detail()
		e.Detail = &detail
		l.close()
	}
	inbox := l.inbox
	l.house.mu.Unlock()
	inbox.Post(e) // outside the lock: it may call Finish at once
}

// May reports whether a leg that keeps its promises could post such an event now.
func (l *Leg) May(kind call.LegEventKind) bool {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	calm := (l.confirmed || l.early && !l.answered) && !l.owes && !l.asked && !l.awaited && !l.asking
	switch {
	case l.over || l.told || l.frozen:
		return false
	case kind == call.Progressed || kind == call.Failed:
		return l.dir == call.Out && !l.answered
	case kind == call.Answered: // RFC 3262 §5: not before an offer in a provisional answer is acknowledged
		return l.dir == call.Out && !l.answered && !l.owes
	case kind == call.Confirmed:
		return l.dir == call.In && l.answered && !l.confirmed && !l.awaited
	case kind == call.Offered:
		return calm
	case kind == call.Referred:
		return l.confirmed
	case kind == call.Accepted:
		return l.asking || l.awaited
	case kind == call.Refused:
		return l.asking
	case kind == call.Ended:
		return l.dir == call.In || l.answered
	}
	return l.answered
}

// Ring is a 180.
func (l *Leg) Ring() { l.Say("180", call.LegEvent{Kind: call.Progressed, Status: 180}) }

// Progressing is a 183, with early media where d is not nil.
func (l *Leg) Progressing(d *sdp.Description) {
	l.Say("183 "+text(d), call.LegEvent{Kind: call.Progressed, Status: 183, Desc: d})
}

// Pickup is the phone's 200, with an answer or, where the INVITE had no offer, an offer.
func (l *Leg) Pickup(d *sdp.Description) {
	l.Say("200 "+text(d), call.LegEvent{Kind: call.Answered, Desc: d})
}

// PickupDue is a 200 with an offer where an earlier one is not answered yet.
func (l *Leg) PickupDue(d *sdp.Description) {
	l.Say("200 "+text(d), call.LegEvent{Kind: call.Answered, Desc: d, Due: true})
}

// Says is a provisional answer without a description.
func (l *Leg) Says(status int) {
	l.Say(strconv.Itoa(status), call.LegEvent{Kind: call.Progressed, Status: status})
}

// Fail is a final refusal of a leg outwards.
func (l *Leg) Fail(c call.Cause) {
	l.Say(cause(c), call.LegEvent{Kind: call.Failed, Cause: c})
}

// Ack is the caller's ACK, with its answer where the offer was ours.
func (l *Leg) Ack(d *sdp.Description) {
	l.Say("ACK "+text(d), call.LegEvent{Kind: call.Confirmed, Desc: d})
}

// Early has the phone acknowledge provisional answers from now on, so that its session can be changed before
// the 200.
func (l *Leg) Early() {
	l.house.mu.Lock()
	l.early = true
	l.house.mu.Unlock()
}

// Offering is a 183 that makes an offer, where the INVITE made none.
func (l *Leg) Offering(d *sdp.Description) {
	l.house.mu.Lock()
	if l.offered || l.answered || l.owes || l.early || l.dir != call.Out {
		l.house.mu.Unlock()
		return
	}
	l.owes = true
	l.house.mu.Unlock()
	l.Say("183 "+text(d), call.LegEvent{Kind: call.Progressed, Status: 183, Desc: d, Due: true})
}

// Prack answers the offer in a provisional answer of ours.
func (l *Leg) Prack(d *sdp.Description) {
	l.Say("PRACK "+text(d), call.LegEvent{Kind: call.Accepted, Desc: d})
}

// Update is the phone's wish to change the session, before the 200 too.
func (l *Leg) Update(d *sdp.Description) {
	l.Say("UPDATE "+text(d), call.LegEvent{Kind: call.Offered, Desc: d})
}

// Reinvite is the phone's wish to change the session; nil asks for an offer.
func (l *Leg) Reinvite(d *sdp.Description) {
	l.Say("INVITE "+text(d), call.LegEvent{Kind: call.Offered, Desc: d})
}

// Agree answers control's Offer, or control's offer within the phone's ACK.
func (l *Leg) Agree(d *sdp.Description) {
	l.Say("200 "+text(d), call.LegEvent{Kind: call.Accepted, Desc: d})
}

// AckAnswer is the phone's answer within the ACK to the offer that it asked for.
func (l *Leg) AckAnswer(d *sdp.Description) {
	l.Say("ACK "+text(d), call.LegEvent{Kind: call.Accepted, Desc: d})
}

// Disagree refuses control's Offer.
func (l *Leg) Disagree(c call.Cause) {
	l.Say(cause(c), call.LegEvent{Kind: call.Refused, Cause: c})
}

// Info is an INFO of the phone.
func (l *Leg) Info(contentType, content string) {
	l.Say(fmt.Sprintf("INFO %s %q", contentType, content),
		call.LegEvent{Kind: call.Informed, Info: call.Info{ContentType: contentType, Content: content}})
}

// Press is one key as a telephone event that is over. passed says that the other side got it with the media.
func (l *Leg) Press(d byte, long time.Duration, passed bool) {
	what := "key " + string(d)
	if passed {
		what += ", which passes"
	}
	l.Say(what, call.LegEvent{Kind: call.Pressed, Digit: d, Long: long, Passed: passed, At: time.Now()})
}

// PressByInfo is one key by an INFO.
func (l *Leg) PressByInfo(d byte, long time.Duration) {
	l.Say("INFO key "+string(d), call.LegEvent{Kind: call.Informed, Digit: d, Long: long, At: time.Now()})
}

// Refer is the phone's wish that the other side goes on with a number. What it is told stands in the ladder.
func (l *Leg) Refer(number string) {
	l.refer("REFER "+number, &call.Referral{Number: number, Device: l.house.Device})
}

// ReferTo is the phone's wish that the other side takes the place of another leg of its own.
func (l *Leg) ReferTo(other *Leg) {
	l.house.mu.Lock()
	inbox := other.inbox
	l.house.mu.Unlock()
	l.refer("REFER in the place of "+other.name(), &call.Referral{Takes: inbox})
}

func (l *Leg) refer(line string, r *call.Referral) {
	final := false
	r.Notify = func(c call.Cause) {
		l.house.mu.Lock()
		defer l.house.mu.Unlock()
		l.house.writeLocked("%s <- NOTIFY %s", l.name(), strings.TrimSpace(fmt.Sprint(c.SIP, " ", c.Text)))
		if final {
			l.house.faultLocked("leg %s: news after the end of its REFER", l.name())
		}
		final = c.SIP >= 200
		if final {
			l.house.refers--
		}
	}
	if l.May(call.Referred) {
		l.house.mu.Lock()
		l.house.refers++
		l.house.mu.Unlock()
		l.Say(line, call.LegEvent{Kind: call.Referred, Refer: r})
	}
}

// Silent is dead media.
func (l *Leg) Silent() { l.Say("silence", call.LegEvent{Kind: call.MediaLost}) }

// Bye hangs up; the 200 to the BYE stands in the ladder when control lets it go.
func (l *Leg) Bye() { l.bye("BYE", call.NormalClearing) }

func (l *Leg) bye(word string, c call.Cause) {
	done := 0
	l.Say(word, call.LegEvent{Kind: call.Ended, Cause: c, Finish: func() {
		l.house.mu.Lock()
		defer l.house.mu.Unlock()
		l.house.writeLocked("%s <- 200 to %s", l.name(), word)
		if done++; done > 1 {
			l.house.faultLocked("leg %s: %s was answered twice", l.name(), word)
		}
	}})
}

// Cancel is the caller's CANCEL before an answer.
func (l *Leg) Cancel() { l.Say("CANCEL", call.LegEvent{Kind: call.Ended, Cause: call.Cancelled}) }

// Vanish is the end of a leg whose phone is gone, with the cause that its door found.
func (l *Leg) Vanish(c call.Cause) {
	l.Say("gone, "+cause(c), call.LegEvent{Kind: call.Ended, Cause: c})
}
