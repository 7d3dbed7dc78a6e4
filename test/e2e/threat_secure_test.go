package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// crowd is many connections that do something tiresome until the test is over.
type crowd struct {
	t    *testing.T
	stop chan struct{}
	wg   sync.WaitGroup
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{t: t, stop: make(chan struct{})}
	t.Cleanup(func() {
		close(c.stop)
		c.wg.Wait()
	})
	return c
}

// open makes count connections, 32 at a time, sends first on each, and then drip twice a second.
func (c *crowd) open(count int, dial func(from string) (net.Conn, error), first, drip string) {
	c.t.Helper()
	conns := make([]net.Conn, count)
	var wg sync.WaitGroup
	turn := make(chan struct{}, 32)
	for i := range count {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			conn, err := dial(fmt.Sprintf("127.0.%d.9", 100+i/500))
			if err != nil {
				c.t.Errorf("connection %d: %v", i, err)
				return
			}
			fmt.Fprint(conn, first)
			conns[i] = conn
		})
	}
	wg.Wait()
	c.wg.Go(func() {
		defer func() {
			for _, conn := range conns {
				if conn != nil {
					conn.Close()
				}
			}
		}()
		for {
			select {
			case <-c.stop:
				return
			case <-time.After(500 * time.Millisecond):
			}
			for _, conn := range conns {
				if drip != "" && conn != nil {
					conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
					fmt.Fprint(conn, drip)
				}
			}
		}
	})
}

// Clients that stick in the handshake, say nothing, drip, or stop in the middle of an upgrade keep no
// phone waiting, over TLS and over WebSocket.
func TestHostileSecureConnections(t *testing.T) { // 4
	x := phone.StartExchange(t, "--digest", "md5")
	plain := func(to string) func(string) (net.Conn, error) {
		return func(from string) (net.Conn, error) {
			return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}).Dial("tcp", phone.At(to))
		}
	}
	trust := x.Trust(t)
	trust.ClientSessionCache = tls.NewLRUClientSessionCache(4) // the crowd's handshakes are not what is tested
	secure := func(to string) func(string) (net.Conn, error) {
		return func(from string) (net.Conn, error) {
			c, err := plain(to)(from)
			if err != nil {
				return nil, err
			}
			s := tls.Client(c, trust)
			return s, s.Handshake()
		}
	}
	web := func(url string) string { return url[len("ws://") : len(url)-len("/ws")] }
	good := func(what string) {
		t.Helper()
		began := time.Now()
		for _, transport := range []string{"tls", "ws", "wss"} {
			a, b := x.Wire(t, transport, "").Agent("101"), x.Wire(t, transport, "").Agent("102").Register()
			c, r := phone.Talk(a, b, media, media)
			phone.End(c, r)
			a.Close()
			b.Close()
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: three registrations and calls took %v", what, took)
		}
	}
	steady := x.Wire(t, "tls", "").Agent("103").Register()
	before := x.Resident()
	const upgrade = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	for _, c := range []struct {
		what  string
		count int
		dial  func(string) (net.Conn, error)
		first string
		drip  string
	}{
		{"1,000 silent in the handshake", 1000, plain(x.TLS), "", ""},
		{"300 that drip a handshake", 300, plain(x.TLS), "\x16\x03\x01\x02\x00\x01", "a"},
		{"800 dripping over TLS", 800, secure(x.TLS), "INVITE sip:102@x SIP/2.0\r\nVia: ", "a"},
		{"400 half upgrades", 400, plain(web(x.WS)), upgrade[:60], ""},
		{"400 that upgraded and are silent", 400, plain(web(x.WS)), upgrade, ""},
		{"400 that drip a frame", 400, plain(web(x.WS)), upgrade + "\x81\xfe\x10\x00", "a"},
		{"200 that drip a frame over WSS", 200, secure(x.WSS[len("wss://") : len(x.WSS)-len("/ws")]), upgrade + "\x81\xfe\x10\x00", "a"},
		{"200 silent in the handshake of https", 200, plain(x.WSS[len("wss://") : len(x.WSS)-len("/ws")]), "", ""},
	} {
		began := time.Now()
		newCrowd(t).open(c.count, c.dial, c.first, c.drip)
		t.Logf("%s came within %v", c.what, time.Since(began))
		good(c.what)
	}
	if m := steady.Transact(steady.Request("OPTIONS", steady.URI("")), 3*time.Second); m.Status() != 200 {
		t.Error("a phone that was there before lost its connection")
	}
	healthy(t, x, 3*time.Second)
	settles(t, x, before, 96<<20, 35*time.Second)
}

// Clients that ask and never read what they are told, over TLS and WSS, lose their connection and delay nobody
// who is told the same things.
func TestSlowReaders(t *testing.T) { // 4
	x := phone.StartExchange(t, "--digest", "md5")
	a, b := device(t, x, "tls", "101"), device(t, x, "tls", "102")
	watcher := subscribe(t, x.Wire(t, "wss", "").Agent("103"), "sip:102@"+x.Realm, "dialog")
	watcher.next("dialog-info")
	before := x.Resident()
	var deaf []*phone.Wire
	var wait sync.WaitGroup
	for i := range 12 {
		transport := []string{"tls", "wss"}[i%2]
		w := x.Deaf(t, transport, "127.0.15.20")
		agent := w.Agent("104")
		text := agent.Request("OPTIONS", agent.URI("")).Set("From", `"`+strings.Repeat("x", 7000)+`" <`+agent.URI("104")+`>;tag=1`).String() // which the answer has too
		deaf = append(deaf, w)
		wait.Go(func() {
			for w.Try(text) == nil {
				time.Sleep(5 * time.Millisecond) // it is no flood
			}
		})
	}
	for range 10 {
		began := time.Now()
		c := a.Dial("102", media)
		r := b.Ring()
		r.Tell(180, "Ringing", "")
		c.Response(180, soon)
		watcher.next("<state>early</state>")
		r.Tell(486, "Busy Here", "")
		c.Response(486, soon)
		r.Expect("ACK", soon)
		watcher.next(`state="full"`)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a call and its lamp took %v", took)
		}
	}
	phone.Eventually(t, 10*time.Second, "who does not read loses its connection", func() bool {
		return x.Metric("santral_sip_refused_total", "connection too slow") > 0
	})
	for _, w := range deaf {
		w.Close()
	}
	wait.Wait()
	healthy(t, x, 3*time.Second)
	settles(t, x, before, 64<<20, 35*time.Second)
}
