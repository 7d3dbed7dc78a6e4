// Package sdp holds the words of session descriptions (RFC 8866), their parser and printer, and the
// rules of offer and answer (RFC 3264): what a media line says, whether an answer fits an offer,
// the answer that terminated media gives, and what one side's description becomes for the other side of a
// call (Onward, Back), which is negotiated with for itself.
//
// Everything that was received is kept, unknown lines and attributes too. Lines are printed in the order that RFC 8866 §9
// demands; lines of one kind keep the order in which they came.
//
// What does not live here: sockets and ports (media/rtp), and which description crosses to whom
// (media/session). A Description has one owner at a time and is not safe for concurrent change; its
// strings share the memory of the text it was parsed from.
package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// Limits of one description. More is refused by Parse.
const (
	MaxSize    = 64 << 10 // octets of text
	MaxMedia   = 64       // media lines
	MaxFormats = 128      // formats on one media line
	MaxLines   = 4096     // lines in all
)

// Description is one session description.
type Description struct {
	Origin Origin
	Name   string // the s= line; "-" when there is nothing to say
	Conn   Conn   // session-level c= line; the zero value when absent
	Lines  []Line // session-level lines other than v, o, s, a and the first c
	Attrs  []Attr // session-level attributes
	Media  []Media
}

// Origin is the o= line (RFC 8866 §5.2). ID and Version are digits of any length, so they are text.
type Origin struct {
	User    string
	ID      string
	Version string
	Net     string // "IN"
	Type    string // "IP4" or "IP6"
	Addr    string // an address or a name
}

// NewOrigin makes the origin of a description of ours: user "-", a number of our own, the version
// and the address that the peer may see.
func NewOrigin(id, version uint64, addr netip.Addr) Origin {
	return NewConn(addr).Origin(id, version)
}

// Origin makes the origin of a description of ours that has this connection.
func (c Conn) Origin(id, version uint64) Origin {
	return Origin{User: "-", ID: strconv.FormatUint(id, 10), Version: strconv.FormatUint(version, 10), Net: c.Net, Type: c.Type, Addr: c.Addr}
}

// Conn is a c= line (RFC 8866 §5.7). The zero value means that there is none.
type Conn struct {
	Net  string // "IN"
	Type string // "IP4" or "IP6"
	Addr string // an address or a name, with the TTL or count of a multicast address
}

// NewConn makes the line for an address; an IPv4 address mapped into IPv6 is written as IPv4.
func NewConn(addr netip.Addr) Conn {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return Conn{Net: "IN", Type: "IP4", Addr: addr.String()}
	}
	return Conn{Net: "IN", Type: "IP6", Addr: addr.String()}
}

// IsZero reports that the line is absent.
func (c Conn) IsZero() bool { return c == Conn{} }

// IP gives the address. ok is false for an absent line, a name, and another kind of network.
func (c Conn) IP() (addr netip.Addr, ok bool) {
	text, _, _ := strings.Cut(c.Addr, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// Line is a line that has no field of its own: its type letter and its value.
type Line struct {
	Type  byte
	Value string
}

// Attr is one a= line: "a=Name" or "a=Name:Value" (RFC 8866 §5.13). Names are case-sensitive.
type Attr struct {
	Name  string
	Value string
}

// find is the one search for an attribute.
func find(attrs []Attr, name string) (string, bool) {
	for i := range attrs {
		if attrs[i].Name == name {
			return attrs[i].Value, true
		}
	}
	return "", false
}

// Attr gives the value of the first session-level attribute of that name.
func (d *Description) Attr(name string) (value string, ok bool) { return find(d.Attrs, name) }

// Clone gives a deep copy; only the immutable strings are shared.
func (d *Description) Clone() *Description {
	c := *d
	c.Lines = append([]Line(nil), d.Lines...)
	c.Attrs = append([]Attr(nil), d.Attrs...)
	c.Media = make([]Media, len(d.Media))
	for i := range d.Media {
		c.Media[i] = d.Media[i].Clone()
	}
	return &c
}

// Audio gives the index of the first audio line that is not rejected, -1 when there is none.
func (d *Description) Audio() int {
	for i := range d.Media {
		if d.Media[i].Kind == "audio" && !d.Media[i].Rejected() {
			return i
		}
	}
	return -1
}
