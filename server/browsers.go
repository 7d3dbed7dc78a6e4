package server

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"santral/api/rest"
	"santral/base/advertise"
	"santral/config"
	"santral/media/dtls"
	"santral/media/ice"
	"santral/media/session"
	"santral/media/turn"
	"santral/observe/metric"
)

// browsers is what media of browsers, and of whoever else has ICE or DTLS, needs besides ports of its own.
type browsers struct {
	ice  *ice.Mux
	dtls *dtls.Gate
	turn *turn.Server             // nil when it is switched off
	far  func(v6 bool) netip.Addr // which address somebody far away is told
}

// relayLife is how long credentials for relays hold.
const relayLife = 12 * time.Hour

// openBrowsers opens the port of browsers and, where it is switched on, the server of relays.
func (s *server) openBrowsers(cfg *session.Config, bind []netip.Addr, policy *advertise.Policy) error {
	identity, err := s.identity()
	if err != nil {
		return err
	}
	s.browsers.dtls = &dtls.Gate{Identity: identity}
	s.later(s.browsers.dtls.Wait)
	told := func(peer netip.Addr, v6 bool) netip.Addr {
		if peer = peer.Unmap(); !peer.IsValid() || peer.Is6() == v6 {
			return policy.For(peer)
		}
		if public := policy.Public(); public.IsValid() && public.Is6() == v6 {
			return public // a peer that signals by the other family may well reach it
		}
		return netip.Addr{}
	}
	if s.browsers.ice, err = s.openPort(ice.Config{
		Net: network, Bind: bind, Port: s.boot.Media.Port, Advertise: told, Full: s.boot.Media.ICE == "full", DSCP: s.boot.Media.DSCP, Random: s.random,
	}); err != nil {
		return err
	}
	s.later(s.browsers.ice.Close)
	cfg.ICE, cfg.DTLS = s.browsers.ice, s.browsers.dtls
	return s.openRelays(policy)
}

// identity reads the certificate of media, or makes it at the first start: browsers whose calls are handed over know us
// by it.
func (s *server) identity() (*dtls.Identity, error) {
	file := filepath.Join(s.boot.Data, "media.pem")
	if text, err := os.ReadFile(file); err == nil {
		if id, err := dtls.ReadIdentity(text); err == nil {
			return id, nil
		}
	}
	id, err := dtls.NewIdentity()
	if err != nil {
		return nil, err
	}
	text, err := id.PEM()
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("keep the media certificate: %w", err)
	}
	return id, nil
}

// openPort opens the port that is set, or the last free one of the range. A machine without IPv6 does without it.
func (s *server) openPort(cfg ice.Config) (*ice.Mux, error) {
	ports := []uint16{cfg.Port}
	if cfg.Port == 0 {
		ports = nil
		for p := s.boot.Media.Last; p >= s.boot.Media.First && len(ports) < 64; p-- {
			ports = append(ports, p)
		}
	}
	var failed error
	for _, cfg.Port = range ports {
		m, err := ice.NewMux(cfg)
		if err != nil && len(cfg.Bind) > 1 {
			alone := cfg
			alone.Bind = cfg.Bind[:1]
			m, err = ice.NewMux(alone)
		}
		if err == nil {
			return m, nil
		}
		failed = err
	}
	return nil, fmt.Errorf("%w: set media.port to one that is free", failed)
}

// openRelays opens the server of relays, where it is switched on.
func (s *server) openRelays(policy *advertise.Policy) error {
	t := s.boot.Media.TURN
	if !t.Address.IsValid() && !t.TLS.IsValid() {
		return nil
	}
	cfg := turn.Config{Realm: "media", Secret: []byte(t.Secret), Ours: s.browsers.ice.Ours}
	if len(cfg.Secret) == 0 {
		mac := hmac.New(sha256.New, s.secret[:])
		mac.Write([]byte("relays of media"))
		cfg.Secret = mac.Sum(nil)
	}
	peer := map[bool]netip.Addr{false: netip.AddrFrom4([4]byte{192, 0, 2, 1}), true: netip.MustParseAddr("2001:db8::1")}
	s.browsers.far = func(v6 bool) netip.Addr { return policy.For(peer[v6]) }
	cfg.Relay = func(v6 bool) (net.PacketConn, error) { return s.browsers.ice.Relay(s.browsers.far(v6)) }
	fail := func(err error) error {
		for _, c := range cfg.Packets {
			c.Close()
		}
		for _, l := range cfg.Streams {
			l.Close()
		}
		return fmt.Errorf("open the server of relays: %w", err)
	}
	if t.Address.IsValid() {
		udp, err := net.ListenPacket("udp", t.Address.String())
		if err != nil {
			return fail(err)
		}
		cfg.Packets = append(cfg.Packets, udp)
		tcp, err := net.Listen("tcp", t.Address.String())
		if err != nil {
			return fail(err)
		}
		cfg.Streams = append(cfg.Streams, tcp)
	}
	if t.TLS.IsValid() {
		if s.certs.web == nil {
			return fail(errors.New("there is no certificate: open a listener for tls, or https, beside media.turn.tls"))
		}
		tcp, err := net.Listen("tcp", t.TLS.String())
		if err != nil {
			return fail(err)
		}
		settings := s.certs.web.Clone()
		settings.NextProtos = nil
		cfg.Streams = append(cfg.Streams, tls.NewListener(tcp, settings))
	}
	server, err := turn.Start(cfg)
	if err != nil {
		return fail(err)
	}
	s.browsers.turn = server
	s.later(server.Close)
	return nil
}

// relaysFor gives an account's browser what it needs to have relays; ok is false when there is no such account or no
// server of relays.
func (s *server) relaysFor(tenant, account string) (r rest.Relays, ok bool) {
	t := s.boot.Media.TURN
	if s.browsers.turn == nil || s.current.Load().Account(tenant, account) == nil {
		return rest.Relays{}, false
	}
	until := time.Now().Add(relayLife)
	r.Expires = until
	r.Username, r.Credential = s.browsers.turn.Credentials(tenant+"/"+account, until)
	r.URLs = relayURLs(t, s.certs.name, s.browsers.far)
	return r, true
}

// relayURLs are the ways to the server of relays, the quickest first. Where nobody has named it, and there is no
// certificate with a name, it is told by its address: the one that it was opened on, or the one that far away is told.
func relayURLs(t config.TURN, name string, far func(v6 bool) netip.Addr) (urls []string) {
	host := cmp.Or(t.Host, name)
	if host == "" {
		addr := t.Address.Addr()
		if addr.IsUnspecified() {
			if addr = far(false); !addr.IsValid() {
				addr = far(true)
			}
		}
		host = addr.String()
	}
	if t.Address.IsValid() {
		at := net.JoinHostPort(host, fmt.Sprint(t.Address.Port()))
		urls = append(urls, "turn:"+at+"?transport=udp", "turn:"+at+"?transport=tcp")
	}
	if t.TLS.IsValid() {
		urls = append(urls, "turns:"+net.JoinHostPort(host, fmt.Sprint(t.TLS.Port()))+"?transport=tcp")
	}
	return urls
}

// browserMetrics adds the figures of media of browsers.
func (s *server) browserMetrics(r *metric.Registry) {
	r.Gauge("santral_ice_legs", "Legs whose media comes to the port of browsers.", func() float64 { return float64(s.browsers.ice.Stats().Agents) })
	r.Counters("santral_ice_packets_total", "Packets at the port of browsers, by what became of them.", []string{"result"}, func() []metric.Labelled {
		m := s.browsers.ice.Stats()
		return []metric.Labelled{
			{Values: []string{"media"}, Value: float64(m.Packets)},
			{Values: []string{"malformed"}, Value: float64(m.Malformed)},
			{Values: []string{"check for no leg"}, Value: float64(m.Unknown)},
			{Values: []string{"check without the password"}, Value: float64(m.Forged)},
			{Values: []string{"check above the limit"}, Value: float64(m.Crowded)},
			{Values: []string{"media of a stranger"}, Value: float64(m.Strangers)},
			{Values: []string{"stranger answered"}, Value: float64(m.Answered)},
			{Values: []string{"stranger not answered"}, Value: float64(m.Unanswered)},
		}
	})
	r.Counters("santral_dtls_handshakes_total", "Handshakes on media paths, by how they ended.", []string{"result"}, func() []metric.Labelled {
		d := s.browsers.dtls.Stats()
		return []metric.Labelled{
			{Values: []string{"agreed"}, Value: float64(d.Agreed)},
			{Values: []string{"failed"}, Value: float64(d.Failed)},
			{Values: []string{"refused"}, Value: float64(d.Refused)},
		}
	})
	if s.browsers.turn == nil {
		return
	}
	r.Gauge("santral_turn_relays", "Relays of browsers now.", func() float64 { return float64(s.browsers.turn.Stats().Relays) })
	r.Counters("santral_turn_requests_total", "What browsers asked of the server of relays, by what became of it.", []string{"result"}, func() []metric.Labelled {
		t := s.browsers.turn.Stats()
		return []metric.Labelled{
			{Values: []string{"relay"}, Value: float64(t.Made)},
			{Values: []string{"over a quota"}, Value: float64(t.Refused)},
			{Values: []string{"denied"}, Value: float64(t.Denied)},
			{Values: []string{"not heard"}, Value: float64(t.Unheard)},
		}
	})
}
