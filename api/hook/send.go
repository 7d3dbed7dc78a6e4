package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"santral/store"
	"santral/tenant"
)

// Limits of an attempt.
const (
	dialTime   = 5 * time.Second
	wholeTime  = 15 * time.Second
	maxExcerpt = 1 << 10  // octets of an answer that are kept
	maxAnswer  = 64 << 10 // octets of an answer that are read, so that its connection can be used again
)

// errTarget is why an address is not connected to.
type errTarget struct{ at netip.Addr }

// Error says what to do.
func (e *errTarget) Error() string {
	return "the target is at " + e.at.String() + ", which is private: write its host and port under hosts: of the webhook where that is meant"
}

var errOwn = errors.New("the target is the exchange itself")

// client makes the client of a webhook. Its connections are its own, so that what one document allows is of no use to another.
func (s *Service) client(w *tenant.Webhook) *http.Client {
	allowed := listed(w)
	d := &net.Dialer{Timeout: dialTime, Control: func(_, address string, _ syscall.RawConn) error { // asked with the address that is connected to, however its name resolves
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("an address that is none: %w", err)
		}
		at = netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
		if s.cfg.Own(at) {
			return errOwn
		}
		if !allowed && !public(at.Addr()) {
			return &errTarget{at.Addr()}
		}
		return nil
	}}
	return &http.Client{
		Timeout:       wholeTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: d.DialContext, TLSHandshakeTimeout: dialTime, MaxIdleConnsPerHost: ofOne, MaxConnsPerHost: ofOne, IdleConnTimeout: 30 * time.Second,
			MaxResponseHeaderBytes: 16 << 10, DisableCompression: true, // no Proxy: what the machine is told of proxies would lead round the check
		},
	}
}

// listed reports whether a webhook's document says that its private target is meant.
func listed(w *tenant.Webhook) bool {
	u, err := url.Parse(w.URL)
	if err != nil {
		return false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return slices.Contains(w.Hosts, strings.ToLower(net.JoinHostPort(u.Hostname(), port)))
}

// apart are networks that are not the world's, besides those that netip knows (RFC 6890).
var apart = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("::/96"),
}

// Prefixes of IPv6 in which an IPv4 address stands (RFC 6052 §2.1, RFC 3056 §2).
var (
	translated = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

// public reports whether an address is one of the world.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.IsInterfaceLocalMulticast() {
		return false
	}
	for _, p := range apart {
		if p.Contains(a) {
			return false
		}
	}
	if b := a.As16(); translated.Contains(a) {
		return public(netip.AddrFrom4([4]byte(b[12:])))
	} else if sixToFour.Contains(a) {
		return public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return true
}

// body is what is sent: the event with its number among the webhook's.
func body(d *store.Delivery) string {
	return strings.TrimSuffix(d.Body, "}") + `,"sequence":` + strconv.FormatUint(d.Number, 10) + "}"
}

// sign makes the header webhook-signature (Standard Webhooks).
func sign(secret, id, timestamp, body string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return "", errors.New("the webhook's secret is no base64")
	}
	h := hmac.New(sha256.New, key)
	io.WriteString(h, id+"."+timestamp+"."+body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}

// attempt tries to deliver once.
func (s *Service) attempt(ctx context.Context, client *http.Client, w *tenant.Webhook, d *store.Delivery) *store.Attempt {
	began := time.Now()
	a := &store.Attempt{At: began.UTC()}
	err := s.post(ctx, client, w, d, a)
	a.Took = store.Millis(time.Since(began).Milliseconds())
	if err != nil {
		var private *errTarget
		switch {
		case errors.As(err, &private):
			err = private
		case errors.Is(err, errOwn):
			err = errOwn
		}
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err // its URL may hold what is nobody's business
		}
		a.Error = cut(err.Error(), 300)
	}
	return a
}

func (s *Service) post(ctx context.Context, client *http.Client, w *tenant.Webhook, d *store.Delivery, a *store.Attempt) error {
	text, now := body(d), strconv.FormatInt(a.At.Unix(), 10)
	signature, err := sign(w.Secret, d.Event, now, text)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, strings.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", s.cfg.Agent)
	req.Header.Set("webhook-id", d.Event)
	req.Header.Set("webhook-timestamp", now)
	req.Header.Set("webhook-signature", signature)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	a.Status = res.StatusCode
	excerpt, _ := io.ReadAll(io.LimitReader(res.Body, maxExcerpt))
	a.Excerpt = cut(strings.ToValidUTF8(string(excerpt), "�"), maxExcerpt)
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	return nil
}

// cut shortens a text to so many octets, and leaves out what no row can hold.
func cut(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r == 0 {
			return '�'
		}
		return r
	}, s)
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most]
}
