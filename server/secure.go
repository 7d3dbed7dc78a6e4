package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"santral/base/cert"
	"santral/config"
	"santral/sip"
)

// certificates is what the exchange shows and believes over TLS.
type certificates struct {
	keeper cert.Keeper
	name   string      // what phones are told instead of an address
	web    *tls.Config // of the https address
	sip    *tls.Config // of the SIP listeners, and outwards
	noted  atomic.Int64
}

// openCertificates reads or makes the certificate, where a listener needs one.
func (s *server) openCertificates(reload <-chan struct{}) error {
	listens := slices.ContainsFunc(s.boot.Listen, func(l config.Listener) bool { return l.Transport == "tls" })
	if !listens && !s.boot.HTTPS.IsValid() {
		return nil
	}
	c := &s.certs
	c.name = s.boot.TLS.Name
	if c.name == "" && len(s.boot.TLS.ACME.Domains) > 0 {
		c.name = s.boot.TLS.ACME.Domains[0]
	}
	if c.name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("tls: a name is needed, and this machine's own is not known: %w", err)
		}
		c.name = strings.ToLower(host)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if err := s.openKeeper(roots); err != nil {
		return err
	}
	c.web = cert.Config(c.keeper)
	c.sip = cert.Config(c.keeper)
	c.sip.NextProtos = nil
	c.sip.RootCAs = roots
	c.sip.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return c.keeper.Get(&tls.ClientHelloInfo{ServerName: c.name})
	}
	if file := s.boot.TLS.Roots; file != "" {
		text, err := os.ReadFile(file)
		if err != nil || !roots.AppendCertsFromPEM(text) {
			return fmt.Errorf("tls: roots: %s holds no certificate", file)
		}
	}
	if file := s.boot.TLS.ClientRoots; file != "" {
		if c.sip.ClientCAs, err = cert.Roots(file); err != nil {
			return fmt.Errorf("tls: client_roots: %w", err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	s.later(stop)
	note := func(what string, err error) {
		if err != nil {
			s.log.Error("certificate", "error", err)
		} else {
			s.log.Info(what)
		}
	}
	go c.keeper.Run(ctx, note)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-reload:
				note("certificate read again", c.keeper.Reload())
			}
		}
	}()
	return nil
}

// openKeeper makes the keeper that the boot file asks for: files, a public authority, or one of our own,
// which roots then holds besides.
func (s *server) openKeeper(roots *x509.CertPool) (err error) {
	c, t := &s.certs, &s.boot.TLS
	switch {
	case t.Certificate != "":
		c.keeper, err = cert.Files(t.Certificate, t.Key)
		return err
	case len(t.ACME.Domains) > 0:
		c.keeper = cert.NewACME(cert.ACMEConfig{
			Domains: t.ACME.Domains, Email: t.ACME.Email, Directory: t.ACME.Directory, Folder: filepath.Join(s.boot.Data, "acme"),
		})
		return nil
	}
	authority, err := cert.OpenAuthority(s.boot.Data)
	if err != nil {
		return err
	}
	authority.Trust(roots)
	names, addrs := s.own()
	c.keeper, err = cert.Own(authority, names, addrs)
	return err
}

// own gives the names and addresses that this machine is reached by.
func (s *server) own() (names []string, addrs []netip.Addr) {
	names = []string{s.certs.name}
	add := func(name string) {
		if name = strings.ToLower(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add("localhost")
	if host, err := os.Hostname(); err == nil {
		add(host)
	}
	at := func(a netip.Addr) {
		if a = a.WithZone(""); a.IsValid() && !a.IsUnspecified() && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	at(s.boot.HTTPS.Addr())
	wildcard := s.boot.HTTPS.IsValid() && s.boot.HTTPS.Addr().IsUnspecified()
	for _, l := range s.boot.Listen {
		if l.Transport == "tls" {
			at(l.Address.Addr())
			at(l.Advertise.Public)
			wildcard = wildcard || l.Address.Addr().IsUnspecified()
		}
	}
	if nets, err := network.Prefixes(); wildcard && err == nil {
		for _, p := range nets {
			at(p.Addr())
		}
	}
	return names, addrs
}

// unproved says, at most once a second, that a peer did not prove whom we wanted to reach.
func (s *server) unproved(hop sip.Hop, err error) {
	now := time.Now().Unix()
	if s.certs.noted.Swap(now) != now {
		s.log.Warn("a peer over TLS is not the one that we wanted", "address", hop.Addr, "name", hop.Name, "error", err)
	}
}

// authorityFile is where phones find the authority to trust, "" when it is not ours.
func (s *server) authorityFile() string {
	if t := &s.boot.TLS; s.certs.keeper == nil || t.Certificate != "" || len(t.ACME.Domains) > 0 {
		return ""
	}
	return filepath.Join(s.boot.Data, cert.AuthorityFile)
}
