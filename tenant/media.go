package tenant

import (
	"slices"
	"strings"

	"santral/base/doc"
)

// Media is how the media of phones, or of a trunk, is negotiated. Every field may be unsaid (its zero value):
// an account then has what its tenant says for all phones, and what nobody says is the exchange's own choice.
type Media struct {
	Codecs     []string // encoding names, best first; nil is unsaid
	Ptime      int      // milliseconds of sound in a packet
	Digits     Digits
	SRTP       SRTP
	Keys       Keys
	ICE        Choice
	Fax        Fax
	Video      Choice
	Early      Choice // may media flow before the answer?
	Lossy      Choice // is the link a bad one?
	Noise      Choice // is silence suppressed?
	Redundancy Choice // is sound sent twice (RFC 2198)?
	Gain       Choice // is what the phone says brought to one loudness?
	Denoise    Choice // is noise taken from what the phone says?
}

// Choice is a yes or a no that may be unsaid.
type Choice uint8

// The choices.
const (
	Unsaid Choice = iota
	Yes
	No
)

// Or tells the choice, or what holds when nothing was said.
func (c Choice) Or(unsaid bool) bool {
	if c == Unsaid {
		return unsaid
	}
	return c == Yes
}

// Digits says how keys travel to and from a phone.
type Digits uint8

// Ways of keys. Auto is telephone events where both sides have them, otherwise as the phone shows it can.
const (
	DigitsUnsaid Digits = iota
	DigitsAuto
	DigitsEvents // RFC 4733
	DigitsInfo   // INFO with application/dtmf-relay
	DigitsInband // two tones in the sound
)

// SRTP says whether packets are encrypted (RFC 3711).
type SRTP uint8

// Ways of securing. Optional is what holds when nothing was said.
const (
	SRTPUnsaid SRTP = iota
	SRTPOff
	SRTPOptional
	SRTPRequired
)

// Keys says by which way of agreeing on keys we offer SRTP.
type Keys uint8

// Ways of agreeing on keys. When nothing was said it is the description, and DTLS for browsers.
const (
	KeysUnsaid Keys = iota
	KeysSDES        // in the description (RFC 4568)
	KeysDTLS        // by a handshake on the media path (RFC 5763)
)

// Fax says how a fax passes.
type Fax uint8

// Ways of a fax. T38 is what holds when nothing was said.
const (
	FaxUnsaid Fax = iota
	FaxT38        // T.38 where both sides have it, otherwise sound
	FaxSound      // sound alone
	FaxNone
)

// maxCodecs bounds the encodings that one list may name.
const maxCodecs = 16

// Over gives what m says, and what base says where m is silent.
func (m Media) Over(base Media) Media {
	if m.Codecs == nil {
		m.Codecs = base.Codecs
	}
	inherit(&m.Ptime, base.Ptime)
	inherit(&m.Digits, base.Digits)
	inherit(&m.SRTP, base.SRTP)
	inherit(&m.Keys, base.Keys)
	inherit(&m.ICE, base.ICE)
	inherit(&m.Fax, base.Fax)
	inherit(&m.Video, base.Video)
	inherit(&m.Early, base.Early)
	inherit(&m.Lossy, base.Lossy)
	inherit(&m.Noise, base.Noise)
	inherit(&m.Redundancy, base.Redundancy)
	inherit(&m.Gain, base.Gain)
	inherit(&m.Denoise, base.Denoise)
	return m
}

func inherit[T comparable](into *T, from T) {
	var unsaid T
	if *into == unsaid {
		*into = from
	}
}

func readMedia(n *doc.Node) (m Media) {
	yes := func(into *Choice) func(*doc.Node) {
		return func(n *doc.Node) {
			if *into = No; n.Bool() {
				*into = Yes
			}
		}
	}
	n.Map(doc.Fields{
		"codecs": func(n *doc.Node) { m.Codecs = readCodecs(n) },
		"ptime": func(n *doc.Node) {
			if m.Ptime = n.Int(10, 60); m.Ptime%10 != 0 {
				n.Fail("a packet holds 10, 20, 30, 40, 50 or 60 milliseconds of sound")
			}
		},
		"digits":        func(n *doc.Node) { choose(n, &m.Digits, DigitsAuto, "auto", "events", "info", "inband") },
		"srtp":          func(n *doc.Node) { choose(n, &m.SRTP, SRTPOff, "off", "optional", "required") },
		"keys":          func(n *doc.Node) { choose(n, &m.Keys, KeysSDES, "sdes", "dtls") },
		"ice":           yes(&m.ICE),
		"fax":           func(n *doc.Node) { choose(n, &m.Fax, FaxT38, "t38", "sound", "none") },
		"video":         yes(&m.Video),
		"early":         yes(&m.Early),
		"lossy":         yes(&m.Lossy),
		"comfort-noise": yes(&m.Noise),
		"redundancy":    yes(&m.Redundancy),
		"gain":          yes(&m.Gain),
		"denoise":       yes(&m.Denoise),
	})
	if m.SRTP == SRTPOff && m.Keys != KeysUnsaid {
		n.Fail("keys: says nothing where srtp: is off")
	}
	return m
}

// readCodecs reads the names of encodings. Those that the exchange doesn't speak itself may be named too: they
// pass between two sides that have them.
func readCodecs(n *doc.Node) (codecs []string) {
	n.Each(func(n *doc.Node) {
		name := strings.ToLower(n.Text())
		switch {
		case name == "" || len(name) > 20 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.+_") != "":
			n.Fail("%q names no encoding: write one as rtpmap does, such as opus, g722, pcma, pcmu, g729", n.Text())
		case slices.Contains(codecs, name):
			n.Fail("encoding %s stands twice; the list is in the order of preference", name)
		case len(codecs) >= maxCodecs:
			n.Fail("at most %d encodings may be named", maxCodecs)
		default:
			codecs = append(codecs, name)
		}
	})
	if len(codecs) == 0 {
		n.Fail("must name at least one encoding; leave the key out for all that both sides have")
	}
	return codecs
}
