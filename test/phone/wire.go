package phone

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Wire is a UDP socket, a TCP or TLS connection or a WebSocket to the exchange. What comes is kept until a test asks for
// it, in any order.
type Wire struct {
	t      testing.TB
	x      *Exchange
	udp    *net.UDPConn
	tcp    net.Conn        // below ws too
	ws     *websocket.Conn // nil elsewhere
	name   string          // as Via has it
	to     *net.UDPAddr
	mu     sync.Mutex
	news   chan struct{} // closed at the next arrival
	inbox  []Message
	total  int
	closed bool
}

// UDP opens a socket at a loopback address, "127.0.0.1" when from is empty; a port may follow.
func (x *Exchange) UDP(t testing.TB, from string) *Wire {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp", hostPort(from))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadBuffer(4 << 20)
	to, err := net.ResolveUDPAddr("udp", x.SIP)
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{t: t, x: x, udp: conn, to: to, name: "UDP", news: make(chan struct{})}
	t.Cleanup(w.Close)
	go w.readUDP()
	return w
}

// TCP opens a connection from a loopback address.
func (x *Exchange) TCP(t testing.TB, from string) *Wire {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", hostPort(from))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{LocalAddr: at, Timeout: 5 * time.Second}).Dial("tcp", x.SIP)
	if err != nil {
		t.Fatal(err)
	}
	return x.Stream(t, "TCP", conn)
}

// Stream makes a wire of a connection that stands, "TCP" or "TLS".
func (x *Exchange) Stream(t testing.TB, name string, conn net.Conn) *Wire {
	w := &Wire{t: t, x: x, tcp: conn, name: name, news: make(chan struct{})}
	t.Cleanup(w.Close)
	if !x.deaf {
		go w.readTCP()
	}
	return w
}

// Wire opens what a transport's name says: "udp", "tcp", "tls", "ws" or "wss".
func (x *Exchange) Wire(t testing.TB, transport, from string) *Wire {
	switch transport {
	case "tcp":
		return x.TCP(t, from)
	case "tls":
		return x.TLSWire(t, from)
	case "ws", "wss":
		return x.WebSocket(t, transport, from)
	}
	return x.UDP(t, from)
}

func hostPort(from string) string {
	if from == "" {
		from = "127.0.0.1"
	}
	if _, _, err := net.SplitHostPort(from); err != nil {
		from = net.JoinHostPort(from, "0")
	}
	return from
}

// Close ends the wire without a word.
func (w *Wire) Close() {
	if w.udp != nil {
		w.udp.Close()
	} else {
		w.tcp.Close()
	}
}

// Name is the transport as Via has it.
func (w *Wire) Name() string { return w.name }

// Addr is the wire's own address.
func (w *Wire) Addr() string {
	if w.udp != nil {
		return w.udp.LocalAddr().String()
	}
	return w.tcp.LocalAddr().String()
}

// Send puts a text on the wire as it is.
func (w *Wire) Send(text string) { w.Try(text) }

// Try is Send that tells what came of it: a connection that is over, or one that nobody reads.
func (w *Wire) Try(text string) (err error) {
	if w.udp != nil {
		_, err = w.udp.WriteTo([]byte(text), w.to)
		return err
	}
	w.tcp.SetWriteDeadline(time.Now().Add(5 * time.Second))
	defer w.tcp.SetWriteDeadline(time.Time{}) // a pong has none
	if w.ws != nil {
		return w.ws.Write(context.Background(), websocket.MessageText, []byte(text))
	}
	_, err = io.WriteString(w.tcp, text)
	return err
}

func (w *Wire) arrive(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox = append(w.inbox, m)
	w.total++
	close(w.news)
	w.news = make(chan struct{})
}

func (w *Wire) readUDP() {
	b := make([]byte, 65536)
	for {
		n, err := w.udp.Read(b)
		if err != nil {
			return
		}
		w.arrive(Message{string(b[:n]), time.Now()})
	}
}

func (w *Wire) readTCP() {
	in := bufio.NewReader(w.tcp)
	var head strings.Builder
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			w.over()
			return
		}
		if head.Len() == 0 && line == "\r\n" {
			w.arrive(Message{"\r\n", time.Now()}) // a pong
			continue
		}
		head.WriteString(line)
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Content-Length") {
			fmt.Sscan(value, &length)
		}
		if line == "\r\n" {
			body := make([]byte, length)
			if _, err := io.ReadFull(in, body); err != nil {
				return
			}
			head.Write(body)
			w.arrive(Message{head.String(), time.Now()})
			head.Reset()
			length = 0
		}
	}
}

// over marks the wire as one that the exchange has ended.
func (w *Wire) over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	close(w.news)
	w.news = make(chan struct{})
}

// Closed reports whether the exchange has ended the connection.
func (w *Wire) Closed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// Total gives how many messages have ever come.
func (w *Wire) Total() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

// Drop forgets what has come and was not asked for.
func (w *Wire) Drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox = nil
}

// Take gives the first message that matches, out of those that have come and those that come within
// limit; ok is false when there is none.
func (w *Wire) Take(limit time.Duration, match func(Message) bool) (m Message, ok bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for seen := 0; ; {
		w.mu.Lock()
		for i := seen; i < len(w.inbox); i++ {
			if m := w.inbox[i]; match(m) {
				w.inbox = append(w.inbox[:i:i], w.inbox[i+1:]...)
				w.mu.Unlock()
				return m, true
			}
		}
		news, closed := w.news, w.closed
		w.mu.Unlock()
		if closed {
			return Message{}, false
		}
		select {
		case <-news:
		case <-timer.C:
			return Message{}, false
		}
	}
}

// Want is Take that fails the test, saying what it waited for and what it has instead.
func (w *Wire) Want(limit time.Duration, what string, match func(Message) bool) Message {
	w.t.Helper()
	m, ok := w.Take(limit, match)
	if !ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		has := ""
		for _, m := range w.inbox {
			has += "\n\t" + m.Line() + " | CSeq " + m.Get("CSeq")
		}
		w.t.Fatalf("no %s within %v; what came instead:%s", what, limit, has)
	}
	return m
}

// Quiet fails the test when a message that matches comes within limit.
func (w *Wire) Quiet(limit time.Duration, what string, match func(Message) bool) {
	w.t.Helper()
	if m, ok := w.Take(limit, match); ok {
		w.t.Errorf("%s came:\n%s", what, m.Text)
	}
}

// Collect gives all messages that match and come within limit.
func (w *Wire) Collect(limit time.Duration, match func(Message) bool) (list []Message) {
	for until := time.Now().Add(limit); ; {
		m, ok := w.Take(time.Until(until), match)
		if !ok {
			return list
		}
		list = append(list, m)
	}
}

// Requests matches requests of a method.
func Requests(method string) func(Message) bool {
	return func(m Message) bool { return m.Method() == method }
}

// Responses matches responses of a transaction (a Call-ID and a CSeq value) from the least status on.
func Responses(callID, cseq string, least int) func(Message) bool {
	return func(m Message) bool {
		return m.Status() >= least && m.Get("Call-ID") == callID && m.Get("CSeq") == cseq
	}
}

// Anything matches every message.
func Anything(Message) bool { return true }
