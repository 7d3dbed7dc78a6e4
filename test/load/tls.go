//go:build linux

package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// TLS makes a run go over TLS connections instead of sockets: so many connections of phones, each with
// many calls in turn, as the exchange's port for TLS takes them.
type TLS struct {
	Server      netip.AddrPort // the exchange's port for TLS
	Config      *tls.Config
	Connections int
}

// lines are the TLS connections of one side of a run. What comes on them waits in a pipe of this side's
// own loop: each is read by a goroutine, as TLS wants it, and the loop stays the owner of everything.
type lines struct {
	conns []*tls.Conn
	out   []bufio.Writer
	wake  [2]int
	fired atomic.Bool

	mu sync.Mutex
	in []arrival
}

type arrival struct {
	text []byte
	line int
}

// lineOf is the address by which a line is known to the run's loop.
func lineOf(i int) netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(i)) }

// openTLS opens a side's lines. They stand in for a socket: handle is told each whole message.
// first, where not nil, has each line to itself before anybody reads it.
func (w *wire) openTLS(c *TLS, handle handler, first func(i int, conn *tls.Conn, in *bufio.Reader) error) (*socket, error) {
	if err := loopback(c.Server); err != nil {
		return nil, err
	}
	l := &lines{}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	l.wake = pipe
	s := &socket{fd: pipe[0], addr: anyPort, handle: handle, lines: l}
	if err := unix.EpollCtl(w.poll, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(w.sockets))}); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	w.sockets = append(w.sockets, s)
	l.out = make([]bufio.Writer, c.Connections)
	for i := range c.Connections {
		conn, err := dialTLS(c, netip.Addr{})
		if err != nil {
			l.close()
			return nil, err
		}
		l.conns = append(l.conns, conn)
		l.out[i].Reset(conn)
		in := bufio.NewReaderSize(conn, 16<<10)
		if first != nil {
			if err := first(i, conn, in); err != nil {
				l.close()
				return nil, err
			}
		}
		go l.read(i, in)
	}
	s.addr, _ = netip.ParseAddrPort(l.conns[0].LocalAddr().String())
	return s, nil
}

// dialTLS connects from a loopback address, any where it is not valid.
func dialTLS(c *TLS, from netip.Addr) (*tls.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if from.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: from.AsSlice()}
	}
	conn, err := tls.DialWithDialer(&d, "tcp", c.Server.String(), c.Config)
	if err != nil {
		return nil, fmt.Errorf("connect over TLS: %w", err)
	}
	return conn, nil
}

// read cuts what comes on a line into messages.
func (l *lines) read(i int, in *bufio.Reader) {
	for {
		text, err := readMessage(in)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.in = append(l.in, arrival{text, i})
		l.mu.Unlock()
		if !l.fired.Swap(true) {
			unix.Write(l.wake[1], []byte{0})
		}
	}
}

// readMessage reads one message by its Content-Length.
func readMessage(in *bufio.Reader) ([]byte, error) {
	var text []byte
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if len(text) == 0 && len(line) <= 2 {
			continue
		}
		text = append(text, line...)
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
		}
		if len(line) <= 2 {
			break
		}
	}
	for length > 0 {
		part, err := in.Peek(min(length, in.Size()))
		if err != nil {
			return nil, err
		}
		text = append(text, part...)
		length -= len(part)
		in.Discard(len(part))
	}
	return text, nil
}

// take gives the loop what has come.
func (l *lines) take(handle handler) {
	var b [16]byte
	unix.Read(l.wake[0], b[:])
	l.fired.Store(false)
	l.mu.Lock()
	in := l.in
	l.in = nil
	l.mu.Unlock()
	for _, a := range in {
		handle(a.text, lineOf(a.line), 0)
	}
}

// send puts a message on the line that to names.
func (l *lines) send(b []byte, to netip.AddrPort) { l.out[int(to.Port())%len(l.out)].Write(b) }

func (l *lines) flush() {
	for i := range l.out {
		if l.out[i].Buffered() > 0 {
			l.out[i].Flush()
		}
	}
}

func (l *lines) close() {
	for _, c := range l.conns {
		c.NetConn().Close()
	}
	unix.Close(l.wake[0])
	unix.Close(l.wake[1])
}

// enrol registers every callee whose turn the line is, over the line itself.
func (c *TLS) enrol(i int, conn *tls.Conn, in *bufio.Reader, users []string, password string) error {
	host, own := c.Server.String(), conn.LocalAddr().String()
	for n := i; n < len(users); n += c.Connections {
		user, authorization := users[n], []byte(nil)
		for seq := 1; ; seq++ {
			id := fmt.Sprint("e", n)
			b := cat(nil, "REGISTER sip:", host, " SIP/2.0\r\nVia: SIP/2.0/TLS ", own, ";branch=z9hG4bK", id, ".", strconv.Itoa(seq), "\r\nMax-Forwards: 70\r\nFrom: <sip:", user, "@", host,
				">;tag=", id, "\r\nTo: <sip:", user, "@", host, ">\r\nCall-ID: ", id, own, "\r\nCSeq: ", strconv.Itoa(seq), " REGISTER\r\nContact: <sip:", user, "@", own, ";transport=tls>\r\nExpires: 3600\r\n")
			if _, err := conn.Write(append(append(b, authorization...), "Content-Length: 0\r\n\r\n"...)); err != nil {
				return fmt.Errorf("register over TLS: %w", err)
			}
			text, err := readMessage(in)
			if err != nil {
				return fmt.Errorf("register over TLS: %w", err)
			}
			var m message
			if !m.read(text) || m.status != 200 && (m.status != 401 || seq > 1) {
				return fmt.Errorf("register over TLS: %.60q", text)
			}
			if m.status == 200 {
				break
			}
			authorization = authorize(m.challenges, "REGISTER", "sip:"+host, user, password)
		}
	}
	return nil
}

// Idle opens connections over TLS, says one OPTIONS on each, and leaves them alone.
type Idle struct {
	TLS     TLS           // Connections is how many
	Time    time.Duration // how long they are left alone
	During  func()        // called when all are open and have been left alone
	Sources int           // loopback addresses that they come from
}

// Run opens, waits and closes. It gives how long opening took.
func (c Idle) Run() (opening time.Duration, err error) {
	if err := loopback(c.TLS.Server); err != nil {
		return 0, err
	}
	conns := make([]*tls.Conn, c.TLS.Connections)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.NetConn().(*net.TCPConn).SetLinger(0) // or this side runs out of ports
				conn.NetConn().Close()
			}
		}
	}()
	began := time.Now()
	var wg sync.WaitGroup
	var bad atomic.Pointer[error]
	for part := range 8 {
		wg.Go(func() {
			for i := part; i < len(conns) && bad.Load() == nil; i += 8 {
				var err error
				if conns[i], err = c.open(i); err != nil {
					bad.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := bad.Load(); err != nil {
		return 0, *err
	}
	opening = time.Since(began)
	time.Sleep(c.Time)
	if c.During != nil {
		c.During()
	}
	return opening, nil
}

func (c *Idle) open(i int) (*tls.Conn, error) {
	source := netip.AddrFrom4([4]byte{127, 1, 0, byte(1 + i%max(1, min(c.Sources, 250)))})
	conn, err := dialTLS(&c.TLS, source)
	if err != nil {
		return nil, err
	}
	host, own, id := c.TLS.Server.String(), conn.LocalAddr().String(), strconv.Itoa(i)
	if _, err := conn.Write(cat(nil, "OPTIONS sip:", host, " SIP/2.0\r\nVia: SIP/2.0/TLS ", own, ";branch=z9hG4bKi", id, "\r\nMax-Forwards: 70\r\nFrom: <sip:idle@", host,
		">;tag=", id, "\r\nTo: <sip:", host, ">\r\nCall-ID: idle", id, "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")); err != nil {
		return conn, fmt.Errorf("idle connection: %w", err)
	}
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	text, err := readMessage(bufio.NewReaderSize(conn, 1024))
	if err != nil || !bytes.HasPrefix(text, []byte("SIP/2.0 200 ")) {
		return conn, fmt.Errorf("idle connection: got %.40q (%v)", text, err)
	}
	return conn, nil
}
