package sdp

import (
	"strconv"
	"strings"

	"santral/media"
)

// pick is a format that goes into a description of ours.
type pick struct {
	media.Format       // with the number that it has there
	from         uint8 // the number that it has on the other side, gone for one that the other side has not
}

// gone is no payload number.
const gone = 0xff

// set is a set of payload numbers.
type set [2]uint64

func (s *set) add(n uint8)      { s[n>>6&1] |= 1 << (n & 63) }
func (s *set) has(n uint8) bool { return s[n>>6&1]&(1<<(n&63)) != 0 }

// book knows which payload numbers of an offer mean what.
type book struct {
	shared bool           // lines share one transport, so that a number means one thing on all of them (RFC 9143 §9.1)
	used   set            // in the offer so far
	others set            // what either side had, which numbers of ours stay clear of
	past   []media.Format // what numbers meant before on this line
}

// avoid takes note of all numbers that stand in other or did on the peer's lines.
func (b *book) avoid(other *Description, w *Wish) {
	for i := range other.Media {
		for _, text := range other.Media[i].Formats {
			if n, ok := payload(text); ok {
				b.others.add(n)
			}
		}
	}
	for i := range w.Lines {
		for _, f := range w.Lines[i].Formats {
			b.others.add(f.Payload)
		}
	}
}

// begin begins a line.
func (b *book) begin(past []media.Format) {
	b.past = past
	if !b.shared {
		b.used = set{}
	}
}

// pass takes a format of the other side's, by its number where that is free.
func (b *book) pass(picks []pick, f media.Format) []pick {
	return b.put(picks, pick{f, f.Payload}, true)
}

// add takes a format of ours.
func (b *book) add(picks []pick, f media.Format) []pick {
	return b.put(picks, pick{f, gone}, false)
}

// put gives a format its number: the one that it has had on this line, the one that it comes with, or a free one.
// theirs says that it comes with the other side's. A format for which there is no number is left out.
func (b *book) put(picks []pick, p pick, theirs bool) []pick {
	n := b.number(&p.Format, theirs)
	if n == gone {
		return picks
	}
	b.used.add(n)
	p.Payload = n
	return append(picks, p)
}

func (b *book) number(f *media.Format, theirs bool) uint8 {
	known := uint8(gone)
	meant := false
	for i := range b.past {
		p := &b.past[i]
		meant = meant || p.Payload == f.Payload
		if !Same(*p, *f) || b.used.has(p.Payload) {
			continue
		}
		if p.Payload == f.Payload {
			return f.Payload
		}
		if known == gone && (p.Params == f.Params || !isRepair(f) && fits(p, f)) {
			known = p.Payload
		}
	}
	if known != gone {
		return known
	}
	if !meant && !b.used.has(f.Payload) && (theirs || f.Payload < 35 || !b.others.has(f.Payload)) {
		return f.Payload
	}
	for _, clear := range [...]bool{true, false} {
		for _, span := range [...][2]uint8{{96, 127}, {35, 63}} { // 64 to 95 look like RTCP (RFC 5761 §4)
			for n := span[0]; n <= span[1]; n++ {
				if !b.used.has(n) && !b.meant(n) && (!clear || !b.others.has(n)) {
					return n
				}
			}
		}
	}
	return gone
}

func (b *book) meant(n uint8) bool {
	for i := range b.past {
		if b.past[i].Payload == n {
			return true
		}
	}
	return false
}

// write puts picks into dst, and what passes of the attributes of m. offered is the line that dst answers, nil in
// an offer.
func (w *Wish) write(dst, m, offered *Media, picks []pick, ptime int, dir Direction) {
	var to [128]uint8
	for i := range to {
		to[i] = gone
	}
	for i := range picks {
		if p := &picks[i]; p.from != gone {
			to[p.from] = p.Payload
		}
	}
	var room [24]Attr
	attrs := room[:0]
	explained := set{}
	paced, directed := false, false
	for i := range m.Attrs {
		a := m.Attrs[i]
		switch {
		case Path(a.Name):
			continue
		case ParseDirection(a.Name) != UnknownDirection:
			directed = true
			continue
		case a.Name == "ptime":
			if paced || ptime == 0 {
				continue
			}
			paced = true
			if m.Ptime() != ptime {
				a.Value = itoa(ptime)
			}
		case a.Name == "maxptime":
			if n, err := strconv.Atoi(a.Value); err != nil || n < ptime {
				continue
			}
		case a.Name == "rtcp-fb" && !w.Browser && (m.Kind != "video" || strings.HasSuffix(a.Value, "goog-remb")):
			continue
		case browsers(a.Name) && a.Name != "rtcp-fb" && !w.Browser, perLeg(a) || m.Kind != "video" && strings.HasPrefix(a.Name, "ssrc"):
			continue
		case a.Name == "extmap" && offered != nil && !hasExtension(offered, a.Value):
			continue
		case picks != nil && numbered(a.Name):
			var ok bool
			if a, ok = w.renumber(a, &to, picks, &explained); !ok || a.Name == "rtcp-fb" && offered != nil && !HasFeedback(offered, a.Value) {
				continue
			}
		}
		attrs = append(attrs, a)
	}
	if picks != nil {
		dst.Formats = make([]string, 0, len(picks))
	}
	for i := range picks {
		p := &picks[i]
		dst.Formats = append(dst.Formats, itoa(int(p.Payload)))
		known := p.from != gone && (explained.has(p.Payload) || p.Payload < 35 && p.from == p.Payload)
		if !known {
			attrs = append(attrs, Attr{Name: "rtpmap", Value: Rtpmap(p.Format)})
		}
		if params := w.params(&p.Format); params != "" && (p.from == gone || p.Params == "") {
			attrs = append(attrs, Attr{Name: "fmtp", Value: itoa(int(p.Payload)) + " " + params})
		}
	}
	if ptime != 0 && !paced {
		attrs = append(attrs, Attr{Name: "ptime", Value: itoa(ptime)})
	}
	if directed || dir != SendRecv {
		attrs = append(attrs, Attr{Name: dir.String()})
	}
	spare := 0
	if w.Browser { // keys, candidates and names follow
		spare = 16
	}
	dst.Attrs = append(make([]Attr, 0, len(attrs)+spare), attrs...)
}

// numbered reports attributes whose value begins with a payload number.
func numbered(name string) bool {
	switch name {
	case "rtpmap", "fmtp", "rtcp-fb", "imageattr", "framesize":
		return true
	}
	return false
}

// renumber gives an attribute the payload number that its format has now; false when that is gone.
func (w *Wish) renumber(a Attr, to *[128]uint8, picks []pick, explained *set) (Attr, bool) {
	text, rest := cutField(a.Value)
	if text == "*" {
		return a, true
	}
	pt, ok := payload(text)
	if !ok || to[pt] == gone {
		return a, false
	}
	n := to[pt]
	switch a.Name {
	case "rtpmap":
		if explained.has(n) {
			return a, false
		}
		explained.add(n)
	case "fmtp":
		for i := range picks {
			p := &picks[i]
			if p.from != pt {
				continue
			}
			params := w.params(&p.Format)
			if target, ok := apt(p.Params); ok && isRepair(&p.Format) && to[target] != target {
				params = "apt=" + itoa(int(to[target]))
			}
			if IsRed(p.Format) {
				params = mapped(params, to)
			}
			if params != p.Params {
				a.Value, rest = "", params
			}
			break
		}
	}
	if n != pt || a.Value == "" {
		a.Value = itoa(int(n)) + " " + rest
	}
	return a, true
}

// mapped gives the parameters of redundancy, "98/98", the numbers that its formats have now (RFC 2198 §5).
func mapped(params string, to *[128]uint8) string {
	parts := strings.Split(params, "/")
	for i, text := range parts {
		if n, ok := payload(strings.Trim(text, " ")); ok && to[n] != gone && to[n] != n {
			parts[i] = itoa(int(to[n]))
		}
	}
	return strings.Join(parts, "/")
}

// apt is the format that a retransmission's format belongs to (RFC 4588 §8.1).
func apt(params string) (n uint8, ok bool) {
	text, found := parameter(params, "apt")
	if !found {
		return 0, false
	}
	return payload(text)
}

// parameter reads one parameter of "name=value;name=value".
func parameter(params, name string) (value string, ok bool) {
	for params != "" {
		var part string
		part, params, _ = strings.Cut(params, ";")
		key, value, _ := strings.Cut(strings.Trim(part, " "), "=")
		if strings.EqualFold(key, name) {
			return value, true
		}
	}
	return "", false
}

// What a bad link gets.
const (
	lossyPtime   = 40    // milliseconds: headers cost as much as the sound of 20
	lossyBitrate = 24000 // bits a second
)

// params are the parameters of a format as they are written.
func (w *Wish) params(f *media.Format) string {
	switch {
	case IsEvents(*f):
		return keys
	case w.Lossy && strings.EqualFold(f.Name, "opus"):
		return lossyOpus(f.Params)
	}
	return f.Params
}

// lossyOpus has the peer send less, and repair what it sends (RFC 7587 §6.1).
func lossyOpus(params string) string {
	keep := make([]string, 0, 4)
	rate := lossyBitrate
	for _, part := range strings.Split(params, ";") {
		part = strings.Trim(part, " ")
		key, value, _ := strings.Cut(part, "=")
		switch {
		case part == "" || strings.EqualFold(key, "useinbandfec"):
		case strings.EqualFold(key, "maxaveragebitrate"):
			if n, err := strconv.Atoi(value); err == nil && n >= 6000 && n < rate {
				rate = n
			}
		default:
			keep = append(keep, part)
		}
	}
	return strings.Join(append(keep, "useinbandfec=1", "maxaveragebitrate="+itoa(rate)), ";")
}

// perLeg reports what two browsers may agree on, but not through us: the feedback and the extension of a congestion
// control that ends on each leg, and extensions that name lines and layers, whose names are each leg's own.
func perLeg(a Attr) bool {
	switch a.Name {
	case "rtcp-fb":
		return strings.HasSuffix(a.Value, "transport-cc")
	case "extmap":
		return strings.Contains(a.Value, "transport-wide-cc") || strings.Contains(a.Value, "urn:ietf:params:rtp-hdrext:sdes:")
	case "simulcast", "rid":
		return true
	}
	return false
}

// Extension splits the value of an extmap attribute: the number, without the direction behind it, and the URI of the
// header extension (RFC 8285 §5).
func Extension(value string) (number, uri string) {
	number, rest := cutField(value)
	number, _, _ = strings.Cut(number, "/")
	uri, _ = cutField(rest)
	return number, uri
}

// hasExtension reports whether a line has a header extension under the same number (RFC 8285 §6).
func hasExtension(m *Media, value string) bool {
	id, uri := Extension(value)
	for i := range m.Attrs {
		if m.Attrs[i].Name != "extmap" {
			continue
		}
		if n, u := Extension(m.Attrs[i].Value); u == uri {
			return n == id
		}
	}
	return false
}

// Feedback splits the value of an rtcp-fb attribute: the payload number or "*", and the kind with its parameter
// (RFC 4585 §4.2).
func Feedback(value string) (number, kind string) {
	number, kind = cutField(value)
	return number, strings.Trim(kind, " ")
}

// HasFeedback reports whether a line has a kind of feedback, for the format or for all (RFC 4585 §4.2).
func HasFeedback(m *Media, value string) bool {
	n, kind := cutField(value)
	for i := range m.Attrs {
		if m.Attrs[i].Name != "rtcp-fb" {
			continue
		}
		if o, k := cutField(m.Attrs[i].Value); k == kind && (o == n || o == "*" || n == "*") {
			return true
		}
	}
	return false
}

// itoa prints a number; those of payloads are ready made.
func itoa(n int) string {
	const hundreds = "100101102103104105106107108109110111112113114115116117118119120121122123124125126127"
	if n >= 100 && n <= 127 {
		return hundreds[3*(n-100):][:3]
	}
	return strconv.Itoa(n)
}
