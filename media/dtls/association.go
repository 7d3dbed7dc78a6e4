package dtls

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	pion "github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/deadline"

	"santral/media/srtp"
)

// Limits and times of handshakes.
const (
	defaultMost = 512              // handshakes under way at once
	timeLimit   = 30 * time.Second // of one handshake
	flightWait  = 400 * time.Millisecond
	inboxSize   = 32 // datagrams that wait for the handshake; its flights have four at most
	flightSize  = 8  // datagrams of the last flight that are kept
	againEvery  = 200 * time.Millisecond
	againMost   = 20 // times that a last flight is sent again
	mtu         = 1200
)

// Gate makes associations, and bounds how many handshakes are under way. It is safe for concurrent use.
type Gate struct {
	Identity *Identity
	Most     int // handshakes at once; 0 means 512

	busy  atomic.Int64
	done  sync.WaitGroup
	stats [3]atomic.Uint64
}

// Stats is what a gate has to tell.
type Stats struct {
	Busy    int    // handshakes under way
	Agreed  uint64 // that ended with keys
	Failed  uint64 // that did not
	Refused uint64 // that did not begin, because too many were under way
}

// Stats gives the figures as they are now.
func (g *Gate) Stats() Stats {
	return Stats{Busy: int(g.busy.Load()), Agreed: g.stats[0].Load(), Failed: g.stats[1].Load(), Refused: g.stats[2].Load()}
}

// Wait waits until no handshake is under way: those of closed associations end at once.
func (g *Gate) Wait() { g.done.Wait() }

// Keys are what a handshake agrees on: what the peer seals with and what we do.
type Keys struct {
	In, Out srtp.Key
}

// Config is what an Association needs.
type Config struct {
	Client bool              // we begin (RFC 8842 §5)
	Peer   []Fingerprint     // that the peer's description vouches for
	Send   func([]byte) bool // to the peer; called on a goroutine of the association's, keeps nothing
	// Done is told how the handshake ended, once, on a goroutine of the association's. A closed association tells nobody.
	Done func(Keys, error)
}

// Association is one handshake, and what is left of it. It is safe for concurrent use.
type Association struct {
	cfg  Config
	gate *Gate
	stop context.CancelFunc

	mu      sync.Mutex
	closed  bool
	over    bool
	inbox   chan []byte
	heard   bool     // since the last of flight was sent
	flight  [][]byte // ours, the last
	again   int
	resent  time.Time
	limited *deadline.Deadline
}

// ErrBusy says that too many handshakes are under way. The peer's next try may find room.
var ErrBusy = errors.New("dtls: too many handshakes are under way")

var errNobody = errors.New("dtls: the peer's certificate is not the one that its description vouches for")

// suites protect the handshake; none of them is without encryption. The ones without forward secrecy are left out.
var suites = []pion.CipherSuiteID{
	pion.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, pion.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	pion.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, pion.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	pion.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, pion.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
}

// profiles of RFC 5764 §4.1.2 and RFC 7714 §14.2, best first.
var profiles = []struct {
	id    pion.SRTPProtectionProfile
	suite srtp.Suite
}{
	{pion.SRTP_AEAD_AES_128_GCM, srtp.AES128GCM}, {pion.SRTP_AEAD_AES_256_GCM, srtp.AES256GCM}, {pion.SRTP_AES128_CM_HMAC_SHA1_80, srtp.AES128CM80},
}

// silent is where the library's log goes: what is wrong is told as an error.
var silent = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}

// Begin starts a handshake. A server waits for the peer's first packet.
func (g *Gate) Begin(cfg Config) (*Association, error) {
	most := int64(g.Most)
	if most <= 0 {
		most = defaultMost
	}
	if g.busy.Add(1) > most {
		g.busy.Add(-1)
		g.stats[2].Add(1)
		return nil, ErrBusy
	}
	ctx, stop := context.WithTimeout(context.Background(), timeLimit)
	a := &Association{cfg: cfg, gate: g, stop: stop, inbox: make(chan []byte, inboxSize), limited: deadline.New()}
	g.done.Add(1)
	go a.run(ctx)
	return a, nil
}

func (a *Association) run(ctx context.Context) {
	g := a.gate
	defer g.done.Done()
	defer a.stop()
	keys, err := a.handshake(ctx)
	g.busy.Add(-1)
	a.mu.Lock()
	a.over = true
	a.inbox, a.limited = nil, nil
	closed := a.closed
	a.mu.Unlock()
	if closed {
		return
	}
	if err != nil {
		g.stats[1].Add(1)
	} else {
		g.stats[0].Add(1)
	}
	a.cfg.Done(keys, err)
}

func (a *Association) handshake(ctx context.Context) (Keys, error) {
	ids := make([]pion.SRTPProtectionProfile, len(profiles))
	for i := range profiles {
		ids[i] = profiles[i].id
	}
	check := func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) == 0 || !vouched(raw[0], a.cfg.Peer) { // RFC 5763 §5
			return errNobody
		}
		return nil
	}
	common := []pion.Option{
		pion.WithCertificates(a.gate.Identity.cert), pion.WithCipherSuites(suites...), pion.WithSRTPProtectionProfiles(ids...),
		pion.WithExtendedMasterSecret(pion.RequestExtendedMasterSecret), pion.WithFlightInterval(flightWait), pion.WithMTU(mtu),
		pion.WithInsecureSkipVerify(true), pion.WithVerifyPeerCertificate(check), pion.WithLoggerFactory(silent),
	}
	w := &wire{a: a, inbox: a.inbox, limited: a.limited, closed: make(chan struct{})}
	var conn *pion.Conn
	var err error
	if a.cfg.Client {
		options := make([]pion.ClientOption, len(common))
		for i, o := range common {
			options[i] = o
		}
		conn, err = pion.ClientWithOptions(w, place{}, options...)
	} else {
		options := make([]pion.ServerOption, 0, len(common)+2)
		for _, o := range common {
			options = append(options, o)
		}
		// Who reaches us has shown its address, by ICE or in its description: a cookie would cost a round trip.
		options = append(options, pion.WithClientAuth(pion.RequireAnyClientCert), pion.WithInsecureSkipVerifyHello(true))
		conn, err = pion.ServerWithOptions(w, place{}, options...)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("dtls handshake: %w", err)
	}
	err = conn.HandshakeContext(ctx)
	var keys Keys
	if err == nil {
		keys, err = export(conn, a.cfg.Client)
	}
	if err == nil { // nothing is told to the peer, for whom the association lives on
		w.mute.Store(true)
	}
	conn.Close()
	w.Close()
	if err != nil {
		return Keys{}, fmt.Errorf("dtls handshake: %w", err)
	}
	return keys, nil
}

// export takes the keys out of a handshake (RFC 5764 §4.2).
func export(conn *pion.Conn, client bool) (Keys, error) {
	id, ok := conn.SelectedSRTPProtectionProfile()
	suite := srtp.UnknownSuite
	for _, p := range profiles {
		if ok && p.id == id {
			suite = p.suite
		}
	}
	state, done := conn.ConnectionState()
	if suite == srtp.UnknownSuite || !done {
		return Keys{}, errors.New("the peer agrees on no way to protect media")
	}
	key, salt := suite.Sizes()
	all, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(key+salt))
	if err != nil {
		return Keys{}, err
	}
	of := func(n int) srtp.Key {
		k := srtp.Key{Suite: suite, Master: make([]byte, 0, key+salt)}
		k.Master = append(k.Master, all[n*key:(n+1)*key]...)
		k.Master = append(k.Master, all[2*key+n*salt:2*key+(n+1)*salt]...)
		return k
	}
	if client {
		return Keys{In: of(1), Out: of(0)}, nil
	}
	return Keys{In: of(0), Out: of(1)}, nil
}

// Packet takes a datagram of the peer's, which is copied. After the handshake it is a sign that the peer did not get
// our last flight, which is sent again (RFC 6347 §4.2.4).
func (a *Association) Packet(p []byte) {
	if len(p) < 13 || p[0] < 20 || p[0] > 63 {
		return
	}
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return
	}
	if !a.over {
		select {
		case a.inbox <- append([]byte(nil), p...):
		default:
		}
		a.mu.Unlock()
		return
	}
	var flight [][]byte
	if now := time.Now(); p[0] == 22 && a.again < againMost && now.Sub(a.resent) >= againEvery {
		flight, a.resent = a.flight, now
		a.again++
	}
	a.mu.Unlock()
	for _, b := range flight {
		a.cfg.Send(b)
	}
}

// Close ends a handshake under way, and tells nobody. It may be called again.
func (a *Association) Close() {
	a.mu.Lock()
	a.closed = true
	a.flight = nil
	a.mu.Unlock()
	a.stop()
}

// wire is the datagram socket of one handshake.
type wire struct {
	a       *Association
	inbox   chan []byte
	limited *deadline.Deadline
	mute    atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

// place is the peer's address as the library sees it.
type place struct{}

func (place) Network() string { return "udp" }
func (place) String() string  { return "peer" }

func (w *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-w.inbox:
		w.a.mu.Lock()
		w.a.heard = true
		w.a.mu.Unlock()
		return copy(b, p), place{}, nil
	case <-w.limited.Done():
		return 0, nil, context.DeadlineExceeded
	case <-w.closed:
		return 0, nil, net.ErrClosed
	}
}

func (w *wire) WriteTo(b []byte, _ net.Addr) (int, error) {
	if w.mute.Load() {
		return len(b), nil
	}
	a := w.a
	a.mu.Lock()
	if a.heard {
		a.flight, a.heard = nil, false
	}
	if len(a.flight) < flightSize {
		a.flight = append(a.flight, append([]byte(nil), b...))
	}
	closed := a.closed
	a.mu.Unlock()
	if !closed {
		a.cfg.Send(b) // what can't be sent now is lost, and sent again
	}
	return len(b), nil
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) LocalAddr() net.Addr               { return place{} }
func (w *wire) SetDeadline(t time.Time) error     { return w.SetReadDeadline(t) }
func (w *wire) SetWriteDeadline(time.Time) error  { return nil }
func (w *wire) SetReadDeadline(t time.Time) error { w.limited.Set(t); return nil }
