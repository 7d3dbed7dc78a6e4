package session

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/sdp"
)

// speech is how media that ends here, or is transcoded, is spoken with a peer: of what both sides said they
// can, what we do.
type speech struct {
	line   int           // index of the media line
	codec  *codec.Codec  // nil: there is nothing that we speak
	format media.Format  // of it, at the number that the peer wants
	events media.Format  // telephone events at the peer's number; Rate 0 for none
	noise  media.Format  // comfort noise at the clock of the sound; Rate 0 for none
	red    media.Format  // redundancy at the clock of the sound; Rate 0 for none
	ptime  time.Duration // of sound in a packet that we send
}

// Bounds of what a packet holds in milliseconds, whatever somebody asks for.
const (
	ptimeLeast = 10
	ptimeMost  = 60
	ptimeStep  = 10 // what is asked for is rounded down to a multiple of it
)

// speechLocked finds how the peer is spoken with: on its first audio line with a codec of ours, by the first
// such format in its order, since an answer's order is the answerer's wish (RFC 3264 §6.1).
func (s *Session) speechLocked() (sp speech, ok bool) {
	for i, l := range s.lines {
		if l.kind != "audio" || !l.said || l.refused || !rtpProto(l.proto) {
			continue
		}
		list := s.agreedLocked(l)
		for _, f := range list {
			if sdp.IsEvents(f) || sdp.IsNoise(f) || sdp.IsRed(f) {
				continue
			}
			if c, found := codec.Lookup(f); found {
				sp = speech{line: i, codec: c, format: f}
				break
			}
		}
		if sp.codec == nil {
			continue
		}
		for _, f := range list {
			switch {
			case sdp.IsEvents(f) && (sp.events.Rate == 0 || f.Rate == sp.format.Rate && sp.events.Rate != f.Rate):
				sp.events = f // at the clock of the sound where the peer has it (RFC 4733 §2.1)
			case sdp.IsNoise(f) && f.Rate == sp.format.Rate:
				sp.noise = f
			case sdp.IsRed(f) && f.Rate == sp.format.Rate:
				sp.red = f
			}
		}
		sp.ptime = s.ptimeLocked(l, sp.codec)
		return sp, true
	}
	return speech{}, false
}

// agreedLocked gives the formats that both sides of a line named, at the peer's numbers and in its order. Before
// we have said anything, they are those of the peer that are ours too. While an offer that has nothing of what holds waits
// for its answer, what holds is spoken (RFC 3264 §8.3.2).
func (s *Session) agreedLocked(l *line) []media.Format {
	ours := l.local
	if ours == nil {
		ours = s.formats()
	}
	var room [8]media.Format
	list := room[:0]
	for _, f := range l.remote {
		if slices.ContainsFunc(ours, func(o media.Format) bool { return sdp.Same(o, f) }) {
			list = append(list, f)
		}
	}
	switch {
	case len(list) == 0:
	case len(list) == len(l.remote):
		l.agreed = l.remote
	case !slices.Equal(list, l.agreed):
		l.agreed = slices.Clone(list)
	}
	return l.agreed
}

// ptimeLocked is how much sound a packet of ours holds: what the peer asks for, else what is set for it, else
// 20 ms (RFC 3551 §4.2); a bad link gets longer ones unless it is set, as headers cost it more than sound. Nobody gets more than it can
// take (RFC 8866 §6.4, maxptime).
func (s *Session) ptimeLocked(l *line, c *codec.Codec) time.Duration {
	ms := 20
	switch {
	case s.profile.Lossy:
		ms = cmp.Or(s.profile.Ptime, 40)
	case l.wish > 0:
		ms = int(l.wish)
	case s.profile.Ptime > 0:
		ms = s.profile.Ptime
	}
	if l.longest > 0 {
		ms = min(ms, int(l.longest))
	}
	ms = min(max(ms/ptimeStep*ptimeStep, ptimeLeast), ptimeMost)
	return c.Fit(time.Duration(ms) * time.Millisecond)
}

// longest is the most sound in milliseconds that a line's peer takes in a packet, 0 when it doesn't say.
func longest(m *sdp.Media) int {
	value, ok := m.Attr("maxptime")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil || n <= 0 {
		return 0
	}
	return n
}

// options are how our encoder is to behave for this peer.
func (p *Profile) options() codec.Options {
	o := codec.Options{DTX: p.Noise}
	if p.Lossy {
		o.Bitrate, o.FEC = 16_000, true
	}
	return o
}
