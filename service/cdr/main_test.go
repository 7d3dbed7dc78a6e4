package cdr_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"santral/call"
	"santral/media"
	"santral/service/cdr"
	"santral/store"
	"santral/store/db"
	"santral/store/ledger"
	"santral/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m, map[string]func([]string){"exchange": childExchange})
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var epoch = time.Date(2026, 3, 21, 10, 0, 0, 0, time.UTC)

// at gives a time so many milliseconds, and a few microseconds, after the epoch.
func at(ms int) time.Time {
	return epoch.Add(time.Duration(ms)*time.Millisecond + 123*time.Microsecond)
}

func detail(dir call.Direction, account string, lost uint64) *call.LegDetail {
	return &call.LegDetail{
		Direction: dir, Tenant: "sample", Account: account, Number: account, Target: "sip:" + account + "@192.0.2.1:5060",
		SIPCallID: account + "@phone", SessionID: account + ";remote=0", Local: "127.0.0.1:5060", Remote: "192.0.2.1:5060", Transport: "UDP", UserAgent: "test/1", Media: "192.0.2.1:4000",
		Quality: []media.Quality{{Format: "PCMA", Packets: 1500, Octets: 240000, Lost: lost, Jitter: 1500 * time.Microsecond, RoundTrip: 20 * time.Millisecond, MOS: 4.4, Sent: 1500}},
	}
}

func why(c call.Cause) *call.Cause { return &c }

// answered gives the events of a plain call that is answered after 3 s and ends after 33 s.
func answered(id call.ID, ms int) []call.Event {
	early := func(d call.Direction, account string) *call.LegDetail {
		l := detail(d, account, 0)
		l.Quality, l.Media = nil, ""
		return l
	}
	return []call.Event{
		{Call: id, Kind: call.Began, At: at(ms), Dialled: "102", From: &call.Party{Tenant: "sample", Account: "101", Name: "Sara", Number: "101"}},
		{Call: id, Leg: "a", Kind: call.LegBegan, At: at(ms), Detail: early(call.In, "101")},
		{Call: id, Kind: call.Routed, At: at(ms), To: "102"},
		{Call: id, Leg: "b", Kind: call.LegBegan, At: at(ms + 2), Detail: early(call.Out, "102")},
		{Call: id, Leg: "b", Kind: call.LegRinging, At: at(ms + 120), Status: 180},
		{Call: id, Leg: "b", Kind: call.LegAnswered, At: at(ms + 3000), Codec: "PCMA"},
		{Call: id, Leg: "a", Kind: call.LegAnswered, At: at(ms + 3001), Codec: "PCMA"},
		{Call: id, Leg: "b", Kind: call.LegEnded, At: at(ms + 33000), Cause: why(call.NormalClearing), Detail: detail(call.Out, "102", 2)},
		{Call: id, Leg: "a", Kind: call.LegEnded, At: at(ms + 33001), Cause: why(call.NormalClearing), Detail: detail(call.In, "101", 1)},
		{Call: id, Kind: call.EndedCall, At: at(ms + 33001), Cause: why(call.NormalClearing), By: "callee"},
	}
}

// house is a ledger, its book and the tables.
type house struct {
	t    testing.TB
	dir  string
	dsn  string
	log  *ledger.Ledger
	book *cdr.Book
	db   *db.DB
	fold *cdr.Fold
	stop context.CancelFunc
	done chan error
}

func newHouse(t testing.TB, dsn string) *house {
	h := &house{t: t, dir: filepath.Join(t.TempDir(), "ledger"), dsn: dsn}
	h.open(cdr.Options{})
	return h
}

func (h *house) open(o cdr.Options) {
	h.t.Helper()
	var err error
	if h.log, err = ledger.Open(h.dir, ledger.Options{Disk: new(storetest.Disk).NeverSync(), Pace: time.Microsecond}); err != nil {
		h.t.Fatal(err)
	}
	if h.db, err = db.Open(context.Background(), h.dsn); err != nil {
		h.t.Fatal(err)
	}
	h.book = cdr.NewBook(h.log)
	h.start(h.db, o)
	h.t.Cleanup(h.close)
}

func (h *house) start(tables store.FoldStore, o cdr.Options) {
	if o.OnError == nil {
		o.OnError = func(err error) { h.t.Error(err) }
	}
	if o.Pace == 0 {
		o.Pace = time.Millisecond
	}
	h.fold = cdr.New(h.log, tables, o)
	ctx, stop := context.WithCancel(context.Background())
	h.stop, h.done = stop, make(chan error, 1)
	fold, done := h.fold, h.done
	go func() { done <- fold.Run(ctx) }()
}

func (h *house) halt() {
	if h.stop == nil {
		return
	}
	h.stop()
	if err := <-h.done; err != nil {
		h.t.Error(err)
	}
	h.stop = nil
}

func (h *house) close() {
	h.halt()
	if h.log == nil {
		return
	}
	if err := h.log.Close(context.Background()); err != nil {
		h.t.Error(err)
	}
	h.db.Close()
	h.log = nil
}

// tell commits events and waits until their records are there.
func (h *house) tell(events ...call.Event) {
	h.t.Helper()
	var wg sync.WaitGroup
	wg.Add(1)
	for i, e := range events {
		if i == len(events)-1 {
			h.book.Commit(e, wg.Done)
		} else {
			h.book.Append(e)
		}
	}
	wg.Wait()
	if err := h.fold.Sync(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// records gives every record by its call.
func (h *house) records() map[string]store.CDR {
	h.t.Helper()
	all := map[string]store.CDR{}
	cursor := ""
	for {
		page, next, err := h.db.CDRs(context.Background(), store.CDRFilter{}, cursor, 1000)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, c := range page {
			if _, twice := all[c.Call]; twice {
				h.t.Errorf("call %s is there twice", c.Call)
			}
			all[c.Call] = c
		}
		if cursor = next; next == "" {
			return all
		}
	}
}

// shaky is a database that fails before or after it has written, at random.
type shaky struct {
	store.FoldStore
	mu   sync.Mutex
	rand *rand.Rand
}

var errShaky = errors.New("the database is away")

func (s *shaky) AddCDRs(ctx context.Context, from, to store.Fold, made store.Folded) error {
	s.mu.Lock()
	n := s.rand.IntN(6)
	s.mu.Unlock()
	if n == 0 {
		return errShaky
	}
	err := s.FoldStore.AddCDRs(ctx, from, to, made)
	if n == 1 {
		return errShaky // written, but nobody was told
	}
	return err
}

// tapes gives what becomes of a call's recording around the end of the call: filed before it or after, told twice
// as after a crash, deleted.
func tapes(r *rand.Rand, end call.Event) []call.Event {
	e := call.Event{
		Call: end.Call, Kind: call.Taped, At: end.At.Add(time.Duration(r.IntN(4000)-1000) * time.Millisecond), From: &call.Party{Tenant: "sample", Account: "101"},
		Tape: &call.Recorded{Name: string(end.Call) + ".wav", Kind: call.TapeCall, Began: end.At.Add(-30 * time.Second), Long: 29*time.Second + 1, Octets: 44, SHA256: "ab", Media: "wav", Segments: []call.Segment{{What: "talk", Left: "101", Right: "102"}}},
	}
	list := []call.Event{e}
	if r.IntN(3) == 0 {
		e.At = e.At.Add(time.Minute)
		list = append(list, e)
	}
	if r.IntN(3) == 0 {
		list = append(list, call.Event{Call: end.Call, Kind: call.Untaped, At: e.At.Add(time.Second), By: "api", Tape: &call.Recorded{Name: e.Tape.Name}})
	}
	return list
}

// traffic gives the events of many calls, mixed as they would come, in order of time.
func traffic(r *rand.Rand, calls int, prefix string) []call.Event {
	type row struct {
		e call.Event
		n int
	}
	var rows []row
	for i := range calls {
		id := call.ID(fmt.Sprintf("%s%05d", prefix, i))
		events := answered(id, r.IntN(60_000))
		switch r.IntN(5) {
		case 0: // busy
			events = append(events[:4:4], call.Event{Call: id, Leg: "b", Kind: call.LegEnded, At: events[3].At.Add(5 * time.Millisecond), Cause: why(call.Busy)},
				call.Event{Call: id, Leg: "a", Kind: call.LegEnded, At: events[3].At.Add(6 * time.Millisecond), Cause: why(call.Busy)},
				call.Event{Call: id, Kind: call.EndedCall, At: events[3].At.Add(6 * time.Millisecond), Cause: why(call.Busy), By: "callee"})
		case 1: // held and resumed for very long
			for k := range events[7:] {
				events[7+k].At = events[7+k].At.Add(time.Duration(r.IntN(100)) * time.Second)
			}
			sort.SliceStable(events, func(a, b int) bool { return events[a].At.Before(events[b].At) })
			if events[len(events)-1].Kind != call.EndedCall {
				for k := range events {
					if events[k].Kind == call.EndedCall {
						events[k].At = events[len(events)-1].At
					}
				}
				sort.SliceStable(events, func(a, b int) bool {
					return events[a].Kind != call.EndedCall && events[b].Kind == call.EndedCall
				})
			}
		}
		if r.IntN(3) == 0 {
			events = append(events, tapes(r, events[len(events)-1])...)
		}
		for n, e := range events {
			rows = append(rows, row{e, n})
		}
	}
	sort.SliceStable(rows, func(a, b int) bool { return rows[a].e.At.Before(rows[b].e.At) })
	events := make([]call.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].e
	}
	return events
}
