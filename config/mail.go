package config

import (
	"crypto/x509"
	"net/mail"
	"os"
	"path/filepath"
	"strings"

	"santral/base/doc"
)

// Mail is the server that takes the exchange's mails. The zero value is none.
type Mail struct {
	Server    string // host:port; "" for none
	From      string // "Name <address>"
	User      string
	Password  string
	TLS       string // "starttls", "tls" or "none"
	Authority []byte // PEM of the authorities that its certificate may be of; nil for the machine's
}

// String hides the secret.
func (m Mail) String() string { return m.Server }

// GoString hides the secret from %#v.
func (m Mail) GoString() string { return m.Server }

// Alarms are who is told when something is wrong.
type Alarms struct {
	Mail []string // addresses
}

// mostAddresses bounds a list of mail addresses.
const mostAddresses = 32

func readMail(n *doc.Node, base string) (m Mail) {
	m.TLS = "starttls"
	file := func(n *doc.Node, what string) string {
		name := n.Text()
		if !filepath.IsAbs(name) {
			name = filepath.Join(base, name)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			n.Fail("must name the file that holds %s: %v", what, err)
		}
		return string(text)
	}
	n.Map(doc.Fields{
		"server": func(n *doc.Node) {
			m.Server = n.Text()
			if host, port, ok := cutPort(m.Server); !ok || host == "" || port == 0 {
				n.Fail("must be a mail server's host:port, such as smtp.example.com:587")
			}
		},
		"from": func(n *doc.Node) { m.From = readAddress(n) },
		"user": func(n *doc.Node) { m.User = n.Text() },
		"password": func(n *doc.Node) {
			if m.Password = strings.TrimRight(file(n, "the password, in one line"), "\r\n"); strings.ContainsAny(m.Password, "\r\n") {
				n.Fail("the file must hold the password and nothing else, in one line")
			}
		},
		"tls": func(n *doc.Node) { m.TLS = n.OneOf("starttls", "tls", "none") },
		"authority": func(n *doc.Node) {
			m.Authority = []byte(file(n, "certificates in PEM"))
			if !x509.NewCertPool().AppendCertsFromPEM(m.Authority) {
				n.Fail("holds no certificate")
			}
		},
	}, "server", "from")
	if (m.User == "") != (m.Password == "") {
		n.Fail("write user and password, or neither")
	}
	return m
}

func readAlarms(n *doc.Node) (a Alarms) {
	n.Map(doc.Fields{
		"mail": func(n *doc.Node) {
			n.Each(func(n *doc.Node) { a.Mail = append(a.Mail, readAddress(n)) })
			if len(a.Mail) > mostAddresses {
				n.Fail("must name at most %d addresses", mostAddresses)
			}
		},
	})
	return a
}

// readAddress reads a mail address, with a name before it perhaps.
func readAddress(n *doc.Node) string {
	if _, err := mail.ParseAddress(n.Text()); err != nil {
		n.Fail("must be a mail address, such as pbx@example.com or \"Santral <pbx@example.com>\"")
	}
	return n.Text()
}
