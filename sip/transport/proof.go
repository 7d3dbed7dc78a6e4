package transport

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"santral/sip"
)

// Certificate gives the SIP domains that the peer of f proved with its client certificate, lower case
// (RFC 5922 §7.1): nil where the connection has none, where it is gone, and for every other transport.
func (l *Layer) Certificate(f sip.Flow) []string {
	if f.Transport != sip.TLS || f.Conn == 0 {
		return nil
	}
	c := l.conns.get(f)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.proved
}

var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// identities gives the SIP domains that a certificate is for (RFC 5922 §7.1): the SIP URIs of its
// subjectAltName; where it has none the DNS names; and the common name only where there is no
// subjectAltName at all. A wildcard is nobody's name (RFC 5922 §7.2).
func identities(cert *x509.Certificate) []string {
	var names []string
	add := func(name string) {
		name = canonical(name)
		if name != "" && !strings.Contains(name, "*") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, u := range cert.URIs {
		uri, err := sip.ParseURI(u.String())
		if err == nil && uri.IsSIP() && !uri.IsSecure() && uri.User == "" {
			add(uri.Host)
		}
	}
	if len(names) > 0 {
		return names
	}
	for _, name := range cert.DNSNames {
		add(name)
	}
	if !slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(subjectAltName) }) {
		add(cert.Subject.CommonName)
	}
	return names
}

// canonical is a domain as it is compared: ASCII case and a final dot make no difference.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// proves reports whether a certificate is for name, a domain or an address.
func proves(cert *x509.Certificate, name string) bool {
	if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return slices.ContainsFunc(cert.IPAddresses, func(ip net.IP) bool {
			a, ok := netip.AddrFromSlice(ip)
			return ok && a.Unmap() == addr.Unmap()
		})
	}
	return slices.Contains(identities(cert), canonical(name))
}

// NameError says that a peer over TLS is not whom we wanted to reach (RFC 5922 §7.3).
type NameError struct {
	Wanted string
	Proved []string // what its certificate is for
}

// Error names both.
func (e *NameError) Error() string {
	if len(e.Proved) == 0 {
		return fmt.Sprintf("the peer does not prove to be %s: its certificate is for no SIP domain", e.Wanted)
	}
	return fmt.Sprintf("the peer does not prove to be %s: its certificate is for %s", e.Wanted, strings.Join(e.Proved, ", "))
}

// verify checks a chain of certificates, the peer's own first, against roots; nil are the system's.
func verify(chain []*x509.Certificate, roots *x509.CertPool, uses ...x509.ExtKeyUsage) error {
	if len(chain) == 0 {
		return ErrNoCertificate
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: uses})
	return err
}
