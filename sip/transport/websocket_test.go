package transport

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"santral/base/cert"
	"santral/sip"
)

const viaWS = "SIP/2.0/WS 8f3k2.invalid;branch=z9hG4bKa"

// webWorld is a world whose HTTP server at port 8080 hands WebSockets at /ws over.
func webWorld(t *testing.T, change func(*Config)) *world {
	t.Helper()
	w := newWorld(t, func(c *Config) {
		c.Listeners = append(c.Listeners, Listener{Transport: sip.WS, Addr: at("0.0.0.0:8080"), Name: "pbx.example.com"})
		c.Origins = []string{"https://app.example.net"}
		if change != nil {
			change(c)
		}
	})
	l := w.listen(w.home, "0.0.0.0:8080")
	mux := http.NewServeMux()
	mux.Handle("/ws", w.layer.WebSocket())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return w
}

// upgrade asks for a WebSocket with these header lines and gives the connection and the answer's head.
func (w *world) upgrade(headers ...string) (net.Conn, string) {
	w.t.Helper()
	c := w.dialAt(8080)
	write(w.t, c, "GET /ws HTTP/1.1\r\nHost: pbx.example.com:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+strings.Join(append(headers, "\r\n"), "\r\n"))
	var head []byte
	b := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		c.SetReadDeadline(time.Now().Add(time.Second))
		n, err := c.Read(b)
		head = append(head, b[:n]...)
		if err != nil {
			break
		}
	}
	c.SetReadDeadline(time.Time{})
	return c, string(head)
}

const asSIP = "Sec-WebSocket-Protocol: sip"

// frameOf makes one frame as a client sends it. first is the first octet: FIN, RSV and opcode.
func frameOf(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return string(b)
}

// frameIn reads a server's frame: its first octet and payload; 0 when there is none within d.
func frameIn(c net.Conn, d time.Duration) (byte, string) {
	c.SetReadDeadline(time.Now().Add(d))
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, ""
	}
	n := int(head[1])
	if n == 126 {
		var long [2]byte
		io.ReadFull(c, long[:])
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	b := make([]byte, n)
	io.ReadFull(c, b)
	return head[0], string(b)
}

const (
	finText, finBinary, finClose, finPing, finPong = 0x81, 0x82, 0x88, 0x89, 0x8A
)

// Each message of a WebSocket is one of SIP's: text or binary, in one frame or many, with pings between
// (RFC 7118 §5.1); the answer goes back on the connection.
func TestWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := webWorld(t, nil)
		c, head := w.upgrade(asSIP)
		if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(strings.ToLower(head), "sec-websocket-protocol: sip\r\n") {
			t.Fatal(head)
		}
		text := request(viaWS, "a")
		var flow sip.Flow
		for name, frames := range map[string]string{
			"text":       frameOf(finText, text),
			"binary":     frameOf(finBinary, text),
			"fragmented": frameOf(0x01, text[:10]) + frameOf(finPing, "are you there") + frameOf(0x00, text[10:200]) + frameOf(0x80, text[200:]),
		} {
			write(t, c, frames)
			in := w.must()
			if in.Err != nil || in.Msg.CallID() != "a" || in.Flow.Transport != sip.WS || in.Flow.Conn == 0 || in.Size != len(text) {
				t.Fatalf("%s: %+v", name, in)
			}
			if v, _ := in.Msg.Via(); v.Host != "8f3k2.invalid" || !strings.Contains(v.String(), "received=192.0.2.10") {
				t.Fatal(v)
			}
			if name == "fragmented" {
				if op, b := frameIn(c, time.Second); op != finPong || b != "are you there" {
					t.Fatalf("%x %q", op, b)
				}
			}
			w.answer(in, 200)
			if op, b := frameIn(c, time.Second); op != finText || !strings.HasPrefix(b, "SIP/2.0 200 OK\r\n") {
				t.Fatalf("%s: %x %q", name, op, b)
			}
			flow = in.Flow
		}
		if got := w.layer.SentBy(flow).String(); got != "pbx.example.com:8080" {
			t.Error(got)
		}
		write(t, c, frameOf(finText, "\r\n\r\n")) // RFC 7118 §6
		if op, b := frameIn(c, time.Second); op != finText || b != "\r\n" {
			t.Fatalf("%x %q", op, b)
		}
		send(w.layer, flow, []byte(withBody("bin", "\xff\xfe")), nil)
		if op, b := frameIn(c, time.Second); op != finBinary || !strings.HasSuffix(b, "\xff\xfe") {
			t.Fatalf("%x %q", op, b)
		}
		// What is within a message behind its body is not another message.
		write(t, c, frameOf(finText, text+request(viaWS, "hidden")))
		if in := w.must(); in.Msg.CallID() != "a" || w.take() != nil {
			t.Error("two messages in one frame")
		}
		// A browser is reached over its own connection alone.
		if f, err := w.layer.Way(sip.Hop{Transport: sip.WS, Addr: flow.Remote}); err != nil || f != flow {
			t.Error(f, err)
		}
		if _, err := w.layer.Way(sip.Hop{Transport: sip.WS, Addr: at("192.0.2.11:7000")}); err != ErrNoWay {
			t.Error(err)
		}
		write(t, c, frameOf(finClose, "\x03\xe8"))
		if op, _ := frameIn(c, time.Second); op != finClose {
			t.Errorf("%x", op)
		}
		if time.Sleep(time.Second); w.layer.Alive(flow) {
			t.Error("alive after its end")
		}
		var failure error
		send(w.layer, flow, []byte(text), func(err error) { failure = err })
		if failure == nil {
			t.Error("a request went to a browser that is gone")
		}
	})
}

// Who may connect: a page of our own host or one that was named, and whoever names no page; all have
// to speak SIP.
func TestWhoMayConnectByWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := webWorld(t, nil)
		for _, c := range []struct {
			headers []string
			want    string
		}{
			{[]string{asSIP}, "101"},
			{[]string{"Sec-WebSocket-Protocol: chat, SIP"}, "101"},
			{[]string{asSIP, "Origin: http://pbx.example.com:8080"}, "101"},
			{[]string{asSIP, "Origin: http://pbx.example.com"}, "101"},
			{[]string{asSIP, "Origin: https://APP.example.net"}, "101"},
			{[]string{asSIP, "Origin: http://app.example.net"}, "403"},
			{[]string{asSIP, "Origin: https://evil.example"}, "403"},
			{[]string{asSIP, "Origin: https://pbx.example.com.evil.example"}, "403"},
			{[]string{asSIP, "Origin: null"}, "403"},
			{[]string{"Sec-WebSocket-Protocol: chat"}, "400"},
			{nil, "400"},
		} {
			conn, head := w.upgrade(c.headers...)
			if !strings.HasPrefix(head, "HTTP/1.1 "+c.want+" ") {
				t.Errorf("%v: %.40q, want %s", c.headers, head, c.want)
			}
			conn.Close()
		}
		if s := w.layer.Stats(); s.Origins != 6 || s.Accepted != 5 {
			t.Errorf("%+v", s)
		}
	})
}

// A page of this very machine is of the same host by whichever of its names.
func TestLoopbackPages(t *testing.T) {
	l := &Layer{}
	for origin, want := range map[string]bool{"http://localhost:3000": true, "http://127.0.0.1": true, "http://[::1]:9": true, "http://127.0.0.1.evil.example": false, "https://evil.example": false} {
		r := &http.Request{Host: "localhost:8443", Header: http.Header{"Origin": {origin}}}
		if l.welcomes(r) != want {
			t.Errorf("%s: want %v", origin, want)
		}
	}
}

// Frames that break the rules end their connection and nothing else.
func TestHostileFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := webWorld(t, nil)
		good, _ := w.upgrade(asSIP)
		write(t, good, frameOf(finText, request(viaWS, "first")))
		w.answer(w.must(), 200)
		frameIn(good, time.Second)
		for name, hostile := range map[string]string{
			"RSV bits":              frameOf(0xC1, request(viaWS, "rsv")),
			"unknown opcode":        frameOf(0x83, "x"),
			"unmasked":              "\x81\x05hello",
			"oversized":             frameOf(finText, strings.Repeat("x", 1<<17)),
			"a promise":             "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff1234",
			"a negative promise":    "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff1234",
			"continues nothing":     frameOf(0x80, "x"),
			"a fragmented ping":     frameOf(0x09, "x"),
			"a long ping":           frameOf(finPing, strings.Repeat("x", 126)),
			"a flood of pings":      strings.Repeat(frameOf(finPing, "x"), 100),
			"a flood of pongs":      strings.Repeat(frameOf(finPong, "x"), 100),
			"a bad close":           frameOf(finClose, "\x00\x01"),
			"text within text":      frameOf(0x01, "a") + frameOf(finText, "b"),
			"a head without an end": "\x81",
		} {
			c, _ := w.upgrade(asSIP)
			go io.WriteString(c, hostile)
			if !isOver(c, 11*time.Second) {
				t.Errorf("%s: the connection goes on", name)
			}
			write(t, good, frameOf(finText, request(viaWS, "good")))
			in := w.must()
			if in.Msg.CallID() != "good" || w.take() != nil {
				t.Errorf("%s: a message came of it", name)
			}
			w.answer(in, 200)
			if op, _ := frameIn(good, time.Second); op != finText {
				t.Errorf("%s: a good phone was not answered: %x", name, op)
			}
		}
	})
}

// Who says nothing, drips or does not read has the deadlines of every stream.
func TestSlowWebSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := webWorld(t, func(c *Config) { c.Limits.Queue = 128 << 10 })
		silent, _ := w.upgrade(asSIP)
		if !isOver(silent, 11*time.Second) {
			t.Error("a client that never says anything goes on")
		}
		drip, _ := w.upgrade(asSIP)
		go func() {
			f := frameOf(finText, request(viaWS, "drip"))
			for i := range len(f) {
				if _, err := io.WriteString(drip, f[i:i+1]); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		if !isOver(drip, 25*time.Second) {
			t.Error("a message an octet a second goes on")
		}
		half := w.dialAt(8080)
		write(t, half, "GET /ws HTTP/1.1\r\nHost: pbx.example.com\r\nUpgrade: webs")
		if !isOver(half, 6*time.Second) {
			t.Error("half an upgrade goes on")
		}
		slow, _ := w.upgrade(asSIP)
		write(t, slow, frameOf(finText, request(viaWS, "slow")))
		in := w.must()
		began := time.Now()
		for range 2000 {
			w.answer(in, 180)
		}
		if synctest.Wait(); time.Since(began) > 0 || w.layer.Alive(in.Flow) {
			t.Error("a slow reader", time.Since(began), w.layer.Alive(in.Flow))
		}
		if s := w.layer.Stats(); s.Open != 0 || s.Slow != 1 || s.Late != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// Keep-alives of whatever kind hold no connection of a stranger's longer than its silence would.
func TestKeepAlivesOfStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		first, drip string
		wait        time.Duration
	}{
		"line ends alone":                {"", frameOf(finText, "\r\n\r\n"), 10 * time.Second},
		"line ends":                      {frameOf(finText, request(viaWS, "a")), frameOf(finText, "\r\n\r\n"), 2 * time.Minute},
		"pings":                          {frameOf(finText, request(viaWS, "a")), frameOf(finPing, ""), 2 * time.Minute},
		"pongs to what nobody has asked": {frameOf(finText, request(viaWS, "a")), frameOf(finPong, ""), 2 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := webWorld(t, nil)
			x, _ := w.upgrade(asSIP)
			began := time.Now()
			write(t, x, c.first)
			go io.Copy(io.Discard, x)
			go func() {
				for range 300 {
					if _, err := io.WriteString(x, c.drip); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			<-w.closed
			if d := time.Since(began); d < c.wait || d > c.wait+time.Second {
				t.Errorf("%s: over after %s", name, d)
			}
			time.Sleep(2 * time.Second) // for who drips to notice
		})
	}
}

// A browser that is silent is pinged, and whoever answers stays for as long as it does, its page asleep
// or not; one whose network is gone is forgotten.
func TestPingsKeepABrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := webWorld(t, nil)
		c, _ := w.upgrade(asSIP)
		write(t, c, frameOf(finText, request(viaWS, "a")))
		in := w.must()
		w.answer(in, 200)
		frameIn(c, time.Second)
		began := time.Now()
		for range 300 { // two and a half hours, beyond every other deadline
			op, payload := frameIn(c, time.Minute)
			if op != finPing {
				t.Fatalf("%x after %v", op, time.Since(began))
			}
			write(t, c, frameOf(finPong, payload))
		}
		if !w.layer.Alive(in.Flow) || time.Since(began) < 2*time.Hour {
			t.Fatal("gone after", time.Since(began))
		}
		if frameIn(c, time.Minute); !isOver(c, time.Minute) {
			t.Error("a browser that no longer answers goes on")
		}
	})
}

// A real client over TLS: the connection is one of the WSS listener.
func TestSecureWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := authority(t)
		k, err := cert.Own(a, []string{"pbx.example.com"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, func(c *Config) {
			c.Listeners = append(c.Listeners, Listener{Transport: sip.WSS, Addr: at("0.0.0.0:8443"), Name: "pbx.example.com"})
		})
		l := w.listen(w.home, "0.0.0.0:8443")
		s := &http.Server{Handler: w.layer.WebSocket(), TLSConfig: cert.Config(k)}
		go s.ServeTLS(l, "", "")
		defer s.Close()
		client := &http.Client{Transport: &http.Transport{DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return w.dialTLSAt(8443, a), nil
		}}}
		ws, res, err := websocket.Dial(t.Context(), "wss://pbx.example.com:8443/", &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"sip"}})
		if err != nil {
			t.Fatal(err, res)
		}
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(request("SIP/2.0/WSS x.invalid;branch=z9hG4bKa", "a"))); err != nil {
			t.Fatal(err)
		}
		in := w.must()
		if in.Flow.Transport != sip.WSS || w.layer.SentBy(in.Flow).String() != "pbx.example.com:8443" {
			t.Fatalf("%+v", in)
		}
		w.answer(in, 200)
		if _, b, err := ws.Read(t.Context()); err != nil || !strings.HasPrefix(string(b), "SIP/2.0 200 OK") {
			t.Fatal(err, string(b))
		}
		ws.CloseNow()
		time.Sleep(time.Second)
	})
}

// A source that the gate does not let in is refused at its HTTP request, before any SIP.
func TestGatedUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shut := true
		w := webWorld(t, func(c *Config) {
			c.Gate = func(_ netip.Addr, tr sip.Transport, n int) bool { return !shut || tr != sip.WS || n > 0 }
		})
		if _, head := w.upgrade("Sec-WebSocket-Protocol: sip"); !strings.HasPrefix(head, "HTTP/1.1 403 ") {
			t.Errorf("%q", head)
		}
		if st := w.layer.Stats(); st.Gated != 1 || st.Open != 0 {
			t.Errorf("%+v", st)
		}
		shut = false
		if _, head := w.upgrade("Sec-WebSocket-Protocol: sip"); !strings.HasPrefix(head, "HTTP/1.1 101 ") {
			t.Errorf("%q", head)
		}
	})
}
