// Package message carries text messages between the accounts of a tenant (RFC 3428): at once to every phone
// of the recipient, or, when none takes it, at its next registration.
//
// What lives here is the judgement (who may say what to whom), the fork and the order of delivery. Who sends
// was proved at the door; a store keeps what waits; requests leave by a function that the server hands in. A
// [Service] owns what is under way, behind one leaf lock, and has one goroutine that speaks with the store: no
// shard ever waits for a disk.
package message

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/id"
	"santral/base/loop"
	"santral/call"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

// Bounds of messages.
const (
	MaxBody    = 16 << 10           // octets of one
	MaxWaiting = 100                // for one recipient
	MaxShare   = 40                 // of these, of one sender: nobody fills another's box alone
	MaxAge     = 7 * 24 * time.Hour // of one that waits
	patience   = 8 * time.Second    // for the recipient's phones, until the message is kept and the sender told so
	backlog    = 10_000             // that wait for the store, above which new ones are refused
	sweepEvery = 10 * time.Minute
	idLength   = 8
)

// Config is what a service is made of. Everything but Failed is required.
type Config struct {
	Current  func() *tenant.Snapshot
	Contacts call.Contacts
	Store    store.Messages
	Random   *id.Source

	// Send sends a request to one place and calls done once, from any goroutine, with the final status; 0
	// stands for no answer. It must not wait.
	Send func(req *sip.Message, to call.Target, done func(status int))
	// Meant is the account of a tenant that a Request-URI names and, with a GRUU, the one device of it, as
	// call.Target names it ("" for all of them). ok is false where it leads nowhere.
	Meant func(tenant string, uri sip.URI) (account, device string, ok bool)
	// Host is the host of the identities of a tenant's accounts, as they are told to a phone.
	Host func(tenant string, to call.Target) string

	Failed func(what string, err error) // hears of what the store could not do; nil for nobody
}

// key names a recipient.
type key struct{ tenant, account string }

// Service carries messages. Make it with New; it is safe for concurrent use.
type Service struct {
	cfg   Config
	store loop.Queue[func()] // what the store is asked, in order
	done  chan struct{}
	sweep *time.Ticker
	stop  chan struct{}

	mu      sync.Mutex // a leaf
	last    time.Time  // of the last message: their ids are in order
	waiting map[key]*box

	delivered, kept, refused, expired atomic.Uint64
}

// box is a recipient for whom messages wait.
type box struct {
	under bool // a delivery is under way
	again bool // and another one is wanted after it
}

// New makes a service; recipients are those for whom the store has messages.
func New(cfg Config, recipients [][2]string) *Service {
	s := &Service{cfg: cfg, done: make(chan struct{}), stop: make(chan struct{}), waiting: map[key]*box{}, sweep: time.NewTicker(sweepEvery)}
	for _, r := range recipients {
		s.waiting[key{r[0], r[1]}] = &box{}
	}
	go s.run()
	go s.sweeps()
	return s
}

// run speaks with the store.
func (s *Service) run() {
	defer close(s.done)
	var batch []func()
	for {
		if batch = s.store.Take(batch); batch == nil {
			return
		}
		for _, do := range batch {
			do()
		}
	}
}

// sweeps has old messages forgotten.
func (s *Service) sweeps() {
	for {
		select {
		case <-s.stop:
			return
		case now := <-s.sweep.C:
			s.store.Put(func() {
				n, err := s.cfg.Store.DropExpired(context.Background(), now)
				s.expired.Add(uint64(n))
				s.failed("forget old messages", err)
			})
		}
	}
}

// Close ends the service when what waits for the store is done.
func (s *Service) Close() {
	s.sweep.Stop()
	close(s.stop)
	s.store.Close()
	<-s.done
}

func (s *Service) failed(what string, err error) {
	if err != nil && s.cfg.Failed != nil {
		s.cfg.Failed(what, err)
	}
}

// Serve answers a MESSAGE of an authenticated account. respond is called once, perhaps later and on another
// goroutine: 200 when a phone has it, 202 when it is kept for later.
func (s *Service) Serve(req *sip.Message, who call.Party, respond func(*sip.Message)) {
	m, device, hops, refusal := s.read(req, who)
	if refusal != nil {
		s.refused.Add(1)
		respond(refusal)
		return
	}
	answer := func(status int, reason string) {
		if status >= 300 {
			s.refused.Add(1)
		}
		respond(sip.NewResponse(req, status, reason))
	}
	targets, exists := s.cfg.Contacts.Contacts(m.Tenant, m.To)
	s.mu.Lock()
	before := s.waiting[key{m.Tenant, m.To}] != nil // what came first is delivered first
	s.mu.Unlock()
	switch {
	case !exists:
		answer(404, "")
	case device != "":
		s.forOne(&m, hops, device, targets, answer)
	case len(targets) == 0 || before:
		s.keep(m, func(err error) {
			answer(verdict(err))
			if err == nil && len(targets) > 0 {
				s.Registered(m.Tenant, m.To)
			}
		})
	default:
		s.fork(m, hops, targets, answer)
	}
}

// read judges a MESSAGE and makes of it what is told and kept. device is the one that it is for, "" for all.
func (s *Service) read(req *sip.Message, who call.Party) (m store.Message, device string, hops int, refusal *sip.Message) {
	refuse := func(status int, reason string) (store.Message, string, int, *sip.Message) {
		return m, "", 0, sip.NewResponse(req, status, reason)
	}
	uri, err := req.URI()
	if err != nil {
		return refuse(400, "Bad Request-URI")
	}
	if !uri.IsTel() { // whose number is of the sender's own tenant
		t := s.cfg.Current().Domain(uri.Host)
		if !uri.IsSIP() || t == nil {
			return refuse(404, "")
		}
		if t.ID != who.Tenant { // another tenant's people are not for these
			return refuse(403, "")
		}
	}
	to, device, ok := s.cfg.Meant(who.Tenant, uri)
	if !ok {
		return refuse(404, "")
	}
	if len(req.Body) > MaxBody {
		return refuse(413, "")
	}
	if req.Body != "" && req.MediaType() == "" {
		return refuse(400, "Missing Content-Type")
	}
	if e := req.Get(sip.ContentEncoding); e != "" && !strings.EqualFold(e, "identity") {
		res := sip.NewResponse(req, 415, "")
		res.Set(sip.AcceptEncoding, "identity")
		return m, "", 0, res
	}
	hops, ok = req.MaxForwards()
	if !ok {
		hops = 70
	}
	if hops <= 1 { // RFC 3261 §16.3: it would leave with none
		return refuse(483, "")
	}
	age := MaxAge
	if seconds, ok := req.Expires(); ok {
		age = min(age, time.Duration(seconds)*time.Second)
	}
	now := s.tick()
	return store.Message{
		ID: s.cfg.Random.Timed(now, idLength), Tenant: who.Tenant, To: to, From: who.Account,
		ContentType: req.Get(sip.ContentType), Body: req.Body, Sent: now, Expires: now.Add(age),
	}, device, hops - 1, nil
}

// tick gives the time of a message: no two have the same, so that their ids are in order.
func (s *Service) tick() time.Time {
	now := time.Now().UTC().Truncate(time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !now.After(s.last) {
		now = s.last.Add(time.Millisecond)
	}
	s.last = now
	return now
}

// keep has a message kept for later and calls then on the store's goroutine.
func (s *Service) keep(m store.Message, then func(error)) {
	if !m.Expires.After(m.Sent) || !time.Now().Before(m.Expires) {
		then(errExpired) // RFC 3428 §7: it is of no use later
		return
	}
	if s.store.Len() >= backlog {
		then(errBusy)
		return
	}
	ok := s.store.Put(func() {
		err := s.cfg.Store.KeepMessage(context.Background(), m, MaxWaiting, MaxShare)
		if err == nil {
			s.kept.Add(1)
			s.mu.Lock()
			if k := (key{m.Tenant, m.To}); s.waiting[k] == nil {
				s.waiting[k] = &box{}
			}
			s.mu.Unlock()
		} else if !errors.Is(err, store.ErrFull) && !errors.Is(err, store.ErrShare) {
			s.failed("keep a message", err)
		}
		then(err)
	})
	if !ok {
		then(errBusy)
	}
}

var (
	errBusy    = errors.New("message: the store is behind, or closed")
	errExpired = errors.New("message: its time is over")
)

// verdict is what the sender is told of a message that was to be kept.
func verdict(err error) (status int, reason string) {
	switch {
	case err == nil:
		return 202, ""
	case errors.Is(err, store.ErrFull):
		return 480, "Message Box Full"
	case errors.Is(err, store.ErrShare):
		return 480, "Too Many Messages Of Yours Wait"
	case errors.Is(err, errExpired):
		return 480, ""
	case errors.Is(err, errBusy):
		return 503, ""
	}
	return 500, ""
}

// request builds the MESSAGE that one phone gets: who sends it is who proved to, whatever its From said
// (RFC 3325 §5). The same message has the same Call-ID wherever and whenever it goes.
func (s *Service) request(m *store.Message, hops int, to call.Target) *sip.Message {
	uri, _, _ := strings.Cut(to.URI, "?")
	host := s.cfg.Host(m.Tenant, to)
	from := sip.Address{URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(m.From), Host: host}}
	if a := s.cfg.Current().Account(m.Tenant, m.From); a != nil {
		from.Display = a.Name
	}
	req := sip.NewRequest(sip.MESSAGE, uri)
	req.Set(sip.MaxForwards, strconv.Itoa(hops))
	req.Set(sip.From, from.String()+";tag="+m.ID)
	req.Set(sip.To, sip.Address{URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(m.To), Host: host}}.String())
	req.Set(sip.CallID, m.ID)
	req.Set(sip.CSeqKind, "1 MESSAGE")
	req.Set(sip.PAssertedIdentity, from.String())
	req.Set(sip.Date, m.Sent.Format("Mon, 02 Jan 2006 15:04:05 GMT")) // RFC 3428 §8
	if left := int(time.Until(m.Expires) / time.Second); left > 0 {
		req.Set(sip.Expires, strconv.Itoa(left))
	}
	req.SetBody(m.ContentType, m.Body)
	return req
}

// Stats counts messages, and the recipients for whom some wait.
type Stats struct {
	Delivered uint64 // to at least one phone
	Kept      uint64 // for later
	Refused   uint64 // by us or by the recipient's phones
	Expired   uint64 // in the store
	Waiting   int    // recipients
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	waiting := len(s.waiting)
	s.mu.Unlock()
	return Stats{Delivered: s.delivered.Load(), Kept: s.kept.Load(), Refused: s.refused.Load(), Expired: s.expired.Load(), Waiting: waiting}
}
