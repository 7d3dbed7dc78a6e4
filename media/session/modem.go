package session

import (
	"strings"
	"sync"
	"time"

	"santral/media"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/tone"
)

// harkFor is how much of a peer's sound is looked at for the tones of a fax or a modem: they come as a call begins, or
// once somebody has spoken a little and pushed a button.
const harkFor = 60 * time.Second

// hark listens to a peer's sound for the tones of a fax or a modem. It is fed G.711 from the packets on their way,
// whether they are relayed or end here; through other codecs such tones mean nothing, as no fax would pass.
type hark struct {
	s *Session

	mu    sync.Mutex // a leaf
	left  int        // samples still to be heard
	modem *tone.Modem
	laws  [128]law
}

const maxHark = 60 * 8 // samples of a packet

type law uint8

const (
	noLaw law = iota
	aLaw
	uLaw
)

// harkLocked gives what listens to the peer and the payload numbers that it wants, none where it is not to or has
// heard enough.
func (s *Session) harkLocked(l *line) (h *hark, types rtp.TypeSet) {
	if s.profile.Fax == FaxRefuse || l.kind != "audio" || !rtpProto(l.proto) || s.mode == echoing {
		return nil, types
	}
	if s.hark == nil {
		s.hark = &hark{s: s, left: int(harkFor.Seconds() * 8000)}
		s.hark.modem = tone.NewModem(s.hark.heard)
	}
	h = s.hark
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left <= 0 {
		return nil, types
	}
	h.laws = [128]law{}
	for _, list := range [...][]media.Format{l.remote, l.local} {
		for i := range list {
			n := list[i].Payload & 0x7f
			switch {
			case strings.EqualFold(list[i].Name, "PCMA"):
				h.laws[n] = aLaw
			case strings.EqualFold(list[i].Name, "PCMU"):
				h.laws[n] = uLaw
			default:
				continue
			}
			types.Add(n)
		}
	}
	return h, types
}

// Packet hears one packet (rtp.Handler).
func (h *hark) Packet(p []byte, head rtp.Header) {
	b := p[head.Begin:head.End]
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left <= 0 || len(b) > maxHark {
		return
	}
	h.left -= len(b)
	var sound [maxHark]int16
	f := sound[:len(b)]
	switch h.laws[head.Payload&0x7f] {
	case aLaw:
		pcm.DecodeALaw(f, b)
	case uLaw:
		pcm.DecodeULaw(f, b)
	default:
		return
	}
	h.modem.Write(f)
}

// heard is told of a tone, on a reader and under the lock.
func (h *hark) heard(a tone.Announced) {
	s := h.s
	n := News{Kind: FaxAnswering, Text: a.String()}
	if a == tone.FaxCalls {
		n.Kind = FaxCalling
	}
	go func() { // who is told takes locks above a stream's
		s.CarryFax()
		s.tell(n)
	}()
}
