//go:build linux && (amd64 || arm64)

package rtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// How a loop gathers. Waking up for a single packet costs as much as passing it on, so under load a
// loop sleeps until the next tick and then takes all that has come; with little to do it passes each
// packet on at once.
const (
	tick       = time.Millisecond
	busyAbove  = 4  // packets a tick, over a span, from which it pays to gather
	quietBelow = 2  // packets a tick, over a span, below which it does not
	span       = 16 // ticks
)

// loops are the reader loops over kernel sockets. A socket belongs to one loop for good. The calls
// never block and are made raw: the scheduler is told nothing, which would cost more than the Go
// code of a packet. Waiting is left to the runtime, so a loop holds no thread while it waits.
type loops struct {
	dscp  int
	limit int // sockets that may be open: connections, files and others need descriptors too
	list  []*loopState

	mu   sync.Mutex
	fds  []int
	done sync.WaitGroup
}

type loopState struct {
	epoll int      // the sockets
	bell  int      // an epoll that holds epoll while the loop waits in the runtime's poller
	wait  *os.File // bell, as the runtime knows it
	raw   syscall.RawConn
	stop  atomic.Bool

	mu    sync.Mutex
	ports atomic.Pointer[[]*port] // by the number that the kernel keeps with a socket

	buf    [65536]byte
	events [256]unix.EpollEvent
	count  int // events to handle
	ready  func(uintptr) bool
}

// rawAddr is a socket address as the kernel reads it: sockaddr_in or sockaddr_in6.
type rawAddr struct {
	b    [unix.SizeofSockaddrInet6]byte
	size uintptr
}

func rawAddrFrom(a netip.AddrPort) (r rawAddr) {
	if !a.IsValid() {
		return r
	}
	binary.BigEndian.PutUint16(r.b[2:], a.Port())
	if a.Addr().Is4() {
		binary.NativeEndian.PutUint16(r.b[0:], unix.AF_INET)
		ip := a.Addr().As4()
		copy(r.b[4:], ip[:])
		r.size = unix.SizeofSockaddrInet4
		return r
	}
	binary.NativeEndian.PutUint16(r.b[0:], unix.AF_INET6)
	ip := a.Addr().As16()
	copy(r.b[8:], ip[:])
	r.size = unix.SizeofSockaddrInet6
	return r
}

// addr reads a kernel address.
func (r *rawAddr) addr() (a Addr) {
	a.Port = binary.BigEndian.Uint16(r.b[2:])
	if binary.NativeEndian.Uint16(r.b[0:]) == unix.AF_INET {
		a.IP[10], a.IP[11] = 0xff, 0xff
		copy(a.IP[12:], r.b[4:8])
		return a
	}
	copy(a.IP[:], r.b[8:24])
	return a
}

type kernelSocket struct{ fd uintptr }

func (s kernelSocket) send(b []byte, to *target) bool {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, s.fd,
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL,
		uintptr(unsafe.Pointer(&to.raw.b)), to.raw.size)
	return errno == 0
}

func kernelReaders(dscp, count int) (readers, error) {
	l := &loops{dscp: dscp, limit: 1 << 20}
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil && lim.Cur < 1<<20 {
		l.limit = int(lim.Cur) / 4 * 3
	}
	for range count {
		s, err := newLoop()
		if err != nil {
			l.close()
			return nil, err
		}
		l.list = append(l.list, s)
		l.done.Add(1)
		go func() {
			defer l.done.Done()
			s.run()
		}()
	}
	return l, nil
}

func newLoop() (s *loopState, err error) {
	s = &loopState{}
	s.ports.Store(new([]*port))
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if s.bell, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		unix.Close(s.epoll)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if err = unix.SetNonblock(s.bell, true); err == nil {
		err = s.hang(true)
	}
	if err == nil {
		s.wait = os.NewFile(uintptr(s.bell), "media bell") // non-blocking: goes to the runtime's poller
		s.raw, err = s.wait.SyscallConn()
	} else {
		unix.Close(s.bell)
	}
	if err != nil {
		unix.Close(s.epoll)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	s.ready = func(uintptr) bool {
		s.poll()
		return s.count > 0 || s.stop.Load()
	}
	return s, nil
}

// hang hangs the sockets' epoll into the bell, or takes it out: while the loop gathers, a packet
// must not wake anybody.
func (s *loopState) hang(on bool) error {
	op := unix.EPOLL_CTL_DEL
	if on {
		op = unix.EPOLL_CTL_ADD
	}
	return unix.EpollCtl(s.bell, op, s.epoll, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: 0})
}

// poll takes what is ready, without waiting.
func (s *loopState) poll() {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.epoll),
		uintptr(unsafe.Pointer(&s.events)), uintptr(len(s.events)), 0, 0, 0)
	if s.count = int(n); errno != 0 {
		s.count = 0
	}
}

// run is the loop.
func (s *loopState) run() {
	birth := time.Now()
	var packets int
	spanEnd := time.Duration(0)
	gathering := false
	for !s.stop.Load() {
		if gathering {
			s.poll()
		} else if err := s.raw.Read(s.ready); err != nil {
			return
		}
		begin := time.Since(birth)
		packets += s.count
		s.handle()
		full := s.count == len(s.events)
		if begin >= spanEnd {
			ticks := int((begin-spanEnd)/tick) + span
			if gathering && packets < quietBelow*ticks {
				if s.hang(true) != nil {
					return
				}
				gathering = false
			} else if !gathering && packets > busyAbove*ticks {
				if s.hang(false) != nil {
					return
				}
				gathering = true
			}
			packets, spanEnd = 0, begin+span*tick
		}
		if !gathering || full {
			runtime.Gosched()
			continue
		}
		if rest := tick - (time.Since(birth) - begin); rest > 0 {
			time.Sleep(rest)
		} else {
			runtime.Gosched()
		}
	}
}

// handle reads one packet from each socket that is ready; what has more is ready again at once.
func (s *loopState) handle() {
	if s.count == 0 {
		return
	}
	ports := *s.ports.Load()
	var now int64
	var from rawAddr
	for i := range s.count {
		p := ports[s.events[i].Fd]
		if i&15 == 0 {
			now = p.pool.now()
		}
		from.size = unix.SizeofSockaddrInet6
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, p.socket.(kernelSocket).fd,
			uintptr(unsafe.Pointer(&s.buf)), uintptr(len(s.buf)), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&from.b)), uintptr(unsafe.Pointer(&from.size)))
		if errno == 0 {
			p.packet(s.buf[:n], from.addr(), now)
		}
	}
}

// open binds a socket and gives it to a loop; both sockets of a pair come to the same one.
func (l *loops) open(p *port, at netip.AddrPort) error {
	l.mu.Lock()
	full := len(l.fds) >= l.limit
	l.mu.Unlock()
	if full {
		return fmt.Errorf("%w: %d sockets are open", errNoRoom, l.limit)
	}
	family := unix.AF_INET6
	if at.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		return fmt.Errorf("%w: %w", errNoRoom, err)
	}
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := l.prepare(fd, at); err != nil {
		unix.Close(fd)
		return err
	}
	l.mu.Lock()
	s := l.list[int(p.number/2)%len(l.list)]
	l.fds = append(l.fds, fd)
	l.mu.Unlock()
	p.socket = kernelSocket{uintptr(fd)}
	if err := s.add(p, fd); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

func (l *loops) prepare(fd int, at netip.AddrPort) error {
	var sa unix.Sockaddr
	level, name := unix.IPPROTO_IP, unix.IP_TOS
	if at.Addr().Is4() {
		sa = &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	} else {
		// An IPv6 wildcard must not take IPv4 too: that range has sockets of its own.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return fmt.Errorf("set IPV6_V6ONLY: %w", err)
		}
		sa = &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
		level, name = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	if l.dscp != 0 {
		if err := unix.SetsockoptInt(fd, level, name, l.dscp<<2); err != nil {
			return fmt.Errorf("set DSCP: %w", err)
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

// add gives a socket to the loop.
func (s *loopState) add(p *port, fd int) error {
	s.mu.Lock()
	old := *s.ports.Load()
	list := append(old[:len(old):cap(old)], p)
	s.ports.Store(&list)
	s.mu.Unlock()
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(list) - 1)})
}

// flush drops what waits in a socket, at most as much as a socket holds.
func (l *loops) flush(p *port) {
	var b [1]byte
	for range 512 {
		_, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, p.socket.(kernelSocket).fd,
			uintptr(unsafe.Pointer(&b)), 1, unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			return
		}
	}
}

// mark sets the code point of a socket. A system that refuses it sends as before.
func (l *loops) mark(p *port, dscp int) {
	if dscp == 0 {
		dscp = l.dscp
	}
	fd := int(p.socket.(kernelSocket).fd)
	if unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, dscp<<2) != nil {
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp<<2)
	}
}

func (l *loops) close() {
	for _, s := range l.list {
		s.stop.Store(true)
		s.wait.SetReadDeadline(time.Now()) // wakes it if it waits
	}
	l.done.Wait()
	for _, s := range l.list {
		s.wait.Close()
		unix.Close(s.epoll)
	}
	for _, fd := range l.fds {
		unix.Close(fd)
	}
	l.list, l.fds = nil, nil
}
