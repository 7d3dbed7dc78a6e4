package cert

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// files keeps a certificate that somebody else renews.
type files struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate]

	mu   sync.Mutex
	seen [2]stamp // of the files that current was read from
}

// stamp tells one state of a file from another.
type stamp struct {
	at   time.Time
	size int64
}

// Files keeps the certificate of two PEM files: the chain, the own certificate first, and its key. They
// are read again when they change, so that whatever renews them need not tell us.
func Files(cert, key string) (Keeper, error) {
	f := &files{cert: cert, key: key}
	return f, f.Reload()
}

// Get implements Keeper.
func (f *files) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := f.current.Load(); c != nil {
		return c, nil
	}
	return nil, errNone
}

// Reload implements Keeper.
func (f *files) Reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readLocked(f.stamps())
}

func (f *files) readLocked(now [2]stamp) error {
	f.seen = now // also when they are bad: the same fault is not told again and again
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("read the certificate %s: %w", f.cert, err)
	}
	f.current.Store(&c)
	return nil
}

func (f *files) stamps() (s [2]stamp) {
	for i, name := range []string{f.cert, f.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

// watchEvery is how often files are looked at, and how long they must have rested: a certificate and
// its key are two files, and not written at one moment.
const watchEvery = 5 * time.Second

// Run implements Keeper.
func (f *files) Run(ctx context.Context, note func(string, error)) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var last [2]stamp
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := f.stamps()
		rested := now == last
		last = now
		f.mu.Lock()
		changed := rested && now != f.seen
		var err error
		if changed {
			err = f.readLocked(now)
		}
		f.mu.Unlock()
		if changed {
			tell(note, "certificate read again", err)
		}
	}
}
