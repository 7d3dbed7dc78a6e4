package e2e

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// The threat of a crash, by its number in the table of threats: what was promised before it is kept after it.

// TestKilledWhileRecordsAreWritten kills the exchange while many calls end: each call whose BYE was
// answered has its record, once.
func TestKilledWhileRecordsAreWritten(t *testing.T) { // 24
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "20", "--channels", "10")
	acknowledged := map[string]bool{}
	begun := map[string]bool{}
	for round := range 3 {
		var mu sync.Mutex
		var wait sync.WaitGroup
		stop := make(chan struct{})
		for i := range 8 {
			wait.Go(func() {
				a := x.UDP(t, fmt.Sprintf("127.0.12.%d", i+1)).Agent(fmt.Sprint(101 + i))
				defer a.Close()
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					d := a.Request("INVITE", a.URI("*43")).SDP(media)
					m := a.Transact(d, 700*time.Millisecond)
					if m.Status() != 401 {
						continue
					}
					d = a.Authorize(d, m)
					id := d.Get("Call-ID")
					if m = a.Transact(d, 700*time.Millisecond); m.Status() != 200 {
						continue
					}
					c := &phone.Dialog{Agent: a, ID: id, Local: d.Get("From"), Remote: m.Get("To"), Target: m.Contact(), CSeq: 2}
					c.Ack("")
					mu.Lock()
					begun[id] = true
					mu.Unlock()
					if m = a.Transact(c.Request("BYE"), 700*time.Millisecond); m.Status() == 200 {
						mu.Lock()
						acknowledged[id] = true
						mu.Unlock()
					}
				}
			})
		}
		time.Sleep(time.Duration(700+150*round) * time.Millisecond) // the calls are everywhere in their lives
		x.Kill()
		close(stop)
		wait.Wait()
		began := time.Now()
		x.Start()
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it came back after %v", took)
		}
	}
	healthy(t, x, 3*time.Second)
	seen := map[string]int{}
	for cursor := ""; ; {
		_, text := page(t, x, "/api/v1/cdrs?limit=200&cursor="+cursor)
		var list struct {
			Items []struct {
				State string
				Legs  []struct {
					ID string `json:"sip_call_id"`
				}
			}
			Next string `json:"next"`
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, r := range list.Items {
			for _, l := range r.Legs {
				seen[l.ID]++
			}
		}
		if cursor = list.Next; cursor == "" {
			break
		}
	}
	missing := 0
	for id := range acknowledged {
		if seen[id] == 0 {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d acknowledged calls have no record", missing, len(acknowledged))
	}
	unrecorded := 0
	for id := range begun {
		if seen[id] == 0 {
			unrecorded++
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%d records of call %s", n, id)
		}
	}
	if len(acknowledged) < 20 {
		t.Errorf("only %d calls were made", len(acknowledged))
	}
	t.Logf("%d calls answered, %d acknowledged, %d records; %d answered ones without", len(begun), len(acknowledged), len(seen), unrecorded)
}

// TestKilledUnderConnections: phones over TLS and WSS come back after a crash and have what was promised: every
// text that was answered 202, once, and a lamp as soon as they ask again.
func TestKilledUnderConnections(t *testing.T) { // 24
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "20")
	say := func(a *phone.Agent, to, text string) int {
		d := a.Request("MESSAGE", a.URI(to)).Set("Content-Type", "text/plain")
		d.Body = text
		return a.Ask(d).Status()
	}
	var watches []*watch
	kept := map[string][]string{}
	for i, transport := range []string{"tls", "wss"} {
		a := x.Wire(t, transport, "").Agent(fmt.Sprint(101 + i)).Register()
		for n := range 5 {
			to := fmt.Sprint(105 + i)
			if text := fmt.Sprint(transport, " ", n); say(a, to, text) == 202 {
				kept[to] = append(kept[to], text)
			}
		}
		w := subscribe(t, a, "sip:110@"+x.Realm, "dialog")
		w.next("dialog-info")
		watches = append(watches, w)
	}
	x.Kill() // at once
	began := time.Now()
	x.Start()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it came back after %v", took)
	}
	for i, transport := range []string{"tls", "wss"} {
		number := fmt.Sprint(101 + i)
		caller := x.Wire(t, transport, "").Agent("112")
		c := caller.Dial(number, media) // its connection is gone, and so is its binding
		if m := c.Want(soon, "an answer", phone.Responses(c.ID, c.Invite.Get("CSeq"), 200)); m.Status() != 480 {
			t.Errorf("a call to a phone whose connection is gone: %s, want 480", m.Line())
		}
		again := x.Wire(t, transport, "").Agent(number).Register()
		old := *watches[i]
		old.Agent = again
		if m := old.again("600"); m.Status() != 481 {
			t.Errorf("a subscription of before: %s, want 481", m.Line())
		}
		w := subscribe(t, again, "sip:110@"+x.Realm, "dialog")
		w.next("dialog-info")
		c = caller.Dial(number, media)
		r := again.Ring()
		r.Tell(486, "Busy Here", "")
		c.Response(486, soon)

		to := fmt.Sprint(105 + i)
		if len(kept[to]) != 5 {
			t.Errorf("%d texts to %s were kept", len(kept[to]), to)
		}
		b := x.Wire(t, transport, "").Agent(to).Register()
		var heard []string
		for range kept[to] {
			m := b.Want(soon, "MESSAGE", phone.Requests("MESSAGE"))
			b.Send(m.Answer(200, "OK", "b").String())
			heard = append(heard, m.Body())
		}
		if fmt.Sprint(heard) != fmt.Sprint(kept[to]) {
			t.Errorf("%s heard %q, want %q", to, heard, kept[to])
		}
		b.Quiet(300*time.Millisecond, "a text twice", phone.Requests("MESSAGE"))
	}
}
