package session

import (
	"slices"
	"strings"
	"sync/atomic"

	"santral/media"
	"santral/media/codec"
	"santral/media/sdp"
)

// Profile is how the media of a leg is negotiated with its peer: what is set for its account, line or
// trunk. What crosses between two legs is what the other side can do; a profile says what of it this
// peer gets, and what we do ourselves to make unlike sides meet. The zero value is an everyday peer:
// whatever the other side has passes, secure offers are answered in kind, keys and browsers' transports
// are offered where the peer can have them.
type Profile struct {
	// Codecs are the encodings that the peer may speak, best first, by their names ("opus", "G722"). What the
	// other side has of them comes first, then what we transcode. nil: all that the other side has, in its
	// order, and G.711 besides.
	Codecs []string
	Ptime  int       // milliseconds of sound in a packet that we ask for; 0 for the other side's wish
	Digits DigitMode // how the peer's keys travel
	Lossy  bool      // a bad link: Opus at 12 to 24 kbit/s with forward error correction, 40 ms a packet
	Noise  bool      // silence is suppressed, with comfort noise where the peer takes it (RFC 3389)
	Red    bool      // redundant sound (RFC 2198) where the peer takes it

	Secure Security // whether packets are encrypted (RFC 3711)
	Safe   bool     // the signalling to the peer is encrypted, so that keys may stand in a description (RFC 4568 §8.2)
	Web    bool     // the peer is a browser: our offers have DTLS-SRTP, ICE, rtcp-mux, BUNDLE and AVPF (RFC 8827, RFC 8834)
	DTLS   bool     // keys of our offers come from DTLS (RFC 5763), not from the description
	ICE    bool     // our offers have ICE (RFC 8445); an offer of the peer's with ICE is answered in kind anyhow

	Gain    bool // what the peer says is brought to one loudness before anybody hears it
	Denoise bool // noise is taken from what the peer says; either has its sound decoded here, where it would have been relayed

	NoVideo bool    // pictures are refused
	NoEarly bool    // no media before the answer
	Fax     FaxMode // how a fax passes
}

// DigitMode is how keys travel to and from a peer.
type DigitMode uint8

// Ways of keys.
const (
	DigitsAuto   DigitMode = iota // telephone events where both agree on them, otherwise as the peer shows it can
	DigitsEvents                  // telephone events (RFC 4733)
	DigitsInfo                    // INFO with application/dtmf-relay
	DigitsInband                  // two tones in the sound (ITU-T Q.23)
)

// Security says whether packets to and from a peer are encrypted.
type Security uint8

// Ways of securing. Optional offers keys, beside a plain profile (RFC 8643), where the signalling is safe,
// and takes what the peer offers.
const (
	SecureOptional Security = iota
	SecureOff               // never; secure lines are refused
	SecureRequired          // always; plain lines are refused
)

// FaxMode is how a fax passes.
type FaxMode uint8

// Ways of a fax.
const (
	FaxPass   FaxMode = iota // T.38 passes where both sides have it, otherwise it goes on as sound
	FaxSound                 // T.38 is refused, so that it goes on as sound (ITU-T V.152)
	FaxRefuse                // no fax: T.38 is refused, and tones change nothing
)

// spoken are the formats that can be made out of one another on this machine, best first.
func spoken() []media.Format {
	all := codec.All()
	if t := tables.Load(); t != nil && len(t.of) == len(all) && &t.of[0] == &all[0] {
		return t.list
	}
	t := &speakable{of: all}
	for _, c := range all {
		t.list = append(t.list, c.Format)
	}
	tables.Store(t)
	return t.list
}

// speakable is a list of formats made of a table of codecs, which a plug-in may change.
type speakable struct {
	of   []*codec.Codec
	list []media.Format
}

var tables atomic.Pointer[speakable]

// wish is what sdp is to do for the peer, but for what it must know of each line.
func (p *Profile) wish() sdp.Wish {
	return sdp.Wish{
		Codecs: p.Codecs, Speak: spoken(), Ptime: p.Ptime, NoEvents: p.Digits == DigitsInfo || p.Digits == DigitsInband,
		Noise: p.Noise, Red: p.Red, Lossy: p.Lossy, NoVideo: p.NoVideo, NoFax: p.Fax != FaxPass || p.Secure == SecureRequired, Browser: p.Web,
	}
}

// among gives what the peer may speak of a list of our own, in the order of the profile where it has one.
func (p *Profile) among(list []media.Format) []media.Format {
	events := p.Digits != DigitsInfo && p.Digits != DigitsInband
	if p.Codecs == nil && events {
		return list
	}
	keep := make([]media.Format, 0, len(list))
	for _, name := range p.Codecs {
		for _, f := range list {
			if strings.EqualFold(f.Name, name) && !sdp.IsEvents(f) {
				keep = append(keep, f)
			}
		}
	}
	for _, f := range list {
		if sdp.IsEvents(f) && events || p.Codecs == nil && !sdp.IsEvents(f) && !slices.Contains(keep, f) {
			keep = append(keep, f)
		}
	}
	return keep
}

// speaksAny reports whether any codec of a list may be spoken.
func (p *Profile) speaksAny(list []media.Format) bool {
	return p.Codecs == nil || slices.ContainsFunc(list, func(f media.Format) bool {
		return !sdp.IsEvents(f) && !sdp.IsNoise(f) && !sdp.IsRed(f) && slices.ContainsFunc(p.Codecs, func(n string) bool { return strings.EqualFold(n, f.Name) })
	})
}
