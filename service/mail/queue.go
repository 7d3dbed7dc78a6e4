package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config is what a Service needs.
type Config struct {
	Server *Server // nil: nothing can be sent
	Folder string  // of the queue; made where it is not there
	Log    *slog.Logger

	// OnTrouble is told when the mail server can't be reached or refuses us, and with nil when it takes mails again.
	OnTrouble func(error)
	// OnGivenUp is told of a mail, or some of its recipients, that nobody will get.
	OnGivenUp func(id, subject string, err error)

	// Dial opens connections; nil for the network's own.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// waiting is a message in the queue, as it stands in its file beside the message itself.
type waiting struct {
	ID       string    `json:"id"`
	From     string    `json:"from"`
	To       []string  `json:"to"` // those that have not got it
	Subject  string    `json:"subject"`
	Made     time.Time `json:"made"`
	Next     time.Time `json:"next"`
	Attempts int       `json:"attempts"`
	Octets   int       `json:"octets"`
	Last     string    `json:"last,omitempty"` // why it was not taken
	Once     bool      `json:"once,omitempty"` // its id is made of a key, which is remembered
}

// Stats counts what a Service has done since it was made.
type Stats struct {
	Waiting int
	Sent    uint64
	Failed  uint64 // attempts
	GivenUp uint64
}

// Service sends mails. It is safe for concurrent use.
type Service struct {
	server  *Server
	folder  string
	log     *slog.Logger
	trouble func(error)
	gaveUp  func(string, string, error)
	dial    func(context.Context, string, string) (net.Conn, error)

	mu     sync.Mutex // a leaf: guards what follows
	queue  []*waiting // by Made
	octets int
	stats  Stats
	ill    bool
	wake   chan struct{}
	stop   context.CancelFunc
	done   chan struct{}
}

// Open reads the queue and begins to send.
func Open(cfg Config) (*Service, error) {
	s := &Service{server: cfg.Server, folder: cfg.Folder, log: cfg.Log, trouble: cfg.OnTrouble, gaveUp: cfg.OnGivenUp, dial: cfg.Dial, wake: make(chan struct{}, 1), done: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.trouble == nil {
		s.trouble = func(error) {}
	}
	if s.gaveUp == nil {
		s.gaveUp = func(string, string, error) {}
	}
	if s.dial == nil {
		s.dial = (&net.Dialer{}).DialContext
	}
	if err := s.read(); err != nil {
		return nil, fmt.Errorf("read the mails that wait: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.run(ctx)
	return s, nil
}

// Close ends sending; what waits stays in the folder.
func (s *Service) Close() {
	s.stop()
	<-s.done
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Waiting = len(s.queue)
	return st
}

// Send implements [Sender].
func (s *Service) Send(m Message) (string, error) {
	if s.server == nil {
		return "", ErrOff
	}
	now := time.Now()
	id := newID(now)
	if m.Key != "" {
		sum := sha256.Sum256([]byte(m.Key))
		id = "k" + hex.EncodeToString(sum[:16])
		if s.taken(id) {
			return id, nil
		}
	}
	raw, e, err := compose(m, s.server.From, now, id)
	if err != nil {
		return "", err
	}
	w := &waiting{ID: id, From: e.from, To: e.to, Subject: m.Subject, Made: now, Next: now, Octets: len(raw), Once: m.Key != ""}
	s.mu.Lock()
	if len(s.queue) >= MostWaiting || s.octets+len(raw) > MaxWaiting {
		s.mu.Unlock()
		return "", ErrFull
	}
	s.octets += len(raw) // taken before it is written, so that many at once keep the bound
	s.mu.Unlock()
	err = s.keep(filepath.Join(s.folder, id+".eml"), raw)
	if err == nil {
		err = s.note(w)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.octets -= len(raw)
		return "", fmt.Errorf("keep the mail: %w", err)
	}
	s.queue = append(s.queue, w)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return id, nil
}

// taken reports whether a message with a key waits or has left.
func (s *Service) taken(id string) bool {
	s.mu.Lock()
	waits := slices.ContainsFunc(s.queue, func(w *waiting) bool { return w.ID == id })
	s.mu.Unlock()
	if waits {
		return true
	}
	_, err := os.Stat(filepath.Join(s.folder, id+".once"))
	return err == nil
}

// onceLong is how long the keys of messages are remembered.
const onceLong = 32 * 24 * time.Hour

// read finds what an earlier process left. A message without its note was never accepted.
func (s *Service) read() error {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(s.folder)
	if err != nil {
		return err
	}
	noted := map[string]bool{}
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok {
			continue
		}
		text, err := os.ReadFile(filepath.Join(s.folder, f.Name()))
		w := &waiting{}
		if err == nil {
			err = json.Unmarshal(text, w)
		}
		if err != nil || w.ID != id {
			s.log.Error("a mail that waited can't be read and is left where it is", "mail", id, "error", err)
			noted[id] = true
			continue
		}
		noted[id] = true
		s.queue = append(s.queue, w)
		s.octets += w.Octets
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".once") {
			if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > onceLong {
				_ = os.Remove(filepath.Join(s.folder, f.Name()))
			}
			continue
		}
		if id, ok := strings.CutSuffix(f.Name(), ".eml"); !ok && !strings.HasSuffix(f.Name(), ".json") || ok && !noted[id] {
			_ = os.Remove(filepath.Join(s.folder, f.Name()))
		}
	}
	slices.SortFunc(s.queue, func(a, b *waiting) int { return a.Made.Compare(b.Made) })
	return nil
}

// keep writes a file that is there whole or not at all, whatever crashes.
func (s *Service) keep(name string, text []byte) error {
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		_ = os.Remove(name + ".new")
		return err
	}
	if d, err := os.Open(s.folder); err == nil {
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// note writes down how a message stands.
func (s *Service) note(w *waiting) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return s.keep(filepath.Join(s.folder, w.ID+".json"), text)
}

// forget takes a message out of the queue and the folder.
func (s *Service) forget(w *waiting) {
	if w.Once {
		if err := s.keep(filepath.Join(s.folder, w.ID+".once"), nil); err != nil {
			s.log.Error("the key of a mail could not be kept; should the same be asked for again, it is sent again", "mail", w.ID, "error", err)
		}
	}
	_ = os.Remove(filepath.Join(s.folder, w.ID+".json")) // first: without it the message was never accepted
	_ = os.Remove(filepath.Join(s.folder, w.ID+".eml"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.queue, w); i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
		s.octets -= w.Octets
	}
}

// run sends what is due until ctx ends.
func (s *Service) run(ctx context.Context) {
	defer close(s.done)
	for {
		due, next := s.due(time.Now())
		if len(due) > 0 && s.server != nil {
			s.round(ctx, due)
			if ctx.Err() != nil {
				return
			}
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// due gives what may be tried now, and how long until something else may.
func (s *Service) due(now time.Time) (due []*waiting, next time.Duration) {
	next = time.Hour
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.queue {
		if in := w.Next.Sub(now); in <= 0 {
			due = append(due, w)
		} else {
			next = min(next, in)
		}
	}
	return due, next
}

// round tries what is due over one connection.
func (s *Service) round(ctx context.Context, due []*waiting) {
	c, err := s.connect(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.failing(err)
			for _, w := range due {
				s.again(w, err)
			}
		}
		return
	}
	ended := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer ended()
	defer func() {
		_ = c.Quit()
		c.conn.Close()
	}()
	for _, w := range due {
		if ctx.Err() != nil {
			return
		}
		raw, err := os.ReadFile(filepath.Join(s.folder, w.ID+".eml"))
		if err != nil {
			s.lost(w, fmt.Errorf("read it back: %w", err))
			continue
		}
		left, gone, err := c.hand(envelope{w.From, w.To}, raw)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !answered(err): // the connection: nothing is known of this one
			s.failing(err)
			s.again(w, err)
			return
		case err != nil && permanent(err):
			s.lost(w, err)
			_ = c.Reset()
		case err != nil:
			s.again(w, err)
			_ = c.Reset()
		default:
			s.well()
			s.came(w, left, gone)
		}
	}
}

// came is a message that the server has taken for all but left; gone are those who can't have it.
func (s *Service) came(w *waiting, left []string, gone []error) {
	if err := errors.Join(gone...); err != nil {
		s.log.Warn("a mail does not reach everybody", "mail", w.ID, "error", err)
		s.gaveUp(w.ID, w.Subject, err)
		s.count(&s.stats.GivenUp)
	}
	if len(left)+len(gone) < len(w.To) {
		s.count(&s.stats.Sent)
	}
	if len(left) == 0 {
		s.forget(w)
		return
	}
	w.To = left
	s.again(w, errors.New("some recipients are to be tried later"))
}

func (s *Service) count(n *uint64) {
	s.mu.Lock()
	*n++
	s.mu.Unlock()
}

// again has a message be tried later, or never when it is too old.
func (s *Service) again(w *waiting, why error) {
	now := time.Now()
	s.count(&s.stats.Failed)
	if now.Sub(w.Made) > giveUp {
		s.lost(w, why)
		return
	}
	s.mu.Lock()
	w.Next = now.Add(tries[min(w.Attempts, len(tries)-1)])
	w.Attempts++
	w.Last = why.Error()
	s.mu.Unlock()
	if err := s.note(w); err != nil {
		s.log.Error("note that a mail waits", "mail", w.ID, "error", err)
	}
}

// lost gives a message up.
func (s *Service) lost(w *waiting, why error) {
	s.log.Error("a mail is given up", "mail", w.ID, "subject", w.Subject, "error", why)
	s.count(&s.stats.GivenUp)
	s.forget(w)
	s.gaveUp(w.ID, w.Subject, why)
}

// failing and well tell of the mail server, once for each change.
func (s *Service) failing(err error) {
	s.mu.Lock()
	was := s.ill
	s.ill = true
	s.mu.Unlock()
	if !was {
		s.log.Error("mails can't be sent", "error", err)
		s.trouble(err)
	}
}

func (s *Service) well() {
	s.mu.Lock()
	was := s.ill
	s.ill = false
	s.mu.Unlock()
	if was {
		s.log.Info("mails are sent again")
		s.trouble(nil)
	}
}
