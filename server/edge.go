package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
)

// within gives a function that tells whether an address is in one of the networks, nil for none.
func within(networks []netip.Prefix) func(netip.Addr) bool {
	if len(networks) == 0 {
		return nil
	}
	return func(a netip.Addr) bool {
		a = a.Unmap().WithZone("")
		for _, p := range networks {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
}

// readSecret reads the secret of what phones carry for us, or makes it at the first start.
func (s *server) readSecret() error {
	file := filepath.Join(s.boot.Data, "phones.secret")
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(b) != len(s.secret) { // a crash may have left it cut
		b = make([]byte, len(s.secret))
		rand.Read(b)
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the secret of flow tokens: %w", err)
	}
	copy(s.secret[:], b)
	return nil
}
