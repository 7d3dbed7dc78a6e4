package calltest

import (
	"encoding/json"
	"fmt"
	"time"

	"santral/call"
	"santral/media/sdp"
	"santral/media/session"
)

// Leg is a scripted leg: control commands it, and the test says what its phone does. What the phone
// says is posted only while the leg lives, and one last event always is.
type Leg struct {
	house  *House
	call   call.ID
	id     call.LegID
	dir    call.Direction
	target string
	inbox  call.Inbox

	sound *session.Session // its media; nil for none
	heard *sdp.Description // what the phone was told last, when it has media

	// State as the phone sees it, under the house's mutex.
	offered   bool // the INVITE carried an offer
	told      bool // control ended it
	over      bool // its last event was posted
	early     bool // both sides have descriptions, reliably, before the 200
	answered  bool // 200 was said
	confirmed bool // ACK was said: the session can be changed
	owes      bool // out: its 200 had an offer that control still has to answer
	asked     bool // the phone's change waits for control's Accept or Refuse
	wants     bool // the phone's change asked for an offer
	awaited   bool // control's offer in answer to that waits for the phone's answer
	asking    bool // control's Offer waits for the phone
	askingFor bool // it asked for an offer
	frozen    bool
	stiff     bool // it can't be written out
}

var (
	_ call.Leg     = (*Leg)(nil)
	_ call.Freezer = (*Leg)(nil)
)

func (l *Leg) name() string { return string(l.call) + "/" + string(l.id) }

// Call is the call that it began in.
func (l *Leg) Call() call.ID { return l.call }

// ID is the leg's name within its call.
func (l *Leg) ID() call.LegID { return l.id }

// Media is the leg's session, nil where the house has no media.
func (l *Leg) Media() *session.Session { return l.sound }

// Detail is what a leg would know of itself.
func (l *Leg) Detail() call.LegDetail {
	return call.LegDetail{Direction: l.dir, Target: l.target, SIPCallID: l.name() + "@calltest", Transport: "UDP", UserAgent: "scripted"}
}

// Over reports that the leg has ended, by its phone or by control.
func (l *Leg) Over() bool {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	return l.over || l.told
}

// Asked reports that control waits for the phone's answer to an Offer.
func (l *Leg) Asked() bool {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	return l.asking && !l.over
}

// command writes a command down, and reports whether it reaches a living leg.
func (l *Leg) commandLocked(fits bool, format string, args ...any) bool {
	if l.over || l.frozen {
		return false // the leg's own end crossed the command
	}
	what := fmt.Sprintf(format, args...)
	l.house.writeLocked("%s <- %s", l.name(), what)
	if l.told {
		l.house.faultLocked("leg %s is over and was told %s", l.name(), what)
		return false
	}
	if !fits {
		l.house.faultLocked("leg %s can't take %s", l.name(), what)
	}
	return fits
}

// Progress takes a provisional answer.
func (l *Leg) Progress(p call.Progress) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	if l.commandLocked(l.dir == call.In && !l.answered, "%d %s", p.Status, text(p.Early)) && p.Early != nil {
		l.local(p.Early, false)
		l.early = l.early || l.offered && l.house.Prompt
		l.awaited = l.awaited || !l.offered && l.house.Late && !l.early
	}
}

// Answer takes the 200.
func (l *Leg) Answer(d *sdp.Description) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	if l.commandLocked(l.dir == call.In && !l.answered, "200 %s", ours(d)) {
		l.answered = true
		l.local(d, true)
	}
}

// Reject takes a final refusal.
func (l *Leg) Reject(c call.Cause) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	l.commandLocked(l.dir == call.In && !l.answered && c.SIP >= 300, "%s", cause(c))
	l.endLocked(c)
}

// Offer takes a re-INVITE. While the phone's own change waits it is refused with 491.
func (l *Leg) Offer(d *sdp.Description) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	word := "INVITE"
	if !l.answered {
		word = "UPDATE"
	}
	if !l.commandLocked((l.confirmed || !l.answered) && !l.owes && !l.asking, "%s %s", word, text(d)) {
		return
	}
	if !l.answered && !l.early { // its phone can't be asked yet
		l.postLocked(call.LegEvent{Kind: call.Refused, Cause: call.RequestPending})
		return
	}
	if l.asked || l.awaited {
		l.postLocked(call.LegEvent{Kind: call.Refused, Cause: call.RequestPending})
		return
	}
	l.asking, l.askingFor = true, d == nil
	l.local(d, false)
}

// Accept takes the answer to the phone's offer.
func (l *Leg) Accept(d *sdp.Description) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	if l.owes {
		word := "ACK"
		if !l.answered {
			word, l.early = "PRACK", true
		}
		if l.commandLocked(true, "%s %s", word, ours(d)) {
			l.owes, l.confirmed = false, l.answered
			l.local(d, true)
		}
		return
	}
	if l.commandLocked(l.asked, "200 %s", ours(d)) {
		l.local(d, true)
		l.awaited = l.wants
		l.asked, l.wants = false, false
	}
}

// Refuse takes the refusal of the phone's change, or of its offer in a provisional answer.
func (l *Leg) Refuse(c call.Cause) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	if l.owes && !l.answered {
		l.owes = false
		l.commandLocked(true, "PRACK, declined")
		return
	}
	if l.commandLocked(l.asked && c.SIP >= 300, "%s", cause(c)) {
		l.asked, l.wants = false, false
	}
}

// Hangup ends the leg: BYE, CANCEL or a refusal, as its state has it.
func (l *Leg) Hangup(c call.Cause) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	word := "BYE"
	if !l.answered && l.dir == call.Out {
		word = "CANCEL"
	} else if !l.answered {
		word = "refusal"
	}
	l.commandLocked(true, "%s, %s", word, cause(c))
	l.endLocked(c)
}

// SendKey takes a key of the other side's.
func (l *Leg) SendKey(key byte, long time.Duration) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	l.commandLocked(true, "key %c for %s", key, long)
}

// Inform takes an INFO.
func (l *Leg) Inform(i call.Info) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	l.commandLocked(l.answered, "INFO %s %q", i.ContentType, i.Content)
}

// Connected takes whom the leg's phone speaks with from now on. What comes before the answer is only kept by
// the leg, and not written down.
func (l *Leg) Connected(who call.Party, t call.Traits) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	if !l.answered || who == (call.Party{}) {
		return
	}
	number := who.Number
	if number == "" {
		number = who.Account
	}
	if who.Name != "" && who.Name != "Phone "+number { // something else is to be shown
		number += fmt.Sprintf(" %q", who.Name)
	}
	if t.Privacy.Withholds() {
		number = "anonymous"
	}
	l.commandLocked(true, "connected %s", number)
}

// endLocked is the leg's end by control: its last event follows, unless the script already said it.
func (l *Leg) endLocked(c call.Cause) {
	if l.over || l.told || l.frozen {
		return
	}
	l.told = true
	l.close()
	if l.inbox != nil {
		detail := l.Detail()
		l.inbox.Post(call.LegEvent{Leg: l.id, Kind: call.Ended, Cause: c, Detail: &detail})
	}
}

func (l *Leg) postLocked(e call.LegEvent) {
	e.Leg = l.id
	l.inbox.Post(e)
}

// Freeze writes the leg out, as call.Freezer says.
func (l *Leg) Freeze() (json.RawMessage, error) {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	if l.stiff || l.over || l.told || !l.confirmed || l.asked || l.asking || l.awaited {
		return nil, fmt.Errorf("leg %s is not quiet", l.name())
	}
	l.frozen, l.told = true, true
	l.house.writeLocked("%s frozen", l.name())
	f := frozen{ID: l.id, Dir: l.dir, Target: l.target}
	if l.sound != nil {
		f.Media = l.sound.Freeze()
		f.Heard = l.heard.String()
	}
	return json.Marshal(f)
}

// Stiffen has Freeze fail from now on.
func (l *Leg) Stiffen() {
	l.house.mu.Lock()
	l.stiff = true
	l.house.mu.Unlock()
}

// frozen is a scripted leg on paper.
type frozen struct {
	ID     call.LegID
	Dir    call.Direction
	Target string
	Media  session.State
	Heard  string
}

// Thaw makes a leg again (call.Thawer).
func (h *House) Thaw(id call.ID, state json.RawMessage, inbox call.Inbox) (call.Leg, error) {
	var f frozen
	if err := json.Unmarshal(state, &f); err != nil {
		return nil, fmt.Errorf("thaw scripted leg: %w", err)
	}
	l := &Leg{house: h, call: id, id: f.ID, dir: f.Dir, target: f.Target, inbox: inbox, answered: true, confirmed: true}
	if h.Media != nil {
		var err error
		if l.sound, err = session.Thaw(h.Media, f.Media); err != nil {
			return nil, fmt.Errorf("thaw scripted leg: %w", err)
		}
		if l.heard, err = sdp.Parse(f.Heard); err != nil {
			return nil, fmt.Errorf("thaw scripted leg: %w", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addLocked(l)
	h.writeLocked("%s thawed", l.name())
	return l, nil
}
