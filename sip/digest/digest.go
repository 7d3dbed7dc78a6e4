// Package digest is the digest authentication of SIP, both sides of it (RFC 3261 §22, RFC 7616,
// RFC 8760): a server that challenges and checks, and the answer of a client.
//
// Who may do what is not decided here, and accounts live elsewhere: a look-up hands in the hash that
// an account is known by. A challenge costs no memory, since its nonce proves by itself when and for
// whom it was made. The [Server] owns the bounded tables of what came back: counts that were used,
// and clients that cannot read two challenges.
package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
)

// Algorithm is a hash that digest knows by name (RFC 7616 §6.1).
type Algorithm uint8

// The algorithms, weakest first.
const (
	UnknownAlgorithm Algorithm = iota
	MD5
	SHA256
	SHA512_256
)

var algorithmNames = [...]string{"", "MD5", "SHA-256", "SHA-512-256"}

// String gives the name as challenges spell it.
func (a Algorithm) String() string { return algorithmNames[a] }

// ParseAlgorithm reads a name of any case; the settings' spelling without the first dash ("sha256",
// "sha512-256") is known as well.
func ParseAlgorithm(s string) Algorithm {
	for a := MD5; a <= SHA512_256; a++ {
		if strings.EqualFold(s, algorithmNames[a]) || strings.EqualFold(s, strings.Replace(algorithmNames[a], "-", "", 1)) {
			return a
		}
	}
	return UnknownAlgorithm
}

// ParseAlgorithms reads a setting such as "sha256,md5", whose order is the order of the challenges.
func ParseAlgorithms(s string) ([]Algorithm, error) {
	var list []Algorithm
	for name := range strings.SplitSeq(s, ",") {
		a := ParseAlgorithm(strings.TrimSpace(name))
		if a == UnknownAlgorithm {
			return nil, fmt.Errorf("digest algorithm %q is none of md5, sha256, sha512-256", strings.TrimSpace(name))
		}
		for _, b := range list {
			if a == b {
				return nil, fmt.Errorf("digest algorithm %q is named twice", strings.TrimSpace(name))
			}
		}
		list = append(list, a)
	}
	return list, nil
}

// hexLen is the length of the algorithm's output in hexadecimal digits.
func (a Algorithm) hexLen() int {
	if a == MD5 {
		return 2 * md5.Size
	}
	return 2 * sha256.Size
}

// appendHash appends the hash of text in lower-case hexadecimal digits.
func (a Algorithm) appendHash(dst, text []byte) []byte {
	switch a {
	case MD5:
		sum := md5.Sum(text)
		return hex.AppendEncode(dst, sum[:])
	case SHA256:
		sum := sha256.Sum256(text)
		return hex.AppendEncode(dst, sum[:])
	case SHA512_256:
		sum := sha512.Sum512_256(text)
		return hex.AppendEncode(dst, sum[:])
	}
	return dst
}

// HA1 is what an account is known by: for each algorithm the hash of "user:realm:password" in
// lower-case hexadecimal digits, "" where it is not kept. It is a secret.
type HA1 struct {
	MD5        string
	SHA256     string
	SHA512_256 string
}

// String hides the secret, so that it cannot reach a log.
func (HA1) String() string { return "(secret)" }

// GoString hides the secret as String does.
func (HA1) GoString() string { return "(secret)" }

// NewHA1 computes all hashes of a password.
func NewHA1(user, realm, password string) HA1 {
	return HA1{Hash(MD5, user, realm, password), Hash(SHA256, user, realm, password), Hash(SHA512_256, user, realm, password)}
}

// HA1From takes hashes by their algorithms' names, as a tenant's document holds them.
func HA1From(byName map[string]string) HA1 {
	var h HA1
	for name, v := range byName {
		switch v = strings.ToLower(v); ParseAlgorithm(name) {
		case MD5:
			h.MD5 = v
		case SHA256:
			h.SHA256 = v
		case SHA512_256:
			h.SHA512_256 = v
		}
	}
	return h
}

func (h *HA1) of(a Algorithm) string {
	switch a {
	case MD5:
		return h.MD5
	case SHA256:
		return h.SHA256
	case SHA512_256:
		return h.SHA512_256
	}
	return ""
}

// Hash computes one HA1 (RFC 7616 §3.4.2).
func Hash(a Algorithm, user, realm, password string) string {
	b := make([]byte, 0, 128)
	b = append(b, user...)
	b = append(b, ':')
	b = append(b, realm...)
	b = append(b, ':')
	b = append(b, password...)
	return string(a.appendHash(nil, b))
}

// work is scratch memory for one computation.
type work struct {
	text [1024]byte
	a2   [64]byte
	out  [64]byte
}

// response computes the request-digest for qop=auth (RFC 7616 §3.4.1). The result lives in w.
func (w *work) response(a Algorithm, ha1, nonce, nc, cnonce, method, uri string) []byte {
	t := append(w.text[:0], method...)
	t = append(t, ':')
	t = append(t, uri...)
	ha2 := a.appendHash(w.a2[:0], t)
	t = append(w.text[:0], ha1...)
	t = append(t, ':')
	t = append(t, nonce...)
	t = append(t, ':')
	if nc != "" { // without qop the form of RFC 2069, which we speak as a client only
		t = append(t, nc...)
		t = append(t, ':')
		t = append(t, cnonce...)
		t = append(t, ":auth:"...)
	}
	t = append(t, ha2...)
	return a.appendHash(w.out[:0], t)
}
