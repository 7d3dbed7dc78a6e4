package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"santral/test/phone"
)

// TestSoak makes calls for as long as SANTRAL_SOAK says (`make soak`: an hour), with strangers'
// junk in between and a crash now and then. No good call may fail, every one must have its record
// once, and memory must settle where it was.
func TestSoak(t *testing.T) {
	span, err := time.ParseDuration(os.Getenv("SANTRAL_SOAK"))
	if err != nil {
		t.Skip("a long run of calls and faults; `make soak` asks for it by SANTRAL_SOAK=1h")
	}
	x := phone.StartExchange(t, "--digest", "md5")
	good := phone.NewRaw(t, x, "")
	call := func() {
		began := time.Now()
		if err := good.Call("110", phone.Password, "*43"); err != nil {
			t.Fatalf("a good call failed: %v", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a good call took %v", took)
		}
	}
	calls, crashes := 0, 0
	for range 200 {
		call()
		calls++
	}
	before := x.Resident()
	end, crash := time.Now().Add(span), time.Now().Add(span/6)
	for time.Now().Before(end) {
		for range 50 {
			call()
			calls++
		}
		stranger := phone.NewRaw(t, x, "")
		for i := range 200 {
			junk := make([]byte, 1+rand.IntN(1200))
			for j := range junk {
				junk[j] = byte(rand.Uint32())
			}
			stranger.Send(string(junk))
			stranger.Send(stranger.Request("INVITE", "sip:102@127.0.0.1", "101", 1, fmt.Sprintf("s%x%d", rand.Uint64(), i), "", ""))
		}
		stranger.Close()
		if time.Now().After(crash) {
			crash = time.Now().Add(span / 6)
			if grown := x.Resident() - before; grown > 64<<20 {
				t.Errorf("memory grew by %d MiB", grown>>20)
			}
			x.Kill()
			x.Start()
			crashes++
		}
	}
	records := map[string]int{}
	for _, c := range x.AllCDRs() {
		if c.State == "answered" && c.EndedBy == "caller" {
			records[c.Call]++
		}
	}
	if len(records) != calls {
		t.Errorf("%d records of %d calls", len(records), calls)
	}
	for id, n := range records {
		if n != 1 {
			t.Errorf("call %s has %d records", id, n)
		}
	}
	t.Logf("%d calls, %d crashes, memory %+d MiB", calls, crashes, (x.Resident()-before)>>20)
}
