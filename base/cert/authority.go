package cert

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// The files of an authority, in its folder.
const (
	AuthorityFile = "ca.pem" // what phones are given to trust
	authorityKey  = "ca.key"
)

const (
	authorityLife = 20 * 365 * 24 * time.Hour
	leafLife      = 90 * 24 * time.Hour // short beside what any client refuses for its length
	backdate      = time.Hour           // for peers whose clock is late
)

// Authority signs certificates. It never changes once it is made.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// OpenAuthority reads the authority of a folder, or makes it there at the first start: an ECDSA key on
// P-256 that only its owner can read, and ca.pem for whoever is to trust it.
func OpenAuthority(folder string) (*Authority, error) {
	a, err := openAuthority(folder)
	if err != nil {
		return nil, fmt.Errorf("open the certificate authority: %w", err)
	}
	return a, nil
}

func openAuthority(folder string) (*Authority, error) {
	keyFile, certFile := filepath.Join(folder, authorityKey), filepath.Join(folder, AuthorityFile)
	key, err := readKey(keyFile)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(certFile); err == nil {
			return nil, fmt.Errorf("%s is there and %s is not: bring it back, or remove both and give every phone the new one", certFile, keyFile)
		}
		key, err = makeKey(keyFile)
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(certFile)
	if errors.Is(err, os.ErrNotExist) { // the first start, or a crash in the middle of it
		if text, err = makeAuthority(key); err == nil {
			err = replace(certFile, text, 0o644)
		}
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no certificate", certFile)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	if !key.PublicKey.Equal(c.PublicKey) {
		return nil, fmt.Errorf("%s and %s do not belong together", certFile, keyFile)
	}
	return &Authority{cert: c, key: key}, nil
}

func readKey(file string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	own, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind than ECDSA", file)
	}
	return own, nil
}

func makeKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, replace(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func makeAuthority(key *ecdsa.PrivateKey) ([]byte, error) {
	t, err := template(time.Now(), authorityLife)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	t.Subject = pkix.Name{Organization: []string{"Santral"}, CommonName: "Santral authority of " + host}
	t.IsCA, t.BasicConstraintsValid, t.MaxPathLenZero = true, true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// template begins a certificate with a serial number that nobody guesses.
func template(now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{SerialNumber: serial, NotBefore: now.Add(-backdate), NotAfter: now.Add(life)}, nil
}

// replace writes a file so that a crash, of the machine too, leaves the old one or the new one.
func replace(file string, text []byte, mode os.FileMode) error {
	temporary := file + ".new"
	os.Remove(temporary) // of a crash before; its mode may be another
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = cmp.Or(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}

// Pool holds the authority alone, for whoever is to trust it.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Trust adds the authority to others that are trusted.
func (a *Authority) Trust(pool *x509.CertPool) { pool.AddCert(a.cert) }

// Issue makes a certificate for a server of these names and addresses, which may be shown as a
// client's too. The first name is its common name, for peers that look at nothing else.
func (a *Authority) Issue(names []string, addrs []netip.Addr, life time.Duration) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	t, err := template(time.Now(), life)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	t.Subject = pkix.Name{Organization: []string{"Santral"}}
	if len(names) > 0 {
		t.Subject.CommonName = names[0]
	}
	t.DNSNames = names
	for _, addr := range addrs {
		t.IPAddresses = append(t.IPAddresses, net.IP(addr.AsSlice()))
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}
