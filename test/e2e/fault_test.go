package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

func TestACrashLosesNoRecordAndNoRegistration(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	sound := phone.Speech(t, "en", "hello", 60)
	a := phone.StartBaresip(t, x.Account("101", "udp"), sound)
	b := phone.StartBaresip(t, x.Account("102", "udp"), sound)
	c := phone.StartBaresip(t, x.Account("103", "udp"), sound)
	a.Dial("102")
	b.Wait("CALL_INCOMING")
	b.Command("accept", "")
	a.Wait("CALL_ESTABLISHED")
	a.Command("hangup", "")
	b.Wait("CALL_CLOSED")
	time.Sleep(100 * time.Millisecond) // the BYE's answer is on its way to a
	c.Dial("*43")
	c.Wait("CALL_ESTABLISHED")
	x.Kill()
	began := time.Now()
	x.Start()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the exchange came back after %v", took)
	}
	if first := record(t, x, "101", "102"); first.State != "answered" {
		t.Errorf("the ended call is %+v", first)
	}
	if second := record(t, x, "103", "*43"); second.State != "interrupted" {
		t.Errorf("the call that was going on is %+v", second)
	}
	if n := len(x.CDRs()); n != 2 {
		t.Errorf("%d records of two calls", n)
	}
	var page struct{ Items []map[string]any }
	if x.Get("/api/v1/registrations", &page); len(page.Items) != 3 {
		t.Errorf("%d registrations after the crash, want 3", len(page.Items))
	}
	caller := phone.StartBaresip(t, x.Account("104", "udp"), sound)
	caller.Dial("102")
	phone.Eventually(t, 5*time.Second, "102 rings without registering again", func() bool {
		return strings.Count(b.Out.String(), "CALL_INCOMING") == 2
	})
}

func TestTerminatingEndsCallsWithBye(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	sound := phone.Speech(t, "en", "hello", 60)
	a := phone.StartBaresip(t, x.Account("101", "udp"), sound)
	b := phone.StartBaresip(t, x.Account("102", "udp"), sound)
	a.Dial("102")
	b.Wait("CALL_INCOMING")
	b.Command("accept", "")
	a.Wait("CALL_ESTABLISHED")
	if status := x.Stop(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	a.Wait("CALL_CLOSED")
	b.Wait("CALL_CLOSED")
	x.Start()
	if c := record(t, x, "101", "102"); c.State != "answered" || c.EndedBy != "exchange" {
		t.Errorf("record %+v", c)
	}
}

// TestFloodsLeaveAGoodCallerAlone sends each flood while one good caller keeps calling the echo, and
// looks at memory afterwards.
func TestFloodsLeaveAGoodCallerAlone(t *testing.T) {
	const count, rate = 20_000, 2_500
	floods := []struct {
		name string
		text func(r *phone.Raw, i int) string
	}{
		{"junk", func(_ *phone.Raw, i int) string {
			b := make([]byte, 20+i%600)
			for j := range b {
				b[j] = byte(rand.Uint32())
			}
			return string(b)
		}},
		{"REGISTER with wrong passwords", func(r *phone.Raw, i int) string {
			bad := `Authorization: Digest username="101", realm="santral.local", nonce="` + fmt.Sprint(i) + `", uri="sip:x", algorithm=MD5, qop=auth, nc=00000001, cnonce="a", response="0123456789abcdef0123456789abcdef"` + "\r\n"
			return r.Request("REGISTER", "sip:127.0.0.1", "101", 1, fmt.Sprintf("w%x", rand.Uint64()), bad, "")
		}},
		{"INVITE never acknowledged", func(r *phone.Raw, i int) string {
			return r.Request("INVITE", "sip:102@127.0.0.1", "101", 1, fmt.Sprintf("i%x", rand.Uint64()), "", "")
		}},
		{"SUBSCRIBE", func(r *phone.Raw, i int) string {
			return r.Request("SUBSCRIBE", "sip:101@127.0.0.1", "101", 1, fmt.Sprintf("s%x", rand.Uint64()), "Event: message-summary\r\n", "")
		}},
		{"OPTIONS", func(r *phone.Raw, i int) string {
			return r.Request("OPTIONS", "sip:127.0.0.1", "101", 1, fmt.Sprintf("o%x", rand.Uint64()), "", "")
		}},
		{"BYE", func(r *phone.Raw, i int) string {
			return r.Request("BYE", "sip:127.0.0.1", "101", 1, fmt.Sprintf("b%x", rand.Uint64()), "", "")
		}},
		{"responses", func(r *phone.Raw, i int) string {
			return fmt.Sprintf("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%x\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: %x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n", r.Addr(), rand.Uint64(), rand.Uint64())
		}},
	}
	x := phone.StartExchange(t, "--digest", "md5")
	good := phone.NewRaw(t, x, "")
	goodCalls(t, good, 3)
	before := x.Resident()
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			stop, done := make(chan struct{}), make(chan int)
			go func() {
				calls := 0
				for {
					select {
					case <-stop:
						done <- calls
						return
					default:
						goodCalls(t, good, 1)
						calls++
					}
				}
			}()
			r := phone.NewRaw(t, x, "")
			tick := time.NewTicker(10 * time.Millisecond)
			for i := 0; i < count; {
				<-tick.C
				for range rate / 100 {
					r.Send(flood.text(r, i))
					i++
				}
			}
			tick.Stop()
			close(stop)
			calls := <-done
			if !x.Alive() {
				t.Fatalf("the exchange is dead:\n%s", x.Out)
			}
			t.Logf("%d good calls meanwhile", calls)
			if answer := phone.NewRaw(t, x, "").Register("105", phone.Password); !strings.HasPrefix(answer, "SIP/2.0 200") {
				t.Errorf("a REGISTER afterwards: %.60q", answer)
			}
		})
	}
	phone.Eventually(t, 45*time.Second, "memory settles at most 64 MiB above its beginning", func() bool {
		return x.Resident()-before < 64<<20
	})
}

// goodCalls makes calls to the echo, ten a second, by a scripted phone, and fails the test when one
// is not answered within 5 s and ended by a 200.
func goodCalls(t *testing.T, r *phone.Raw, count int) {
	t.Helper()
	for range count {
		began := time.Now()
		if err := r.Call("110", phone.Password, "*43"); err != nil {
			t.Errorf("a good call failed: %v", err)
			return
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a good call took %v", took)
		}
		time.Sleep(100 * time.Millisecond) // a person's pace, many times over
	}
}

func TestHalfOpenConnectionsLeaveRoom(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range 1000 {
		c, err := net.Dial("tcp", x.SIP)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
		if i%2 == 0 {
			fmt.Fprintf(c, "REGISTER sip:127.0.0.1 SIP/2.0\r\nContent-Length: 500\r\nVia: SIP/2.0/TCP 127.0.0.1\r\n")
		}
	}
	phone.StartBaresip(t, x.Account("101", "tcp"), phone.Speech(t, "en", "hello", 10))
	goodCalls(t, phone.NewRaw(t, x, ""), 3)
}
