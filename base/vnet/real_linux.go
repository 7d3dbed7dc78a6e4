package vnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchMax is how many datagrams one system call carries at most. Above 32 the gain is not
// measurable, and every slot costs header memory.
const batchMax = 64

// kernelUDP reads and writes by recvmmsg and sendmmsg on the socket's own descriptor, through the
// runtime's poller and without an allocation per datagram.
type kernelUDP struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	local netip.AddrPort
	v6    bool
	any   bool // bound to a wildcard: packet information tells which address was meant
}

func listenKernelUDP(addr netip.AddrPort, opt Options) (UDP, error) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	u := &kernelUDP{v6: addr.Addr().Is6(), any: addr.Addr().IsUnspecified()}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = u.options(int(fd), opt) }); cerr != nil {
			return cerr
		}
		return err
	}}
	pc, err := lc.ListenPacket(context.Background(), family("udp", addr.Addr()), addr.String())
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	u.conn = pc.(*net.UDPConn)
	if u.raw, err = u.conn.SyscallConn(); err != nil {
		u.conn.Close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	bound := u.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	u.local = netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port())
	return u, nil
}

func (u *kernelUDP) options(fd int, opt Options) error {
	set := func(level, name, value int) error { return unix.SetsockoptInt(fd, level, name, value) }
	if opt.ReusePort {
		if err := set(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return optErr("SO_REUSEPORT", err)
		}
	}
	if u.any && u.v6 {
		if err := set(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1); err != nil {
			return optErr("IPV6_RECVPKTINFO", err)
		}
	} else if u.any {
		if err := set(unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
			return optErr("IP_PKTINFO", err)
		}
	}
	if opt.DSCP != 0 {
		level, name := unix.IPPROTO_IP, unix.IP_TOS
		if u.v6 {
			level, name = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
		}
		if err := set(level, name, opt.DSCP<<2); err != nil {
			return optErr("DSCP", err)
		}
	}
	// The forced form passes the system's limit and is for root alone; without it the kernel gives
	// what it may, which is not an error.
	if n := opt.ReadBuffer; n != 0 && set(unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) != nil {
		if err := set(unix.SOL_SOCKET, unix.SO_RCVBUF, n); err != nil {
			return optErr("SO_RCVBUF", err)
		}
	}
	if n := opt.WriteBuffer; n != 0 && set(unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, n) != nil {
		if err := set(unix.SOL_SOCKET, unix.SO_SNDBUF, n); err != nil {
			return optErr("SO_SNDBUF", err)
		}
	}
	return nil
}

func optErr(name string, err error) error { return fmt.Errorf("set %s: %w", name, err) }

// mmsghdr is the kernel's struct mmsghdr on 64-bit machines.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// batch is the memory of one system call. Its two functions are made once, because a closure
// handed to the poller would be an allocation for every call.
type batch struct {
	hdr  [batchMax]mmsghdr
	iov  [batchMax]unix.Iovec
	name [batchMax]unix.RawSockaddrInet6 // large enough for both families
	ctl  [batchMax][40]byte              // one IPV6_PKTINFO or IP_PKTINFO

	count int // slots in use
	n     int // the call's answer
	errno syscall.Errno
	read  func(fd uintptr) bool
	write func(fd uintptr) bool
}

var batches = sync.Pool{New: func() any {
	b := new(batch)
	for i := range b.hdr {
		b.hdr[i].hdr.Iov = &b.iov[i]
		b.hdr[i].hdr.SetIovlen(1)
		b.hdr[i].hdr.Name = (*byte)(unsafe.Pointer(&b.name[i]))
	}
	b.read = func(fd uintptr) bool {
		b.call(unix.SYS_RECVMMSG, fd)
		return b.errno != unix.EAGAIN
	}
	b.write = func(fd uintptr) bool {
		b.call(unix.SYS_SENDMMSG, fd)
		return true
	}
	return b
}}

func (b *batch) call(trap, fd uintptr) {
	for {
		n, _, errno := unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&b.hdr[0])), uintptr(b.count), unix.MSG_DONTWAIT, 0, 0)
		if b.n, b.errno = int(n), errno; errno != unix.EINTR {
			return
		}
	}
}

// release forgets the caller's buffers and gives the memory back.
func (b *batch) release() {
	for i := range b.count {
		b.iov[i].Base = nil
	}
	batches.Put(b)
}

func (u *kernelUDP) ReadBatch(d []Datagram) (int, error) {
	b := batches.Get().(*batch)
	defer b.release()
	b.count = min(len(d), batchMax)
	for {
		for i := range b.count {
			b.slot(i, d[i].B)
			b.hdr[i].hdr.Namelen = unix.SizeofSockaddrInet6
			if u.any {
				b.hdr[i].hdr.Control = &b.ctl[i][0]
				b.hdr[i].hdr.SetControllen(len(b.ctl[i]))
			} else {
				b.hdr[i].hdr.Control = nil
				b.hdr[i].hdr.SetControllen(0)
			}
		}
		b.n, b.errno = 0, 0
		if err := u.raw.Read(b.read); err != nil {
			return 0, fmt.Errorf("read: %w", err)
		}
		if b.errno == 0 {
			break
		}
		// An error that an earlier send left on the socket is not the reader's business.
		if b.errno != unix.ECONNREFUSED && b.errno != unix.EHOSTUNREACH && b.errno != unix.ENETUNREACH {
			return 0, fmt.Errorf("read: %w", b.errno)
		}
	}
	for i := range b.n {
		d[i].N = int(b.hdr[i].n)
		d[i].Addr = b.addr(i)
		d[i].Local = netip.Addr{}
		if u.any {
			d[i].Local = b.local(i)
		}
	}
	return b.n, nil
}

func (u *kernelUDP) WriteBatch(d []Datagram) (int, error) {
	b := batches.Get().(*batch)
	defer b.release()
	sent := 0
	for sent < len(d) {
		n, err := u.send(b, d[sent:min(len(d), sent+batchMax)])
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (u *kernelUDP) WriteTo(p []byte, to netip.AddrPort) error {
	one := [1]Datagram{{B: p, Addr: to}}
	b := batches.Get().(*batch)
	defer b.release()
	_, err := u.send(b, one[:])
	return err
}

// send makes one system call for at most batchMax datagrams.
func (u *kernelUDP) send(b *batch, d []Datagram) (int, error) {
	b.count = len(d)
	for i := range d {
		b.slot(i, d[i].B)
		if !b.setAddr(i, d[i].Addr, u.v6) {
			// What is before it goes out first; alone, it is the error.
			if i > 0 {
				b.count = i
				break
			}
			b.count = 0
			return 0, fmt.Errorf("write: %s is not of the socket's address family", d[i].Addr)
		}
		b.hdr[i].hdr.Control = nil
		b.hdr[i].hdr.SetControllen(0)
		if u.any && d[i].Local.IsValid() {
			b.setLocal(i, d[i].Local, u.v6)
		}
	}
	b.n, b.errno = 0, 0
	if err := u.raw.Write(b.write); err != nil {
		return 0, fmt.Errorf("write: %w", err)
	}
	switch b.errno {
	case 0:
		return b.n, nil
	case unix.EAGAIN, unix.ENOBUFS:
		return 0, ErrFull
	}
	return 0, fmt.Errorf("write: %w", b.errno)
}

func (b *batch) slot(i int, p []byte) {
	b.iov[i].Base = unsafe.SliceData(p)
	b.iov[i].SetLen(len(p))
}

// addr reads the sender of slot i.
func (b *batch) addr(i int) netip.AddrPort {
	sa := &b.name[i]
	port := sa.Port>>8 | sa.Port<<8 // network order; both families keep it in the same place
	if sa.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	a := netip.AddrFrom16(sa.Addr)
	if sa.Scope_id != 0 && a.IsLinkLocalUnicast() {
		a = a.WithZone(strconv.FormatUint(uint64(sa.Scope_id), 10))
	}
	return netip.AddrPortFrom(a, port)
}

func (b *batch) setAddr(i int, to netip.AddrPort, v6 bool) bool {
	a := to.Addr()
	port := to.Port()>>8 | to.Port()<<8
	if !v6 {
		a = a.Unmap()
		if !a.Is4() {
			return false
		}
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&b.name[i]))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: a.As4()}
		b.hdr[i].hdr.Namelen = unix.SizeofSockaddrInet4
		return true
	}
	if !a.Is6() {
		return false
	}
	sa := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: a.As16()}
	if z := a.Zone(); z != "" {
		sa.Scope_id = scope(z)
	}
	b.name[i] = sa
	b.hdr[i].hdr.Namelen = unix.SizeofSockaddrInet6
	return true
}

func scope(zone string) uint32 {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if ifi, err := net.InterfaceByName(zone); err == nil {
		return uint32(ifi.Index)
	}
	return 0
}

// local reads the packet information of slot i.
func (b *batch) local(i int) netip.Addr {
	ctl := b.ctl[i][:]
	if int(b.hdr[i].hdr.Controllen) < unix.SizeofCmsghdr {
		return netip.Addr{}
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&ctl[0]))
	data := ctl[unix.SizeofCmsghdr:]
	switch {
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO:
		return netip.AddrFrom4([4]byte(data[4:8])) // ipi_spec_dst: ours, also for a broadcast
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO:
		if a := netip.AddrFrom16([16]byte(data[:16])); !a.IsMulticast() {
			return a
		}
	}
	return netip.Addr{}
}

func (b *batch) setLocal(i int, from netip.Addr, v6 bool) {
	ctl := b.ctl[i][:]
	clear(ctl)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&ctl[0]))
	data := ctl[unix.SizeofCmsghdr:]
	n := 0
	if v6 {
		h.Level, h.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
		n = unix.SizeofInet6Pktinfo
		a := from.As16()
		copy(data, a[:])
	} else {
		h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		n = unix.SizeofInet4Pktinfo
		a := from.Unmap().As4()
		copy(data[4:], a[:]) // ipi_spec_dst
	}
	h.SetLen(unix.CmsgLen(n))
	b.hdr[i].hdr.Control = &ctl[0]
	b.hdr[i].hdr.SetControllen(unix.CmsgSpace(n))
}

func (u *kernelUDP) LocalAddr() netip.AddrPort { return u.local }

func (u *kernelUDP) Close() error {
	err := u.conn.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
