package revision_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"santral/base/seal"
	"santral/service/revision"
	"santral/store/db"
	"santral/store/storetest"
	"santral/tenant"
)

// applies is the child of TestKilledWhileApplying: it names both extensions anew, again and again, and says each revision that
// it was told of.
func applies(args []string) {
	dir := args[0]
	d, err := db.Open(context.Background(), filepath.Join(dir, "x.db"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	key, err := seal.Open(filepath.Join(dir, "secrets.key"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var current atomic.Pointer[tenant.Snapshot]
	b, err := revision.Open(context.Background(), revision.Config{Store: d, Keys: revision.NewKeys(key), Current: &current}, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		name := fmt.Appendf(nil, `{"name":"N%d"}`, b.Last().Number+1)
		r, err := b.Apply(context.Background(), revision.Change{Author: sara, Edits: []revision.Edit{
			{Tenant: "behrad", List: "extensions", Key: "101", Do: revision.Patch, Value: name}, {Tenant: "behrad", List: "extensions", Key: "102", Do: revision.Patch, Value: name},
		}})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(r.Number)
	}
}

// A process that is killed while it applies leaves what was before or what is after, never a part, and nothing that was said to
// be applied is lost.
func TestKilledWhileApplying(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.dir = filepath.Dir(h.dsn)
	h.open()
	h.apply(texts(behrad))
	for round := range 8 {
		h.db.Close()
		child := storetest.Start(t, "applies", h.dir)
		said := uint64(0)
		for n := 0; n < 3+round && child.Lines.Scan(); n++ {
			fmt.Sscan(child.Lines.Text(), &said)
		}
		time.Sleep(time.Duration(round) * 700 * time.Microsecond)
		child.KillNow()
		for child.Lines.Scan() {
			fmt.Sscan(child.Lines.Text(), &said)
		}
		child.Kill()
		h.db = nil
		h.open()
		last := h.book.Last().Number
		if last < said || said == 0 {
			t.Fatalf("revision %d was applied, the last is %d", said, last)
		}
		want := fmt.Sprintf("N%d", last)
		if strings.Count(h.text("behrad"), "name: "+want) != 2 || h.current.Load().Revision != last {
			t.Fatalf("after revision %d:\n%s", last, h.text("behrad"))
		}
		if a := h.current.Load().Account("behrad", "102"); a.Name != want || a.Credential.Password != "oQ9 vv#2x" {
			t.Fatalf("%+v", a)
		}
	}
}
