package cdr_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"santral/call"
	"santral/service/cdr"
	"santral/store/storetest"
)

// wire is a way to a database that can be cut.
type wire struct {
	l    net.Listener
	to   string
	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
	all  sync.WaitGroup
}

func lay(t *testing.T, to string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{l: l, to: to, open: map[net.Conn]bool{}}
	w.all.Go(w.serve)
	t.Cleanup(func() {
		l.Close()
		w.away(true)
		w.all.Wait()
	})
	return w
}

func (w *wire) serve() {
	for {
		a, err := w.l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("unix", w.to)
		w.mu.Lock()
		if err != nil || w.cut {
			w.mu.Unlock()
			a.Close()
			if err == nil {
				b.Close()
			}
			continue
		}
		w.open[a], w.open[b] = true, true
		w.mu.Unlock()
		for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
			w.all.Go(func() {
				_, _ = io.Copy(pair[0], pair[1])
				pair[0].Close()
				pair[1].Close()
			})
		}
	}
}

// away cuts every connection and takes no more, or takes them again.
func (w *wire) away(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = yes
	if yes {
		for c := range w.open {
			c.Close()
		}
		clear(w.open)
	}
}

// TestPostgresIsAwayUnderLoad cuts the way to a real PostgreSQL again and again, in the middle of whatever it does, while calls end: no end of a call waits
// for it, and afterwards there is one record of each.
func TestPostgresIsAwayUnderLoad(t *testing.T) {
	dsn := storetest.Postgres(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := filepath.Glob(filepath.Join(u.Query().Get("host"), ".s.PGSQL.*[0-9]"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("the server's socket: %v %v", sockets, err)
	}
	w := lay(t, sockets[0])
	u.Host, u.RawQuery = w.l.Addr().String(), ""
	h := newHouse(t, u.String())
	h.halt()
	h.start(h.db, cdr.Options{OnError: func(error) {}})
	const calls = 3000
	var ended sync.WaitGroup
	var worst time.Duration
	var mu sync.Mutex
	for i := range calls {
		if i%500 == 100 {
			w.away(true)
		}
		if i%500 == 400 {
			w.away(false)
		}
		for _, e := range answered(call.ID(fmt.Sprintf("c%05d", i)), i) {
			if e.Kind != call.EndedCall {
				h.book.Append(e)
				continue
			}
			ended.Add(1)
			began := time.Now()
			h.book.Commit(e, func() {
				mu.Lock()
				worst = max(worst, time.Since(began))
				mu.Unlock()
				ended.Done()
			})
		}
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	ended.Wait()
	w.away(false)
	if err := h.fold.SyncSums(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(h.records()); n != calls {
		t.Errorf("%d records", n)
	}
	if worst > 2*time.Second {
		t.Errorf("an end of a call waited %v", worst)
	}
	if p := prove(t, h); !p.Good() || p.Records != calls {
		t.Errorf("%+v", p)
	}
}
