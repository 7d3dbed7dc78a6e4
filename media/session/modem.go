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
	s *Session // nil before there is sound

	mu         sync.Mutex  // a leaf
	left       int         // samples still to be heard
	alert      int         // of these, samples that are heard one after the other because there was a tone
	turn       uint8       // packets, of which one in harkEach is heard otherwise
	modem      *tone.Modem // made by the first packet, gone when enough was heard
	aLaw, uLaw rtp.TypeSet // payload numbers
}

const maxHark = 60 * 8 // samples of a packet

// Speech is most of what there is, so that one packet in a few is enough to notice a tone; from then on all are heard for
// a while, in which a fax that calls says its tone again (ITU-T T.30 §4.1: half a second in each three and a half).
const (
	harkEach  = 4
	harkAlert = 5 * 8000 // samples
)

// harkLocked gives what listens to the peer and the payload numbers that it wants, none where it is not to or has
// heard enough.
func (s *Session) harkLocked(l *line) (h *hark, types rtp.TypeSet) {
	if s.profile.Fax == FaxRefuse || l.kind != "audio" || !rtpProto(l.proto) || s.mode == echoing {
		return nil, types
	}
	h = &s.hark
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.s == nil {
		h.s, h.left = s, int(harkFor.Seconds()*8000)
	}
	if h.left <= 0 {
		return nil, types
	}
	h.aLaw, h.uLaw = rtp.TypeSet{}, rtp.TypeSet{}
	for _, list := range [...][]media.Format{l.local, l.remote} { // what we said a number means comes first
		for i := range list {
			switch f := &list[i]; {
			case h.aLaw.Has(f.Payload) || h.uLaw.Has(f.Payload):
			case strings.EqualFold(f.Name, "PCMA"):
				h.aLaw.Add(f.Payload)
			case strings.EqualFold(f.Name, "PCMU"):
				h.uLaw.Add(f.Payload)
			}
		}
	}
	return h, rtp.TypeSet{h.aLaw[0] | h.uLaw[0], h.aLaw[1] | h.uLaw[1]}
}

// Packet hears one packet (rtp.Handler).
func (h *hark) Packet(p []byte, head rtp.Header) {
	b := p[head.Begin:head.End]
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left <= 0 || len(b) > maxHark {
		return
	}
	if h.left -= len(b); h.left <= 0 {
		h.modem = nil
		go h.s.retap() // not on a reader: a lock above the stream's is taken
		return
	}
	if h.alert -= len(b); h.alert <= 0 {
		h.alert = 0
		if h.turn++; h.turn%harkEach != 1 {
			return
		}
	}
	var sound [maxHark]int16
	f := sound[:len(b)]
	switch {
	case h.aLaw.Has(head.Payload):
		pcm.DecodeALaw(f, b)
	case h.uLaw.Has(head.Payload):
		pcm.DecodeULaw(f, b)
	default:
		return
	}
	if h.modem == nil {
		h.modem = tone.NewModem(h.heard)
	}
	if h.modem.Write(f); h.modem.Hears() {
		h.alert = harkAlert
	}
}

// retap has packets pass by who wants them no more.
func (s *Session) retap() {
	s.mu.Lock()
	for _, l := range s.lines {
		l.tap = nil
	}
	s.tapLocked()
	s.mu.Unlock()
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
