package sdp

import (
	"slices"
	"strings"

	"santral/media"
)

// placeholder is the port of lines that are kept, until whoever has ports puts one in: that of discard.
const placeholder = 9

// Onward makes our offer to a peer out of what the other side says that it can do: its lines in their places, with
// what the wish takes out and adds. It has neither origin nor addresses; lines that are kept have port 9, refused
// ones port 0, and so has each further line of w.Lines, as no line that was offered is ever taken back
// (RFC 3264 §8). The error is ErrNoMatch when lines were there and none could be kept.
func Onward(other *Description, w *Wish) (*Description, error) {
	d := begin(other.Name, max(len(other.Media), len(w.Lines)), len(other.Lines))
	for i := range other.Lines {
		if l := &other.Lines[i]; l.passes() {
			d.Lines = append(d.Lines, *l)
		}
	}
	d.Attrs = w.sessionAttrs(other.Attrs)
	b := book{shared: w.Browser}
	b.avoid(other, w)
	kept, lost := 0, 0
	for i := range d.Media {
		dst, past := &d.Media[i], w.past(i)
		if i >= len(other.Media) {
			*dst = Media{Kind: past.Kind, Proto: past.Last, Formats: []string{"0"}}
			continue
		}
		m := &other.Media[i]
		dst.Kind, dst.Proto = m.Kind, m.Proto
		if RTP(m.Proto) {
			dst.Proto = w.proto(i, m.Kind)
		}
		b.begin(past.Formats)
		switch {
		case m.Rejected():
		case w.refuses(m), !w.offerLine(dst, m, other, &b):
			lost++
		default:
			dst.Port = placeholder
			kept++
			continue
		}
		dst.Attrs, dst.Lines, dst.Formats = nil, nil, m.Formats[:min(len(m.Formats), 1)]
	}
	if w.Browser {
		w.nameLines(d.Media, other.Media)
	}
	if kept == 0 && lost > 0 {
		return nil, ErrNoMatch
	}
	return d, nil
}

// passes reports lines that pass from one description to another: not its addresses, nor its key (RFC 8866 §5.12).
func (l *Line) passes() bool { return l.Type != 'c' && l.Type != 'k' }

// begin makes a description with media lines that are still blank, and room for others.
func begin(name string, media, lines int) *Description {
	if media == 1 && lines <= 2 { // as telephones have it: in one piece
		all := new(struct {
			d     Description
			media [1]Media
			lines [2]Line
		})
		all.d = Description{Name: name, Media: all.media[:], Lines: all.lines[:0]}
		return &all.d
	}
	return &Description{Name: name, Media: make([]Media, media), Lines: make([]Line, 0, lines)}
}

// sessionAttrs are the attributes of a description that pass. Its direction is said on each line.
func (w *Wish) sessionAttrs(attrs []Attr) []Attr {
	if len(attrs) == 0 {
		return nil
	}
	keep := make([]Attr, 0, len(attrs)+1) // with room for a group
	for _, a := range attrs {
		switch {
		case Path(a.Name), ParseDirection(a.Name) != UnknownDirection:
		case browsers(a.Name) && (!w.Browser || perLeg(a)):
		default:
			keep = append(keep, a)
		}
	}
	return keep
}

// nameLines gives each line an identification tag (RFC 9143 §7.2): the one that it has with this peer, or the one that
// the other side has for it where that is nobody else's.
func (w *Wish) nameLines(lines, other []Media) {
	taken := make(map[string]bool, len(lines))
	for i := range w.Lines {
		taken[w.Lines[i].MID] = true
	}
	for i := range lines {
		mid := w.past(i).MID
		if mid == "" && i < len(other) {
			if mid, _ = other[i].Attr("mid"); taken[mid] || len(mid) > 32 {
				mid = ""
			}
		}
		for n := i; mid == ""; n += len(lines) {
			if m := itoa(n); !taken[m] {
				mid = m
			}
		}
		taken[mid] = true
		lines[i].Attrs = slices.Insert(lines[i].Attrs, 0, Attr{Name: "mid", Value: mid})
	}
}

// offerLine writes what is offered of a line of the other side's; false when nothing of it is left.
func (w *Wish) offerLine(dst, m *Media, other *Description, b *book) bool {
	var room [formatRoom]pick
	var formats [formatRoom]media.Format
	var picks []pick
	added, ptime := false, m.Ptime()
	switch {
	case !RTP(m.Proto):
		dst.Formats = m.Formats
	case m.Kind == "audio":
		picks, added = w.offerSound(room[:0], m.AppendFormats(formats[:0]), b)
		ptime = w.ptime(ptime)
	default:
		picks, dst.Formats = w.offerOther(m, b)
	}
	dir := m.Direction(other)
	if m.Addressless(other) {
		dir = dir.And(SendOnly) // the old hold: our own address takes the place of none (RFC 3264 §8.4)
	}
	w.write(dst, m, nil, picks, ptime, dir)
	for i := range m.Lines {
		if l := &m.Lines[i]; l.passes() && (l.Type != 'b' || !added) { // what was enough for the other side's formats is not for ours
			dst.Lines = append(dst.Lines, *l)
		}
	}
	return len(dst.Formats) > 0
}

// ptime is the packet time that we ask for.
func (w *Wish) ptime(other int) int {
	switch {
	case w.Ptime != 0:
		return w.Ptime
	case w.Lossy:
		return lossyPtime
	}
	return other
}

// offerSound chooses the formats of a line of sound out of the other side's, into picks. added says that some are ours.
func (w *Wish) offerSound(picks []pick, list []media.Format, b *book) (_ []pick, added bool) {
	codecs := 0
	transcodes := !w.Alone && w.spoken(list)
	have := func(f *media.Format) bool {
		return slices.ContainsFunc(picks, func(p pick) bool { return Same(p.Format, *f) })
	}
	pass := func(name string) {
		for i := range list {
			f := &list[i]
			if isCodec(f) && (name == "" || strings.EqualFold(f.Name, name)) && !from(picks, f.Payload) {
				picks = b.pass(picks, *f) // twice by one name where parameters differ: AMR in two alignments
			}
		}
	}
	add := func(name string) {
		for i := range w.Speak {
			f := &w.Speak[i]
			if transcodes && strings.EqualFold(f.Name, name) && !have(f) {
				picks, added = b.add(picks, *f), true
			}
		}
	}
	if w.Lossy && w.allows(&media.Format{Name: "opus"}) {
		pass("opus")
		add("opus")
	}
	if w.Codecs == nil {
		pass("")
		add("PCMA")
		add("PCMU")
	}
	for _, name := range w.Codecs {
		pass(name)
	}
	for _, name := range w.Codecs {
		add(name)
	}
	if codecs = len(picks); codecs == 0 {
		return nil, false
	}
	if f := picks[0].Format; w.Red && w.speaks(&f) {
		theirs := false
		red := media.Format{Name: "red", Payload: likedRed, Rate: f.Rate, Channels: f.Channels, Params: itoa(int(f.Payload)) + "/" + itoa(int(f.Payload))}
		for i := range list {
			if IsRed(list[i]) && list[i].Rate == f.Rate {
				red.Payload, theirs = list[i].Payload, true
			}
		}
		picks = b.put(picks, pick{red, gone}, theirs)
	}
	for i := range list {
		if f := &list[i]; IsNoise(*f) && clocked(picks[:codecs], f.Rate) && !have(f) {
			picks = b.pass(picks, *f)
		}
	}
	if noise := (media.Format{Name: "CN", Payload: 13, Rate: 8000, Channels: 1}); w.Noise && w.quiet(picks[:codecs]) && !have(&noise) {
		picks = b.add(picks, noise)
	}
	if !w.NoEvents {
		picks = offerEvents(picks, codecs, list, b)
	}
	return picks, added
}

// quiet reports whether we can speak a codec that has no silence of its own (RFC 3389 §4).
func (w *Wish) quiet(picks []pick) bool {
	return slices.ContainsFunc(picks, func(p pick) bool { return p.Rate == 8000 && w.speaks(&p.Format) })
}

// Payload numbers of our own that many expect.
const (
	likedEvents = 101
	likedRed    = 121
)

// offerEvents adds telephone events at each clock that a codec has (RFC 4733 §2.5.1), by the other side's numbers
// where it has some.
func offerEvents(picks []pick, codecs int, list []media.Format, b *book) []pick {
	for i := range codecs {
		rate := picks[i].Rate
		if clocked(picks[:i], rate) {
			continue
		}
		e := media.Format{Name: "telephone-event", Payload: likedEvents, Rate: rate, Channels: 1}
		known := false
		for j := range list {
			if IsEvents(list[j]) && list[j].Rate == rate && !known {
				e.Payload, known = list[j].Payload, true
			}
		}
		e.Params = keys
		picks = b.put(picks, pick{e, gone}, known)
	}
	return picks
}

// keys are the events that we take: sixteen keys, and the hook's flash (RFC 4733 §3.2).
const keys = "0-16"

func clocked(picks []pick, rate int) bool {
	for i := range picks {
		if picks[i].Rate == rate {
			return true
		}
	}
	return false
}

// offerOther chooses the formats of a line of RTP that is no sound. What nothing explains passes where the kind is
// unknown; then formats is the list as text.
func (w *Wish) offerOther(m *Media, b *book) (picks []pick, formats []string) {
	list := m.FormatList()
	if m.Kind != "video" && len(list) < len(m.Formats) {
		return nil, m.Formats
	}
	picks = make([]pick, 0, len(list))
	choosy := slices.ContainsFunc(w.Codecs, isPicture)
	for i := range list {
		f := &list[i]
		switch {
		case m.Kind != "video":
		case isRepair(f):
			if !w.Browser {
				continue
			}
			if n, ok := apt(f.Params); ok && !from(picks, n) {
				continue
			}
		case choosy && !w.allows(f):
			continue
		}
		picks = b.pass(picks, *f)
	}
	if m.Kind == "video" && !slices.ContainsFunc(picks, func(p pick) bool { return !isRepair(&p.Format) }) {
		picks = nil
	}
	return picks, nil
}

// from reports whether a format that had number n on the other side is among picks.
func from(picks []pick, n uint8) bool {
	return slices.ContainsFunc(picks, func(p pick) bool { return p.from == n })
}

// isPicture reports names of encodings of pictures.
func isPicture(name string) bool {
	switch strings.ToUpper(name) {
	case "H261", "H263", "H263-1998", "H263-2000", "H264", "H265", "VP8", "VP9", "AV1":
		return true
	}
	return false
}
