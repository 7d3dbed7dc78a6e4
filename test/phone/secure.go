package phone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Authority is the file of the authority that signs the exchange's certificate.
func (x *Exchange) Authority() string { return filepath.Join(x.Data, "ca.pem") }

// Trust is what a client over TLS checks the exchange by.
func (x *Exchange) Trust(t testing.TB) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(x.Authority())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// At is the loopback address of a name:port that the ready line gave.
func At(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return net.JoinHostPort("127.0.0.1", port)
}

// narrow leaves a connection hardly any room for what is not read yet.
func narrow(c net.Conn) {
	if c, ok := c.(*net.TCPConn); ok {
		c.SetReadBuffer(4096)
	}
}

// plain connects to one of the exchange's ports from a loopback address.
func plain(from, to string) (net.Conn, error) {
	at, err := net.ResolveTCPAddr("tcp", hostPort(from))
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{LocalAddr: at, Timeout: 5 * time.Second}).Dial("tcp", to)
}

// TLSWire opens a connection over TLS from a loopback address.
func (x *Exchange) TLSWire(t testing.TB, from string) *Wire {
	t.Helper()
	w, err := x.secure(t, from)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (x *Exchange) secure(t testing.TB, from string) (*Wire, error) {
	raw, err := plain(from, At(x.TLS))
	if err != nil {
		return nil, err
	}
	if x.deaf {
		narrow(raw)
	}
	conn := tls.Client(raw, x.Trust(t))
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if err := conn.Handshake(); err != nil {
		raw.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return x.Stream(t, "TLS", conn), nil
}

// Deaf opens a wire, "tls" or "wss", that never reads what comes.
func (x *Exchange) Deaf(t testing.TB, transport, from string) *Wire {
	t.Helper()
	x.deaf = true
	defer func() { x.deaf = false }()
	return x.Wire(t, transport, from)
}

// WebSocket opens one, "ws" or "wss", from a loopback address.
func (x *Exchange) WebSocket(t testing.TB, transport, from string) *Wire {
	t.Helper()
	w, err := x.web(t, transport, from)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (x *Exchange) web(t testing.TB, transport, from string) (*Wire, error) {
	w := &Wire{t: t, x: x, name: "WS", news: make(chan struct{})}
	at := x.WS
	if transport == "wss" {
		w.name, at = "WSS", x.WSS
	}
	dial := func(_ context.Context, _, address string) (c net.Conn, err error) {
		if c, err = plain(from, At(address)); err == nil {
			w.tcp = c
			if x.deaf {
				narrow(c)
			}
		}
		return c, err
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: x.Trust(t)}}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	ws, _, err := websocket.Dial(ctx, at, &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"sip"}})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	w.ws = ws
	t.Cleanup(w.Close)
	if !x.deaf {
		go w.readFrames()
	}
	return w, nil
}

// Admits reports whether a client at an address is served over a transport, "tls", "ws" or "wss": whether
// its first OPTIONS is answered.
func (x *Exchange) Admits(t testing.TB, transport, from string) bool {
	open := func() (*Wire, error) { return x.web(t, transport, from) }
	if transport == "tls" {
		open = func() (*Wire, error) { return x.secure(t, from) }
	}
	w, err := open()
	if err != nil {
		return false
	}
	defer w.Close()
	a := w.Agent("101")
	return a.Transact(a.Request("OPTIONS", a.URI("")), 3*time.Second).Status() == 200
}

func (w *Wire) readFrames() {
	for {
		_, b, err := w.ws.Read(context.Background())
		if err != nil {
			w.over()
			return
		}
		w.arrive(Message{string(b), time.Now()})
	}
}
