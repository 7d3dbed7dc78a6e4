// Package server is the one place that knows everyone: it builds the exchange out of its rooms,
// starts and stops it, and holds the few lines that join rooms which must not know each other. It
// owns the order of things: what is opened first is closed last, and nothing is acknowledged before
// what it rests on is open.
package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"santral/access"
	"santral/api/client"
	"santral/api/hook"
	"santral/api/live"
	"santral/api/rest"
	"santral/base/id"
	"santral/base/seal"
	"santral/base/vnet"
	"santral/call"
	"santral/call/control"
	"santral/call/sipleg"
	"santral/config"
	"santral/media/rtp"
	"santral/media/tts"
	"santral/observe/trace"
	"santral/route"
	"santral/service/alarm"
	"santral/service/conference"
	"santral/service/mail"
	"santral/service/message"
	"santral/service/music"
	"santral/service/prompt"
	"santral/service/recording"
	"santral/service/registrar"
	"santral/service/revision"
	"santral/service/trunk"
	"santral/sip/endpoint"
	"santral/sip/event"
	"santral/sip/resolve"
	"santral/sip/transport"
	"santral/tenant"
)

// Options are what an exchange is started with.
type Options struct {
	Boot    *config.Boot
	Sample  []Text         // documents where the boot file names no folder of tenants
	Trust   []netip.Prefix // INVITEs from there need no proof; load tests only
	Version string
	Reload  <-chan struct{} // certificates, music and the folder of tenants are read again; nil for never
}

// Ready is told once the exchange serves.
type Ready struct {
	SIP   string // host:port of the first listener
	TLS   string // name:port of the first listener for TLS, "" for none
	HTTP  string // base address of the API
	HTTPS string // the same over TLS, "" for none
	WS    string // where SIP over WebSocket is served
	WSS   string // the same over TLS, "" for none
	Token string // of the API

	Authority string // file of the authority that phones must trust; "" when it is not our own

	Alive func(context.Context) error // waits until everything that handles SIP has had its turn
}

// server is a running exchange.
type server struct {
	boot     *config.Boot
	version  string
	log      *slog.Logger
	random   *id.Source
	current  atomic.Pointer[tenant.Snapshot] // the book's: nobody else stores there
	book     *revision.Book
	key      *seal.Key
	keeping  keeping
	guard    *access.Guard
	allowed  *allowed
	door     *access.Door
	traffic  traffic
	trace    *trace.Book
	hep      *trace.HEP // nil when nobody captures
	records  *records
	tapes    *recording.Archive
	heard    *heard
	registry *registrar.Registrar
	trunks   *trunk.Trunks
	plan     *route.Plan // where calls go
	attempts attempts
	channels *access.Channels
	agent    *sipleg.Agent
	pool     *rtp.Pool
	browsers browsers
	wire     *transport.Layer
	resolver *resolve.Resolver
	endpoint atomic.Pointer[endpoint.Endpoint]
	control  *control.Control
	music    *music.Service
	rooms    *conference.Service
	prompts  *prompt.Service
	spoken   *tts.Cache      // nil where there is no engine of speech
	retune   <-chan struct{} // music is read again; nil for never
	retuned  chan struct{}   // likewise, for another revision
	events   events
	bus      *live.Bus
	news     news // the bus's goroutine alone
	alarms   *alarm.Book
	mails    *mail.Service
	postbox  postbox
	hooks    atomic.Pointer[hook.Service]
	messages atomic.Pointer[message.Service]
	webs     []web
	crowd    crowd
	certs    certificates
	token    string
	rights   rights
	secret   [32]byte // makes what phones carry for us: flow tokens and temporary GRUUs
	draining atomic.Bool
	deaf     atomic.Bool // calls are being handed over: what comes now is for whoever takes them
	thawer   call.Thawer // makes legs again
	before   *handover   // what an exchange before this one handed over; nil for nothing
	closers  []func()
}

// later runs f when the exchange ends, last registered first.
func (s *server) later(f func()) { s.closers = append(s.closers, f) }

// close closes what was opened, last opened first.
func (s *server) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

// drainBye is how long a BYE's answer is awaited when the exchange ends.
const drainBye = 3 * time.Second

// comeBack is when subscribers of an exchange that ends are asked to subscribe again: it may be back by then.
const comeBack = 5 * time.Second

// heapFloor is counted as heap in use but never touched, so it costs addresses and no memory: a small
// exchange's garbage is then collected a few times less often. In return garbage may be only six tenths
// of what is in use, which keeps the memory of a call small when there are many.
const (
	heapFloor   = 32 << 20
	heapPercent = 60
)

// Run serves until ctx ends; then calls may go on for Boot.Drain, are ended with BYE, everything is
// written down, and Run returns nil. ready is called once, when the exchange really serves.
func Run(ctx context.Context, o Options, ready func(Ready)) error {
	s := &server{boot: o.Boot, version: o.Version, random: id.Random(), log: logger(o.Boot.Log), heard: newHeard()}
	defer s.close()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapPercent)
	}
	ballast := make([]byte, heapFloor)
	defer runtime.KeepAlive(ballast)
	s.current.Store(tenant.NewSnapshot(0, nil))
	if err := s.open(o.Sample); err != nil {
		return err
	}
	reloads := s.reloads(o.Reload, 3)
	if err := s.openCertificates(reloads[0]); err != nil {
		return err
	}
	s.retune = reloads[1]
	if err := s.openWeb(); err != nil {
		return err
	}
	if err := s.serve(o.Trust); err != nil {
		return err
	}
	if err := s.openHooks(); err != nil {
		return err
	}
	if err := s.keepRecords(); err != nil {
		return err
	}
	s.serveWeb()
	s.startWatch()
	s.followFolder(reloads[2])

	told := Ready{SIP: s.told(), Token: s.token, Alive: func(ctx context.Context) error { return s.endpoint.Load().Alive(ctx) }}
	s.tell(&told)
	if err := s.leaveAccess(told); err != nil {
		return err
	}
	ready(told)
	<-ctx.Done()
	s.drain()
	return nil
}

// told is the address that the first listener is told by.
func (s *server) told() string { return s.boot.Listen[0].Address.String() }

// open opens what survives a restart: the data folder, traces, bindings, ledger and records.
func (s *server) open(sample []Text) error {
	s.plan, s.retuned = route.NewPlan(&s.current), make(chan struct{}, 1)
	if err := os.MkdirAll(s.boot.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := s.lock(); err != nil {
		return err
	}
	if err := s.readToken(); err != nil {
		return err
	}
	if err := s.readSecret(); err != nil {
		return err
	}
	var err error
	if s.trace, err = trace.Open(filepath.Join(s.boot.Data, "trace")); err != nil {
		return err
	}
	s.capture()
	s.later(s.trace.Close)
	if err := s.openAlarms(); err != nil {
		return err
	}
	if err := s.openBus(); err != nil {
		return err
	}
	if s.records, err = openRecords(s.boot.Data, s.boot.DB, s.before.living, s.log); err != nil {
		return err
	}
	s.later(s.records.close)
	s.hearRecords()
	if err := s.openBook(sample); err != nil {
		return err
	}
	if err := s.openRights(); err != nil {
		return err
	}
	if err := s.openRecordings(); err != nil {
		return err
	}
	return s.openPrompts()
}

// lock keeps a second exchange out of the data folder.
func (s *server) lock() error {
	file, err := os.OpenFile(filepath.Join(s.boot.Data, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("another exchange runs with the data folder %s: stop it, or name another with --data", s.boot.Data)
		}
		return fmt.Errorf("lock the data folder: %w", err)
	}
	s.later(func() { file.Close() })
	return nil
}

// readToken reads the API's token, or makes it at the first start.
func (s *server) readToken() error {
	file := filepath.Join(s.boot.Data, "api.token")
	text, err := os.ReadFile(file)
	text = bytes.TrimSpace(text)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(text) == 0 { // a crash may have left it empty
		var raw [24]byte
		rand.Read(raw[:])
		text = []byte(base64.RawURLEncoding.EncodeToString(raw[:]))
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the API's token: %w", err)
	}
	s.token = string(text)
	return nil
}

// leaveAccess leaves the API's address and token in the data folder, for commands on this machine.
func (s *server) leaveAccess(r Ready) error {
	text, err := json.Marshal(client.Access{URL: r.HTTP, Token: r.Token})
	if err == nil {
		err = os.WriteFile(filepath.Join(s.boot.Data, client.AccessFile), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("leave the API's address: %w", err)
	}
	return nil
}

// drain takes no more calls, lets those that are going on end for a while, then ends them with BYE.
func (s *server) drain() {
	s.draining.Store(true)
	ctx, stop := context.WithTimeout(context.Background(), s.boot.Drain)
	s.control.Drain(ctx)
	stop()
	s.events.notifier.EndAll(event.Probation, comeBack)
	// What was hung up has its BYE on the wire; a dialog is over when that was answered.
	deadline := time.Now().Add(drainBye)
	for s.endpoint.Load().Stats().Usages > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
}

// readiness says why new calls are not taken; nil when they are.
func (s *server) readiness() error {
	switch {
	case s.draining.Load():
		return errors.New("shutting down")
	case s.records.Full():
		return errors.New("the ledger can't keep up: the disk is full or failing")
	}
	return nil
}

func logger(level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
}

// network is the wire of a running exchange.
var network = vnet.Real()

// api is what the HTTP side shows and changes.
func (s *server) api() rest.Config {
	return rest.Config{
		Token:         s.token,
		Version:       s.version,
		Calls:         s.liveCalls,
		Steer:         steering{s},
		Dial:          s.dial,
		Registrations: s.registry.List,
		CDRs:          s.records,
		Records:       s.recordsAPI(),
		Trace:         func(_ context.Context, ids []string) ([]trace.Entry, error) { return s.trace.Read(ids) },
		LegIDs:        s.legIDs,
		Place:         s.place,
		Trunks:        s.trunks.List,
		TrunkCalls:    s.channels.TrunkInUse,
		Certify:       s.certify,
		Bans:          func() []access.Ban { return s.guard.Bans(time.Now()) },
		Unban:         s.unban,
		Allowed:       s.allowed.list,
		Allow:         s.allowed.add,
		Forbid:        s.allowed.remove,
		Subscriptions: s.subscriptions,
		Mailbox:       s.events.house.Mailbox,
		SetMailbox:    s.events.house.SetMailbox,
		Relays:        s.relaysFor,
		Recordings:    tapes{s.records, s.tapes},
		Record:        s.recordCall,
		Rooms:         desk{s},
		Prompts:       s.prompts,
		Backup:        s.backup,
		Events:        s.bus,
		Alarms:        s.alarms,
		Webhooks:      s.hooks.Load(),
		Book:          s.book,
		Explain:       s.plan.ExplainIn,
		Orders:        s.office(),
		Ready:         s.readiness,
		Metrics:       s.metrics().Handler(),
		Log:           s.log,
	}
}
