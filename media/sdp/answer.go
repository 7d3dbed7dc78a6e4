package sdp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"santral/media"
)

// ErrNoMatch says that no line of an offer or answer can be used with the formats we have; in SIP
// it is a 488.
var ErrNoMatch = errors.New("sdp: no common format")

// CheckAnswer reports whether an answer fits its offer: as many lines, and each of the same kind
// and protocol in the same place (RFC 3264 §6). A refused line may say anything.
func CheckAnswer(offer, answer *Description) error {
	if len(offer.Media) != len(answer.Media) {
		return fmt.Errorf("sdp: %d media lines in the answer to an offer of %d", len(answer.Media), len(offer.Media))
	}
	for i := range offer.Media {
		o, a := &offer.Media[i], &answer.Media[i]
		switch {
		case a.Port == 0:
		case o.Rejected():
			return fmt.Errorf("sdp: media line %d was not offered but is answered", i+1)
		case o.Kind != a.Kind:
			return fmt.Errorf("sdp: media line %d was offered as %s and answered as %s", i+1, short(o.Kind), short(a.Kind))
		case o.Proto != a.Proto:
			return fmt.Errorf("sdp: media line %d was offered over %s and answered over %s", i+1, short(o.Proto), short(a.Proto))
		}
	}
	return nil
}

// Chosen is what both sides of a line can speak.
type Chosen struct {
	Line     int          // index of the media line
	Format   media.Format // with the peer's payload number
	Events   media.Format // telephone-event, at the same clock where that is had (RFC 4733 §2.5.1); zero when there is none
	Digits   bool         // Events holds
	Ptime    int          // milliseconds for each packet, 20 when the peer said nothing
	Dir      Direction    // as the answer says it, from our side
	PeerHeld bool         // the peer holds us
}

// Choose picks the first of the peer's formats on a line that is among ours, and telephone-event if
// both have it. Formats are the same when name, clock and channels are (RFC 8866 §6.6); payload
// numbers are the peer's.
func Choose(m *Media, ours []media.Format) (c Chosen, ok bool) {
	list := m.FormatList()
	for _, f := range list {
		if !IsEvents(f) && !IsNoise(f) && contains(ours, f) {
			c.Format, ok = f, true
			break
		}
	}
	if !ok {
		return Chosen{}, false
	}
	for _, f := range list {
		if !IsEvents(f) || !contains(ours, f) {
			continue
		}
		if same := f.Rate == c.Format.Rate; same || !c.Digits {
			c.Events, c.Digits = f, true
			if same {
				break
			}
		}
	}
	if c.Ptime = m.Ptime(); c.Ptime < 10 || c.Ptime > 60 {
		c.Ptime = 20 // RFC 3551 §4.2
	}
	return c, true
}

// IsEvents reports telephone-event, which carries digits beside a codec (RFC 4733 §2).
func IsEvents(f media.Format) bool { return isNamed(&f, "telephone-event") }

// IsNoise reports comfort noise, which is no codec by itself (RFC 3389).
func IsNoise(f media.Format) bool { return isNamed(&f, "CN") }

// isNamed reports whether a format has a name, in capitals or not.
func isNamed(f *media.Format, name string) bool {
	return len(f.Name) == len(name) && strings.EqualFold(f.Name, name)
}

// Same reports whether two formats are one encoding, whatever their payload numbers.
func Same(a, b media.Format) bool {
	return a.Rate == b.Rate && max(a.Channels, 1) == max(b.Channels, 1) && isNamed(&a, b.Name)
}

func contains(list []media.Format, f media.Format) bool {
	for i := range list {
		if Same(list[i], f) {
			return true
		}
	}
	return false
}

// Local is our side of terminated media: what goes into an offer or answer of ours.
type Local struct {
	Formats []media.Format
	Dir     Direction // what we are willing to do; UnknownDirection is sendrecv
	Ptime   int       // milliseconds of sound in a packet that we ask for; 0 is 20
	Noise   bool      // comfort noise is taken where it is offered (RFC 3389)
	Red     bool      // and redundant sound (RFC 2198)
	Refused uint64    // the lines of the peer's offer that can't be had, a bit each: line 0 is bit 0
}

// Answer makes the answer of a side that ends media itself: the first audio line with a format of ours
// is taken, all other lines are refused in their places (RFC 3264 §6). Origin and addresses are left out; the line that is
// taken has port 9. The error is ErrNoMatch when nothing can be taken.
func Answer(offer *Description, l Local) (*Description, Chosen, error) {
	for i := range offer.Media {
		m := &offer.Media[i]
		if m.Kind != "audio" || m.Rejected() || !RTP(m.Proto) || l.Refused>>uint(i)&1 == 1 {
			continue
		}
		c, ok := Choose(m, l.Formats)
		if !ok {
			continue
		}
		c.Line = i
		c.PeerHeld = m.Held(offer)
		c.Dir = m.Direction(offer).Reverse().And(willing(l.Dir)) // RFC 3264 §6.1
		return answer(offer, l, c), c, nil
	}
	return nil, Chosen{}, ErrNoMatch
}

func willing(dir Direction) Direction {
	if dir == UnknownDirection {
		return SendRecv
	}
	return dir
}

func answer(offer *Description, l Local, c Chosen) *Description {
	d := frame()
	for _, line := range offer.Lines { // RFC 3264 §6: the t= line equals the offer's
		if line.Type == 't' {
			d.Lines = []Line{line}
			break
		}
	}
	d.Media = make([]Media, len(offer.Media))
	for i := range offer.Media {
		m := &offer.Media[i]
		d.Media[i] = Media{Kind: m.Kind, Proto: m.Proto, Formats: m.Formats}
	}
	formats := []media.Format{c.Format}
	picks := []pick{{c.Format, gone}}
	for _, f := range offer.Media[c.Line].FormatList() {
		if l.Red && IsRed(f) && covers(picks, &f) || l.Noise && IsNoise(f) && f.Rate == c.Format.Rate {
			formats = append(formats, f)
		}
	}
	if c.Digits {
		formats = append(formats, c.Events)
	}
	fill(&d.Media[c.Line], l, formats, c.Dir)
	for i := range d.Media {
		d.Media[i].copyMID(&offer.Media[i])
	}
	return d
}

// Offer makes an offer of one audio line with our formats, in our order of preference, without origin and addresses.
func Offer(l Local) *Description {
	d := frame()
	d.Media = []Media{{Kind: "audio", Proto: "RTP/AVP"}}
	fill(&d.Media[0], l, l.Formats, willing(l.Dir))
	return d
}

// frame is a description of ours without media lines.
func frame() *Description {
	return &Description{Name: "-", Lines: []Line{{Type: 't', Value: "0 0"}}}
}

// fill writes our side of a line.
func fill(m *Media, l Local, formats []media.Format, dir Direction) {
	m.Port = placeholder
	m.Formats = make([]string, 0, len(formats))
	m.Attrs = make([]Attr, 0, 2*len(formats)+3)
	for _, f := range formats {
		m.Formats = append(m.Formats, strconv.Itoa(int(f.Payload)))
		m.Attrs = append(m.Attrs, Attr{Name: "rtpmap", Value: Rtpmap(f)})
		params := f.Params
		if IsEvents(f) {
			params = keys
		}
		if params != "" {
			m.Attrs = append(m.Attrs, Attr{Name: "fmtp", Value: strconv.Itoa(int(f.Payload)) + " " + params})
		}
	}
	ptime := l.Ptime
	if ptime == 0 {
		ptime = 20
	}
	m.Attrs = append(m.Attrs, Attr{Name: "ptime", Value: itoa(ptime)})
	m.Attrs = append(m.Attrs, Attr{Name: dir.String()})
}
