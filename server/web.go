package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"

	"santral/api/rest"
	"santral/base/advertise"
	"santral/base/cert"
	"santral/sip"
	"santral/sip/transport"
)

// web is one address of the HTTP side: API, health, metrics, and SIP over WebSocket.
type web struct {
	listener  net.Listener
	transport sip.Transport // WS or WSS
	name      string        // what peers are told, "" for the address
}

// webSocketPath is where SIP over WebSocket is served.
const webSocketPath = "/ws"

// openWeb listens at the HTTP addresses.
func (s *server) openWeb() error {
	open := func(at netip.AddrPort, t sip.Transport, name string) error {
		l, err := net.Listen("tcp", at.String())
		if err != nil {
			return fmt.Errorf("listen for HTTP at %s: %w", at, err)
		}
		s.later(func() { l.Close() })
		s.webs = append(s.webs, web{listener: l, transport: t, name: name})
		return nil
	}
	if err := open(s.boot.HTTP, sip.WS, ""); err != nil {
		return err
	}
	if !s.boot.HTTPS.IsValid() {
		return nil
	}
	err := open(s.boot.HTTPS, sip.WSS, s.certs.name)
	if err != nil && s.boot.Usual { // nobody has asked for it by name: a second exchange on a machine starts without
		s.log.Warn("the API is not served over TLS: name an address with https: in the boot file, or write https: off", "error", err)
		return nil
	}
	return err
}

// addr is the address that the listener has, with its real port.
func (w *web) addr() netip.AddrPort { return w.listener.Addr().(*net.TCPAddr).AddrPort() }

// webListeners are the HTTP addresses as SIP's transport knows them.
func (s *server) webListeners() ([]transport.Listener, error) {
	var list []transport.Listener
	for i := range s.webs {
		w := &s.webs[i]
		at := w.addr()
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		policy, err := advertise.New(advertise.Config{Net: network, Bound: at.Addr()})
		if err != nil {
			return nil, err
		}
		list = append(list, transport.Listener{Transport: w.transport, Addr: at, Name: w.name, Advertise: policy})
	}
	return list, nil
}

// serveWeb begins to answer HTTP.
func (s *server) serveWeb() {
	mux := http.NewServeMux()
	mux.Handle(webSocketPath, s.wire.WebSocket())
	mux.Handle("/", rest.Handler(s.guarded(s.api())))
	var handler http.Handler = mux
	if a, ok := s.certs.keeper.(*cert.ACME); ok {
		handler = a.Challenges(mux)
	}
	for i := range s.webs {
		w := &s.webs[i]
		h := rest.Server(handler)
		h.ConnState = s.crowd.state
		h.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
		l := w.listener
		if w.transport == sip.WSS {
			l = tls.NewListener(l, s.certs.web) // its handshakes are in their connections' own goroutines
		}
		go func() { _ = h.Serve(l) }() // it ends when the listener does
		s.later(func() { h.Close() })
	}
}

// tell fills in the addresses that whoever started the exchange is told.
func (s *server) tell(r *Ready) {
	for i := range s.webs {
		w := &s.webs[i]
		at := w.addr().String()
		if w.transport == sip.WS {
			r.HTTP, r.WS = "http://"+at, "ws://"+at+webSocketPath
		} else {
			at = net.JoinHostPort(w.name, fmt.Sprint(w.addr().Port()))
			r.HTTPS, r.WSS = "https://"+at, "wss://"+at+webSocketPath
		}
	}
	for _, l := range s.wire.Listeners() {
		if l.Transport == sip.TLS && r.TLS == "" {
			r.TLS = net.JoinHostPort(l.Name, fmt.Sprint(l.Addr.Port()))
		}
	}
	r.Authority = s.authorityFile()
}
