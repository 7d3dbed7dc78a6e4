//go:build !linux

package vnet

import (
	"fmt"
	"net"
	"net/netip"
)

// kernelUDP is the plain form for systems without recvmmsg: one datagram in each call.
type kernelUDP struct{ *net.UDPConn }

func listenKernelUDP(addr netip.AddrPort, opt Options) (UDP, error) {
	if opt.ReusePort {
		return nil, fmt.Errorf("listen: sharing a port needs Linux")
	}
	c, err := net.ListenUDP(family("udp", addr.Addr()), net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if opt.ReadBuffer != 0 {
		err = c.SetReadBuffer(opt.ReadBuffer)
	}
	if opt.WriteBuffer != 0 && err == nil {
		err = c.SetWriteBuffer(opt.WriteBuffer)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	return kernelUDP{c}, nil
}

func (u kernelUDP) ReadBatch(d []Datagram) (int, error) {
	if len(d) == 0 {
		return 0, nil
	}
	n, from, err := u.ReadFromUDPAddrPort(d[0].B)
	if err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	d[0].N, d[0].Addr, d[0].Local = n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), netip.Addr{}
	return 1, nil
}

func (u kernelUDP) WriteBatch(d []Datagram) (int, error) {
	for i := range d {
		if err := u.WriteTo(d[i].B, d[i].Addr); err != nil {
			return i, err
		}
	}
	return len(d), nil
}

func (u kernelUDP) WriteTo(b []byte, to netip.AddrPort) error {
	if _, err := u.WriteToUDPAddrPort(b, to); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (u kernelUDP) LocalAddr() netip.AddrPort {
	a := u.UDPConn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
