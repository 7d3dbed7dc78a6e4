package cert

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// authorityServer is a public authority of a test's own: a directory of RFC 8555 that checks no signature of
// a request, but looks at the challenge tls-alpn-01 as RFC 8737 §3 says, and signs by an Authority.
type authorityServer struct {
	*httptest.Server
	t      *testing.T
	signer *Authority
	port   string // where tls-alpn-01 is looked for

	mu      sync.Mutex
	valid   bool
	problem string
	thumb   string
	domain  string
	chain   []byte
	orders  int
}

func newAuthorityServer(t *testing.T, port string) *authorityServer {
	a, err := OpenAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &authorityServer{t: t, signer: a, port: port}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

const token = "DGyRejmCefe7v4NfDGDKfA"

// ServeHTTP implements http.Handler.
func (s *authorityServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Replay-Nonce", fmt.Sprint("nonce", time.Now().UnixNano()))
	var body struct {
		Protected string `json:"protected"`
		Payload   string `json:"payload"`
	}
	if r.Method == http.MethodPost {
		json.NewDecoder(r.Body).Decode(&body)
	}
	payload, _ := base64.RawURLEncoding.DecodeString(body.Payload)
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	state := func() string {
		switch {
		case s.problem != "":
			return "invalid"
		case s.valid:
			return "valid"
		}
		return "pending"
	}
	order := func() map[string]any {
		o := map[string]any{
			"status": "pending", "identifiers": []any{map[string]any{"type": "dns", "value": s.domain}},
			"authorizations": []string{s.URL + "/authz"}, "finalize": s.URL + "/finalize",
		}
		switch {
		case s.problem != "":
			o["status"] = "invalid"
		case s.chain != nil:
			o["status"], o["certificate"] = "valid", s.URL+"/certificate"
		case s.valid:
			o["status"] = "ready"
		}
		return o
	}
	challenge := func() map[string]any {
		return map[string]any{"type": "tls-alpn-01", "url": s.URL + "/challenge", "token": token, "status": state()}
	}
	switch r.URL.Path {
	case "/directory":
		answer(200, map[string]any{"newNonce": s.URL + "/nonce", "newAccount": s.URL + "/account", "newOrder": s.URL + "/order"})
	case "/nonce":
		w.WriteHeader(200)
	case "/account":
		s.thumb = thumbprint(body.Protected)
		w.Header().Set("Location", s.URL+"/account/1")
		answer(201, map[string]any{"status": "valid"})
	case "/order":
		var asked struct {
			Identifiers []struct{ Value string } `json:"identifiers"`
		}
		json.Unmarshal(payload, &asked)
		s.domain, s.valid, s.problem, s.chain = asked.Identifiers[0].Value, false, "", nil
		s.orders++
		w.Header().Set("Location", s.URL+"/order/1")
		answer(201, order())
	case "/order/1":
		answer(200, order())
	case "/authz":
		answer(200, map[string]any{"status": state(), "identifier": map[string]any{"type": "dns", "value": s.domain}, "challenges": []any{challenge()}})
	case "/challenge":
		if err := s.look(); err != nil {
			s.problem = err.Error()
		} else {
			s.valid = true
		}
		answer(200, challenge())
	case "/finalize":
		var asked struct{ CSR string }
		json.Unmarshal(payload, &asked)
		der, _ := base64.RawURLEncoding.DecodeString(asked.CSR)
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil {
			s.t.Error(err)
			return
		}
		s.chain = s.sign(csr)
		answer(200, order())
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(s.chain)
	default:
		http.NotFound(w, r)
	}
}

// thumbprint is that of the account's key (RFC 7638).
func thumbprint(protected string) string {
	text, _ := base64.RawURLEncoding.DecodeString(protected)
	var head struct {
		JWK struct{ Crv, Kty, X, Y string } `json:"jwk"`
	}
	json.Unmarshal(text, &head)
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"%s","kty":"%s","x":"%s","y":"%s"}`, head.JWK.Crv, head.JWK.Kty, head.JWK.X, head.JWK.Y))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// look connects to the domain as RFC 8737 §3 says.
func (s *authorityServer) look() error {
	c, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", s.port), &tls.Config{ServerName: s.domain, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	defer c.Close()
	own := c.ConnectionState().PeerCertificates[0]
	if c.ConnectionState().NegotiatedProtocol != "acme-tls/1" || len(own.DNSNames) != 1 || own.DNSNames[0] != s.domain {
		return fmt.Errorf("the challenge's certificate is for %v", own.DNSNames)
	}
	want := sha256.Sum256([]byte(token + "." + s.thumb))
	for _, e := range own.Extensions {
		var got []byte
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) {
			if _, err := asn1.Unmarshal(e.Value, &got); err == nil && string(got) == string(want[:]) {
				return nil
			}
		}
	}
	return fmt.Errorf("the challenge is not answered")
}

func (s *authorityServer) sign(csr *x509.CertificateRequest) []byte {
	t, err := template(time.Now(), leafLife)
	if err != nil {
		s.t.Error(err)
	}
	t.DNSNames, t.ExtKeyUsage = csr.DNSNames, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, s.signer.cert, csr.PublicKey, s.signer.key)
	if err != nil {
		s.t.Error(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.signer.cert.Raw})...)
}

// arrives gives the certificate as soon as it is there, nil when that takes ten seconds.
func arrives(k Keeper) *tls.Certificate {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if c, err := k.Get(&tls.ClientHelloInfo{ServerName: "pbx.example.com"}); err == nil {
			return c
		}
	}
	return nil
}

// A certificate is asked for, proved by a challenge that our own HTTPS listener answers, served, and
// there again after a restart without asking anybody.
func TestACME(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	authority := newAuthorityServer(t, port)
	directory := x509.NewCertPool()
	directory.AddCert(authority.Certificate())
	var number int
	fmt.Sscan(port, &number)
	cfg := ACMEConfig{
		Domains: []string{"pbx.example.com"}, Email: "admin@example.com", Directory: authority.URL + "/directory",
		Folder: t.TempDir(), Roots: directory, Host: "127.0.0.1", TLSPort: number, HTTPPort: number,
	}
	var keeper Keeper = NewACME(cfg)
	server := &http.Server{Handler: http.NotFoundHandler()}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(tls.NewListener(l, Config(keeper)))
	}()
	ctx, stop := context.WithCancel(context.Background())
	told, ended := make(chan error, 16), make(chan struct{})
	go func() {
		defer close(ended)
		keeper.Run(ctx, func(_ string, err error) { told <- err })
	}()
	select {
	case err := <-told:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no certificate")
	}
	arrives(keeper)
	for _, name := range []string{"pbx.example.com", ""} {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: name == "", RootCAs: authority.signer.Pool()})
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if own := c.ConnectionState().PeerCertificates[0]; !strings.Contains(fmt.Sprint(own.DNSNames), "pbx.example.com") {
			t.Errorf("%q: %v", name, own.DNSNames)
		}
		c.Close()
	}
	stop()
	<-ended
	server.Close()
	<-served

	again := NewACME(cfg)
	ctx, stop = context.WithCancel(context.Background())
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		again.Run(ctx, nil)
	}()
	c := arrives(again)
	stop()
	<-ended
	if c == nil || authority.orders != 1 {
		t.Errorf("after a restart: %v, %d orders", c, authority.orders)
	}
	http.DefaultClient.CloseIdleConnections()
}
