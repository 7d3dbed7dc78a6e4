package registrar

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/fnv"
	"net/netip"
	"strings"
	"sync"
	"time"

	"santral/base/id"
	"santral/sip"
)

// keys make the two sorts of token that a phone carries for us and nobody else may make: those of flows
// (RFC 5626 §5.2) and temporary GRUUs (RFC 5627 §3.1.2). Both hold all that we need to know, so that
// nothing is remembered of them, however many are given.
type keys struct {
	random *id.Source
	seal   cipher.AEAD
	macs   sync.Pool // hash.Hash
}

func newKeys(secret [32]byte, random *id.Source) *keys {
	derive := func(use string) []byte {
		h := hmac.New(sha256.New, secret[:])
		h.Write([]byte(use))
		return h.Sum(nil)
	}
	block, err := aes.NewCipher(derive("temporary GRUU"))
	if err != nil {
		panic(err) // the key's length is right
	}
	k := &keys{random: random}
	if k.seal, err = cipher.NewGCM(block); err != nil {
		panic(err)
	}
	key := derive("flow token")
	k.macs.New = func() any { return hmac.New(sha256.New, key) }
	return k
}

// text is how tokens are written: letters, digits, "-" and "_", which no URI escapes.
var text = base64.RawURLEncoding.Strict()

const (
	flowPrefix = "flow."
	macLength  = 10 // octets, as in RFC 5626 §5.2
)

// flow writes a flow as a token.
func (k *keys) flow(f sip.Flow) string {
	b := make([]byte, macLength, 96)
	b = append(b, byte(f.Transport))
	for _, a := range []netip.AddrPort{f.Local, f.Remote} {
		octets, _ := a.MarshalBinary() // an address, a zone with it, and the port
		b = append(b, byte(len(octets)))
		b = append(b, octets...)
	}
	b = binary.BigEndian.AppendUint64(b, f.Conn)
	copy(b, k.mac(b[macLength:]))
	return flowPrefix + text.EncodeToString(b)
}

// ofFlow reads a flow's token; ok is false for what we did not write.
func (k *keys) ofFlow(token string) (f sip.Flow, ok bool) {
	token, ok = strings.CutPrefix(token, flowPrefix)
	b, err := text.DecodeString(token)
	if !ok || err != nil || len(b) < macLength+1 || !hmac.Equal(b[:macLength], k.mac(b[macLength:])) {
		return sip.Flow{}, false
	}
	b = b[macLength:]
	f.Transport, b = sip.Transport(b[0]), b[1:]
	for _, a := range []*netip.AddrPort{&f.Local, &f.Remote} {
		n := int(b[0])
		if a.UnmarshalBinary(b[1:1+n]) != nil {
			return sip.Flow{}, false
		}
		b = b[1+n:]
	}
	f.Conn = binary.BigEndian.Uint64(b)
	return f, true
}

func (k *keys) mac(b []byte) []byte {
	h := k.macs.Get().(hash.Hash)
	defer k.macs.Put(h)
	h.Reset()
	h.Write(b)
	return h.Sum(nil)[:macLength]
}

// temporary is what a temporary GRUU says: whose it is, and of which registration. It is good for as long
// as a binding of the instance goes on that has the Call-ID and was there when the GRUU was given
// (RFC 5627 §5.1, §5.3).
type temporary struct {
	account  string
	instance uint64 // hash
	callID   uint64 // hash
	given    int64  // Unix milliseconds
}

const (
	temporaryPrefix = "tgruu."
	temporaryHead   = 25 // three numbers and the account's length
	temporaryPad    = 32 // what accounts are filled up to, so that their length does not show
)

func hashed(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// temporary makes the user part of a temporary GRUU of a tenant. No two are alike, and none shows whose
// it is.
func (k *keys) temporary(tenant string, account string, b *binding, now time.Time) string {
	if len(account) > 255 {
		return ""
	}
	plain := make([]byte, 0, temporaryHead+temporaryPad)
	plain = binary.BigEndian.AppendUint64(plain, hashed(b.instance))
	plain = binary.BigEndian.AppendUint64(plain, hashed(b.callID))
	plain = binary.BigEndian.AppendUint64(plain, uint64(now.UnixMilli()))
	plain = append(append(plain, byte(len(account))), account...)
	for len(plain) < temporaryHead+temporaryPad {
		plain = append(plain, 0)
	}
	out := make([]byte, k.seal.NonceSize(), k.seal.NonceSize()+len(plain)+k.seal.Overhead())
	k.random.Bytes(out)
	out = k.seal.Seal(out, out, plain, []byte(tenant))
	return temporaryPrefix + text.EncodeToString(out)
}

// ofTemporary reads the user part of a temporary GRUU of a tenant; ok is false for what we did not give.
func (k *keys) ofTemporary(tenant, user string) (t temporary, ok bool) {
	user, ok = strings.CutPrefix(user, temporaryPrefix)
	b, err := text.DecodeString(user)
	if !ok || err != nil || len(b) < k.seal.NonceSize() {
		return t, false
	}
	n := k.seal.NonceSize()
	plain, err := k.seal.Open(nil, b[:n], b[n:], []byte(tenant))
	if err != nil {
		return t, false
	}
	t.instance = binary.BigEndian.Uint64(plain)
	t.callID = binary.BigEndian.Uint64(plain[8:])
	t.given = int64(binary.BigEndian.Uint64(plain[16:]))
	t.account = string(plain[temporaryHead : temporaryHead+int(plain[24])])
	return t, true
}
