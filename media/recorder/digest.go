package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
)

// digest is the SHA-256 of a file that grows. Where something before its end was changed it is read once more.
type digest struct {
	of     hash.Hash
	spoilt bool
}

func (d *digest) add(b []byte) {
	if d.spoilt {
		return
	}
	if d.of == nil {
		d.of = sha256.New()
	}
	d.of.Write(b)
}

// sum gives it, in hexadecimal.
func (d *digest) sum(f io.ReaderAt, size int64) (string, error) {
	if d.of == nil || d.spoilt {
		d.of = sha256.New()
		if _, err := io.Copy(d.of, io.NewSectionReader(f, 0, size)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(d.of.Sum(nil)), nil
}
