package sdp

import (
	"slices"
	"strings"

	"santral/media"
)

// Back makes our answer to a peer's offer out of what the far side answered to ours: protocols and payload numbers
// are those of the offer, and which formats are spoken is for the far side to say. Where none of them is shared, the
// first of the offer's that can be made out of one of the far side's is taken. A line that the far side refused, or that
// w refuses, is refused in its place (RFC 3264 §6). Origin and addresses are left out; lines that are kept have port 9. The
// error is ErrNoMatch when a line could not be had for want of something in common, and none was kept.
func Back(offer, far *Description, w *Wish) (*Description, error) {
	d := begin(far.Name, len(offer.Media), max(len(far.Lines), len(offer.Lines)))
	d.Attrs = w.sessionAttrs(far.Attrs)
	for i := range far.Lines {
		if l := &far.Lines[i]; l.passes() && l.Type != 't' && l.Type != 'r' {
			d.Lines = append(d.Lines, *l)
		}
	}
	for _, l := range offer.Lines { // RFC 3264 §6: times equal the offer's
		if l.Type == 't' || l.Type == 'r' {
			d.Lines = append(d.Lines, l)
		}
	}
	kept, lost := 0, 0
	for i := range offer.Media {
		o, dst := &offer.Media[i], &d.Media[i]
		dst.Kind, dst.Proto = o.Kind, o.Proto
		switch {
		case o.Rejected(), i >= len(far.Media), far.Media[i].Rejected():
		case w.Refused>>uint(i)&1 == 1, w.refuses(o), far.Media[i].Kind != o.Kind, RTP(far.Media[i].Proto) != RTP(o.Proto),
			!w.answerLine(dst, o, &far.Media[i], offer, far):
			lost++
		default:
			dst.Port = placeholder
			kept++
		}
		if dst.Port == 0 {
			dst.Formats, dst.Attrs, dst.Lines = o.Formats, nil, nil
		}
		dst.copyMID(o)
	}
	if kept == 0 && lost > 0 {
		return nil, ErrNoMatch
	}
	return d, nil
}

// copyMID gives a line of an answer the tag that the offer has for it (RFC 5888 §9.1).
func (m *Media) copyMID(offered *Media) {
	if mid, ok := offered.Attr("mid"); ok {
		m.Attrs = slices.Insert(m.Attrs, 0, Attr{Name: "mid", Value: mid})
	}
}

// answerLine writes what is answered to line o; false when nothing is in common.
func (w *Wish) answerLine(dst, o, f *Media, offer, far *Description) bool {
	var room [formatRoom]pick
	var offered, theirs [formatRoom]media.Format
	var picks []pick
	ptime, passed := f.Ptime(), true
	switch {
	case !RTP(o.Proto):
		dst.Formats = f.Formats
	case o.Kind == "audio":
		if picks, passed = w.answerSound(room[:0], o.AppendFormats(offered[:0]), f.AppendFormats(theirs[:0])); !passed {
			ptime = 0
		}
		ptime = w.ptime(ptime)
	default:
		picks, dst.Formats = answerOther(o, f)
	}
	dir := f.Direction(far)
	if f.Addressless(far) {
		dir = dir.And(SendOnly)
	}
	said := f
	if !passed { // what it says of its sound is not said of ours
		said = &Media{Kind: f.Kind}
	}
	w.write(dst, said, o, picks, ptime, dir.And(o.Direction(offer).Reverse())) // RFC 3264 §6.1
	for i := range f.Lines {
		if l := &f.Lines[i]; l.passes() && (l.Type != 'b' || passed) {
			dst.Lines = append(dst.Lines, *l)
		}
	}
	return len(dst.Formats) > 0
}

// answerSound chooses among the formats of an offer by those of the far side, into picks. passed says that the far side's pass;
// otherwise they are made out of one another here.
func (w *Wish) answerSound(picks []pick, offered, far []media.Format) (_ []pick, passed bool) {
	for i := range far {
		f := &far[i]
		if j := match(offered, f); isCodec(f) && j >= 0 && w.allows(f) && !from(picks, f.Payload) {
			p := pick{offered[j], f.Payload}
			p.Params = f.Params
			if !slices.ContainsFunc(picks, func(q pick) bool { return q.Payload == p.Payload }) {
				picks = append(picks, p)
			}
		}
	}
	if passed = len(picks) > 0; !passed || w.Lossy && !strings.EqualFold(picks[0].Name, "opus") {
		if f, ok := w.choose(offered, far); ok && (!passed || strings.EqualFold(f.Name, "opus")) {
			picks, passed = append(picks[:0], pick{f, gone}), false
		}
	}
	codecs := len(picks)
	if codecs == 0 {
		return nil, false
	}
	matched := slices.ContainsFunc(offered, func(f media.Format) bool { return IsEvents(f) && clocked(picks, f.Rate) })
	for i := range offered {
		f := &offered[i]
		switch {
		case IsRed(*f) && w.Red && covers(picks[:codecs], f),
			IsNoise(*f) && clocked(picks[:codecs], f.Rate) && (w.Noise || contains(far, *f)),
			IsEvents(*f) && !w.NoEvents && (!matched || clocked(picks[:codecs], f.Rate)):
			matched = matched || IsEvents(*f) // one of another clock is better than none: Firefox has events at 8000 Hz beside Opus
			if !slices.ContainsFunc(picks, func(q pick) bool { return Same(q.Format, *f) }) {
				picks = append(picks, pick{*f, gone})
			}
		}
	}
	return picks, passed
}

// choose finds the encoding of the offer that is made out of the far side's: the best by our order, or the first of the
// peer's where we have none. Its parameters are ours. ok is false when either side has none that can be made.
func (w *Wish) choose(offered, far []media.Format) (best media.Format, ok bool) {
	if !w.spoken(far) {
		return best, false
	}
	rank := func(f *media.Format) int {
		switch {
		case w.Lossy && strings.EqualFold(f.Name, "opus"):
			return -1
		case w.Codecs == nil:
			return 0
		}
		return slices.IndexFunc(w.Codecs, func(n string) bool { return strings.EqualFold(n, f.Name) })
	}
	for i := range offered {
		f := &offered[i]
		if !isCodec(f) || !w.speaks(f) || !w.allows(f) || ok && rank(f) >= rank(&best) {
			continue
		}
		best, ok = *f, true
	}
	for i := range w.Speak {
		if Same(w.Speak[i], best) {
			best.Params = w.Speak[i].Params
		}
	}
	return best, ok
}

// match finds a format of the far side's in an offer: under the same number, or else the first that fits. -1 is none.
func match(offered []media.Format, f *media.Format) int {
	at := -1
	for i := range offered {
		o := &offered[i]
		if !Same(*o, *f) || !fits(o, f) {
			continue
		}
		if o.Payload == f.Payload {
			return i
		}
		if at < 0 {
			at = i
		}
	}
	return at
}

// fits reports whether the parameters that must be the same on both sides are: those of H.264 (RFC 6184 §8.2.2), VP9
// (RFC 9628 §6.1) and AV1, whose streams can't be understood otherwise.
func fits(a, b *media.Format) bool {
	switch {
	case isNamed(a, "H264"):
		return equal(a, b, "packetization-mode", "0") && profile(a) == profile(b)
	case isNamed(a, "VP9"):
		return equal(a, b, "profile-id", "0")
	case isNamed(a, "AV1"):
		return equal(a, b, "profile", "0")
	}
	return true
}

func equal(a, b *media.Format, name, unsaid string) bool {
	x, ok := parameter(a.Params, name)
	if !ok {
		x = unsaid
	}
	y, ok := parameter(b.Params, name)
	if !ok {
		y = unsaid
	}
	return x == y
}

// profile is the profile of H.264: the first of the three octets of profile-level-id, in lower case. Its constraints
// differ between sides that understand each other.
func profile(f *media.Format) string {
	id, ok := parameter(f.Params, "profile-level-id")
	if !ok || len(id) != 6 {
		return "42" // RFC 6184 §8.1: baseline
	}
	return strings.ToLower(id[:2])
}

// covers reports whether all that a format of redundant sound carries is among picks (RFC 2198 §5).
func covers(picks []pick, red *media.Format) bool {
	if !clocked(picks, red.Rate) {
		return false
	}
	for _, part := range strings.Split(red.Params, "/") {
		n, ok := payload(strings.Trim(part, " "))
		if red.Params != "" && (!ok || !slices.ContainsFunc(picks, func(p pick) bool { return p.Payload == n })) {
			return false
		}
	}
	return true
}

// answerOther chooses the formats of a line of RTP that is no sound. Those that nothing explains are compared as text.
func answerOther(o, f *Media) (picks []pick, formats []string) {
	offered, far := o.FormatList(), f.FormatList()
	if len(offered) < len(o.Formats) || len(far) < len(f.Formats) {
		for _, text := range f.Formats {
			if slices.Contains(o.Formats, text) {
				formats = append(formats, text)
			}
		}
		if o.Kind != "video" {
			return nil, formats
		}
	}
	picks = make([]pick, 0, len(far))
	solid := false
	for i := range far {
		a := &far[i]
		j := match(offered, a)
		if target, ok := apt(a.Params); ok && isRepair(a) {
			j = slices.IndexFunc(offered, func(r media.Format) bool { // the one that repairs the same
				n, ok := apt(r.Params)
				return ok && Same(r, *a) && slices.ContainsFunc(picks, func(p pick) bool { return p.from == target && p.Payload == n })
			})
		}
		if j < 0 || slices.ContainsFunc(picks, func(p pick) bool { return p.Payload == offered[j].Payload }) {
			continue
		}
		p := pick{offered[j], a.Payload}
		p.Params = a.Params
		picks = append(picks, p)
		solid = solid || !isRepair(a)
	}
	if !solid {
		return nil, nil
	}
	return picks, nil
}
