package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// ACMEConfig says how a public authority is asked. Domains and Folder are required.
type ACMEConfig struct {
	Domains   []string // the first is for clients that name none
	Email     string   // whom the authority writes to
	Directory string   // "" for Let's Encrypt
	Folder    string   // account, certificates and their keys

	Roots    *x509.CertPool // of the directory's own certificate; nil for the system's
	Host     string         // address that challenges are answered at; "" for all
	HTTPPort int            // where http-01 is answered; 0: 80
	TLSPort  int            // where tls-alpn-01 is answered; 0: 443
}

// ACME keeps certificates of a public authority (RFC 8555): it asks for them when Run begins and renews
// them in time. The authority looks for us at port 80 or 443 of each domain: an HTTPS listener of ours
// that is there answers by Get, an HTTP listener by Challenges, and where nothing listens ACME listens
// for as long as that takes.
type ACME struct {
	domains []string
	config  *certmagic.Config
	cache   *certmagic.Cache
	issuer  *certmagic.ACMEIssuer
	note    atomic.Pointer[func(string, error)]
}

// NewACME makes a keeper that asks nobody before it runs.
func NewACME(cfg ACMEConfig) *ACME {
	a := &ACME{domains: cfg.Domains}
	quiet := zap.NewNop()
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil },
		Logger:           quiet,
	})
	a.config = certmagic.New(a.cache, certmagic.Config{
		Storage:            &certmagic.FileStorage{Path: cfg.Folder},
		DefaultServerName:  cfg.Domains[0],
		FallbackServerName: cfg.Domains[0],
		OnEvent:            a.event,
		Logger:             quiet,
	})
	directory := cfg.Directory
	if directory == "" {
		directory = certmagic.LetsEncryptProductionCA
	}
	a.issuer = certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{
		CA: directory, Email: cfg.Email, Agreed: true, TrustedRoots: cfg.Roots,
		ListenHost: cfg.Host, AltHTTPPort: cfg.HTTPPort, AltTLSALPNPort: cfg.TLSPort,
		Logger: quiet,
	})
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	return a
}

// event passes on what an operator wants to know.
func (a *ACME) event(_ context.Context, name string, data map[string]any) error {
	note := a.note.Load()
	if note == nil {
		return nil
	}
	switch name {
	case "cert_obtained":
		(*note)(fmt.Sprintf("certificate of %v obtained", data["identifier"]), nil)
	case "cert_failed":
		err, _ := data["error"].(error)
		(*note)("", fmt.Errorf("obtain a certificate of %v: %w", data["identifier"], err))
	}
	return nil
}

// Get implements Keeper, and answers the challenge tls-alpn-01 (RFC 8737).
func (a *ACME) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.Conn == nil { // nobody shakes hands: our own certificate as a client is wanted
		if found := a.cache.AllMatchingCertificates(a.domains[0]); len(found) > 0 {
			return &found[0].Certificate, nil
		}
		return nil, errNone
	}
	return a.config.GetCertificate(hello)
}

// Challenges answers the challenge http-01 in front of what an HTTP listener serves besides.
func (a *ACME) Challenges(h http.Handler) http.Handler { return a.issuer.HTTPChallengeHandler(h) }

// Reload implements Keeper: renewal looks after itself, so there is nothing to read.
func (a *ACME) Reload() error { return nil }

// Run implements Keeper.
func (a *ACME) Run(ctx context.Context, note func(string, error)) {
	if note != nil {
		a.note.Store(&note)
	}
	defer a.cache.Stop()
	if err := a.config.ManageAsync(ctx, a.domains); err != nil && !errors.Is(err, context.Canceled) {
		tell(note, "", fmt.Errorf("obtain certificates: %w", err))
	}
	<-ctx.Done()
}
