// Package turn helps peers who can't reach our media ports by UDP: a server of relays (TURN, RFC 8656) over UDP, TCP
// and TLS, whose relays lead to our own media and nowhere else.
//
// What does not live here: the far end of a relay (media/ice), and who may have credentials (server, api/rest). The
// server owns its sockets, and the connections that come to them.
package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	pion "github.com/pion/turn/v5"
)

// Config is what a Server needs to begin.
type Config struct {
	Packets []net.PacketConn // sockets of UDP; the server closes them
	Streams []net.Listener   // for TCP and TLS; the server closes them
	Realm   string
	Secret  []byte // makes passwords out of user names
	// Relay gives the far end of a relay of one family. It decides which addresses packets reach.
	Relay func(v6 bool) (net.PacketConn, error)
	// Ours reports whether an address is one of ours as this client may know it.
	Ours func(client, addr netip.Addr) bool

	PerUser   int // relays of one user at once; 0 means 10
	PerSource int // relays of one source address at once; 0 means 100
	Most      int // relays at once; 0 means 5,000
}

// Limits.
const (
	perUser    = 10
	perSource  = 100
	most       = 5000
	crowdMost  = 4096                   // connections at once
	crowdOne   = 128                    // of one source address
	firstWait  = 10 * time.Second       // for a connection's first packet
	laterWait  = 12 * time.Minute       // for each later one: a relay lives ten
	writeWait  = 5 * time.Second        // for a client that does not read
	askEvery   = 5 * time.Millisecond   // requests of sources without a relay are heard so often …
	askBurst   = 400 * time.Millisecond // … and so many at once
	maxUser    = 256
	lifetimeOf = 10 * time.Minute
)

// Server is a running server of relays. It is safe for concurrent use.
type Server struct {
	cfg  Config
	pion *pion.Server

	mu      sync.Mutex
	total   int
	users   map[string]int
	sources map[netip.Addr]int
	holders map[string]holder // by source address and port: who has a relay

	made, refused, denied, unheard atomic.Uint64
	asked                          atomic.Int64
	birth                          time.Time
}

// holder is who has a relay.
type holder struct {
	user   string
	source netip.Addr
}

// Stats is what a server has to tell.
type Stats struct {
	Relays  int    // now
	Made    uint64 // since the beginning
	Refused uint64 // for want of quota
	Denied  uint64 // requests without good credentials, and relays that were to lead elsewhere
	Unheard uint64 // requests of strangers above what is heard
}

// Start begins to serve.
func Start(cfg Config) (*Server, error) {
	if cfg.PerUser == 0 {
		cfg.PerUser = perUser
	}
	if cfg.PerSource == 0 {
		cfg.PerSource = perSource
	}
	if cfg.Most == 0 {
		cfg.Most = most
	}
	if len(cfg.Secret) == 0 || cfg.Relay == nil || cfg.Ours == nil {
		return nil, errors.New("turn: a secret and a way to our media are needed")
	}
	s := &Server{cfg: cfg, users: map[string]int{}, sources: map[netip.Addr]int{}, holders: map[string]holder{}, birth: time.Now().Add(-time.Minute)}
	settings := pion.ServerConfig{
		Realm: cfg.Realm, LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled},
		AuthHandler: s.authenticate, QuotaHandler: s.admit, AllocationLifetime: lifetimeOf,
		EventHandler: pion.EventHandler{
			OnAuth: func(_, _ net.Addr, _, _, _ string, _ string, good bool) {
				if !good {
					s.denied.Add(1)
				}
			},
			OnAllocationCreated: func(src, _ net.Addr, _, user, _ string, _ net.Addr, _ int) { s.began(src, user) },
			OnAllocationDeleted: func(src, _ net.Addr, _, _, _ string) { s.ended(src) },
		},
	}
	for _, c := range cfg.Packets {
		settings.PacketConnConfigs = append(settings.PacketConnConfigs, pion.PacketConnConfig{
			PacketConn: &quiet{PacketConn: c, s: s}, RelayAddressGenerator: relays{s}, PermissionHandler: s.permit,
		})
	}
	for _, l := range cfg.Streams {
		settings.ListenerConfigs = append(settings.ListenerConfigs, pion.ListenerConfig{
			Listener: newCrowd(l), RelayAddressGenerator: relays{s}, PermissionHandler: s.permit,
		})
	}
	var err error
	if s.pion, err = pion.NewServer(settings); err != nil {
		return nil, fmt.Errorf("start the server of relays: %w", err)
	}
	return s, nil
}

// Close closes the sockets and every connection; relays end with them.
func (s *Server) Close() { _ = s.pion.Close() }

// Stats gives the figures as they are now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Relays: s.total, Made: s.made.Load(), Refused: s.refused.Load(), Denied: s.denied.Load(), Unheard: s.unheard.Load()}
}

// Credentials make a user name and a password that hold until then. The name tells the time and the user, so that
// nothing has to be remembered.
func (s *Server) Credentials(user string, until time.Time) (name, password string) {
	name = strconv.FormatInt(until.Unix(), 10) + ":" + user
	return name, s.password(name)
}

func (s *Server) password(name string) string {
	mac := hmac.New(sha1.New, s.cfg.Secret)
	mac.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// authenticate gives the key of a user name that has not expired (RFC 8489 §9.2).
func (s *Server) authenticate(r *pion.RequestAttributes) (user string, key []byte, ok bool) {
	text, user, ok := strings.Cut(r.Username, ":")
	until, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || len(r.Username) > maxUser || time.Now().Unix() > until {
		return "", nil, false
	}
	return user, pion.GenerateAuthKey(r.Username, r.Realm, s.password(r.Username)), true
}

// admit decides whether there may be another relay (RFC 8656 §7.2).
func (s *Server) admit(user, _ string, src net.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := s.total < s.cfg.Most && s.users[user] < s.cfg.PerUser && s.sources[addrOf(src)] < s.cfg.PerSource
	if !ok {
		s.refused.Add(1)
	}
	return ok
}

func (s *Server) began(src net.Addr, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := holder{user, addrOf(src)}
	s.made.Add(1)
	s.total++
	s.users[h.user]++
	s.sources[h.source]++
	s.holders[src.String()] = h
}

func (s *Server) ended(src net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.holders[src.String()]
	if !ok {
		return
	}
	delete(s.holders, src.String())
	s.total--
	if s.users[h.user]--; s.users[h.user] == 0 {
		delete(s.users, h.user)
	}
	if s.sources[h.source]--; s.sources[h.source] == 0 {
		delete(s.sources, h.source)
	}
}

// permit lets relays lead to us alone.
func (s *Server) permit(client net.Addr, peer net.IP) bool {
	a, ok := netip.AddrFromSlice(peer)
	if ok && s.cfg.Ours(addrOf(client), a.Unmap()) {
		return true
	}
	s.denied.Add(1)
	return false
}

func addrOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// relays makes relays as the library asks for them.
type relays struct{ s *Server }

func (r relays) Validate() error { return nil }

func (r relays) AllocatePacketConn(c pion.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	p, err := r.s.cfg.Relay(strings.HasSuffix(c.Network, "6"))
	if err != nil {
		return nil, nil, err
	}
	return p, p.LocalAddr(), nil
}

var errTCP = errors.New("turn: relays carry UDP alone")

func (r relays) AllocateListener(pion.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errTCP
}
func (r relays) AllocateConn(pion.AllocateConnConfig) (net.Conn, error) { return nil, errTCP }
