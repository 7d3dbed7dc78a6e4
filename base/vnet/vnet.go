// Package vnet is the seam between the program and the network: sockets, routes and names behind
// one small interface, [Net], with two machines under it.
//
// [Real] is the kernel. [New] makes a virtual network of hosts, links and address translators that
// lives in one process and takes its time from the time package, so that inside a testing/synctest
// bubble a call between three phones runs in virtual time and without a real socket. What lives
// here knows nothing of SIP or RTP. Each socket owns its own queues; a virtual network owns its
// hosts and its one queue of packets on the way.
package vnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// ErrFull is returned by writes that would have to wait for room in the socket's send buffer. The
// datagram is lost, as a datagram may be: a sender that serves many peers never waits for one.
var ErrFull = errors.New("send buffer full")

// Net is one machine's view of a network.
type Net interface {
	// ListenUDP opens a datagram socket at addr; port 0 picks a free port. An IPv6 socket carries
	// IPv6 alone, the wildcard address too.
	ListenUDP(addr netip.AddrPort, opt Options) (UDP, error)

	// ListenTCP opens a listener at addr; port 0 picks a free port.
	ListenTCP(addr netip.AddrPort) (net.Listener, error)

	// DialTCP connects to remote, from local where that is a specified address.
	DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)

	// RouteTo gives the address of ours that packets to remote leave from. It asks the routing
	// table each time; callers on a hot path keep the answer.
	RouteTo(remote netip.Addr) (netip.Addr, error)

	// Prefixes gives the networks that this machine is directly attached to, loopback included,
	// each with our own address in it (not masked).
	Prefixes() ([]netip.Prefix, error)

	// LookupIP gives the addresses of host, IPv4 ones unmapped.
	LookupIP(ctx context.Context, host string) ([]netip.Addr, error)
}

// Options are a datagram socket's settings; the zero value is good.
type Options struct {
	ReusePort   bool // several sockets share the port; the kernel spreads the peers over them
	ReadBuffer  int  // octets asked of the kernel, 0 leaves its default
	WriteBuffer int  // octets asked of the kernel, 0 leaves its default
	DSCP        int  // differentiated services code point (RFC 2474 §3), 0 leaves the default
}

// Datagram is one packet of a batch. On a read, B is the caller's buffer, N the octets received
// (a longer datagram is cut to the buffer) and Addr the sender. On a write, all of B is sent to Addr
// and N is not looked at.
type Datagram struct {
	B    []byte
	N    int
	Addr netip.AddrPort

	// Local matters for a socket at a wildcard address only: on a read the address of ours that
	// the datagram was sent to, on a write the address to send from. Unset on a write leaves the
	// choice to the route; elsewhere it is unset and not looked at.
	Local netip.Addr
}

// UDP is a datagram socket. All methods may be called from several goroutines at once.
type UDP interface {
	// ReadBatch waits for datagrams and fills as many of d as have arrived. After Close it
	// returns an error that is net.ErrClosed.
	ReadBatch(d []Datagram) (int, error)

	// WriteBatch sends d in order and never waits. It returns how many were sent; the error, if
	// any, belongs to d[n], and the caller may go on behind it.
	WriteBatch(d []Datagram) (int, error)

	// WriteTo sends one datagram and never waits.
	WriteTo(b []byte, to netip.AddrPort) error

	// LocalAddr is the address that the socket is bound to, with its real port.
	LocalAddr() netip.AddrPort

	Close() error
}
