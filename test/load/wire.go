//go:build linux

package load

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch       = 64
	buffer      = 2048
	socketBytes = 16 << 20 // asked of the kernel for each direction
)

// handler takes a datagram; at is when the kernel had it (0 on sockets that do not ask).
type handler func(text []byte, from netip.AddrPort, at int64)

// wire is the loop's sockets.
type wire struct {
	poll    int
	sockets []*socket
	events  [8]unix.EpollEvent
}

func newWire() (*wire, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &wire{poll: poll}, nil
}

func (w *wire) close() {
	for _, s := range w.sockets {
		if s.lines != nil {
			s.lines.close()
			continue
		}
		unix.Close(s.fd)
	}
	unix.Close(w.poll)
}

// run reads, and calls step about every millisecond, until step says that all is done.
func (w *wire) run(step func(now time.Time) (done bool)) error {
	for {
		n, err := unix.EpollWait(w.poll, w.events[:], 1)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll: %w", err)
		}
		for i := range max(n, 0) {
			w.sockets[w.events[i].Fd].read()
		}
		done := step(time.Now())
		for _, s := range w.sockets {
			s.flush()
		}
		if done {
			return nil
		}
	}
}

// own counts the datagrams that our own sockets lost.
func (w *wire) own() (n int) {
	for _, s := range w.sockets {
		n += s.lost + s.dropped()
	}
	return n
}

// mmsghdr is the kernel's struct mmsghdr on 64-bit machines.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

type vector struct {
	msg  [batch]mmsghdr
	iov  [batch]unix.Iovec
	name [batch]unix.RawSockaddrInet4
	ctl  [batch][32]byte // one SCM_TIMESTAMPNS
}

// socket is a UDP socket whose datagrams go to one function, one after another.
type socket struct {
	fd      int
	addr    netip.AddrPort
	handle  handler
	stamped bool // the kernel tells when a datagram came
	in, out vector
	buf     [batch][buffer]byte
	waiting int    // datagrams in out
	lost    int    // datagrams that could not be sent
	lines   *lines // instead of all this, where the run goes over TLS
}

func (w *wire) open(addr netip.AddrPort, stamped bool, handle handler) (*socket, error) {
	if err := loopback(addr); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	s := &socket{fd: fd, handle: handle, stamped: stamped}
	fail := func(err error) (*socket, error) {
		unix.Close(fd)
		return nil, fmt.Errorf("open a socket at %s: %w", addr, err)
	}
	// The forced forms pass the system's limits and are for root alone.
	for force, plain := range map[int]int{unix.SO_RCVBUFFORCE: unix.SO_RCVBUF, unix.SO_SNDBUFFORCE: unix.SO_SNDBUF} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, socketBytes) == nil {
			continue
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, socketBytes); err != nil {
			return fail(err)
		}
	}
	if stamped {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
			return fail(err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return fail(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return fail(err)
	}
	s.addr = netip.AddrPortFrom(addr.Addr(), uint16(name.(*unix.SockaddrInet4).Port))
	if err := unix.EpollCtl(w.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(w.sockets))}); err != nil {
		return fail(err)
	}
	for i := range batch {
		for _, v := range []*vector{&s.in, &s.out} {
			h := &v.msg[i].hdr
			h.Name = (*byte)(unsafe.Pointer(&v.name[i]))
			h.Namelen = unix.SizeofSockaddrInet4
			h.Iov = &v.iov[i]
			h.SetIovlen(1)
		}
		s.in.iov[i].Base = &s.buf[i][0]
		s.in.iov[i].SetLen(buffer)
	}
	w.sockets = append(w.sockets, s)
	return s, nil
}

// read takes what has come, a bounded number of batches so that the other sockets have their turn.
func (s *socket) read() {
	if s.lines != nil {
		s.lines.take(s.handle)
		return
	}
	for range 8 {
		for i := range batch {
			h := &s.in.msg[i].hdr
			h.Namelen = unix.SizeofSockaddrInet4
			if s.stamped {
				h.Control = &s.in.ctl[i][0]
				h.SetControllen(len(s.in.ctl[i]))
			}
		}
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.in.msg[0])), batch, unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			return
		}
		for i := range int(n) {
			name := &s.in.name[i]
			port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
			s.handle(s.buf[i][:s.in.msg[i].n], netip.AddrPortFrom(netip.AddrFrom4(name.Addr), port), s.stamp(i))
		}
		if int(n) < batch {
			return
		}
	}
}

// stamp reads the kernel's time of datagram i, in nanoseconds of the Unix clock.
func (s *socket) stamp(i int) int64 {
	if !s.stamped || s.in.msg[i].hdr.Controllen < unix.SizeofCmsghdr+16 {
		return 0
	}
	c := (*unix.Cmsghdr)(unsafe.Pointer(&s.in.ctl[i][0]))
	if c.Level != unix.SOL_SOCKET || c.Type != unix.SCM_TIMESTAMPNS {
		return 0
	}
	t := (*unix.Timespec)(unsafe.Pointer(&s.in.ctl[i][unix.SizeofCmsghdr]))
	return t.Nano()
}

// send puts a datagram into the batch that the loop's turn, or a full batch, sends. b must not change
// until then.
func (s *socket) send(b []byte, to netip.AddrPort) {
	if s.lines != nil {
		s.lines.send(b, to)
		return
	}
	i := s.waiting
	name := &s.out.name[i]
	name.Family = unix.AF_INET
	name.Addr = to.Addr().As4()
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], to.Port())
	s.out.iov[i].Base = &b[0]
	s.out.iov[i].SetLen(len(b))
	if s.waiting++; s.waiting == batch {
		s.flush()
	}
}

func (s *socket) flush() {
	if s.lines != nil {
		s.lines.flush()
		return
	}
	for at := 0; at < s.waiting; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.out.msg[at])), uintptr(s.waiting-at), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0 || n == 0:
			s.lost++ // the first of the rest; what is behind it may still go
			at++
		default:
			at += int(n)
		}
	}
	s.waiting = 0
}

// dropped asks the kernel how many datagrams found the socket's buffer full.
func (s *socket) dropped() int {
	if s.lines != nil {
		return 0
	}
	const dropsAt = 8 // SK_MEMINFO_DROPS
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return int(info[dropsAt])
}
