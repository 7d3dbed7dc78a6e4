// Package ice finds the way by which a leg's packets travel when neither side knows the addresses of the other
// (RFC 8445): candidates and fragments of descriptions as text (RFC 8839, RFC 8840), the [Mux], which is the one
// UDP port that all such legs share, and the [Agent] of each leg.
//
// What does not live here: which leg uses ICE (media/session), what travels on the way that was found (media/dtls,
// media/rtp), and help for peers who can't reach us directly (media/turn).
//
// The mux owns its sockets and one reader for each. An agent is data behind a leaf mutex: it is stepped by packets
// that arrive and by a timer of its own, and has no goroutine.
package ice

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Credentials are what the checks of one side are proved by (RFC 8839 §5.4). They print as nothing.
type Credentials struct {
	Ufrag string `json:"ufrag"`          // names the agent, 4 to 256 characters
	Pwd   string `json:"pwd"`            // a secret, 22 to 256 characters
	Lite  bool   `json:"lite,omitempty"` // the side answers checks and sends none (RFC 8445 §2.5)
}

// String hides the password.
func (c Credentials) String() string { return c.Ufrag + " (secret)" }

// GoString hides the password from %#v.
func (c Credentials) GoString() string { return c.String() }

// Valid reports whether both parts have the form that RFC 8839 §5.4 asks for.
func (c Credentials) Valid() bool {
	return len(c.Ufrag) >= 4 && len(c.Ufrag) <= 256 && len(c.Pwd) >= 22 && len(c.Pwd) <= 256 && chars(c.Ufrag) && chars(c.Pwd)
}

// chars reports ice-chars (RFC 8839 §5.1).
func chars(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return s != ""
}

// Kind is how a candidate came to be known.
type Kind uint8

// The kinds of RFC 8445 §5.1.1.
const (
	UnknownKind Kind = iota
	Host
	ServerReflexive
	PeerReflexive
	Relayed
)

var kindNames = [...]string{"unknown", "host", "srflx", "prflx", "relay"}

// String gives the word that descriptions have.
func (k Kind) String() string { return kindNames[k] }

// Candidate is an address at which a side may be reachable (RFC 8839 §5.1).
type Candidate struct {
	Foundation string
	Component  int    // 1 for RTP and all that shares its port, 2 for RTCP of its own
	Transport  string // "udp"; others are none that we use
	Priority   uint32
	Addr       netip.AddrPort // a port alone when Name stands in the address's place
	Name       string         // a name instead of an address, such as a browser's "….local"
	Kind       Kind
	Related    netip.AddrPort // where it was seen from; invalid when that is not said
	Ufrag      string         // of the generation that it belongs to, "" when unsaid (RFC 8838 §11.2)
}

// Usable reports whether checks can be sent to the candidate: an address of one host, by UDP, that carries RTP.
// Names are not looked up: a browser's hide its address, and looking them up would tell others of the call; such a
// browser's checks come to us and show where it is.
func (c *Candidate) Usable() bool {
	a := c.Addr.Addr()
	return strings.EqualFold(c.Transport, "udp") && c.Component == 1 && c.Addr.Port() != 0 &&
		a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

var errCandidate = errors.New("ice: not a candidate attribute")

// maxCandidate is the length of a candidate's text; none that is meant well comes near.
const maxCandidate = 512

// ParseCandidate reads the value of a candidate attribute (RFC 8839 §5.1), with "candidate:" before it or not.
// Extensions that it does not know are passed over.
func ParseCandidate(value string) (Candidate, error) {
	value = strings.TrimPrefix(value, "candidate:")
	if len(value) > maxCandidate {
		return Candidate{}, errCandidate
	}
	f := strings.Fields(value)
	if len(f) < 8 || f[6] != "typ" || len(f[0]) > 32 || !chars(f[0]) {
		return Candidate{}, errCandidate
	}
	c := Candidate{Foundation: f[0], Transport: f[2]}
	component, err1 := strconv.ParseUint(f[1], 10, 16)
	priority, err2 := strconv.ParseUint(f[3], 10, 32)
	port, err3 := strconv.ParseUint(f[5], 10, 16)
	if err1 != nil || err2 != nil || err3 != nil || component == 0 || component > 256 || len(c.Transport) > 16 {
		return Candidate{}, errCandidate
	}
	c.Component, c.Priority = int(component), uint32(priority)
	if addr, err := netip.ParseAddr(f[4]); err == nil && addr.Zone() == "" {
		c.Addr = netip.AddrPortFrom(addr.Unmap(), uint16(port))
	} else if err != nil && name(f[4]) {
		c.Name, c.Addr = f[4], netip.AddrPortFrom(netip.Addr{}, uint16(port))
	} else {
		return Candidate{}, errCandidate
	}
	for k := Host; k <= Relayed; k++ {
		if f[7] == kindNames[k] {
			c.Kind = k
		}
	}
	if c.Kind == UnknownKind {
		return Candidate{}, errCandidate
	}
	var related netip.Addr
	for rest := f[8:]; len(rest) >= 2; rest = rest[2:] {
		switch rest[0] {
		case "raddr":
			related, _ = netip.ParseAddr(rest[1])
		case "rport":
			if n, err := strconv.ParseUint(rest[1], 10, 16); err == nil && related.IsValid() && related.Zone() == "" {
				c.Related = netip.AddrPortFrom(related.Unmap(), uint16(n))
			}
		case "ufrag":
			if chars(rest[1]) {
				c.Ufrag = rest[1]
			}
		}
	}
	return c, nil
}

// name reports whether s may be a host's name.
func name(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return s != "" && len(s) < 256
}

// String prints the value of a candidate attribute.
func (c Candidate) String() string {
	b := append(make([]byte, 0, 96), c.Foundation...)
	b = strconv.AppendInt(append(b, ' '), int64(c.Component), 10)
	b = append(append(b, ' '), c.Transport...)
	b = strconv.AppendUint(append(b, ' '), uint64(c.Priority), 10)
	b = append(b, ' ')
	if c.Name != "" {
		b = append(b, c.Name...)
	} else {
		b = append(b, c.Addr.Addr().String()...)
	}
	b = strconv.AppendUint(append(b, ' '), uint64(c.Addr.Port()), 10)
	b = append(append(b, " typ "...), c.Kind.String()...)
	if c.Related.IsValid() {
		b = append(append(b, " raddr "...), c.Related.Addr().String()...)
		b = strconv.AppendUint(append(b, " rport "...), uint64(c.Related.Port()), 10)
	}
	if c.Ufrag != "" {
		b = append(append(b, " ufrag "...), c.Ufrag...)
	}
	return string(b)
}

// preference is of a kind of candidate (RFC 8445 §5.1.2.2).
var preference = [...]uint32{Host: 126, PeerReflexive: 110, ServerReflexive: 100, Relayed: 0}

// priority is that of a candidate of ours for component 1 (RFC 8445 §5.1.2.1). IPv6 goes first (RFC 8421 §4).
func priority(k Kind, addr netip.Addr) uint32 {
	local := uint32(65534)
	if addr.Is6() {
		local = 65535
	}
	return preference[k]<<24 | local<<8 | 255
}
