// Package calltest is the kit for tests of calls: a house whose legs are scripted, whose ledger, router,
// contacts and channels are small and can be watched, and a ladder that writes down everything in
// the order in which it happened, to be compared with a golden file.
//
// A scripted [Leg] holds control to what a leg may be asked (see call.Leg): a command that does not fit
// its state is a fault, unless the leg's own news may have crossed it. Nothing here knows SIP. A
// House owns all its state behind one mutex and may be used from any goroutine.
package calltest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/call"
	"santral/media/sdp"
	"santral/media/session"
)

// Tenant is the one tenant of a House.
const Tenant = "sample"

// House is everything around a call: it is the Router, Contacts, Channels, Ledger and Dialer that a
// control needs. Its zero value is not ready: use New.
type House struct {
	Settle func()          // called after everything that a leg says, so that the call has done its part; may be nil
	Device string          // the one device that INVITEs and REFERs from now on mean (call.Arrival.Device); "" for all
	Prompt bool            // phones acknowledge provisional answers, so that what describes a session there can be changed
	Late   bool            // callers without an offer answer one in a provisional answer
	Tapes  *Tapes          // keeps recordings
	Media  *session.Config // whose sessions legs get, for tests with sound; nil for legs without media

	mu        sync.Mutex
	start     time.Time
	ladder    []string
	faults    []string
	accounts  map[string]*account
	legs      map[string]*Leg // by call and leg
	order     []*Leg
	routes    map[string]call.Destination
	proved    map[string]call.Destination // of callers that have proved themselves
	places    map[string][]call.Target    // of trunks
	events    []call.Event
	committed int
	slow      time.Duration
	full      bool
	takes     int  // of channels
	refers    int  // REFERs without their last news
	mute      bool // nothing is written down: benchmarks
}

type account struct {
	targets  []call.Target
	channels int // 0: no limit
	inUse    []taking
	peak     int
}

// New makes an empty house.
func New() *House {
	h := &House{
		Tapes:    &Tapes{},
		start:    time.Now(),
		accounts: map[string]*account{},
		legs:     map[string]*Leg{},
		routes:   map[string]call.Destination{},
		places:   map[string][]call.Target{},
	}
	h.Tapes.house = h
	return h
}

// Account adds an account with as many calls at once as channels says (0: no limit) and its devices.
func (h *House) Account(number string, channels int, devices ...string) {
	a := &account{channels: channels}
	for _, d := range devices {
		a.targets = append(a.targets, call.Target{URI: d, Device: d})
	}
	h.mu.Lock()
	h.accounts[number] = a
	h.routes[number] = call.Destination{Kind: call.ToAccount, Tenant: Tenant, Account: number, Number: number}
	h.mu.Unlock()
}

// Phones adds an account whose phones are reached at targets.
func (h *House) Phones(number string, targets ...call.Target) {
	h.Account(number, 0)
	h.mu.Lock()
	h.accounts[number].targets = targets
	h.mu.Unlock()
}

// Number has a number from outside ring an account.
func (h *House) Number(number, account string) {
	h.mu.Lock()
	h.routes[number] = call.Destination{Kind: call.ToAccount, Tenant: Tenant, Account: account, Number: number}
	h.mu.Unlock()
}

// Service has a number lead to a service.
func (h *House) Service(number, service string) {
	h.mu.Lock()
	h.routes[number] = call.Destination{Kind: call.ToService, Tenant: Tenant, Service: service, Number: number}
	h.mu.Unlock()
}

// Trunk adds a trunk with as many calls at once as channels says (0: no limit) and its places, as hosts.
func (h *House) Trunk(name string, channels int, hosts ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts[name] = &account{channels: channels}
	h.places[name] = nil
	for _, host := range hosts {
		h.places[name] = append(h.places[name], call.Target{URI: host, Trunk: name})
	}
}

// Carried has a number lead out by trunks, each of which may leave it without ringing for patience.
func (h *House) Carried(number string, patience time.Duration, trunks ...string) {
	h.mu.Lock()
	ways := make([]call.Way, len(trunks))
	for i, name := range trunks {
		ways[i] = call.Way{Tenant: Tenant, Trunk: name, Patience: patience}
	}
	h.routes[number] = call.Destination{Kind: call.ToTrunks, Tenant: Tenant, Ways: ways, Number: number}
	h.mu.Unlock()
}

// Leads has a number lead to any destination.
func (h *House) Leads(number string, d call.Destination) {
	h.mu.Lock()
	h.routes[number] = d
	h.mu.Unlock()
}

// Guarded has a number lead to a service until the caller has proved itself, and to a destination then.
func (h *House) Guarded(number, service string, d call.Destination) {
	h.Service(number, service)
	h.mu.Lock()
	if h.proved == nil {
		h.proved = map[string]call.Destination{}
	}
	h.proved[number] = d
	h.mu.Unlock()
}

// Targets gives the places of trunks (call.Trunks).
func (h *House) Targets(ways []call.Way, number string) (targets []call.Target) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range ways {
		for _, t := range h.places[w.Trunk] {
			t.Tenant, t.Number, t.Patience = w.Tenant, w.Sent(number), w.Patience
			t.URI = "sip:" + t.Number + "@" + t.URI
			targets = append(targets, t)
		}
	}
	return targets
}

// Tried writes into the ladder how an attempt by a trunk came out (call.Trunks).
func (h *House) Tried(t call.Target, refusal *call.Cause) {
	h.mu.Lock()
	defer h.mu.Unlock()
	how := "well"
	if refusal != nil {
		how = fmt.Sprint(refusal.SIP)
	}
	h.writeLocked("     %s was tried: %s", t.Trunk, how)
}

// Sounded writes into the ladder whether the media of a trunk's call came (call.Trunks).
func (h *House) Sounded(t call.Target, came bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !came {
		h.writeLocked("     %s has no media", t.Trunk)
	}
}

// Party is the account of that number as a caller.
func Party(number string) call.Party {
	return call.Party{Tenant: Tenant, Account: number, Number: number, Name: "Phone " + number,
		Source: netip.MustParseAddrPort("192.0.2.1:5060")}
}

// Route gives a number's account or service; any other is refused as unallocated (call.Router).
func (h *House) Route(from call.Party, dialled string, _ time.Time) call.Destination {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d, ok := h.proved[dialled]; ok && from.Proved {
		return d
	}
	if d, ok := h.routes[dialled]; ok {
		return d
	}
	return call.Destination{Kind: call.ToRefusal, Refuse: call.NotFound}
}

// Contacts gives an account's devices (call.Contacts).
func (h *House) Contacts(_, number string) ([]call.Target, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[number]
	if a == nil {
		return nil, false
	}
	return a.targets, true
}

// Take counts a call of an account, or of a trunk as one of an account of the trunk's name (call.Channels). Giving a
// channel back twice is a fault. An emergency gets the channel of the call that has had one longest.
func (h *House) Take(t call.Taking) call.Taken {
	number := t.Account + t.Trunk
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[number]
	if a == nil {
		a = &account{}
		h.accounts[number] = a
	}
	var taken call.Taken
	if a.channels > 0 && len(a.inUse) >= a.channels && !t.Lives {
		refusal := call.Busy
		switch {
		case t.Emergency:
			for i := range a.inUse {
				if of := &a.inUse[i].Taking; !of.Emergency && !a.inUse[i].leaving {
					a.inUse[i].leaving = true
					was := *of
					taken.Preempted = &was
					break
				}
			}
		case t.Trunk != "":
			refusal = call.NoChannel
		case t.Dir == call.In:
			refusal = call.LineInUse
		}
		if !t.Emergency {
			return call.Taken{Refusal: &refusal}
		}
	}
	h.takes++
	own := h.takes
	a.inUse = append(a.inUse, taking{Taking: t, own: own})
	a.peak = max(a.peak, len(a.inUse))
	once := false
	taken.Release = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if once {
			h.faultLocked("channel of %s given back twice", number)
			return
		}
		once = true
		a.inUse = slices.DeleteFunc(a.inUse, func(of taking) bool { return of.own == own })
	}
	return taken
}

// taking is a channel that somebody has.
type taking struct {
	call.Taking
	own     int
	leaving bool
}

// TakeOutside counts calls with the outside as those of an account that is called "outside" (call.Channels).
func (h *House) TakeOutside(id call.ID, _ call.Party, d *call.Destination, lives bool) call.Taken {
	return h.Take(call.Taking{Call: id, Account: "outside", Dir: call.In, Emergency: d.Emergency != nil, Lives: lives})
}

// Held notes in the ladder who holds (call.HoldWatcher).
func (h *House) Held(id call.ID, _, number string, held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	word := "resumes"
	if held {
		word = "holds"
	}
	h.writeLocked("%s    %s %s", id, number, word)
}

// InUse is how many channels are taken in all.
func (h *House) InUse() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, a := range h.accounts {
		n += len(a.inUse)
	}
	return n
}

// Peak is the most calls that an account ever had at once.
func (h *House) Peak(number string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.accounts[number]; a != nil {
		return a.peak
	}
	return 0
}

// Dial makes a scripted leg outwards (call.Dialer).
func (h *House) Dial(_ context.Context, d call.Dial, inbox call.Inbox) call.Leg {
	l := &Leg{house: h, call: d.Call, id: d.Leg, dir: call.Out, inbox: inbox, target: d.Target.URI, offered: d.Offer != nil || d.Own}
	l.open(nil)
	l.local(d.Offer, false)
	if d.Own {
		l.own()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.addLocked(l)
	h.writeLocked("%s <- INVITE %s from %s, %d hops%s, %s", l.name(), d.Target.URI, d.From.Number, d.Hops, referred(d.Traits.Referrer), text(d.Offer))
	return l
}

// Call has an account call a number: in is the control under test. The leg is over at once when the
// call was not taken.
func (h *House) Call(in call.Incoming, id call.ID, from, dialled string, offer *sdp.Description) *Leg {
	return h.Invite(in, id, Party(from), dialled, offer, 70)
}

// Replace has an account call in the place of another leg (RFC 3891).
func (h *House) Replace(in call.Incoming, id call.ID, from string, other *Leg, offer *sdp.Description) *Leg {
	return h.invite(in, call.Arrival{Call: id, From: Party(from), Dialled: from, Offer: offer, Hops: 70, Replaces: h.InPlaceOf(other)}, " in the place of "+other.name())
}

// InPlaceOf is what an INVITE says that is to take the place of another leg (RFC 3891).
func (h *House) InPlaceOf(other *Leg) *call.Replacement {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &call.Replacement{Leg: other.inbox}
}

// Arrive is Call with everything said, also what the caller says of the call.
func (h *House) Arrive(in call.Incoming, a call.Arrival) *Leg {
	besides := ""
	if a.Replaces != nil {
		besides = " in the place of another"
	}
	return h.invite(in, a, besides)
}

// Invite is Call with everything said.
func (h *House) Invite(in call.Incoming, id call.ID, from call.Party, dialled string, offer *sdp.Description, hops int) *Leg {
	return h.invite(in, call.Arrival{Call: id, From: from, Dialled: dialled, Device: h.Device, Offer: offer, Hops: hops}, "")
}

func (h *House) invite(in call.Incoming, a call.Arrival, besides string) *Leg {
	id, offer := a.Call, a.Offer
	l := &Leg{house: h, call: id, id: "a", dir: call.In, offered: offer != nil}
	l.open(offer)
	h.mu.Lock()
	h.addLocked(l)
	h.writeLocked("%s -> INVITE %s%s, %s", l.name(), a.Dialled, besides, text(offer))
	h.mu.Unlock()
	a.Early = h.Late && a.Offer == nil
	inbox := in.Incoming(l, a)
	h.mu.Lock()
	l.inbox = inbox
	h.mu.Unlock()
	h.settle()
	return l
}

func referred(by string) string {
	if by == "" {
		return ""
	}
	return ", referred by " + by
}

func (h *House) addLocked(l *Leg) {
	h.legs[string(l.call)+"/"+string(l.id)] = l
	h.order = append(h.order, l)
}

// Leg gives a leg of a call by its name, "b" for the first that control dialled; nil when there is none.
func (h *House) Leg(id call.ID, leg call.LegID) *Leg {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.legs[string(id)+"/"+string(leg)]
}

// Legs are all legs there ever were, in order.
func (h *House) Legs() []*Leg {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.order)
}

// Mute stops the ladder, for benchmarks.
func (h *House) Mute() {
	h.mu.Lock()
	h.mute = true
	h.mu.Unlock()
}

// Note writes a line of the test's own into the ladder.
func (h *House) Note(format string, args ...any) {
	h.mu.Lock()
	h.writeLocked(format, args...)
	h.mu.Unlock()
}

// Ladder is what has happened: a line each, with the milliseconds since the house was made.
func (h *House) Ladder() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(slices.DeleteFunc(slices.Clone(h.ladder), func(l string) bool { return l == "" }), "\n") + "\n"
}

// Settled is the ladder of several calls at once, of which none waits for the other: what they do because of
// one word of a phone's has no order among them, and is told leg by leg and call by call, the words first.
func (h *House) Settled() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	var part []string
	who := func(l string) string { return strings.Fields(l)[1] }
	flush := func() {
		slices.SortStableFunc(part, func(x, y string) int {
			if at := strings.Compare(x[:9], y[:9]); at != 0 {
				return at
			}
			said := func(l string) int {
				if strings.Fields(l)[2] == "->" {
					return 0
				}
				return 1
			}
			if first := said(x) - said(y); first != 0 || said(x) == 0 {
				return first
			}
			return strings.Compare(who(x), who(y))
		})
		for _, l := range part {
			b.WriteString(l + "\n")
		}
		part = part[:0]
	}
	for _, l := range h.ladder {
		if l == "" {
			flush()
			continue
		}
		part = append(part, l)
	}
	flush()
	return b.String()
}

// Faults are what control did against the promises of call.Leg, call.Channels and call.Ledger.
func (h *House) Faults() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.faults)
}

// Check fails the test unless every call is wholly over: no faults, no channel taken, every leg told or
// ended, and in the ledger for each call exactly one last event, after one end for each leg that began.
func (h *House) Check(t testing.TB) {
	t.Helper()
	for _, w := range h.Wrong() {
		t.Error(w)
	}
}

// Wrong is what Check complains about.
func (h *House) Wrong() []string {
	wrong := h.Faults()
	if n := h.InUse(); n != 0 {
		wrong = append(wrong, fmt.Sprintf("%d channels are still taken", n))
	}
	h.mu.Lock()
	if h.refers != 0 {
		wrong = append(wrong, fmt.Sprintf("%d REFERs never heard the end", h.refers))
	}
	h.mu.Unlock()
	for _, l := range h.Legs() {
		if !l.Over() {
			wrong = append(wrong, "leg "+l.name()+" was left behind")
		}
	}
	return append(wrong, h.wrongRecords()...)
}

func (h *House) settle() {
	if h.Settle != nil {
		h.Settle()
		h.mu.Lock()
		if !h.mute {
			h.ladder = append(h.ladder, "") // what follows is another matter
		}
		h.mu.Unlock()
	}
}

func (h *House) writeLocked(format string, args ...any) {
	if !h.mute {
		at := time.Since(h.start).Milliseconds()
		h.ladder = append(h.ladder, fmt.Sprintf("%7d  ", at)+fmt.Sprintf(format, args...))
	}
}

func (h *House) faultLocked(format string, args ...any) {
	fault := fmt.Sprintf(format, args...)
	h.faults = append(h.faults, fault)
	h.writeLocked("FAULT %s", fault)
}
