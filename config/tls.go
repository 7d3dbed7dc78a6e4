package config

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"santral/base/doc"
)

// TLS says which certificate the listeners for TLS and the https address show, and whom they believe.
// Without files and without ACME it is one of an authority of our own, kept in the data folder.
type TLS struct {
	Name        string // the host name that phones over TLS and secure WebSocket are told; "" for the machine's own
	Certificate string // file of the chain, "" for none
	Key         string // file of its key
	ACME        ACME
	Roots       string // file of authorities that servers we connect to may be of, besides the system's
	ClientRoots string // file of authorities whose client certificates prove a domain; "" asks for none
}

// ACME says how a public authority is asked for a certificate (RFC 8555).
type ACME struct {
	Domains   []string
	Email     string
	Directory string // address of its directory; "" for Let's Encrypt
}

func readTLS(n *doc.Node, base string, t *TLS) {
	file := func(to *string) func(*doc.Node) {
		return func(n *doc.Node) {
			*to = n.Text()
			if *to != "" && !filepath.IsAbs(*to) {
				*to = filepath.Join(base, *to)
			}
			if _, err := os.ReadFile(*to); err != nil {
				n.Fail("can't be read: %v", err)
			}
		}
	}
	roots := func(to *string) func(*doc.Node) {
		read := file(to)
		return func(n *doc.Node) {
			read(n)
			if text, err := os.ReadFile(*to); err == nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
				n.Fail("holds no certificate")
			}
		}
	}
	n.Map(doc.Fields{
		"name": func(n *doc.Node) {
			if t.Name = strings.ToLower(n.Text()); !isHost(t.Name) {
				n.Fail("must be a host name that phones can look up, such as pbx.example.com")
			}
		},
		"certificate":  func(n *doc.Node) { file(&t.Certificate)(n) },
		"key":          func(n *doc.Node) { file(&t.Key)(n) },
		"acme":         func(n *doc.Node) { readACME(n, &t.ACME) },
		"roots":        func(n *doc.Node) { roots(&t.Roots)(n) },
		"client_roots": func(n *doc.Node) { roots(&t.ClientRoots)(n) },
	})
	switch {
	case (t.Certificate == "") != (t.Key == ""):
		n.Fail("write certificate and key, both")
	case t.Certificate != "" && len(t.ACME.Domains) > 0:
		n.Fail("write certificate and key, or acme, not both")
	case t.Certificate != "":
		_, errCert := os.Stat(t.Certificate)
		_, errKey := os.Stat(t.Key)
		if _, err := tls.LoadX509KeyPair(t.Certificate, t.Key); err != nil && errCert == nil && errKey == nil {
			n.Fail("certificate and key can't be used: %v", err)
		}
	}
}

func readACME(n *doc.Node, a *ACME) {
	n.Map(doc.Fields{
		"domains": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				name := strings.ToLower(n.Text())
				if !isHost(name) || !strings.Contains(name, ".") {
					n.Fail("must be a public host name such as pbx.example.com")
				}
				a.Domains = append(a.Domains, name)
			})
			if len(a.Domains) == 0 {
				n.Fail("must name at least one domain")
			}
		},
		"email": func(n *doc.Node) {
			if a.Email = n.Text(); !strings.Contains(a.Email, "@") {
				n.Fail("must be an address that the authority can write to")
			}
		},
		"directory": func(n *doc.Node) {
			a.Directory = n.Text()
			if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
				n.Fail("must be the https:// address of an ACME directory")
			}
		},
	}, "domains")
}

// readOrigin reads a page's origin (RFC 6454 §6.2) or "*".
func readOrigin(n *doc.Node) string {
	s := strings.ToLower(n.Text())
	u, err := url.Parse(s)
	if s != "*" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "") {
		n.Fail("must be an origin such as https://phone.example.com, or \"*\" for all")
	}
	return s
}

// isHost reports whether s is a host name and no address.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil || s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}
