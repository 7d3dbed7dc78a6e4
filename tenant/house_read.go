package tenant

import (
	"encoding/base64"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"santral/base/doc"
)

// Bounds of what a tenant and the operator have alike.
const (
	maxLimit     = 10_000_000
	maxAddresses = 1000
	maxDaysKept  = 36500
	maxEvents    = 100 // of one webhook
	maxHosts     = 100 // likewise
	maxURL       = 2000
	maxReaders   = 50 // mail addresses of one report
)

// ReportKinds, ReportTimes and ReportFormats are the words of a report.
var (
	ReportKinds   = []string{"calls", "departments", "hours", "trunks", "destinations", "missed"}
	ReportTimes   = []string{"day", "week", "month"}
	ReportFormats = []string{"xlsx", "csv", "json"}
)

func readLimits(n *doc.Node) (l Limits) {
	most := func(into *int, most int) func(*doc.Node) {
		return func(n *doc.Node) { *into = n.Int(1, most) }
	}
	n.Map(doc.Fields{
		"extensions":   most(&l.Extensions, maxLimit),
		"lines":        most(&l.Lines, maxLimit),
		"trunks":       most(&l.Trunks, maxLimit),
		"numbers":      most(&l.Numbers, maxLimit),
		"channels":     most(&l.Channels, maxLimit),
		"channels-in":  most(&l.In, maxLimit),
		"channels-out": most(&l.Out, maxLimit),
		"rate":         most(&l.Rate, MaxRate),
	})
	if l.Channels > 0 && (l.In > l.Channels || l.Out > l.Channels) {
		n.Fail("channels-in and channels-out are parts of channels, so neither may be more")
	}
	return l
}

func readRetention(n *doc.Node) (r Retention) {
	n.Map(doc.Fields{
		"records": func(n *doc.Node) { r.Records = n.Int(1, maxDaysKept) },
		"audit":   func(n *doc.Node) { r.Audit = n.Int(1, maxDaysKept) },
	})
	return r
}

func readAccess(n *doc.Node) (a Access) {
	n.Map(doc.Fields{
		"addresses": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { a.Addresses = append(a.Addresses, readNetwork(n)) })
			if len(a.Addresses) == 0 || len(a.Addresses) > maxAddresses {
				n.Fail("write 1 to %d addresses, or leave the key out for everywhere", maxAddresses)
			}
		},
	}, "addresses")
	return a
}

// pool reads channels that trunks share.
func (x *names) pool(n *doc.Node) (p Pool) {
	n.Map(doc.Fields{
		"pool":     func(n *doc.Node) { p.ID = x.key(n, aPool) },
		"channels": func(n *doc.Node) { p.Channels = n.Int(1, MaxTrunkChannels) },
		"reserved": func(n *doc.Node) { p.Reserved = n.Int(0, MaxTrunkChannels) },
	}, "pool", "channels")
	if p.Reserved > p.Channels {
		n.Fail("reserved: is a part of channels:, so it can't be more")
	}
	return p
}

var eventName = regexp.MustCompile(`^[a-z][a-z-]*(\.[a-z][a-z-]*)*(\.\*)?$`)

// webhook reads an address that is told of events.
func (x *names) webhook(n *doc.Node) (w Webhook) {
	n.Map(doc.Fields{
		"webhook": func(n *doc.Node) { w.ID = x.key(n, aWebhook) },
		"url":     func(n *doc.Node) { w.URL = readURL(n) },
		"events": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				if !eventName.MatchString(n.Text()) || len(n.Text()) > 64 {
					n.Fail("%q is no type of events: write one such as call.ended, or call.* for all of a kind", n.Text())
				}
				w.Events = append(w.Events, n.Text())
			})
			if len(w.Events) > maxEvents {
				n.Fail("a webhook has at most %d types of events", maxEvents)
			}
		},
		"secret": func(n *doc.Node) {
			w.Secret, _ = n.Secret()
			key, ok := strings.CutPrefix(w.Secret, "whsec_")
			if octets, err := base64.StdEncoding.DecodeString(key); w.Secret != "" && (!ok || err != nil || len(octets) < 24 || len(octets) > 64) {
				n.Fail("a webhook's secret is whsec_ and the base64 of 24 to 64 octets of chance: openssl rand -base64 32")
				w.Secret = ""
			}
		},
		"off": func(n *doc.Node) { w.Off = n.Bool() },
		"hosts": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				host, port, err := net.SplitHostPort(n.Text())
				if p, bad := strconv.Atoi(port); err != nil || !isHost(host) || bad != nil || p < 1 || p > 65535 {
					n.Fail("%q must be a host with its port, such as 10.0.0.5:8080", n.Text())
				}
				w.Hosts = append(w.Hosts, strings.ToLower(n.Text()))
			})
			if len(w.Hosts) > maxHosts {
				n.Fail("a webhook has at most %d hosts", maxHosts)
			}
		},
	}, "webhook", "url", "secret")
	return w
}

// readURL reads an address of a web server.
func readURL(n *doc.Node) string {
	text := n.Text()
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !isHost(strings.Trim(u.Hostname(), "[]")) || u.User != nil || u.Fragment != "" || len(text) > maxURL || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		n.Fail("%q must be an address such as https://example.net/events, without a user", text)
		return ""
	}
	return text
}

func (r *reading) report(n *doc.Node) {
	var p Report
	n.Map(doc.Fields{
		"report":     func(n *doc.Node) { p.ID = r.names.key(n, aReport) },
		"name":       func(n *doc.Node) { p.Name = readName(n) },
		"kind":       func(n *doc.Node) { p.Kind = n.OneOf(ReportKinds...) },
		"every":      func(n *doc.Node) { p.Every = n.OneOf(ReportTimes...) },
		"at":         func(n *doc.Node) { p.At = readAt(n) },
		"format":     func(n *doc.Node) { p.Format = n.OneOf(ReportFormats...) },
		"language":   func(n *doc.Node) { p.Language = n.OneOf(LanguageNames...) },
		"department": func(n *doc.Node) { p.Department = r.names.ask(n, aDepartment) },
		"site":       func(n *doc.Node) { p.Site = r.names.ask(n, aSite) },
		"to": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { p.To = append(p.To, readMail(n)) })
			if len(p.To) == 0 || len(p.To) > maxReaders {
				n.Fail("write 1 to %d mail addresses", maxReaders)
			}
		},
	}, "report", "kind", "every", "to")
	if p.At == "" {
		p.At = defaultReportAt
	}
	if p.Format == "" {
		p.Format = ReportFormats[0]
	}
	r.tenant.Reports = append(r.tenant.Reports, p)
}

// defaultReportAt is when a report is made whose document doesn't say.
const defaultReportAt = "07:00"

// readAt reads a time of day and gives it as "07:30".
func readAt(n *doc.Node) string {
	d := readClock(n)
	if d.Hours() >= 24 {
		n.Fail("\"24:00\" is no time that comes: write \"00:00\"")
		return ""
	}
	return clock(d)
}

// readNetwork reads an address or a network of any size.
func readNetwork(n *doc.Node) netip.Prefix {
	text := n.Text()
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Masked() != p {
		n.Fail("%q must be an address, or a network without bits behind its length, such as 192.0.2.7 or 192.0.2.0/28", text)
		return netip.Prefix{}
	}
	return p
}
