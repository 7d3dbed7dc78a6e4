package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"santral/sip"
)

// Why a handshake failed; the peer's name is a *NameError.
var (
	ErrNoTLS         = errors.New("there is no certificate to serve with")
	ErrNoCertificate = errors.New("the peer shows no certificate")
)

// secureServer makes what TLS listeners serve with out of Config.TLS. A client certificate is asked
// for where there are roots to check it against, and never demanded: a phone that shows the one which
// its maker gave it is as welcome as one that shows none.
func secureServer(cfg *tls.Config) *tls.Config {
	if cfg == nil {
		return nil
	}
	own := cfg.Clone()
	own.MinVersion = max(own.MinVersion, tls.VersionTLS12)
	own.ClientAuth = tls.NoClientCert
	if own.ClientCAs != nil {
		own.ClientAuth = tls.RequestClientCert
	}
	return own
}

// shake does the handshake of an inbound connection in a goroutine of its own, so that neither the
// listener nor anybody else waits for a silent client. The goroutine ends with it: its stack has
// grown, and the one that reads from now on, perhaps for hours, begins with a small one.
func (c *conn) shake() {
	err := c.raw.SetDeadline(time.Now().Add(c.l.cfg.Limits.Handshake))
	tc := tls.Server(c.raw, c.l.server)
	if err == nil {
		err = tc.Handshake()
	}
	if err == nil {
		err = c.raw.SetDeadline(time.Time{})
	}
	if err != nil {
		c.l.count.handshakes.Add(1)
		c.end(fmt.Errorf("handshake: %w", err))
		return
	}
	var proved []string
	if chain := tc.ConnectionState().PeerCertificates; len(chain) > 0 {
		// Carriers show the certificate that they serve with, so either use will do.
		if verify(chain, c.l.server.ClientCAs, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth) == nil {
			proved = identities(chain[0])
		} else {
			c.l.count.unproved.Add(1)
		}
	}
	if c.opened(tc, proved) {
		c.l.running.Go(c.read)
	}
}

// opened makes a connection one that messages leave by; false when it has ended meanwhile.
func (c *conn) opened(nc net.Conn, proved []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return false
	}
	c.nc, c.open, c.proved = nc, true, proved
	return true
}

// secure does the handshake of a connection that we opened. The peer must show a certificate that
// leads to a root of ours and, where a name is wanted, is for that very name (RFC 5922 §7.3).
func (c *conn) secure(ctx context.Context, nc net.Conn) (net.Conn, error) {
	cfg := c.l.cfg.TLS.Clone()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	cfg.ServerName = c.name
	cfg.NextProtos = nil
	cfg.InsecureSkipVerify = true // VerifyConnection checks more, and by SIP's rules
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		if err := verify(s.PeerCertificates, cfg.RootCAs, x509.ExtKeyUsageServerAuth); err != nil {
			return err
		}
		if own := s.PeerCertificates[0]; c.name != "" && !proves(own, c.name) {
			return &NameError{Wanted: c.name, Proved: identities(own)}
		}
		return nil
	}
	if cfg.ServerName == "" {
		cfg.ServerName = c.flow.Remote.Addr().String() // Go wants one, and sends no address
	}
	tc := tls.Client(nc, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		c.l.count.handshakes.Add(1)
		if note := c.l.cfg.Unproved; note != nil && ctx.Err() == nil {
			note(sip.Hop{Transport: sip.TLS, Addr: c.flow.Remote, Name: c.name}, err)
		}
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return tc, nil
}
