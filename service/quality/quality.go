// Package quality collects what phones say of the quality of their calls: reports that they publish by
// vq-rtcpxr (RFC 6035), during a call or after it.
//
// What lives here is the reading of reports and the finding of the leg that each is about: by the SIP Call-ID of the
// dialog, and by the account whose phone it is, which was authenticated. What the exchange itself measures is
// media's. A [House] is safe for concurrent use; what waits is behind one leaf lock, and one goroutine speaks with
// the database.
package quality

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/store"
)

// Package is the event package, and MediaType that of its documents.
const (
	Package   = "vq-rtcpxr"
	MediaType = "application/vq-rtcpxr"
)

// Bounds of what waits.
const (
	mostWaiting = 10000            // reports whose call is still going on, or never was
	mostOf      = 16               // of them, of one account
	mostEnded   = 20000            // legs of calls that have ended lately
	endedLong   = 15 * time.Minute // how long reports of them are taken
	mostQueued  = 1000             // reports on their way to the database
)

// Config is what a House is made of.
type Config struct {
	Reports store.PhoneReports
	Random  *id.Source  // of entity tags
	OnError func(error) // is told when the database fails; nil for nobody
}

// leg is whose report it is: an account's phone within a dialog.
type leg struct{ tenant, account, callID string }

// House is the collector. Make it with New, and end it with Close.
type House struct {
	cfg Config

	mu      sync.Mutex // a leaf
	waiting map[leg]store.PhoneReport
	order   []leg         // of waiting, the oldest first; those that are gone are passed over
	of      map[leg][]leg // those of an account, the oldest first; callID is "" then
	ended   map[leg]time.Time
	lately  []leg // of ended, the oldest first
	closed  bool

	queue chan store.PhoneReport
	done  chan struct{}

	taken, refused, kept, unknown, lost atomic.Uint64
}

// New makes a collector and begins its work.
func New(cfg Config) *House {
	h := &House{
		cfg: cfg, waiting: map[leg]store.PhoneReport{}, of: map[leg][]leg{}, ended: map[leg]time.Time{},
		queue: make(chan store.PhoneReport, mostQueued), done: make(chan struct{}),
	}
	go h.write()
	return h
}

// Close writes what is on its way, and ends.
func (h *House) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	close(h.queue)
	<-h.done
}

func (h *House) write() {
	defer close(h.done)
	for r := range h.queue {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		err := h.cfg.Reports.PutPhoneReport(ctx, r)
		stop()
		if err != nil {
			h.lost.Add(1)
			if h.cfg.OnError != nil {
				h.cfg.OnError(err)
			}
			continue
		}
		h.kept.Add(1)
	}
}

// Mine reports whether a PUBLISH is for this collector.
func Mine(req *sip.Message) bool {
	name, _, _ := strings.Cut(req.Get(sip.Event), ";")
	return strings.EqualFold(strings.TrimSpace(name), Package)
}

// Publish answers a PUBLISH of an authenticated account (RFC 3903 §6, RFC 6035 §4.7). A report is no state: it is
// taken once, nothing expires and nothing is refreshed, which an Expires of 0 says.
func (h *House) Publish(req *sip.Message, who call.Party) *sip.Message {
	if req.Body == "" {
		if n, ok := req.Expires(); ok && n == 0 && req.Has(sip.SIPIfMatch) {
			return h.thanks(req) // it takes back what was no state
		}
		h.refused.Add(1)
		if req.Has(sip.SIPIfMatch) {
			return sip.NewResponse(req, 412, "")
		}
		return sip.NewResponse(req, 400, "Missing Body")
	}
	if req.MediaType() != MediaType || req.Get(sip.ContentEncoding) != "" {
		h.refused.Add(1)
		res := sip.NewResponse(req, 415, "")
		res.Set(sip.Accept, MediaType)
		return res
	}
	if len(req.Body) > MaxReport {
		h.refused.Add(1)
		return sip.NewResponse(req, 413, "")
	}
	d, err := parse(req.Body)
	if err != nil {
		h.refused.Add(1)
		return sip.NewResponse(req, 400, "Bad Quality Report")
	}
	h.taken.Add(1)
	d.report.At = time.Now().UTC().Truncate(time.Millisecond)
	d.report.Tenant, d.report.Account, d.report.SIPCallID = who.Tenant, who.Account, d.callID
	h.take(leg{who.Tenant, who.Account, d.callID}, d.report)
	return h.thanks(req)
}

const tagLength = 13

func (h *House) thanks(req *sip.Message) *sip.Message {
	res := sip.NewResponse(req, 200, "")
	res.Set(sip.SIPETag, h.cfg.Random.Token(tagLength))
	res.Set(sip.Expires, strconv.Itoa(0))
	return res
}

// take keeps a report until its call has its record, or gives it to the database when it has.
func (h *House) take(l leg, r store.PhoneReport) {
	h.mu.Lock()
	defer h.mu.Unlock()
	account := leg{l.tenant, l.account, ""}
	before, again := h.waiting[l]
	r = merged(before, r)
	if at, ok := h.ended[l]; ok && time.Since(at) < endedLong {
		h.putLocked(r)
		return
	}
	if !again {
		if own := h.of[account]; len(own) >= mostOf { // of calls that never were, or whose records were made long ago
			h.dropLocked(own[0])
			h.unknown.Add(1)
		}
		for len(h.waiting) >= mostWaiting && len(h.order) > 0 {
			if _, ok := h.waiting[h.order[0]]; ok {
				h.unknown.Add(1)
			}
			h.dropLocked(h.order[0])
			h.order = h.order[1:]
		}
		h.of[account] = append(h.of[account], l)
		h.order = append(h.order, l)
		if len(h.order) > 2*mostWaiting {
			h.siftLocked()
		}
	}
	h.waiting[l] = r
}

// merged is what is kept of two reports of one leg: the last, but that the whole session says more than a part of it.
// Alerts are counted.
func merged(before, now store.PhoneReport) store.PhoneReport {
	alerts := before.Alerts
	if now.Kind == store.AlertReport {
		alerts++
	}
	if before.Kind == store.SessionReport && now.Kind != store.SessionReport {
		now = before
	}
	now.Alerts = alerts
	return now
}

func (h *House) dropLocked(l leg) {
	if _, ok := h.waiting[l]; !ok {
		return
	}
	delete(h.waiting, l)
	account := leg{l.tenant, l.account, ""}
	own := slices.DeleteFunc(h.of[account], func(o leg) bool { return o == l })
	if h.of[account] = own; len(own) == 0 {
		delete(h.of, account)
	}
}

func (h *House) siftLocked() {
	keep := h.order[:0]
	for _, l := range h.order {
		if _, ok := h.waiting[l]; ok {
			keep = append(keep, l)
		}
	}
	h.order = keep
}

func (h *House) putLocked(r store.PhoneReport) {
	if h.closed {
		h.lost.Add(1)
		return
	}
	select {
	case h.queue <- r:
	default:
		h.lost.Add(1)
	}
}

// Recorded tells of a call's record: reports about its legs belong to it from now on.
func (h *House) Recorded(c *store.CDR) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for i := range c.Legs {
		r := &c.Legs[i]
		if r.Account == "" || r.SIPCallID == "" {
			continue
		}
		l := leg{c.Tenant, r.Account, r.SIPCallID}
		if report, ok := h.waiting[l]; ok {
			h.dropLocked(l)
			h.putLocked(report)
		}
		if _, ok := h.ended[l]; !ok {
			h.lately = append(h.lately, l)
		}
		h.ended[l] = now
	}
	for len(h.lately) > 0 && (len(h.lately) > mostEnded || now.Sub(h.ended[h.lately[0]]) > endedLong) {
		delete(h.ended, h.lately[0])
		h.lately = h.lately[1:]
	}
}

// Stats counts reports.
type Stats struct {
	Taken   uint64 // read
	Refused uint64 // that are none
	Kept    uint64 // in the database
	Unknown uint64 // dropped without a call that they are about
	Lost    uint64 // that the database did not take
	Waiting int    // for their call to end
}

// Stats gives the counts.
func (h *House) Stats() Stats {
	h.mu.Lock()
	waiting := len(h.waiting)
	h.mu.Unlock()
	return Stats{h.taken.Load(), h.refused.Load(), h.kept.Load(), h.unknown.Load(), h.lost.Load(), waiting}
}
