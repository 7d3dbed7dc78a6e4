package sip

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Via is one value of the Via header field (RFC 3261 §20.42).
type Via struct {
	Transport Transport
	Other     string // the transport's name as received when Transport is UnknownTransport
	Host      string // sent-by, without the brackets of an IPv6 address
	Port      uint16 // 0 when not given
	Params    Params
}

var (
	errViaProtocol = errors.New("bad sent-protocol")
	errViaSentBy   = errors.New("bad sent-by")
	errViaParams   = errors.New("malformed parameter")
)

// MagicCookie begins every branch that follows RFC 3261 §8.1.1.7.
const MagicCookie = "z9hG4bK"

// ParseVia reads one Via value. It allocates nothing.
func ParseVia(s string) (Via, error) {
	var v Via
	err := v.parse(s)
	return v, err
}

func (v *Via) parse(s string) error {
	*v = Via{}
	const udp, tcp = "SIP/2.0/UDP ", "SIP/2.0/TCP "
	switch {
	case strings.HasPrefix(s, udp):
		v.Transport, s = UDP, s[len(udp):]
	case strings.HasPrefix(s, tcp):
		v.Transport, s = TCP, s[len(tcp):]
	default:
		var ok bool
		if s, ok = v.parseProtocol(s); !ok {
			return errViaProtocol
		}
	}
	host, port, rest, ok := cutHostPort(trimLeft(s))
	if !ok || port < -1 {
		return errViaSentBy
	}
	rest = trimLeft(rest)
	if colon := rest != "" && rest[0] == ':' && port == 0; colon || port < 0 {
		// The rare "host : 5060" and "host: 5060", which the grammar's COLON allows.
		if colon {
			rest = trimLeft(rest[1:])
		}
		n := 0
		for n < len(rest) && is(rest[n], classDigit) {
			n++
		}
		p, ok := parseUint(rest[:n], 65535)
		if !ok {
			return errViaSentBy
		}
		port, rest = int(p), trimLeft(rest[n:])
	}
	v.Host, v.Port = host, uint16(port)
	if rest == "" {
		return nil
	}
	if rest[0] != ';' {
		return errViaSentBy
	}
	v.Params = Params(trim(rest))
	if !v.Params.wellFormed() {
		return errViaParams
	}
	return nil
}

// parseProtocol reads "SIP / 2.0 / UDP " with any spaces around the slashes.
func (v *Via) parseProtocol(s string) (rest string, ok bool) {
	var part [3]string
	for i := range part {
		s = trimLeft(s)
		n := 0
		for n < len(s) && is(s[n], classToken) {
			n++
		}
		part[i], s = s[:n], s[n:]
		if n == 0 {
			return "", false
		}
		if i < 2 {
			if s = trimLeft(s); s == "" || s[0] != '/' {
				return "", false
			}
			s = s[1:]
		}
	}
	if !equalFold(part[0], "SIP") || part[1] != "2.0" || s == "" || !isSpace(s[0]) {
		return "", false
	}
	if v.Transport = ParseTransport(part[2]); v.Transport == UnknownTransport {
		v.Other = part[2]
	}
	return trimLeft(s), true
}

// Branch gives the branch parameter, "" when there is none.
func (v Via) Branch() string {
	b, _ := v.Params.raw("branch")
	return b
}

// SentBy gives host and port as written.
func (v Via) SentBy() HostPort { return HostPort{v.Host, v.Port} }

// Received gives the received parameter as an address, with or without brackets (RFC 5118 §4.5);
// ok is false when there is none that can be read.
func (v Via) Received() (addr netip.Addr, ok bool) {
	r, _ := v.Params.raw("received")
	if n := len(r); n > 2 && r[0] == '[' && r[n-1] == ']' {
		r = r[1 : n-1]
	}
	return numericHost(r)
}

// RPort gives the rport parameter (RFC 3581 §3): present tells whether it is there, port is 0 when
// it has no value.
func (v Via) RPort() (port uint16, present bool) {
	r, present := v.Params.raw("rport")
	n, _ := parseUint(r, 65535)
	return uint16(n), present
}

// Append prints the value.
func (v Via) Append(dst []byte) []byte {
	dst = append(dst, "SIP/2.0/"...)
	if v.Transport == UnknownTransport {
		dst = append(dst, v.Other...)
	} else {
		dst = append(dst, v.Transport.String()...)
	}
	dst = append(dst, ' ')
	dst = v.SentBy().Append(dst)
	return append(dst, v.Params...)
}

// String prints the value.
func (v Via) String() string { return string(v.Append(make([]byte, 0, 96))) }

// StampReceived writes into the topmost Via where the request really came from: received where it
// differs from sent-by or where rport asks (RFC 3261 §18.2.1, RFC 3581 §4). A message whose top Via
// cannot be read is left alone.
func (m *Message) StampReceived(src netip.AddrPort) {
	v, err := m.Via()
	if err != nil {
		return
	}
	addr := src.Addr().Unmap()
	_, rport := v.RPort()
	same := false
	if a, ok := numericHost(v.Host); ok {
		same = a.Unmap() == addr
	}
	if same && !rport && !v.Params.Has("received") {
		return
	}
	b := make([]byte, 0, len(v.Params)+96)
	v.Params = ""
	old, _ := m.Via()
	b = v.Append(b)
	for s := string(old.Params); s != ""; {
		n, val, rest, ok := cutParam(s)
		if !ok {
			break
		}
		s = rest
		if equalFold(n, "received") || equalFold(n, "rport") {
			continue // what the sender claims about itself is not kept
		}
		b = appendRawParam(b, n, val)
	}
	b = append(b, ";received="...)
	b = addr.AppendTo(b)
	if rport {
		b = append(b, ";rport="...)
		b = strconv.AppendUint(b, uint64(src.Port()), 10)
	}
	m.setTopValue(ViaKind, string(b))
}
