package recording

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"santral/base/doc"
	"santral/base/id"
	"santral/call"
	"santral/media"
	"santral/store"
	"santral/store/blob"
	"santral/store/storetest"
	"santral/tenant"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m, map[string]func([]string){"recorder": recordForEver})
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// book is a ledger with the rows that follow from it.
type book struct {
	mu     sync.Mutex
	events []call.Event
	rows   map[string]store.Recording
	loses  int   // so many events, as a ledger does whose disk is stuck
	away   error // of rows
}

// Append implements call.Ledger.
func (b *book) Append(e call.Event) { b.Commit(e, nil) }

// Full implements call.Ledger.
func (b *book) Full() bool { return false }

// Commit implements call.Ledger.
func (b *book) Commit(e call.Event, done func()) {
	b.mu.Lock()
	if b.loses > 0 {
		b.loses--
		b.mu.Unlock()
		done()
		return
	}
	b.events = append(b.events, e)
	if b.rows == nil {
		b.rows = map[string]store.Recording{}
	}
	r, there := b.rows[e.Tape.Name]
	switch {
	case e.Kind == call.Untaped:
		r.Deleted, r.DeletedBy = e.At, e.By
	case !there:
		r = store.Recording{
			Name: e.Tape.Name, Tenant: e.From.Tenant, Account: e.From.Account, Call: string(e.Call), Kind: string(e.Tape.Kind), Began: e.Tape.Began, Octets: e.Tape.Octets,
			SHA256: e.Tape.SHA256, Sealed: e.Tape.Sealed, Torn: e.Tape.Torn, Media: e.Tape.Media,
		}
	}
	b.rows[e.Tape.Name] = r
	b.mu.Unlock()
	if done != nil {
		done()
	}
}

// Recording implements store.Recordings.
func (b *book) Recording(_ context.Context, tenant, name string) (store.Recording, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away != nil {
		return store.Recording{}, b.away
	}
	if r, ok := b.rows[name]; ok && (tenant == "" || tenant == r.Tenant) {
		return r, nil
	}
	return store.Recording{}, store.ErrNotFound
}

// Recordings implements store.Recordings.
func (b *book) Recordings(context.Context, store.RecordingFilter, string, int) ([]store.Recording, string, error) {
	panic("nobody asks")
}

func (b *book) told() []call.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.events)
}

// far is a store of blobs into which nothing is moved, and that may be away.
type far struct {
	store.Blobs
	mu   sync.Mutex
	away bool
	puts int

	without string // the one that it does not take
}

var errAway = errors.New("the server is away")

// Put implements store.Blobs.
func (f *far) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	f.mu.Lock()
	f.puts++
	away := f.away || f.without != "" && strings.HasSuffix(name, f.without)
	f.mu.Unlock()
	if away {
		return errAway
	}
	return f.Blobs.Put(ctx, name, r, size)
}

func (f *far) set(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

func (f *far) tried() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.puts
}

const document = `
tenant: sample
domains: [sample.example]
record: all
extensions:
  - {number: 101, password: secret101}
  - {number: 102, password: secret102, record: "off"}
`

// kit is an archive with what it stands on.
type kit struct {
	t     testing.TB
	dir   string
	files *blob.Files
	book  *book
	c     Config
	a     *Archive

	mu     sync.Mutex
	alarms []string
	failed []string
}

func newKit(t testing.TB, change func(*Config)) *kit {
	k := &kit{t: t, dir: t.TempDir(), book: &book{}}
	var problems doc.Problems
	tenants := []*tenant.Tenant{tenant.Read("sample.yaml", []byte(document), &problems), {ID: "quiet"}, {ID: "loud", Record: tenant.RecordAll}}
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	now := tenant.NewSnapshot(1, tenants)
	var err error
	if k.files, err = blob.OpenFiles(filepath.Join(k.dir, "filed")); err != nil {
		t.Fatal(err)
	}
	k.c = Config{
		Folder: filepath.Join(k.dir, "spool"), Blobs: k.files, Rows: k.book, Ledger: k.book, Current: func() *tenant.Snapshot { return now }, Random: id.New([32]byte{1}),
		Alarmed: func(what Alarm, err error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.alarms = append(k.alarms, fmt.Sprintf("%s %t", what, err != nil))
		},
		Failed: func(what string, _ *call.Recorded, err error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.failed = append(k.failed, fmt.Sprint(what, ": ", err))
		},
	}
	if change != nil {
		change(&k.c)
	}
	k.open()
	return k
}

func (k *kit) open() {
	k.t.Helper()
	var err error
	if k.a, err = Open(k.c); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) close() {
	k.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := k.a.Close(ctx); err != nil {
		k.t.Error(err)
	}
}

// idle waits until everything is filed.
func (k *kit) idle() {
	k.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	for _, j := range []*jobs{&k.a.jobs, &k.a.asks} {
		if err := j.idle(ctx); err != nil {
			k.t.Fatal(err)
		}
	}
}

func (k *kit) said() (alarms, failed []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.alarms), slices.Clone(k.failed)
}

func (k *kit) spool() (names []string) {
	k.t.Helper()
	entries, err := os.ReadDir(k.c.Folder)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (k *kit) begin(account string) call.Tape {
	k.t.Helper()
	tape, err := k.a.Begin(call.About{Call: call.ID("c" + account), Tenant: "sample", Account: account, Kind: call.TapeCall, Channels: 2})
	if err != nil {
		k.t.Fatal(err)
	}
	return tape
}

// speak has both channels hear a tone for a while, a frame each 20 ms as the clock goes.
func speak(tape call.Tape, d time.Duration) {
	left, right := tape.Sink(0), tape.Sink(1)
	f := make(media.Frame, 160)
	for i := 0; i < int(d/(20*time.Millisecond)); i++ {
		time.Sleep(20 * time.Millisecond)
		for k := range f {
			f[k] = int16(8000 * math.Sin(2*math.Pi*440*float64(i*160+k)/8000))
		}
		left.Write(f)
		for k := range f {
			f[k] = -f[k]
		}
		right.Write(f)
	}
}

// ended closes a tape and gives what is filed.
func ended(tape call.Tape) (call.Recorded, error) {
	type result struct {
		r   call.Recorded
		err error
	}
	c := make(chan result, 1)
	tape.Close(func(r call.Recorded, err error) { c <- result{r, err} })
	got := <-c
	return got.r, got.err
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// filed checks a recording against its event, its file and itself, and gives the file.
func (k *kit) filed(e call.Event) []byte {
	k.t.Helper()
	s, err := k.a.Sound(context.Background(), e.From.Tenant, e.Tape.Name, true)
	if err != nil {
		k.t.Fatal(err)
	}
	defer s.Close()
	text, err := io.ReadAll(s)
	if err != nil || int64(len(text)) != e.Tape.Octets || s.Size != e.Tape.Octets || sum(text) != e.Tape.SHA256 {
		k.t.Errorf("%d octets of %d, %v", len(text), e.Tape.Octets, err)
	}
	if v, err := k.a.Verify(context.Background(), e.From.Tenant, e.Tape.Name); err != nil || !v.Whole {
		k.t.Errorf("%+v %v", v, err)
	}
	if !strings.HasSuffix(e.Tape.Name, sealedEnd) && !bytes.HasPrefix(text, []byte("RIFF")) {
		k.t.Error("no WAV file")
	}
	return text
}
