package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/sip"
)

const viaTCP = "SIP/2.0/TCP 192.0.2.10:5060;rport;branch=z9hG4bKa"

func (w *world) dial(h *vnet.Host) net.Conn {
	w.t.Helper()
	c, err := h.DialTCP(w.t.Context(), netip.Addr{}, netip.AddrPortFrom(house, 5060))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

// readAll reads until the peer ends or a second has passed without an octet.
func readAll(c net.Conn) string {
	var out []byte
	b := make([]byte, 4096)
	for {
		c.SetReadDeadline(time.Now().Add(time.Second))
		n, err := c.Read(b)
		out = append(out, b[:n]...)
		if err != nil {
			return string(out)
		}
	}
}

// isOver reports whether the peer has ended the connection within d.
func isOver(c net.Conn, d time.Duration) bool {
	c.SetReadDeadline(time.Now().Add(d))
	for {
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			var late net.Error
			return !(errors.As(err, &late) && late.Timeout())
		}
	}
}

func withBody(id, body string) string {
	return strings.Replace(request(viaTCP, id), "Content-Length: 0\r\n\r\n", fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body), 1)
}

// Messages come out whole however their octets arrive: one at a time, or all at once.
func TestFraming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int{1, 2, 3, 7, 100, 1 << 20} {
			w := newWorld(t, nil)
			c := w.dial(w.phone)
			var all strings.Builder
			for i := range 20 {
				all.WriteString([]string{"", "\r\n", "\r\n\r\n"}[i%3]) // keep-alives and empty lines between
				all.WriteString(withBody(fmt.Sprint("c", i), strings.Repeat("v=0\r\n\r\n", i*i)))
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for b := all.String(); b != ""; {
					n := min(size, len(b))
					if _, err := io.WriteString(c, b[:n]); err != nil {
						return
					}
					b = b[n:]
					time.Sleep(time.Millisecond)
				}
			}()
			for i := range 20 {
				in := <-w.in
				if in.Err != nil || in.Msg.CallID() != fmt.Sprint("c", i) || in.Msg.Body != strings.Repeat("v=0\r\n\r\n", i*i) {
					t.Fatalf("%d octets at a time, message %d: %+v", size, i, in)
				}
				if in.Flow.Transport != sip.TCP || in.Flow.Conn == 0 || in.Flow.Remote != addrPort(c.LocalAddr()) || in.Size != len(withBody(in.Msg.CallID(), in.Msg.Body)) {
					t.Fatalf("%+v", in)
				}
				if v, _ := in.Msg.Via(); !strings.Contains(v.String(), fmt.Sprintf("received=192.0.2.10;rport=%d", in.Flow.Remote.Port())) {
					t.Fatal(v)
				}
			}
			<-done
		}
	})
}

// Each form in which a request is hidden behind a Content-Length that two readers could read
// differently gets 400, the connection ends, and the hidden request is never seen.
func TestHostileContentLength(t *testing.T) {
	hidden := request(viaTCP, "hidden")
	for name, length := range map[string]string{
		"missing":      "",
		"two":          "Content-Length: 0\r\nContent-Length: 500\r\n",
		"two, short":   "l: 0\r\nContent-Length: 500\r\n",
		"two, equal":   "Content-Length: 0\r\nContent-Length: 0\r\n",
		"list":         "Content-Length: 0, 500\r\n",
		"negative":     "Content-Length: -1\r\n",
		"signed":       "Content-Length: +0\r\n",
		"hexadecimal":  "Content-Length: 0x10\r\n",
		"octal":        "Content-Length: 0o7\r\n",
		"letters":      "Content-Length: none\r\n",
		"empty":        "Content-Length:\r\n",
		"huge":         "Content-Length: 99999999999999999999\r\n",
		"wraps":        "Content-Length: 4294967296\r\n",
		"wraps 64":     "Content-Length: 18446744073709551616\r\n",
		"over limit":   "Content-Length: 1000000\r\n",
		"fraction":     "Content-Length: 0.5\r\n",
		"no colon":     "Content-Length 0\r\n",
		"bare newline": "X: y\nContent-Length: 0\r\n",
		"bare return":  "X: y\rContent-Length: 0\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				c := w.dial(w.phone)
				write(t, c, strings.Replace(request(viaTCP, "outer"), "Content-Length: 0\r\n", length, 1)+hidden)
				in := w.must()
				if s := sip.ParseStatusOf(in.Err); s != 400 && s != 413 || in.Msg.CallID() != "outer" {
					t.Fatalf("%v, %v", in.Err, in.Msg)
				}
				w.answer(in, sip.ParseStatusOf(in.Err))
				if got := readAll(c); !strings.HasPrefix(got, "SIP/2.0 4") || strings.Count(got, "SIP/2.0 4") != 1 {
					t.Fatalf("heard %q", got)
				}
				if !isOver(c, 3*time.Second) {
					t.Fatal("still open")
				}
				c.Write([]byte(hidden))
				if in := w.take(); in != nil {
					t.Fatal("the hidden request was seen")
				}
				if f := <-w.closed; f != in.Flow {
					t.Fatal(f)
				}
			})
		})
	}
}

// A fault that leaves the framing certain is answered and the stream goes on.
func TestFaultOnAGoodFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := w.dial(w.phone)
		write(t, c, strings.Replace(withBody("bad", "body"), "Max-Forwards: 70", "Max-Forwards: x", 1)+request(viaTCP, "good"))
		in := w.must()
		if sip.ParseStatusOf(in.Err) != 400 || in.Msg.CallID() != "bad" {
			t.Fatalf("%+v", in)
		}
		if in := w.must(); in.Err != nil || in.Msg.CallID() != "good" {
			t.Fatalf("%+v", in)
		}
	})
}

// What cannot even be answered ends the connection at once.
func TestJunkOnAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for _, s := range []string{"\x16\x03\x01\x02\x00", "\x00", "\n\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\rX", "SIP/2.0 9\r\n\r\n"} {
			c := w.dial(w.phone)
			write(t, c, s)
			if !isOver(c, time.Second) {
				t.Errorf("%q: still open", s)
			}
		}
		if in := w.take(); in != nil {
			t.Fatal(in)
		}
		// A head without end is cut off and answered.
		c := w.dial(w.phone)
		write(t, c, strings.TrimSuffix(request(viaTCP, "long"), "\r\n")+strings.Repeat("X: y\r\n", 20_000))
		if in := w.must(); sip.ParseStatusOf(in.Err) != 513 || in.Msg.CallID() != "long" {
			t.Fatalf("%+v", in)
		}
	})
}

// A double CRLF between messages is answered by one CRLF (RFC 5626 §4.4.1), a single one is not.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := w.dial(w.phone)
		write(t, c, "\r\n\r\n")
		if got := readAll(c); got != "\r\n" {
			t.Fatalf("%q", got)
		}
		for _, s := range []string{"\r", "\n", "\r", "\n"} {
			write(t, c, s)
			synctest.Wait()
		}
		if got := readAll(c); got != "\r\n" {
			t.Fatalf("%q", got)
		}
		write(t, c, "\r\n"+request(viaTCP, "c1"))
		w.must()
		if got := readAll(c); got != "" {
			t.Fatalf("%q", got)
		}
		if n := w.layer.Stats().Pings; n != 2 {
			t.Fatal(n)
		}
	})
}

// listen makes h a phone that connections can be opened to.
func (w *world) listen(h *vnet.Host, addr string) net.Listener {
	w.t.Helper()
	l, err := h.ListenTCP(at(addr))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	return l
}

func (w *world) accept(l net.Listener) net.Conn {
	w.t.Helper()
	c, err := l.Accept()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// Requests to one peer share a connection, which is opened by the first; when it has ended the next
// opens another.
func TestReuseAndReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.net.SetDefault(vnet.Link{Latency: 20 * time.Millisecond})
		l := w.listen(w.phone, "192.0.2.10:5060")
		hop := sip.Hop{Transport: sip.TCP, Addr: at("192.0.2.10:5060")}
		fail := func(err error) { t.Error(err) }
		var last uint64
		for round := range 3 {
			f, err := w.layer.Way(hop)
			if err != nil || f.Conn != 0 {
				t.Fatal(f, err)
			}
			if w.layer.SentBy(f).String() != "192.0.2.1:5060" {
				t.Fatal(w.layer.SentBy(f))
			}
			for i := range 3 { // the first opens, all wait for it
				send(w.layer, f, []byte(request(viaTCP, fmt.Sprint("c", i))), fail)
			}
			if again, err := w.layer.Way(hop); err != nil || again.Conn != 0 {
				t.Fatal("open already:", again, err)
			}
			c := w.accept(l)
			if got := readAll(c); strings.Count(got, "OPTIONS sip:") != 3 || strings.Index(got, "c0") > strings.Index(got, "c2") {
				t.Fatal(got)
			}
			again, err := w.layer.Way(hop)
			if err != nil || again.Conn == 0 || again.Conn == last || !w.layer.Alive(again) {
				t.Fatal(round, again, err)
			}
			last = again.Conn
			// The peer answers, and asks something itself, on the same connection.
			write(t, c, "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"+
				"Call-ID: c0\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"+request(viaTCP, "back"))
			for _, id := range []string{"c0", "back"} {
				if in := <-w.in; in.Msg.CallID() != id || in.Flow != again {
					t.Fatalf("%+v", in)
				}
			}
			c.Close()
			if f := <-w.closed; f != again {
				t.Fatal(f)
			}
			if w.layer.Alive(again) {
				t.Fatal("alive")
			}
			gone := make(chan error, 1)
			send(w.layer, again, []byte(request(viaTCP, "late")), func(err error) { gone <- err })
			if err := <-gone; !errors.Is(err, ErrGone) {
				t.Fatal(err)
			}
		}
	})
}

// A response whose connection has ended goes to the source's address at the sent-by port (RFC 3261
// §18.2.2).
func TestResponseAfterTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		l := w.listen(w.phone, "192.0.2.10:5070")
		c := w.dial(w.phone)
		write(t, c, request("SIP/2.0/TCP phone.example:5070;branch=z9hG4bKa", "c1"))
		in := w.must()
		c.Close()
		<-w.closed
		w.answer(in, 200)
		if got := readAll(w.accept(l)); !strings.HasPrefix(got, "SIP/2.0 200 OK") {
			t.Fatal(got)
		}
	})
}

// A connection that cannot be opened fails what waits for it, each message once.
func TestDialFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		try := func(addr, text string) (after time.Duration, err error) {
			start := time.Now()
			f, err := w.layer.Way(sip.Hop{Transport: sip.TCP, Addr: at(addr)})
			if err != nil {
				t.Fatal(err)
			}
			failed := make(chan error, 10)
			send(w.layer, f, []byte(text), func(err error) { failed <- err })
			err = <-failed
			after = time.Since(start)
			time.Sleep(10 * time.Second)
			if len(failed) > 0 {
				t.Fatal("failed twice")
			}
			return after, err
		}
		small, large := request(viaTCP, "c1"), withBody("c1", strings.Repeat("x", 1300))
		if d, err := try("192.0.2.10:5060", small); err == nil || d != 0 {
			t.Fatal("refused:", err, d)
		}
		if d, err := try("192.0.2.77:5060", small); !errors.Is(err, ErrDial) || d != 4*time.Second {
			t.Fatal("nobody there:", err, d)
		}
		// RFC 3261 §18.1.1: a long request goes back to UDP soon.
		if d, err := try("192.0.2.77:5060", large); !errors.Is(err, ErrDial) || d != time.Second {
			t.Fatal("nobody there, long request:", err, d)
		}
		if n := w.layer.Stats().Open; n != 0 || len(w.closed) != 0 {
			t.Fatal(n, len(w.closed))
		}
	})
}

// A peer that closes its own direction still gets its answer.
func TestHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := w.dial(w.phone)
		write(t, c, request(viaTCP, "c1"))
		c.(interface{ CloseWrite() error }).CloseWrite()
		in := w.must()
		time.Sleep(time.Second)
		w.answer(in, 100)
		time.Sleep(time.Second)
		w.answer(in, 200)
		if got := readAll(c); strings.Count(got, "SIP/2.0 ") != 2 {
			t.Fatal(got)
		}
		if f := <-w.closed; f != in.Flow {
			t.Fatal(f)
		}
		// Nothing is owed: it ends at once. Something is owed and never comes: it ends too.
		c = w.dial(w.phone)
		c.Close()
		synctest.Wait()
		if n := w.layer.Stats().Open; n != 0 {
			t.Fatal(n)
		}
		c = w.dial(w.phone)
		write(t, c, request(viaTCP, "c2"))
		c.Close()
		start := time.Now()
		for len(w.closed) < 2 {
			time.Sleep(time.Second)
		}
		if time.Since(start) > 6*time.Second {
			t.Fatal(time.Since(start))
		}
	})
}

// Close writes out what waits for peers that read, and leaves no connection.
func TestCloseWritesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		c := w.dial(w.phone)
		write(t, c, request(viaTCP, "c1"))
		in := w.must()
		deaf := w.dial(w.other)
		write(t, deaf, request(viaTCP, "c2"))
		in2 := w.must()
		for _, f := range []sip.Flow{in.Flow, in2.Flow} {
			send(w.layer, f, bytes.Repeat([]byte("x"), 200<<10), nil)
		}
		got := make(chan int)
		go func() { got <- len(readAll(c)) }()
		synctest.Wait()
		w.layer.Close()
		if n := <-got; n != 200<<10 {
			t.Fatal("got", n)
		}
		if w.layer.Stats().Open != 0 || len(w.closed) != 2 {
			t.Fatal("left open")
		}
		failed := make(chan error, 1)
		f := sip.Flow{Transport: sip.TCP, Local: at("192.0.2.1:5060"), Remote: at("192.0.2.10:5060")}
		send(w.layer, f, []byte("x"), func(err error) { failed <- err })
		if err := <-failed; !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	})
}
