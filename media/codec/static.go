//go:build static || !linux

package codec

import (
	"errors"

	"santral/media"
)

// opus is not spoken by a program that is linked statically: packets of it are relayed.
func opus() *Codec { return nil }

// PlugG729 fails: a program that is linked statically loads no libraries.
func PlugG729(library string) error {
	return errors.New("codec: this program can't load " + library)
}

// OpusFile is not made by a program that is linked statically.
type OpusFile struct{}

// NewOpusFile fails: a program that is linked statically loads no libraries.
func NewOpusFile(rate, channels, bitrate int) (*OpusFile, error) {
	return nil, errors.New("codec: this program can't load libopus")
}

// Delay is 0.
func (*OpusFile) Delay() int { return 0 }

// Encode makes nothing.
func (*OpusFile) Encode(dst []byte, sound media.Frame) []byte { return dst }
