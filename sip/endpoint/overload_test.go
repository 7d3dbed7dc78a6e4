package endpoint

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/sip"
)

// TestShedding loads one shard with twice the calls that it has time for, in virtual time: every call costs
// 3 ms. What is accepted must be answered soon, and nothing that belongs to a call or to an emergency waits
// for that or is refused.
func TestShedding(t *testing.T) {
	const cost = 3 * time.Millisecond
	play(t, func(c *Config) { c.Shards = 1 }, func(r *rig) {
		var mu sync.Mutex
		arrived := map[string]time.Time{}
		taken := map[string]time.Duration{}
		r.serve = func(s *Shard, tx *ServerTx) {
			id := tx.Request().CallID()
			if tx.Request().Method == sip.INVITE {
				time.Sleep(cost)
			}
			mu.Lock()
			taken[id] = time.Since(arrived[id])
			mu.Unlock()
			tx.Refuse(486, "")
		}
		r.on("x", func(s *Shard) { s.Attach(DialogID{CallID: "up", LocalTag: "l", RemoteTag: "a1"}, inDialog{r}) })
		send := func(method sip.Method, id string, pairs ...string) {
			mu.Lock()
			arrived[id] = time.Now()
			mu.Unlock()
			r.get(alice, text(method, append(pairs, "call-1", id, "z9hG4bK-one", "z9hG4bK-"+id)...))
		}
		shed := func() uint64 { return r.e.Stats().Overload }
		calls := 0
		load := func(d, every time.Duration) (worst time.Duration, accepted int) {
			end := time.Now().Add(d)
			mu.Lock()
			clear(taken)
			mu.Unlock()
			for ; time.Now().Before(end); time.Sleep(every) {
				calls++
				send(sip.INVITE, fmt.Sprint("call", calls))
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			for _, d := range taken {
				worst = max(worst, d)
			}
			return worst, len(taken)
		}

		// What it has time for, it takes.
		if worst, n := load(5*time.Second, 4*time.Millisecond); n < 1240 || worst > 10*time.Millisecond || shed() != 0 {
			t.Errorf("at three quarters: %d accepted, %d shed, %v at worst", n, shed(), worst)
		}
		// Twice as much: it goes on with nearly as many as it has time for, and soon.
		worst, n := load(20*time.Second, 1500*time.Microsecond)
		if n < 5300 || n > 6800 || worst > 700*time.Millisecond || shed() < 5000 {
			t.Errorf("at twice the load: %d accepted, %d shed, %v at worst", n, shed(), worst)
		}
		late := 0
		for _, d := range taken {
			if d > 100*time.Millisecond {
				late++
			}
		}
		if late > n/5 {
			t.Errorf("%d of %d accepted calls waited for more than 100 ms", late, n)
		}
		// Then all is as it was.
		before := shed()
		load(10*time.Second, 4*time.Millisecond)
		if _, n := load(5*time.Second, 4*time.Millisecond); n < 1240 || shed() > before+1000 {
			t.Errorf("afterwards: %d accepted, %d shed", n, shed()-before)
		}

		// Who is refused is told when to come again, with no state kept, and his second try likewise.
		r.on("x", func(s *Shard) {
			s.load.calls, s.load.others, s.load.end = [2]float64{1, 1}, [2]float64{1, 1}, s.now+time.Hour
		})
		servers := r.e.Stats().Servers
		send(sip.INVITE, "late")
		out := r.last()
		if after := out.Get(sip.RetryAfter); out.Status != 503 || len(after) == 0 || after < "1" || r.e.Stats().Servers != servers {
			t.Errorf("%d, Retry-After %q, %d transactions", out.Status, after, r.e.Stats().Servers-servers)
		}
		for _, m := range []sip.Method{sip.REGISTER, sip.OPTIONS} {
			if send(m, "late"+string(m)); r.last().Status != 503 {
				t.Errorf("%s: %d", m, r.last().Status)
			}
		}
		for i, mark := range []string{"Priority: Emergency", "Resource-Priority: esnet.0"} {
			send(sip.INVITE, fmt.Sprint("urgent", i), "Max-Forwards", mark+"\r\nMax-Forwards")
			if r.wait(2 * cost); r.last().Status != 486 {
				t.Errorf("an emergency (%s): %d", mark, r.last().Status)
			}
		}
		if send(sip.BYE, "up", "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=l"); r.last().Status != 200 {
			t.Errorf("within a call: %d", r.last().Status)
		}
		// The mark does not open the door for a flood.
		for i := range 3 * overExempt {
			send(sip.INVITE, fmt.Sprint("forged", i), "Max-Forwards", "Priority: emergency\r\nMax-Forwards")
		}
		r.wait(time.Second)
		if n := len(taken); n == 0 {
			t.Error("nothing was taken")
		}
		refused := 0
		for _, l := range r.said() {
			if strings.HasSuffix(l, "503 Service Unavailable") {
				refused++
			}
		}
		if refused < 2*overExempt {
			t.Errorf("%d refused of a flood of forged emergencies", refused)
		}
	})
}

// inDialog answers whatever comes within a dialog.
type inDialog struct{ r *rig }

func (inDialog) Serve(tx *ServerTx)         { tx.Refuse(200, "") }
func (inDialog) Ack(*sip.Message, sip.Flow) {}

// The judgement itself: it knows a hiccup from load, and holds still in between.
func TestOverloadJudges(t *testing.T) {
	o := overload{limit: 10 * time.Millisecond, backlog: 5000}
	now := time.Duration(0)
	behind, fresh := time.Duration(0), [2]int{strangers: 50, members: 50}
	window := func(full bool, waits ...time.Duration) {
		o.handled, o.fresh = 100, fresh
		for _, w := range waits {
			now += overWindow / time.Duration(len(waits))
			o.observe(w, now, 0, &Overload{Full: func() bool { return full }, Behind: func() time.Duration { return behind }})
		}
	}
	ms := time.Millisecond
	window(false, ms)
	window(false, 300*ms, ms, 200*ms, 2*ms) // a collection of garbage
	window(false, 300*ms)                   // and a long one
	window(false, ms)
	for range 10 { // a machine that has other things to do
		now += overWindow
		o.handled = overBusy - 1
		o.observe(time.Second, now, 0, &Overload{})
	}
	if o.calls[strangers] != 0 {
		t.Errorf("a hiccup sheds %v", o.calls)
	}
	window(false, 12*ms, 15*ms)
	window(false, 12*ms, 15*ms)
	behind = 30 * ms // the shard is quick, but who reads for it is not
	window(false, ms)
	behind = 0
	if o.calls[strangers] < 0.19 || o.calls[strangers] > 0.21 || o.others[strangers] != 0 {
		t.Errorf("two slow windows shed %v and %v", o.calls, o.others)
	}
	held := o.calls[strangers]
	for range 50 {
		window(false, 7*ms)
	}
	if o.calls[strangers] != held {
		t.Errorf("in between it moves to %v", o.calls)
	}
	window(false, 60*ms)
	window(false, 60*ms)
	if o.calls[strangers] < held+overLeap-0.01 || o.others[strangers] < overStep {
		t.Errorf("far too slow: %v and %v", o.calls, o.others)
	}
	for range 120 {
		window(false, ms)
	}
	if o.calls[strangers] != 0 || o.others[strangers] != 0 {
		t.Errorf("after six good seconds: %v and %v", o.calls, o.others)
	}
	call := request(sip.INVITE)
	window(true, ms)
	if !o.sheds(call, members, 1<<63, func() bool { return urgent(call) }) || !o.late() {
		t.Error("a call is taken though all is full")
	}
	if o.sheds(call, members, 1<<63, func() bool { return true }) {
		t.Error("an emergency is shed")
	}
	window(false, ms)
	if o.sheds(call, members, 1<<63, func() bool { return urgent(call) }) || o.late() {
		t.Error("a call is refused though there is room again")
	}
	window(false, 60*ms)
	now += time.Minute // nobody calls
	o.rested(now, &Overload{})
	if o.calls[strangers] != 0 || o.others[strangers] != 0 {
		t.Errorf("after a quiet minute: %v and %v", o.calls, o.others)
	}
	// Strangers' calls go before those of the house's own phones, which are shed when there are no others.
	for range 3 {
		window(false, 60*ms)
	}
	if o.calls[strangers] != 1 || o.calls[members] != 0 {
		t.Errorf("strangers %v, known %v", o.calls[strangers], o.calls[members])
	}
	fresh = [2]int{strangers: 500, members: 5}
	window(false, 12*ms)
	if o.calls[members] != overStep {
		t.Errorf("when all strangers are shed: %v", o.calls[members])
	}
	now += time.Minute
	o.rested(now, &Overload{})
	fresh = [2]int{strangers: 0, members: 50}
	for range 3 {
		window(false, 12*ms)
	}
	if o.calls[strangers] != 0 || o.calls[members] != 2*overStep {
		t.Errorf("without strangers: %v and %v", o.calls[strangers], o.calls[members])
	}
	now += time.Minute
	o.rested(now, &Overload{})
	o.observe(ms, now, 5000, &Overload{})
	if o.calls[strangers] < 0.5 {
		t.Errorf("an inbox that fills: %v", o.calls)
	}
	off := overload{limit: -1}
	off.observe(time.Hour, time.Hour, 1<<20, &Overload{Full: func() bool { return true }})
	if off.late() {
		t.Error("what is switched off sheds")
	}
}
