package sip

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Transport names how a message travels; it is also the value of Via's sent-protocol and of a
// URI's transport parameter.
type Transport uint8

// The transports of RFC 3261 §18 and RFC 7118.
const (
	UnknownTransport Transport = iota
	UDP
	TCP
	TLS
	WS
	WSS
)

var transportNames = [...]string{"", "UDP", "TCP", "TLS", "WS", "WSS"}

// String gives the spelling that a Via header uses: "UDP", "TCP" and so on.
func (t Transport) String() string { return transportNames[t] }

// Stream reports whether the transport is a byte stream or a connection, so that one message of
// any size arrives whole and in order (RFC 3261 §18.3).
func (t Transport) Stream() bool { return t >= TCP }

// Secure reports whether TLS protects the transport.
func (t Transport) Secure() bool { return t == TLS || t == WSS }

// Port is the transport's own port (RFC 3261 §18.1.1, RFC 3261 §19.1.2, RFC 7118 §5.2).
func (t Transport) Port() uint16 {
	switch t {
	case TLS:
		return 5061
	case WS:
		return 80
	case WSS:
		return 443
	}
	return 5060
}

// Param is the parameter by which a URI asks for the transport (RFC 3261 §19.1.1, RFC 7118 §5.2), "" for UDP,
// which needs none.
func (t Transport) Param() Params {
	switch t {
	case TCP:
		return ";transport=tcp"
	case TLS:
		return ";transport=tls"
	case WS, WSS:
		return ";transport=ws"
	}
	return ""
}

// ParseTransport reads a transport name of any case; unknown names give UnknownTransport.
func ParseTransport(s string) Transport {
	for t := UDP; t <= WSS; t++ {
		if strings.EqualFold(s, transportNames[t]) {
			return t
		}
	}
	return UnknownTransport
}

// Flow is one way between us and a peer: a socket of ours and the peer's address, and for a stream
// the connection's number (RFC 5626 §3.1 gives the word). It is a comparable value: a binding keeps
// it, a transaction answers on it, and String and ParseFlow write it out and read it back.
type Flow struct {
	Transport Transport
	Local     netip.AddrPort // the listener's own socket address
	Remote    netip.AddrPort // where the peer's datagrams or connection come from
	Conn      uint64         // connection number, 0 for UDP and for a connection still to be opened
}

// String prints "UDP 127.0.0.1:5060 192.0.2.1:5060 0", which ParseFlow reads.
func (f Flow) String() string {
	return f.Transport.String() + " " + f.Local.String() + " " + f.Remote.String() + " " + strconv.FormatUint(f.Conn, 10)
}

// ParseFlow reads what Flow.String printed.
func ParseFlow(s string) (Flow, error) {
	part := strings.Fields(s)
	if len(part) != 4 {
		return Flow{}, fmt.Errorf("flow %q: want transport, local, remote and connection number", s)
	}
	f := Flow{Transport: ParseTransport(part[0])}
	var err error
	if f.Local, err = netip.ParseAddrPort(part[1]); err == nil {
		if f.Remote, err = netip.ParseAddrPort(part[2]); err == nil {
			f.Conn, err = strconv.ParseUint(part[3], 10, 64)
		}
	}
	if err != nil {
		return Flow{}, fmt.Errorf("flow %q: %w", s, err)
	}
	return f, nil
}

// Hop is a next hop that a request can be sent to: where RFC 3263 ended for a URI.
type Hop struct {
	Transport Transport
	Addr      netip.AddrPort
	Name      string // the domain that a peer over TLS must prove (RFC 5922 §7.1): the URI's own host; "" for any
}

// Inbound is one message from the wire as the transport hands it up. Exactly one of two shapes:
// Err is nil and Msg is whole; or Err is a *ParseError and Msg holds what could be read of it, so
// that it can still be answered (Msg is nil when nothing could).
type Inbound struct {
	Flow Flow
	Msg  *Message
	Err  error
	Size int    // octets on the wire
	Text string // the datagram as it came, whose memory Msg shares; "" from a stream
}
