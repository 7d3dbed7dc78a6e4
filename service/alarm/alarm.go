// Package alarm keeps what is wrong with the exchange and wants somebody: each thing once, from when it was noticed until it is
// over, and for a while afterwards.
//
// What lives here: the kinds of alarms with their words, the book of them. What does not live here: who notices (rooms call back
// to server, which raises), who is told (events and mails). The book is behind one leaf lock; one goroutine writes it to a file,
// for which no database need be there.
package alarm

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Bounds of the book. Over them the oldest go that are over; what is raised above mostUp is not kept.
const (
	mostUp   = 2000
	mostOver = 1000
	maxWhy   = 500 // octets of a reason
)

// settle is how long after a start what was wrong before it may be found anew; afterwards it is taken to be over.
const settle = 5 * time.Minute

// Alarm is one thing that is or was wrong.
type Alarm struct {
	ID       string    `json:"alarm"`
	Name     string    `json:"name" doc:"the kind, such as trunk-down"`
	Severity string    `json:"severity" enum:"info,warning,critical"`
	Tenant   string    `json:"tenant" doc:"whose it is; operator for the exchange's own"`
	About    string    `json:"about,omitempty" doc:"the thing that it is about"`
	Text     string    `json:"text"`
	TextFa   string    `json:"text_fa"`
	Raised   time.Time `json:"raised"`
	Last     time.Time `json:"last" doc:"when it was noticed last"`
	Times    int       `json:"times" doc:"how often it was noticed"`
	Cleared  time.Time `json:"cleared,omitzero" doc:"left out while it holds"`
	Seen     time.Time `json:"acknowledged,omitzero" doc:"when somebody said that it is known"`
	By       string    `json:"acknowledged_by,omitempty"`
	Once     bool      `json:"once,omitempty" doc:"it tells of something that has happened: it is over when it is acknowledged"`
}

// Config is what a Book needs.
type Config struct {
	File    string        // where alarms are kept
	Changed func(a Alarm) // an alarm was raised, or is over; it must not block, and must not call the book. nil for nobody
	Log     *slog.Logger
}

// Book is the alarms of an exchange. It is safe for concurrent use; a nil Book takes everything and keeps nothing.
type Book struct {
	cfg Config

	mu     sync.Mutex      // a leaf
	list   []*Alarm        // the oldest first
	last   uint64          // id
	before map[*Alarm]bool // were up in an earlier process, and were not noticed since
	dirty  chan struct{}
	closed chan struct{}
	done   chan struct{}
	timer  *time.Timer
}

// Open reads what an earlier process kept.
func Open(cfg Config) (*Book, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Changed == nil {
		cfg.Changed = func(Alarm) {}
	}
	b := &Book{cfg: cfg, before: map[*Alarm]bool{}, dirty: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{})}
	text, err := os.ReadFile(cfg.File)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read the alarms: %w", err)
	default:
		if err := json.Unmarshal(text, &b.list); err != nil { // what is unreadable must not keep calls from being made
			cfg.Log.Error("the alarms of before can't be read and are put aside", "error", err)
			_ = os.Rename(cfg.File, cfg.File+".bad")
			b.list = nil
		}
	}
	for _, a := range b.list {
		n, _ := strconv.ParseUint(a.ID, 10, 64)
		b.last = max(b.last, n)
		if a.Cleared.IsZero() && !a.Once {
			b.before[a] = true
		}
	}
	b.timer = time.AfterFunc(settle, b.settled)
	go b.write()
	return b, nil
}

// Close writes down what is to be kept.
func (b *Book) Close() {
	b.timer.Stop()
	close(b.closed)
	<-b.done
}

// Raise notices that something is wrong. What is up already is counted and not told again, but for what has happened anew
// after somebody had acknowledged it.
func (b *Book) Raise(k *Kind, tenant, about, why string) {
	if b == nil {
		return
	}
	if len(why) > maxWhy {
		why = why[:maxWhy]
	}
	now := time.Now().UTC()
	b.mu.Lock()
	if a := b.findLocked(k.Name, tenant, about); a != nil {
		delete(b.before, a)
		a.Last, a.Times = now, a.Times+1
		a.Text, a.TextFa = text(k.En, about, why), text(k.Fa, about, why)
		b.mu.Unlock()
		b.mark()
		return
	}
	up := 0
	for _, a := range b.list {
		if a.Cleared.IsZero() {
			up++
		}
	}
	if up >= mostUp {
		b.mu.Unlock()
		b.cfg.Log.Error("too many alarms are up; one more is not kept", "alarm", k.Name, "about", about, "why", why)
		return
	}
	b.last++
	a := &Alarm{
		ID: strconv.FormatUint(b.last, 10), Name: k.Name, Severity: k.Severity.String(), Tenant: tenant, About: about,
		Text: text(k.En, about, why), TextFa: text(k.Fa, about, why), Raised: now, Last: now, Times: 1, Once: k.Once,
	}
	b.list = append(b.list, a)
	told := *a
	b.mu.Unlock()
	b.cfg.Log.Warn("an alarm is raised", "alarm", a.ID, "name", k.Name, "tenant", tenant, "about", about, "why", why)
	b.mark()
	b.cfg.Changed(told)
}

// Clear says that something is no longer wrong; where it was not, nothing happens.
func (b *Book) Clear(k *Kind, tenant, about string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	a := b.findLocked(k.Name, tenant, about)
	if a == nil {
		b.mu.Unlock()
		return
	}
	told := b.overLocked(a)
	b.mu.Unlock()
	b.tell(told)
}

func (b *Book) findLocked(name, tenant, about string) *Alarm {
	for _, a := range b.list {
		if a.Cleared.IsZero() && a.Name == name && a.Tenant == tenant && a.About == about {
			return a
		}
	}
	return nil
}

// overLocked ends an alarm, and forgets the oldest that are over.
func (b *Book) overLocked(a *Alarm) Alarm {
	a.Cleared = time.Now().UTC()
	delete(b.before, a)
	over := 0
	for _, x := range b.list {
		if !x.Cleared.IsZero() {
			over++
		}
	}
	told := *a
	b.list = slices.DeleteFunc(b.list, func(x *Alarm) bool {
		if over > mostOver && !x.Cleared.IsZero() && x != a {
			over--
			return true
		}
		return false
	})
	return told
}

func (b *Book) tell(a Alarm) {
	b.cfg.Log.Info("an alarm is over", "alarm", a.ID, "name", a.Name, "tenant", a.Tenant, "about", a.About)
	b.mark()
	b.cfg.Changed(a)
}

// settled ends what was wrong in an earlier process and was not noticed in this one.
func (b *Book) settled() {
	b.mu.Lock()
	var told []Alarm
	for a := range b.before {
		told = append(told, b.overLocked(a))
	}
	b.mu.Unlock()
	for _, a := range told {
		b.tell(a)
	}
}

// Acknowledge notes that somebody knows of an alarm; ok is false where there is none of the id, or keep says that it is not theirs.
func (b *Book) Acknowledge(id, by string, keep func(*Alarm) bool) (a Alarm, ok bool) {
	b.mu.Lock()
	i := slices.IndexFunc(b.list, func(a *Alarm) bool { return a.ID == id })
	if i < 0 || !keep(b.list[i]) {
		b.mu.Unlock()
		return a, false
	}
	x := b.list[i]
	if x.Seen.IsZero() {
		x.Seen, x.By = time.Now().UTC(), by
	}
	over := x.Once && x.Cleared.IsZero()
	if a = *x; over {
		a = b.overLocked(x)
	}
	b.mu.Unlock()
	b.mark()
	if over {
		b.tell(a)
	}
	return a, true
}

// List gives the alarms that keep wants, the newest first.
func (b *Book) List(keep func(*Alarm) bool) (list []Alarm) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range slices.Backward(b.list) {
		if keep(a) {
			list = append(list, *a)
		}
	}
	return list
}

// Up counts the alarms that hold, by severity.
func (b *Book) Up() map[string]int {
	up := map[string]int{}
	for _, s := range SeverityNames {
		up[s] = 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.list {
		if a.Cleared.IsZero() {
			up[a.Severity]++
		}
	}
	return up
}

func (b *Book) mark() {
	select {
	case b.dirty <- struct{}{}:
	default:
	}
}

// write keeps the file like the book.
func (b *Book) write() {
	defer close(b.done)
	for open := true; open; {
		select {
		case <-b.dirty:
		case <-b.closed:
			open = false
			select {
			case <-b.dirty:
			default:
				continue
			}
		}
		if err := b.save(); err != nil {
			b.cfg.Log.Error("alarms are not kept", "error", err)
		}
	}
}

func (b *Book) save() error {
	b.mu.Lock()
	text, err := json.Marshal(b.list)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(b.cfg.File+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(b.cfg.File+".new", b.cfg.File)
}
