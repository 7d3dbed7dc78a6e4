package siptest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"santral/base/loop"
	"santral/base/vnet"
	"santral/sip"
)

// patience is how long a phone waits for what must come: longer than every timer of SIP.
const patience = 40 * time.Second

// Phone is a scripted user agent with one address, over UDP and TCP. It sends what it is told and
// keeps what it receives in order.
type Phone struct {
	stage  *Stage
	name   string
	addr   netip.AddrPort
	host   *vnet.Host
	udp    vnet.UDP
	ln     net.Listener
	inbox  loop.Queue[Got]
	kept   []Got
	alarms int

	mu       sync.Mutex
	streams  map[netip.AddrPort]net.Conn
	branches int
	running  sync.WaitGroup
}

// Got is one message that a phone received.
type Got struct {
	*sip.Message                // nil when it could not be parsed at all
	Text         string         // as it came
	From         netip.AddrPort // from where
	Stream       bool           // over TCP
	Conn         net.Conn       // the connection, nil for UDP
	alarm        int            // not a message: the end of a waiting
}

// Phone adds a machine with a phone at addr ("192.0.2.10:5060"); it gets the next column of the ladder
// under its name.
func (s *Stage) Phone(name, addr string) *Phone {
	a := netip.MustParseAddrPort(addr)
	s.column(name, true, a.Addr())
	return s.phone(name, a, s.net.Host(a.Addr()))
}

// PhoneOn is Phone on a machine that exists, such as one behind a translator. seen are the addresses
// that others know it by, for the ladder.
func (s *Stage) PhoneOn(name string, host *vnet.Host, addr string, seen ...string) *Phone {
	a := netip.MustParseAddrPort(addr)
	s.column(name, true, a.Addr())
	for _, x := range seen {
		s.column(name, true, netip.MustParseAddr(x))
	}
	return s.phone(name, a, host)
}

func (s *Stage) phone(name string, a netip.AddrPort, host *vnet.Host) *Phone {
	p := &Phone{stage: s, name: name, addr: a, host: host, streams: map[netip.AddrPort]net.Conn{}}
	var err error
	if p.udp, err = host.ListenUDP(a, vnet.Options{}); err != nil {
		s.t.Fatal(err)
	}
	p.running.Go(p.readUDP)
	s.t.Cleanup(p.Close)
	return p
}

// Close shuts the phone's sockets; whoever is still connected sees the connection end. Inside of a
// bubble call it before the test's function returns.
func (p *Phone) Close() {
	p.udp.Close()
	p.mu.Lock()
	if p.ln != nil {
		p.ln.Close()
	}
	for _, c := range p.streams {
		c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
	p.inbox.Close()
}

// Addr is the phone's own address.
func (p *Phone) Addr() netip.AddrPort { return p.addr }

// Host is the phone's machine, for the network's links and cuts.
func (p *Phone) Host() *vnet.Host { return p.host }

// ListenTCP makes the phone take connections at its address.
func (p *Phone) ListenTCP() {
	p.stage.t.Helper()
	ln, err := p.host.ListenTCP(p.addr)
	if err != nil {
		p.stage.t.Fatal(err)
	}
	p.mu.Lock()
	p.ln = ln
	p.mu.Unlock()
	p.running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.adopt(c)
		}
	})
}

// adopt reads a connection from now on.
func (p *Phone) adopt(c net.Conn) netip.AddrPort {
	remote := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	p.mu.Lock()
	p.streams[remote] = c
	p.mu.Unlock()
	p.running.Go(func() { p.readTCP(c, remote) })
	return remote
}

// Send sends text over UDP.
func (p *Phone) Send(to netip.AddrPort, text string) {
	p.stage.t.Helper()
	text = p.Text(text)
	p.stage.rung(p.addr.Addr(), to.Addr(), label(text), false)
	if err := p.udp.WriteTo([]byte(text), to); err != nil {
		p.stage.t.Fatalf("%s sends: %v", p.name, err)
	}
}

// SendTCP sends text over TCP, on the connection with that address when there is one.
func (p *Phone) SendTCP(to netip.AddrPort, text string) {
	p.stage.t.Helper()
	p.mu.Lock()
	c := p.streams[to]
	p.mu.Unlock()
	if c == nil {
		var err error
		if c, err = p.host.DialTCP(context.Background(), p.addr.Addr(), to); err != nil {
			p.stage.t.Fatalf("%s connects: %v", p.name, err)
		}
		p.adopt(c)
	}
	p.write(c, to, p.Text(text))
}

func (p *Phone) write(c net.Conn, to netip.AddrPort, text string) {
	p.stage.t.Helper()
	p.stage.rung(p.addr.Addr(), to.Addr(), label(text), true)
	if _, err := io.WriteString(c, text); err != nil {
		p.stage.t.Fatalf("%s sends: %v", p.name, err)
	}
}

func (p *Phone) readUDP() {
	d := []vnet.Datagram{{B: make([]byte, 65535)}}
	for {
		if _, err := p.udp.ReadBatch(d); err != nil {
			return
		}
		p.take(string(d[0].B[:d[0].N]), d[0].Addr, nil)
	}
}

func (p *Phone) readTCP(c net.Conn, remote netip.AddrPort) {
	defer c.Close()
	var buf []byte
	chunk := make([]byte, 4096)
	for {
		n, err := c.Read(chunk)
		if err != nil {
			return
		}
		buf = append(buf, chunk[:n]...)
		for {
			end := bytes.Index(buf, []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			m, _ := sip.ParseMessage(string(buf[:end+4]))
			length, _ := m.ContentLength()
			if len(buf) < end+4+length {
				break
			}
			p.take(string(buf[:end+4+length]), remote, c)
			buf = buf[end+4+length:]
		}
	}
}

// take keeps a message and writes it into the ladder.
func (p *Phone) take(text string, from netip.AddrPort, c net.Conn) {
	m, err := sip.ParseMessage(text)
	if junk(m, err) {
		m = nil
	}
	p.stage.heard(from.Addr(), p.addr.Addr(), label(text), c != nil)
	p.inbox.Put(Got{Message: m, Text: text, From: from, Stream: c != nil, Conn: c})
}

// Next waits for the next message and gives it; ok is false when none comes within d.
func (p *Phone) Next(d time.Duration) (g Got, ok bool) {
	p.alarms++
	ring := Got{alarm: p.alarms}
	alarm := time.AfterFunc(d, func() { p.inbox.Put(ring) }) // so that the waiting has an end
	defer alarm.Stop()
	for {
		for len(p.kept) > 0 {
			g, p.kept = p.kept[0], p.kept[1:]
			switch g.alarm {
			case 0:
				return g, true
			case p.alarms:
				return Got{}, false
			}
		}
		p.kept = append(p.kept, p.inbox.Take(nil)...)
	}
}

// Want waits for the next message, which must be of that method or status: "INVITE", "180". It is
// fatal for the test when another comes, or none.
func (p *Phone) Want(what string) Got {
	p.stage.t.Helper()
	g, ok := p.Next(patience)
	if !ok {
		p.stage.t.Fatalf("%s waits for %s and nothing comes; so far\n%s", p.name, what, p.stage.Ladder())
	}
	if g.Message == nil || string(g.Method) != what && strconv.Itoa(g.Status) != what {
		p.stage.t.Fatalf("%s waits for %s and gets\n%s\nso far\n%s", p.name, what, g.Text, p.stage.Ladder())
	}
	return g
}

// Skip is Want that passes over any number of messages of the other kinds first.
func (p *Phone) Skip(what string, over ...string) Got {
	p.stage.t.Helper()
	for {
		g, ok := p.Next(patience)
		if !ok {
			p.stage.t.Fatalf("%s waits for %s and nothing comes; so far\n%s", p.name, what, p.stage.Ladder())
		}
		is := ""
		if g.Message != nil {
			if is = string(g.Method); is == "" {
				is = strconv.Itoa(g.Status)
			}
		}
		if is == what {
			return g
		}
		if !strings.Contains(" "+strings.Join(over, " ")+" ", " "+is+" ") {
			p.stage.t.Fatalf("%s waits for %s and gets\n%s\nso far\n%s", p.name, what, g.Text, p.stage.Ladder())
		}
	}
}

// Quiet lets d pass, in which nothing may come.
func (p *Phone) Quiet(d time.Duration) {
	p.stage.t.Helper()
	if g, ok := p.Next(d); ok {
		p.stage.t.Fatalf("%s should hear nothing and gets\n%s\nso far\n%s", p.name, g.Text, p.stage.Ladder())
	}
}

// Count lets d pass and gives how many messages of that method or status came meanwhile; others are
// thrown away.
func (p *Phone) Count(d time.Duration, what string) (n int) {
	end := time.Now().Add(d)
	for {
		g, ok := p.Next(time.Until(end))
		if !ok {
			return n
		}
		if g.Message != nil && (string(g.Method) == what || strconv.Itoa(g.Status) == what) {
			n++
		}
	}
}

// String names the phone.
func (p *Phone) String() string { return fmt.Sprintf("%s at %s", p.name, p.addr) }
