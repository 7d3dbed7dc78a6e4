package config

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"santral/base/doc"
)

// NATS is a server that is told of every call record. The zero value is none.
type NATS struct {
	URL         string // nats://host:4222 or tls://host:4222
	Subject     string // before the tenant's id
	Stream      string // the stream that must keep them; "" for whichever does
	User        string
	Password    string
	Token       string
	Credentials string // path of a file
	Authority   []byte // PEM of the authorities that its certificate may be of; nil for the machine's
}

// String hides the secrets.
func (n NATS) String() string { return n.URL }

// GoString hides the secrets from %#v.
func (n NATS) GoString() string { return n.URL }

func readNATS(n *doc.Node, base string) (c NATS) {
	c.Subject = "santral.records"
	path := func(n *doc.Node) string {
		name := n.Text()
		if !filepath.IsAbs(name) {
			name = filepath.Join(base, name)
		}
		return name
	}
	file := func(n *doc.Node, what string) string {
		text, err := os.ReadFile(path(n))
		if err != nil {
			n.Fail("must name the file that holds %s: %v", what, err)
		}
		return strings.TrimRight(string(text), "\r\n")
	}
	n.Map(doc.Fields{
		"url": func(n *doc.Node) {
			c.URL = n.Text()
			if u, err := url.Parse(c.URL); err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Host == "" || u.User != nil {
				n.Fail("must be nats://host:4222 or tls://host:4222, without user and password")
			}
		},
		"subject": func(n *doc.Node) {
			if c.Subject = n.Text(); c.Subject == "" || strings.ContainsAny(c.Subject, " \t*>") || strings.HasPrefix(c.Subject, ".") || strings.HasSuffix(c.Subject, ".") {
				n.Fail("must be a subject such as santral.records, without wildcards")
			}
		},
		"stream":      func(n *doc.Node) { c.Stream = n.Text() },
		"user":        func(n *doc.Node) { c.User = n.Text() },
		"password":    func(n *doc.Node) { c.Password = file(n, "the password, in one line") },
		"token":       func(n *doc.Node) { c.Token = file(n, "the token, in one line") },
		"credentials": func(n *doc.Node) { c.Credentials = path(n) },
		"authority":   func(n *doc.Node) { c.Authority = []byte(file(n, "the authority's certificate")) },
	}, "url")
	return c
}
