//go:build static || !linux

package codec

import "errors"

// opus is not spoken by a program that is linked statically: packets of it are relayed.
func opus() *Codec { return nil }

// PlugG729 fails: a program that is linked statically loads no libraries.
func PlugG729(library string) error {
	return errors.New("codec: this program can't load " + library)
}
