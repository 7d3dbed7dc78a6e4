// Package dtls agrees with a peer on the keys of its media by a handshake on the media path (RFC 5763, RFC 5764):
// our [Identity], the fingerprints by which descriptions vouch for certificates (RFC 8122), and the [Association]
// of one path.
//
// What does not live here: sockets (media/rtp, media/ice), who of the two begins (media/session, by a=setup), and
// what is done with the keys (media/srtp).
//
// A handshake under way has a goroutine of its own, and a [Gate] bounds how many there are. Once it is over an
// association is a few hundred octets: the last flight, in case that the peer did not get it.
package dtls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"strings"
	"time"
)

// Identity is the certificate that all of our handshakes present. Peers know it by its fingerprint alone.
type Identity struct {
	cert        tls.Certificate
	fingerprint string
}

// lifetime of a certificate; nobody looks at it, but some look that it is there.
const lifetime = 10 * 365 * 24 * time.Hour

// NewIdentity makes a key on the curve P-256 and a certificate for it that says nothing of us.
func NewIdentity() (*Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a media certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a media certificate: %w", err)
	}
	now := time.Now()
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "media"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a media certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	return &Identity{
		cert:        tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		fingerprint: Fingerprint{Hash: "sha-256", Sum: sum[:]}.String(),
	}, nil
}

// ReadIdentity reads what PEM wrote. It fails when the certificate ends within a year: then it is time for another.
func ReadIdentity(text []byte) (*Identity, error) {
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("read the media certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("read the media certificate: %w", err)
	}
	if time.Until(leaf.NotAfter) < 365*24*time.Hour {
		return nil, errors.New("read the media certificate: it ends soon")
	}
	sum := sha256.Sum256(cert.Certificate[0])
	return &Identity{cert: cert, fingerprint: Fingerprint{Hash: "sha-256", Sum: sum[:]}.String()}, nil
}

// PEM is the certificate and its key as text, which is a secret. An exchange that keeps it can take calls over from
// the one before it without another handshake.
func (i *Identity) PEM() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(i.cert.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("write the media certificate: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Certificate[0]})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}

// Fingerprint is the value of the fingerprint attribute of our descriptions (RFC 8122 §5).
func (i *Identity) Fingerprint() string { return i.fingerprint }

// Fingerprint is a hash of a certificate.
type Fingerprint struct {
	Hash string // "sha-256"
	Sum  []byte
}

// hashes are those that we check, weakest first. SHA-1 is there for old devices: nobody can make a second
// certificate for a given hash of it. MD5 and MD2 are refused (RFC 8122 §5).
var hashes = []struct {
	name string
	make func() hash.Hash
}{
	{"sha-1", sha1.New}, {"sha-224", sha256.New224}, {"sha-256", sha256.New}, {"sha-384", sha512.New384}, {"sha-512", sha512.New},
}

// rank gives a hash's place among those that we check, -1 for others.
func rank(name string) int {
	for i := range hashes {
		if hashes[i].name == name {
			return i
		}
	}
	return -1
}

var errFingerprint = errors.New("dtls: not a fingerprint that can be checked")

// ParseFingerprint reads the value of a fingerprint attribute (RFC 8122 §5). It fails for hashes that we do not
// check: another fingerprint beside it may do.
func ParseFingerprint(value string) (Fingerprint, error) {
	name, text, _ := strings.Cut(strings.TrimSpace(value), " ")
	f := Fingerprint{Hash: strings.ToLower(name)}
	at := rank(f.Hash)
	if at < 0 || len(text) > 256 {
		return Fingerprint{}, errFingerprint
	}
	var err error
	f.Sum, err = hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	if err != nil || len(f.Sum) != hashes[at].make().Size() {
		return Fingerprint{}, errFingerprint
	}
	return f, nil
}

// String prints the value of a fingerprint attribute.
func (f Fingerprint) String() string {
	const digits = "0123456789ABCDEF"
	b := append(make([]byte, 0, len(f.Hash)+1+3*len(f.Sum)), f.Hash...)
	for i, c := range f.Sum {
		sep := byte(':')
		if i == 0 {
			sep = ' '
		}
		b = append(b, sep, digits[c>>4], digits[c&15])
	}
	return string(b)
}

// vouched reports whether a certificate is one that a description vouches for: it matches one of the fingerprints
// by the strongest hash that there is (RFC 8122 §5.1).
func vouched(der []byte, list []Fingerprint) bool {
	best := -1
	for _, f := range list {
		best = max(best, rank(f.Hash))
	}
	if best < 0 {
		return false
	}
	h := hashes[best].make()
	h.Write(der)
	sum := h.Sum(nil)
	for _, f := range list {
		if f.Hash == hashes[best].name && subtle.ConstantTimeCompare(f.Sum, sum) == 1 {
			return true
		}
	}
	return false
}
