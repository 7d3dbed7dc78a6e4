// Package seal keeps secrets that must be read again: of documents, of second factors, of answers that hold one. They are
// sealed with AES-256-GCM under a key that lies in a file of the exchange's own, beside the database and never in it: who
// copies the database alone has nothing, who loses the file has lost the secrets.
//
// Passwords of people are not sealed but hashed, and tokens too: nobody needs to read those again.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
)

// keyLen is the octets of a key.
const keyLen = 32

// ErrForeign is what was not sealed by this key for this use, or is damaged.
var ErrForeign = errors.New("it was sealed by another key, or is damaged: bring the exchange's own secrets.key back from its backup")

// Box seals and opens for one use. It is safe for concurrent use.
type Box struct{ aead cipher.AEAD }

// Key is where boxes are made from.
type Key struct{ octets [keyLen]byte }

// Open reads the key from a file, or makes it at the first start.
func Open(file string) (*Key, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		text = make([]byte, keyLen)
		rand.Read(text)
		if err = write(file, text); err == nil {
			text, err = os.ReadFile(file)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keep the key of secrets: %w", err)
	}
	if len(text) != keyLen {
		return nil, fmt.Errorf("the key of secrets, %s, has %d octets instead of %d: bring it back from a backup; without it sealed secrets are lost", file, len(text), keyLen)
	}
	k := &Key{}
	copy(k.octets[:], text)
	return k, nil
}

// write puts a key on the disk whole or not at all: a torn one would be the end of all secrets.
func write(file string, text []byte) error {
	f, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Box gives what seals for a use, such as "documents": what one use has sealed no other opens.
func (k *Key) Box(use string) *Box {
	key, err := hkdf.Key(sha256.New, k.octets[:], nil, "santral "+use, keyLen)
	if err != nil {
		panic(err) // only for lengths that we don't ask for
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // likewise
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // likewise
	}
	return &Box{aead}
}

// Seal seals octets together with what they are about (whose they are), which Open must be told again.
func (b *Box) Seal(plain []byte, about string) []byte {
	return b.aead.Seal(nil, nil, plain, []byte(about))
}

// Open gives what was sealed, or ErrForeign.
func (b *Box) Open(sealed []byte, about string) ([]byte, error) {
	plain, err := b.aead.Open(nil, nil, sealed, []byte(about))
	if err != nil {
		return nil, ErrForeign
	}
	return plain, nil
}

// ID names the key without telling anything of it, so that one can say which key sealed what.
func (k *Key) ID() string {
	id, err := hkdf.Key(sha256.New, k.octets[:], nil, "santral key id", 4)
	if err != nil {
		panic(err) // only for lengths that we don't ask for
	}
	return hex.EncodeToString(id)
}
