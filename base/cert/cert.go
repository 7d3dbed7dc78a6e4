// Package cert keeps the certificates that the exchange shows: of an authority of its own made at the
// first start, from files, or of a public authority (RFC 8555).
//
// What lives here: making, reading, renewing, and giving the one of now to whoever does a handshake.
// What does not: whom a peer's certificate proves, which is a question of the protocol (sip/transport,
// RFC 5922). A [Keeper] owns its certificate; a handshake takes the one that stands at its moment, and
// a connection that is up never notices a new one.
package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Keeper gives certificates to servers and keeps them fresh. Its methods may be called from several
// goroutines at once.
type Keeper interface {
	// Get gives the certificate for a handshake, for tls.Config.GetCertificate.
	Get(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// Reload looks again at what the certificate is made of. On an error the one before stays.
	Reload() error

	// Run renews or reloads when it is time, until ctx ends. note, which may be nil, is told of every
	// new certificate and of every failure.
	Run(ctx context.Context, note func(what string, err error))
}

// Config makes a server's TLS settings: TLS 1.2 and 1.3, and of 1.2 only suites with forward secrecy
// and authenticated encryption (RFC 9325 §4.2). It is for HTTP and for SIP.
func Config(k Keeper) *tls.Config {
	return &tls.Config{
		GetCertificate: k.Get,
		MinVersion:     tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		// A WebSocket needs HTTP/1.1, and a public authority asks by acme-tls/1 (RFC 8737 §6.2). SIP names
		// no protocol and is not asked.
		NextProtos: []string{"http/1.1", "acme-tls/1"},
	}
}

// Roots reads a file of certificates that are trusted.
func Roots(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read trusted certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read trusted certificates: %s holds no certificate", file)
	}
	return pool, nil
}

var errNone = errors.New("no certificate yet")

func tell(note func(string, error), what string, err error) {
	if note != nil {
		note(what, err)
	}
}
