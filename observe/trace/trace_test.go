package trace

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	us    = netip.MustParseAddrPort("127.0.0.1:5060")
	alice = netip.MustParseAddrPort("127.0.0.1:5080")
	bob   = netip.MustParseAddrPort("127.0.0.1:5082")
)

func entry(i int, callID string, out bool, remote netip.AddrPort, text string) Entry {
	at := time.UnixMicro(1_700_000_000_000_000 + int64(i)*1500).UTC()
	return Entry{At: at, CallID: callID, Out: out, Local: us, Remote: remote, Proto: "UDP", Text: text}
}

func TestKeptMessagesAreReadBackInOrder(t *testing.T) {
	b, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Add(entry(0, "a@x", false, alice, "INVITE sip:102@x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"))
	b.Add(entry(0, "stranger", false, bob, "INVITE sip:1@x SIP/2.0\r\n\r\n"))
	b.Keep("a@x", "call")
	b.Add(entry(1, "a@x", true, alice, "SIP/2.0 100 Trying\r\nCSeq: 1 INVITE\r\n\r\n"))
	b.Keep("b@x", "call")
	b.Add(entry(2, "b@x", true, bob, "INVITE sip:102@y SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"))
	b.Add(entry(3, "b@x", false, bob, "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"))
	got, err := b.Read([]string{"a@x", "b@x"})
	if err != nil || len(got) != 4 {
		t.Fatalf("read %d entries, %v; want 4", len(got), err)
	}
	if got[0] != entry(0, "a@x", false, alice, "INVITE sip:102@x SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n") {
		t.Errorf("first entry changed on its way: %+v", got[0])
	}
	want := `           127.0.0.1:5080                    santral                           127.0.0.1:5082                    
       +0  │────────── INVITE +SDP ─────────▶│                                 │
       +2  │◀───── 100 Trying (INVITE) ──────│                                 │
       +3  │                                 │────────── INVITE +SDP ─────────▶│
       +4  │                                 │◀──── 200 OK (INVITE) +SDP ──────│
`
	if ladder := Ladder(got); ladder != want {
		t.Errorf("ladder:\n%s\nwant:\n%s", ladder, want)
	}
	if got, _ := b.Read([]string{"stranger"}); len(got) != 0 {
		t.Error("a message that nobody kept was written")
	}
}

func TestStrangersAreForgottenAndTheBookStaysBounded(t *testing.T) {
	folder := t.TempDir()
	b, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range 3 * recentIDs {
		b.Add(entry(i, fmt.Sprint("stranger", i), false, bob, strings.Repeat("x", 900)))
	}
	b.mu.Lock()
	ids, held := len(b.recent), b.held
	b.mu.Unlock()
	if ids > recentIDs || held > recentSize {
		t.Errorf("%d strangers with %d octets are held", ids, held)
	}
	b.Keep("long", "call")
	big := strings.Repeat("y", 60_000)
	for i := range (segmentCount + 3) * segmentSize / len(big) {
		b.Add(entry(i, "long", false, bob, big))
		if i%50 == 0 {
			b.flush()
		}
	}
	b.flush()
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	if len(files) > segmentCount {
		t.Errorf("%d segments; want at most %d", len(files), segmentCount)
	}
}

func TestAnEndedLegIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		b.Keep("a", "call")
		b.Release("a")
		time.Sleep(afterEnd - time.Second)
		b.mu.Lock()
		_, kept := b.kept["a"]
		b.mu.Unlock()
		if !kept {
			t.Error("the leg's last messages are not kept")
		}
		time.Sleep(2 * time.Second)
		b.mu.Lock()
		kept = len(b.kept)+len(b.ended) > 0
		b.mu.Unlock()
		if kept {
			t.Error("an ended leg is remembered for ever")
		}
	})
}

func TestATornSegmentIsReadToItsLastWholeMessage(t *testing.T) {
	folder := t.TempDir()
	b, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Keep("a", "call")
	b.Add(entry(0, "a", false, bob, "first"))
	b.Add(entry(1, "a", false, bob, "second"))
	b.flush()
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	info, _ := os.Stat(files[0])
	os.Truncate(files[0], info.Size()-3)
	got, err := b.Read([]string{"a"})
	if err != nil || len(got) != 1 || got[0].Text != "first" {
		t.Errorf("got %v, %v; want the first message", got, err)
	}
}

func BenchmarkAdd(b *testing.B) {
	book, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer book.Close()
	book.Keep("a", "call")
	e := entry(0, "a", false, bob, strings.Repeat("x", 700))
	b.ReportAllocs()
	for b.Loop() {
		book.Add(e)
	}
}

// A decision says nothing of addresses and messages, and is read back as it was.
func TestEntriesAsJSON(t *testing.T) {
	at := time.Date(2026, 3, 21, 8, 0, 0, 0, time.UTC)
	for want, e := range map[string]Entry{
		`{"at":"2026-03-21T08:00:00Z","call_id":"c1","out":false,"decision":"goes to 102"}`: {At: at, CallID: "c1", Decision: "goes to 102"},
		`{"at":"2026-03-21T08:00:00Z","call_id":"a@b","out":true,"local":"192.0.2.1:5060","remote":"192.0.2.2:5060","proto":"UDP","text":"ACK"}`: {
			At: at, CallID: "a@b", Out: true, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("192.0.2.2:5060"), Proto: "UDP", Text: "ACK",
		},
	} {
		text, err := json.Marshal(e)
		var again Entry
		if err != nil || string(text) != want || json.Unmarshal(text, &again) != nil || again != e {
			t.Errorf("%s, %v; read back %+v", text, err, again)
		}
	}
}

// Whoever writes a reason phrase gives no orders to the terminal on which the ladder is read.
func TestLaddersAreText(t *testing.T) {
	text := "SIP/2.0 486 \x1b]0;owned\x07\x9b2JBusy\r\nCSeq: 1 INVITE\r\n\r\n"
	got := Ladder([]Entry{entry(0, "a", false, alice, text), {At: time.UnixMicro(1_700_000_000_000_000), CallID: "c", Decision: "goes to \x1b[2J"}})
	for _, r := range got + Printable(text) {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			t.Fatalf("%q is in %q", r, got)
		}
	}
	if !strings.Contains(got, "Busy") || Printable("a\tb\nسلام") != "a\tb\nسلام" {
		t.Errorf("%q", got)
	}
}
