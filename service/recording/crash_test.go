package recording

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/media"
	"santral/store/blob"
	"santral/store/storetest"
	"santral/tenant"
)

// recordForEver records three calls in real time and prints a line each 100 ms.
func recordForEver(args []string) {
	files, err := blob.OpenFiles(filepath.Join(args[0], "filed"))
	if err != nil {
		panic(err)
	}
	now := tenant.NewSnapshot(1, nil)
	a, err := Open(Config{Folder: filepath.Join(args[0], "spool"), Blobs: files, Rows: &book{}, Ledger: &book{}, Current: func() *tenant.Snapshot { return now }, Random: id.Random()})
	if err != nil {
		panic(err)
	}
	var sinks []media.Sink
	for _, account := range []string{"101", "102", "103"} {
		t, err := a.Begin(call.About{Call: call.ID("c" + account), Tenant: "sample", Account: account, Kind: call.TapeCall, Channels: 2})
		if err != nil {
			panic(err)
		}
		t.Mark(call.Segment{What: "talk", Left: account, Right: "other"})
		sinks = append(sinks, t.Sink(0), t.Sink(1))
	}
	tick := time.NewTicker(20 * time.Millisecond)
	frame := make(media.Frame, 160)
	begun := time.Now()
	for i := 1; ; i++ {
		at := int(1 + (<-tick.C).Sub(begun)/(20*time.Millisecond)) // a busy machine leaves turns out
		for k := range frame {
			frame[k] = int16(at)
		}
		for _, s := range sinks {
			s.Write(frame)
		}
		if i%5 == 0 {
			fmt.Println("spoken", at)
		}
	}
}

// What a killed process was recording is finished at the next start, to its last second, filed and told; once.
func TestKilledWithinRecordings(t *testing.T) {
	k := newKit(t, nil)
	k.close()
	child := storetest.Start(t, "recorder", k.dir)
	frames := 0
	for frames < 175 && child.Lines.Scan() { // three and a half seconds
		fmt.Sscanf(child.Lines.Text(), "spoken %d", &frames)
	}
	child.KillNow()
	for child.Lines.Scan() {
		fmt.Sscanf(child.Lines.Text(), "spoken %d", &frames)
	}
	child.Kill()
	if n := len(k.spool()); n != 6 {
		t.Fatalf("the spool holds %v", k.spool())
	}
	spoken := time.Duration(frames) * 20 * time.Millisecond
	var notes int
	for _, name := range k.spool() {
		if strings.HasSuffix(name, noteEnd) {
			if notes++; notes == 1 { // and one note did not reach the disk
				if err := os.Remove(filepath.Join(k.c.Folder, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for range 2 { // the second start finds nothing to do
		k.open()
		k.idle()
		k.close()
	}
	events := k.book.told()
	if len(events) != 3 || len(k.spool()) > 0 {
		t.Fatalf("%d events, %v", len(events), k.spool())
	}
	k.open()
	defer k.close()
	known := 0
	for _, e := range events {
		text := k.filed(e)
		if !e.Tape.Torn || e.Tape.Long > spoken+300*time.Millisecond || e.Tape.Long < spoken-1100*time.Millisecond {
			t.Errorf("%v of %v, torn %t", e.Tape.Long, spoken, e.Tape.Torn)
		}
		if len(e.Tape.Segments) == 1 && e.Tape.Segments[0].Left == e.From.Account && string(e.Call) == "c"+e.From.Account {
			known++
		}
		last := int(text[len(text)-4]) | int(text[len(text)-3])<<8
		if at := time.Duration(last) * 20 * time.Millisecond; at < e.Tape.Long-200*time.Millisecond || at > e.Tape.Long+200*time.Millisecond {
			t.Errorf("its end was said at %v of %v", at, e.Tape.Long)
		}
		source, err := k.a.Play("sample", e.Tape.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := source.Read(make(media.Frame, 160)); err != nil && err != io.EOF {
			t.Error(err)
		}
	}
	if known != 2 {
		t.Errorf("%d recordings have their notes", known)
	}
	if s := k.a.Stats(); s.Alarms != [alarms]bool{} {
		t.Errorf("%+v", s)
	}
	_, failed := k.said()
	if len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
}

// An end between filing and clearing the spool files once more and tells again; an end between deleting and telling
// leaves a row that can be deleted again, and nothing comes back.
func TestEndsInBetween(t *testing.T) {
	k := newKit(t, nil)
	tape := k.begin("101")
	speak(tape, 100*time.Millisecond)
	got, err := ended(tape)
	if err != nil {
		t.Fatal(err)
	}
	k.idle()
	k.close()
	n := note{Recorded: got, Tenant: "sample", Account: "101", Call: "c101", Whole: true}
	if err := k.a.keep(&n); err != nil {
		t.Fatal(err)
	}
	half := k.a.spool("sample", got.Name) + noteEnd + freshEnd // of a note that was being written
	if err := os.WriteFile(half, []byte(`{"na`), 0o600); err != nil {
		t.Fatal(err)
	}
	k.open()
	k.idle()
	k.close()
	if events := k.book.told(); len(events) != 2 || events[1].Kind != call.Taped || len(k.spool()) != 0 {
		t.Errorf("%+v %v", events, k.spool())
	}
	if err := k.a.keep(&n); err != nil {
		t.Fatal(err)
	}
	key, _ := keyOf("sample", got.Name)
	if err := k.files.Delete(context.Background(), key); err != nil {
		t.Fatal(err)
	}
	k.open()
	defer k.close()
	k.idle()
	if events := k.book.told(); len(events) != 2 || len(k.spool()) != 0 {
		t.Errorf("%d events %v", len(events), k.spool())
	}
}
