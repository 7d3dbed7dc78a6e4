package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"santral/test/phone"
)

// TestBackupAndRestore saves an exchange while calls come and go, loses its machine, and has it again: every call that was
// over before is in the records once, phones are reached without registering again, and the accounts have their passwords.
func TestBackupAndRestore(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "20", "--channels", "10")
	callee := x.UDP(t, "127.0.13.2").Agent("110").Register()
	var made atomic.Int64
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		wait.Go(func() {
			a := x.UDP(t, fmt.Sprintf("127.0.13.%d", 10+i)).Agent(fmt.Sprint(101 + i))
			defer a.Close()
			for {
				select {
				case <-stop:
					return
				default:
				}
				d := a.Request("INVITE", a.URI("*43")).SDP(media)
				m := a.Transact(d, time.Second)
				if m.Status() != 401 {
					continue
				}
				d = a.Authorize(d, m)
				if m = a.Transact(d, time.Second); m.Status() != 200 {
					continue
				}
				c := &phone.Dialog{Agent: a, ID: d.Get("Call-ID"), Local: d.Get("From"), Remote: m.Get("To"), Target: m.Contact(), CSeq: 2}
				c.Ack("")
				if m = a.Transact(c.Request("BYE"), time.Second); m.Status() == 200 {
					made.Add(1)
				}
			}
		})
	}
	phone.Eventually(t, 10*time.Second, "some calls are over", func() bool { return made.Load() > 50 })
	before := made.Load()
	archive := filepath.Join(t.TempDir(), "all.tar.gz")
	x.Run("backup", "-o", archive)
	close(stop)
	wait.Wait()
	x.Kill()
	entries, err := os.ReadDir(x.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(x.Data, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	x.Run("restore", archive)
	x.Start()
	seen := map[string]int{}
	for _, r := range x.AllCDRs() {
		seen[r.Call]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%d records of call %s", n, id)
		}
	}
	if int64(len(seen)) < before {
		t.Errorf("%d records after %d calls that were over", len(seen), before)
	}
	rung := make(chan struct{})
	go func() {
		defer close(rung)
		callee.Ring()
	}()
	x.UDP(t, "127.0.13.30").Agent("105").Dial("110", media)
	<-rung // the phone was registered before, and not since
}
