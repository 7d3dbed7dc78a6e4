package sip

import (
	"net/netip"
	"strconv"
	"strings"
)

// HostPort is a host and an optional port, as in a Via's sent-by. Host has no brackets.
type HostPort struct {
	Host string
	Port uint16 // 0 for none
}

// Append prints it, an IPv6 address in brackets.
func (h HostPort) Append(dst []byte) []byte {
	if strings.IndexByte(h.Host, ':') >= 0 {
		dst = append(dst, '[')
		dst = append(dst, h.Host...)
		dst = append(dst, ']')
	} else {
		dst = append(dst, h.Host...)
	}
	if h.Port != 0 {
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(h.Port), 10)
	}
	return dst
}

// String prints "host", "host:port" or "[v6]:port".
func (h HostPort) String() string { return string(h.Append(make([]byte, 0, 48))) }

// Addr gives the host as a numeric address; ok is false for a name.
func (h HostPort) Addr() (addr netip.Addr, ok bool) { return numericHost(h.Host) }

// numericHost reads a host that is an IP address; names are told apart without an attempt.
func numericHost(s string) (netip.Addr, bool) {
	if s == "" || !is(s[0], classHex) && s[0] != ':' || !is(s[len(s)-1], classHex) && s[len(s)-1] != ':' {
		return netip.Addr{}, false
	}
	if strings.IndexByte(s, ':') < 0 && !is(s[len(s)-1], classDigit) {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}
