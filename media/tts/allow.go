package tts

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Allow is where a server may be. The zero value allows nothing.
type Allow struct {
	Targets  []string       // origins, as Origin gives them: scheme, host and port
	Networks []netip.Prefix // networks that are not the world's, in which an allowed target may be all the same
}

// Origin gives scheme, host and port of an address as they are compared: lower case, the port always there.
func Origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// target refuses an address of another origin.
func (a Allow) target(u *url.URL) error {
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || !slices.Contains(a.Targets, Origin(u)) {
		return fmt.Errorf("%s is not among the targets that are allowed for speech", Origin(u))
	}
	return nil
}

// transport connects to addresses that are allowed alone, whatever a name is resolved to, and by no proxy.
func (a Allow) transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%q is no address", address)
		}
		if !a.address(at.Addr()) {
			return fmt.Errorf("%s is an address of a network of its own: servers of speech are asked there only where it is listed", at.Addr())
		}
		return nil
	}}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: MaxTime, IdleConnTimeout: time.Minute,
		MaxIdleConnsPerHost: atOnce, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, ForceAttemptHTTP2: true,
	}
}

// inward are the networks that are nobody's in the world (IANA's registries of special-purpose addresses), besides those that netip knows by itself.
var inward = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"), // IPv4 within IPv6
	netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("::/96"),
}

// address tells whether an address may be connected to.
func (a Allow) address(at netip.Addr) bool {
	at = at.Unmap().WithZone("")
	holds := func(p netip.Prefix) bool { return p.Contains(at) }
	if slices.ContainsFunc(a.Networks, holds) {
		return true
	}
	return at.IsGlobalUnicast() && !at.IsPrivate() && !at.IsLoopback() && !at.IsLinkLocalUnicast() && !slices.ContainsFunc(inward, holds)
}
