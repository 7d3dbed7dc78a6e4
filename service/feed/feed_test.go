package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"santral/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"), goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*Server).startGoRoutine.func1"),
		goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server/ats.init.0.func1"), goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.init.0.func1"))
}

// table is a store of places and records in memory.
type table struct {
	mu    sync.Mutex
	rows  []store.CDR
	feeds map[string]store.Feed
	away  bool
}

var errAway = errors.New("the database is away")

func (x *table) Feed(_ context.Context, target string) (store.Feed, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.away {
		return store.Feed{}, errAway
	}
	f, ok := x.feeds[target]
	if !ok {
		f = store.Feed{Target: target, Seq: uint64(len(x.rows))}
		x.feeds[target] = f
	}
	return f, nil
}

func (x *table) MoveFeed(_ context.Context, f store.Feed) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.feeds[f.Target] = f
	return nil
}

func (x *table) DropFeed(_ context.Context, target string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.feeds, target)
	return nil
}

func (x *table) FeedAfter(_ context.Context, tenant string, seq uint64, limit int) (rows []store.CDR, last uint64, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	last = seq
	for _, c := range x.rows[min(int(seq), len(x.rows)):] {
		last = c.Seq
		if tenant == "" || c.Tenant == tenant {
			if rows = append(rows, c.For(tenant)); len(rows) == limit {
				break
			}
		}
	}
	return rows, last, nil
}

func (x *table) make(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for range n {
		i := len(x.rows) + 1
		x.rows = append(x.rows, store.CDR{Seq: uint64(i), Call: fmt.Sprintf("c%05d", i), Tenant: []string{"sample", "other"}[i%2]})
	}
}

func run(t *testing.T, x *table, to Target) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Run(ctx, Config{Feeds: x, Every: time.Millisecond}, to)
	}()
	return func() {
		cancel()
		<-done
	}
}

// TestEveryRecordIsToldInOrder stops and starts, and has a target that fails before and after it took something.
func TestEveryRecordIsToldInOrder(t *testing.T) {
	x := &table{feeds: map[string]store.Feed{}}
	x.make(10) // before anybody listened: not told
	var mu sync.Mutex
	var got []Item
	n := 0
	to := Target{Name: "x", Tenant: "sample", Batch: 3, Send: func(_ context.Context, items []Item) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%5 == 1 {
			return errAway
		}
		for _, i := range items {
			if len(got) > 0 && i.Sequence <= got[len(got)-1].Sequence { // again
				if before := got[i.Sequence-1]; before.Record.Call != i.Record.Call {
					t.Errorf("%d is %s, and was %s", i.Sequence, i.Record.Call, before.Record.Call)
				}
				continue
			}
			got = append(got, i)
		}
		if n%7 == 2 {
			return errAway // taken, and not acknowledged
		}
		return nil
	}}
	if _, err := x.Feed(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		stop := run(t, x, to)
		x.make(20)
		time.Sleep(20 * time.Millisecond)
		stop()
	}
	stop := run(t, x, to)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if f, _ := x.Feed(t.Context(), "x"); f.Count == 50 {
			break
		}
	}
	stop()
	if len(got) != 50 {
		t.Fatalf("%d were told", len(got))
	}
	for i, g := range got {
		if g.Sequence != uint64(i+1) || g.Record.Seq != uint64(10+2*(i+1)) {
			t.Errorf("item %d is %d with record %d", i, g.Sequence, g.Record.Seq)
		}
	}
}

func startNATS(t *testing.T, folder string, port int) *natsd.Server {
	t.Helper()
	s, err := natsd.NewServer(&natsd.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: folder, NoSigs: true, NoLog: true, Username: "santral", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	return s
}

// TestRecordsReachNATS publishes to a real server, which is away in between, and reads the stream.
func TestRecordsReachNATS(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "js")
	s := startNATS(t, folder, -1)
	url := s.ClientURL()
	port := s.Addr().String()
	conn, err := nats.Connect(url, nats.UserInfo("santral", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "RECORDS", Subjects: []string{"santral.records.>"}, Duplicates: time.Hour}); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	x := &table{feeds: map[string]store.Feed{"nats": {Target: "nats"}}}
	p := NewPublisher(NATS{URL: url, Subject: "santral.records", User: "santral", Password: "secret", Stream: "RECORDS"})
	defer p.Close()
	stop := run(t, x, Target{Name: "nats", Batch: 7, Send: p.Send})
	defer func() { stop() }()
	x.make(40)
	reached := func(n uint64) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if f, _ := x.Feed(t.Context(), "nats"); f.Count >= n {
				return
			}
		}
		f, _ := x.Feed(t.Context(), "nats")
		t.Fatalf("%d of %d were taken", f.Count, n)
	}
	reached(40)
	s.Shutdown()
	s.WaitForShutdown()
	x.make(40)
	time.Sleep(30 * time.Millisecond)
	var number int
	if _, err := fmt.Sscanf(port[len("127.0.0.1:"):], "%d", &number); err != nil {
		t.Fatal(err)
	}
	s = startNATS(t, folder, number)
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	reached(80)
	if err := x.MoveFeed(t.Context(), store.Feed{Target: "nats", Seq: 70, Count: 70}); err != nil { // as after a crash
		t.Fatal(err)
	}
	reached(80)
	stop()
	stop = func() {}
	conn, err = nats.Connect(url, nats.UserInfo("santral", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err = jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "RECORDS")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 80 {
		t.Fatalf("the stream has %d messages", n)
	}
	for i := range uint64(80) {
		m, err := stream.GetMsg(t.Context(), i+1)
		if err != nil {
			t.Fatal(err)
		}
		var got Message
		if err := json.Unmarshal(m.Data, &got); err != nil || got.Sequence != i+1 || got.Record.Seq != i+1 || m.Subject != "santral.records."+got.Record.Tenant || m.Header.Get("Santral-Sequence") != fmt.Sprint(i+1) {
			t.Errorf("message %d: %s %+v %v", i+1, m.Subject, got, err)
		}
	}
}
