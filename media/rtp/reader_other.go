//go:build !(linux && (amd64 || arm64))

package rtp

import (
	"net/netip"

	"santral/base/vnet"
)

// rawAddr is not needed where no raw calls are made.
type rawAddr struct{}

func rawAddrFrom(netip.AddrPort) rawAddr { return rawAddr{} }

// kernelReaders reads with a goroutine for each socket.
func kernelReaders(dscp, loops int) (readers, error) {
	return &netReaders{net: vnet.Real(), dscp: dscp}, nil
}
