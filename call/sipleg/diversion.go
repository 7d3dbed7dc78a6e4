package sipleg

import (
	"slices"
	"strconv"
	"strings"

	"santral/call"
	"santral/sip"
)

// Whom a call was for before: Diversion (RFC 5806) and History-Info (RFC 7044, read as RFC 4244 wrote it too) are two
// spellings of the same list, converted as RFC 7544 does.

// reasons joins the words of RFC 5806 §4 with the cause of RFC 4458 §3.2, 0 for one that RFC 4458 has no number for.
// Where a cause stands for several words the first is read.
var reasons = [...]struct {
	word  string
	cause int
}{
	{"unknown", 404}, {"user-busy", 486}, {"no-answer", 408}, {"unconditional", 302}, {"deflection", 480}, {"deflection", 487},
	{"unavailable", 503}, {"time-of-day", 404}, {"do-not-disturb", 404}, {"follow-me", 404}, {"out-of-service", 404}, {"away", 404},
}

func causeOf(reason string) int {
	for i := range reasons {
		if reasons[i].word == reason {
			return reasons[i].cause
		}
	}
	return 404
}

func reasonFor(cause int) string {
	for i := range reasons {
		if reasons[i].cause == cause {
			return reasons[i].word
		}
	}
	return "unknown"
}

// knownReason gives a word of RFC 5806 §4; an extension becomes "unknown".
func knownReason(word string) string {
	word = strings.ToLower(word)
	for i := range reasons {
		if reasons[i].word == word {
			return reasons[i].word
		}
	}
	return "unknown"
}

// readDiversions reads whom the call was for before, the latest first: Diversion, else History-Info, since
// a peer that writes both means the same by them (RFC 7544 §3.1).
func readDiversions(req *sip.Message) []call.Diversion {
	if req.Has(sip.Diversion) {
		return readDiversion(req)
	}
	if req.Has(sip.HistoryInfo) {
		return readHistory(req)
	}
	return nil
}

func readDiversion(req *sip.Message) (list []call.Diversion) {
	for v := range req.Values(sip.Diversion) {
		if len(list) >= call.MaxDiversions {
			break
		}
		a, err := sip.ParseAddress(v)
		if err != nil {
			continue
		}
		d := call.Diversion{Name: clean(a.Display), Reason: "unknown", Counter: 1}
		var ok bool
		if d.Number, ok = numberOf(a.URI); !ok || d.Number == "" {
			continue
		}
		if reason, said := a.Params.Get("reason"); said {
			d.Reason = knownReason(reason)
		}
		if n, said := a.Params.Get("counter"); said {
			d.Counter = min(max(seconds(n), 1), call.MaxDiversions)
		}
		privacy, _ := a.Params.Get("privacy")
		d.Private = privacy != "" && !strings.EqualFold(privacy, "off") || strings.EqualFold(a.URI.Host, anonymousHost)
		list = append(list, d)
	}
	return list
}

// entry is one value of History-Info.
type entry struct {
	number, name string
	cause        int  // of the retargeting that led here: the cause parameter of its URI; 0 for none
	left         int  // of the Reason in its URI: why the call went on from here; 0 for none
	mapped       bool // mp: it was reached by a diversion
	same         bool // rc or np: the same user by another URI
	private      bool
	depth        int // of its index
}

// maxEntries bounds the values of History-Info that are read.
const maxEntries = 2*call.MaxDiversions + 2

// readHistory finds the diversions in a History-Info: each step to another user of which a cause, an mp or
// the Reason of the entry before tells that it was one (RFC 7044 §10.3, RFC 4244 §4.3.3).
func readHistory(req *sip.Message) (list []call.Diversion) {
	private, _ := readPrivacy(req)
	var entries []entry
	for v := range req.Values(sip.HistoryInfo) {
		if len(entries) >= maxEntries {
			break
		}
		if e, ok := readEntry(v); ok {
			entries = append(entries, e)
		}
	}
	for i := 1; i < len(entries) && len(list) < call.MaxDiversions; i++ {
		from, to := &entries[i-1], &entries[i]
		if to.same && to.cause == 0 || to.cause == 0 && from.left == 0 && !to.mapped {
			continue
		}
		d := call.Diversion{Number: from.number, Name: from.name, Reason: "unknown", Counter: 1}
		d.Private = from.private || private.Has(call.PrivateHistory)
		switch {
		case to.cause != 0:
			d.Reason = reasonFor(to.cause)
		case from.left != 0:
			d.Reason = reasonFor(from.left)
		}
		if gap := to.depth - from.depth; gap > 1 { // RFC 7544 §7.4: levels that nobody tells of
			d.Counter = min(gap, call.MaxDiversions)
		}
		list = append(list, d)
	}
	slices.Reverse(list)
	return list
}

func readEntry(v string) (e entry, ok bool) {
	a, err := sip.ParseAddress(v)
	if err != nil {
		return e, false
	}
	if e.number, ok = numberOf(a.URI); !ok || e.number == "" {
		return e, false
	}
	e.name = clean(a.Display)
	if cause, said := a.URI.Params.Get("cause"); said {
		e.cause = seconds(cause)
	}
	e.mapped = a.Params.Has("mp")
	e.same = a.Params.Has("rc") || a.Params.Has("np")
	index, _ := a.Params.Get("index")
	e.depth = 1 + strings.Count(index, ".")
	e.private = strings.EqualFold(a.URI.Host, anonymousHost)
	for h := range strings.SplitSeq(a.URI.Headers, "&") { // RFC 3261 §19.1.1: header fields in a URI, escaped
		name, value, _ := strings.Cut(h, "=")
		switch value = sip.Unescape(value); {
		case strings.EqualFold(name, "Privacy"):
			e.private = e.private || strings.Contains(strings.ToLower(value), "history")
		case strings.EqualFold(name, "Reason"):
			if r, err := sip.ParseReason(value); err == nil && strings.EqualFold(r.Protocol, "SIP") {
				e.left = r.Cause
			}
		}
	}
	return e, true
}

// putDiversions tells a peer whom the call was for before it came to number. What is private is told to
// a trusted peer alone; others learn that there was a diversion.
func (m *Manners) putDiversions(req *sip.Message, list []call.Diversion, number, host string, hide bool) {
	if len(list) == 0 {
		return
	}
	form := m.Diversion
	if form == ByDiversion || form == ByBoth || form == DiversionsUnsaid {
		for i := range list {
			req.Add(sip.Diversion, m.diversion(&list[i], host, hide))
		}
	}
	if form == ByHistory || form == ByBoth || form == DiversionsUnsaid {
		m.putHistory(req, list, number, host, hide)
	}
}

// address is a diverting user as the peer may know it, and whether that is hidden from others.
func (m *Manners) diverting(d *call.Diversion, host string, hide bool) (a sip.Address, private bool) {
	private = d.Private || hide
	if private && !m.Trusted || d.Number == "" {
		return sip.Address{URI: sip.URI{Scheme: "sip", User: anonymousUser, Host: anonymousHost}}, true
	}
	return sip.Address{Display: d.Name, URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(d.Number), Host: host}}, private
}

func (m *Manners) diversion(d *call.Diversion, host string, hide bool) string {
	a, private := m.diverting(d, host, hide)
	reason := d.Reason
	if reason == "" {
		reason = "unknown"
	}
	privacy := "off"
	if private {
		privacy = "full"
	}
	a.Params = sip.Params(";reason=" + reason + ";counter=" + strconv.Itoa(max(d.Counter, 1)) + ";privacy=" + privacy + ";screen=no")
	return a.String()
}

// putHistory writes the entries from the first target to the present one. A counter above 1 leaves levels out
// of the index (RFC 7544 §7.4).
func (m *Manners) putHistory(req *sip.Message, list []call.Diversion, number, host string, hide bool) {
	index, from, cause := "1", "", 0
	add := func(a sip.Address, private bool) {
		if cause != 0 {
			a.URI = a.URI.WithParam("cause", strconv.Itoa(cause)) // RFC 4458 §3.2
		}
		if private {
			a.URI.Headers = "Privacy=history" // RFC 7044 §10.1
		}
		a.Params = sip.Params(";index=" + index)
		if from != "" {
			a.Params += sip.Params(";mp=" + from)
		}
		req.Add(sip.HistoryInfo, a.String())
	}
	for i := len(list) - 1; i >= 0; i-- {
		d := &list[i]
		add(m.diverting(d, host, hide))
		from, cause = index, causeOf(d.Reason)
		index += strings.Repeat(".1", max(d.Counter, 1))
	}
	add(sip.Address{URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(number), Host: host}}, false)
}
