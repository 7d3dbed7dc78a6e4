package vnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Real is the machine's own network.
func Real() Net { return kernel{} }

type kernel struct{}

// keepAlive finds peers that vanished without a word: 60 s of silence, then four probes.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 15 * time.Second, Count: 4}

func (kernel) ListenUDP(addr netip.AddrPort, opt Options) (UDP, error) {
	return listenKernelUDP(addr, opt)
}

func (kernel) ListenTCP(addr netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	l, err := lc.Listen(context.Background(), family("tcp", addr.Addr()), addr.String())
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

func (kernel) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive}
	if local.IsValid() && !local.IsUnspecified() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	c, err := d.DialContext(ctx, family("tcp", remote.Addr()), remote.String())
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return c, nil
}

func (kernel) RouteTo(remote netip.Addr) (netip.Addr, error) {
	// Connecting a datagram socket sends nothing; it makes the kernel choose the source address.
	c, err := net.DialUDP(family("udp", remote), nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(remote, 9)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("route: %w", err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

func (kernel) Prefixes() ([]netip.Prefix, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	out := make([]netip.Prefix, 0, len(list))
	for _, a := range list {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(n.IP)
		if !ok {
			continue
		}
		ones, _ := n.Mask.Size()
		out = append(out, netip.PrefixFrom(addr.Unmap(), ones))
	}
	return out, nil
}

func (kernel) LookupIP(ctx context.Context, host string) ([]netip.Addr, error) {
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look up: %w", err)
	}
	for i, a := range list {
		list[i] = a.Unmap()
	}
	return list, nil
}

// family narrows a network name to addr's family, so that an IPv6 wildcard does not take IPv4 too.
func family(network string, addr netip.Addr) string {
	if addr.Unmap().Is4() {
		return network + "4"
	}
	return network + "6"
}
