package sipleg

import (
	"strings"

	"santral/sip"
)

// gate is what a trusted network says of early media by P-Early-Media (RFC 5009 §4.2).
type gate uint8

const (
	gateUnsaid gate = iota
	gateShut        // inactive, or what only the caller sends
	gateOpen        // the callee's network may be heard
)

// readGate reads P-Early-Media of a provisional answer. Values besides a direction tell of the network, not
// of the media.
func readGate(m *sip.Message) gate {
	g := gateUnsaid
	for v := range m.Values(sip.PEarlyMedia) {
		switch v, _, _ = strings.Cut(v, ";"); strings.ToLower(strings.TrimSpace(v)) {
		case "sendrecv", "sendonly":
			g = gateOpen
		case "recvonly", "inactive":
			g = gateShut
		}
	}
	return g
}

// shut reports that early media is not to be heard, by the peer's profile or by the word of a trusted network:
// what a provisional answer previews is for later.
func (l *Leg) shut(res *sip.Message) bool {
	return l.manners.Media.NoEarly || l.by != "" && l.manners.Trusted && readGate(res) == gateShut
}

var (
	// earlySupported tells a trusted network that we judge early media by its word (RFC 5009 §4.1).
	earlySupported = sip.Header{Kind: sip.PEarlyMedia, Value: "supported"}
	// earlyOpen lets a trusted network's caller hear what we send before the answer.
	earlyOpen = sip.Header{Kind: sip.PEarlyMedia, Value: "sendrecv"}
)
