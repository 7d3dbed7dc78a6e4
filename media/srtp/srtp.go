// Package srtp protects media packets (RFC 3711): the suites that we speak, keys as they stand in session
// descriptions (RFC 4568), and the machines that seal and open packets with them.
//
// What does not live here: which key a leg uses (media/session), the handshake by which browsers agree on one
// (media/dtls), and sockets (media/rtp, which reaches the machines as its Opener and Sealer).
package srtp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Suite is a way of protecting packets: a cipher and a length of tags.
type Suite uint8

// The suites, in the order in which we offer them: AES-GCM first, and AES_CM_128_HMAC_SHA1_80, which every phone
// knows, always beside it.
const (
	UnknownSuite Suite = iota
	AES128GCM          // AEAD_AES_128_GCM (RFC 7714)
	AES256GCM          // AEAD_AES_256_GCM (RFC 7714)
	AES128CM80         // AES_CM_128_HMAC_SHA1_80 (RFC 4568 §6.2.1)
	AES128CM32         // AES_CM_128_HMAC_SHA1_32 (RFC 4568 §6.2.2)
	AES256CM80         // AES_256_CM_HMAC_SHA1_80 (RFC 6188)
	AES256CM32         // AES_256_CM_HMAC_SHA1_32 (RFC 6188)
	suites
)

var (
	suiteNames = [suites]string{"unknown", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"}
	// keySizes are of a master key and its salt, in octets.
	keySizes = [suites][2]int{{}, {16, 12}, {32, 12}, {16, 14}, {16, 14}, {32, 14}, {32, 14}}
)

// String gives the name that a crypto attribute has.
func (s Suite) String() string { return suiteNames[s] }

// Sizes gives the octets of a master key and of its salt.
func (s Suite) Sizes() (key, salt int) { return keySizes[s][0], keySizes[s][1] }

// Offered are the suites that we offer, best first.
func Offered() []Suite { return []Suite{AES128GCM, AES256GCM, AES128CM80, AES128CM32} }

// Key is one side's master key for a stream. It prints as nothing, so that it can't reach a log.
type Key struct {
	Tag    int // of the crypto attribute (RFC 4568 §4.1)
	Suite  Suite
	Master []byte // key and salt, one after the other
	MKI    []byte // in each packet (RFC 3711 §3.1), nil for none
}

// String hides the key.
func (Key) String() string { return "(secret)" }

// GoString hides the key from %#v.
func (Key) GoString() string { return "(secret)" }

// NewKey makes a key by chance.
func NewKey(suite Suite, tag int, random io.Reader) (Key, error) {
	key, salt := suite.Sizes()
	k := Key{Tag: tag, Suite: suite, Master: make([]byte, key+salt)}
	if _, err := io.ReadFull(random, k.Master); err != nil {
		return Key{}, fmt.Errorf("make a media key: %w", err)
	}
	return k, nil
}

var errCrypto = errors.New("srtp: a crypto attribute wants a tag, a suite and inline key parameters")

// ErrSuite says that a crypto attribute names a suite, or asks for something of it, that we don't speak: the
// next one may do.
var ErrSuite = errors.New("srtp: unknown suite or session parameter")

// ParseCrypto reads the value of a crypto attribute (RFC 4568 §9.1).
func ParseCrypto(value string) (Key, error) {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return Key{}, errCrypto
	}
	tag, err := strconv.ParseUint(fields[0], 10, 31)
	if err != nil {
		return Key{}, errCrypto
	}
	k := Key{Tag: int(tag)}
	for s := AES128GCM; s < suites; s++ {
		if strings.EqualFold(fields[1], suiteNames[s]) {
			k.Suite = s
		}
	}
	if k.Suite == UnknownSuite || len(fields) > 3 && !ignorable(fields[3:]) {
		return Key{}, ErrSuite
	}
	method, text, ok := strings.Cut(fields[2], ":")
	if !ok || !strings.EqualFold(method, "inline") {
		return Key{}, errCrypto
	}
	text, rest, _ := strings.Cut(text, "|")
	k.Master, err = base64.StdEncoding.DecodeString(text)
	if err != nil {
		k.Master, err = base64.RawStdEncoding.DecodeString(text)
	}
	key, salt := k.Suite.Sizes()
	if err != nil || len(k.Master) != key+salt {
		return Key{}, errCrypto
	}
	for _, part := range strings.Split(rest, "|") { // a lifetime, and an MKI with its length
		id, size, ok := strings.Cut(part, ":")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(size, 10, 8)
		v, err2 := strconv.ParseUint(id, 10, 64)
		if err != nil || err2 != nil || n == 0 || n > 128 {
			return Key{}, errCrypto
		}
		k.MKI = make([]byte, n)
		for i := len(k.MKI) - 1; i >= 0; i, v = i-1, v>>8 {
			k.MKI[i] = byte(v)
		}
	}
	return k, nil
}

// ignorable reports session parameters that may be passed over (RFC 4568 §6.3.7): those whose name begins with a
// dash.
func ignorable(params []string) bool {
	for _, p := range params {
		if !strings.HasPrefix(p, "-") {
			return false
		}
	}
	return true
}

// Crypto prints the value of a crypto attribute (RFC 4568 §9.1). The result is a secret.
func (k Key) Crypto() string {
	return strconv.Itoa(k.Tag) + " " + k.Suite.String() + " inline:" + base64.StdEncoding.EncodeToString(k.Master)
}
