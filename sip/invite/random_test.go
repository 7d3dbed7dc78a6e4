package invite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"santral/base/id"
	"santral/sip"
	"santral/sip/endpoint"
)

// deed is one thing that one of two user agents does of its own accord, after a while.
type deed struct {
	Side, What int
	Pause      int // in milliseconds
}

const deeds = 11

// weather is what the network between them does to messages.
type weather struct {
	Seed             uint64
	Loss, Twice      int // of a hundred
	Delay            int // the longest, in milliseconds: messages overtake one another
	Late, Reliable   bool
	Demand, Careless bool // 100rel is demanded; answers to offers are refused now and then
}

// TestRandomSessions has two user agents do random things to one call, over a network that loses, doubles and
// reorders: INVITE, PRACK, UPDATE, re-INVITE, INFO, CANCEL and BYE in whatever order. Afterwards both are in the call
// and agree on its descriptions, or neither is; nobody heard of the end twice, or of anything after it;
// no transaction and no usage is left.
func TestRandomSessions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := weather{
			Seed:     rapid.Uint64().Draw(rt, "seed"),
			Loss:     rapid.SampledFrom([]int{0, 0, 10, 25}).Draw(rt, "loss"),
			Twice:    rapid.SampledFrom([]int{0, 10, 30}).Draw(rt, "twice"),
			Delay:    rapid.SampledFrom([]int{0, 5, 300, 1500}).Draw(rt, "delay"),
			Late:     rapid.Bool().Draw(rt, "late"),
			Reliable: rapid.Bool().Draw(rt, "reliable"),
			Demand:   rapid.Bool().Draw(rt, "demand"),
			Careless: rapid.Bool().Draw(rt, "careless"),
		}
		script := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) deed {
			return deed{
				Side:  rapid.IntRange(0, 1).Draw(rt, "side"),
				What:  rapid.IntRange(0, deeds-1).Draw(rt, "what"),
				Pause: rapid.SampledFrom([]int{0, 0, 1, 50, 700, 5000, 40000}).Draw(rt, "pause"),
			}
		}), 1, 20).Draw(rt, "script")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = randomCall(w, script) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// air is the network, and the story of what passed.
type air struct {
	weather
	mu    sync.Mutex
	rand  *rand.Rand
	ends  [2]*endpoint.Endpoint
	story strings.Builder
	begun time.Time
}

func (a *air) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintf(&a.story, "%9.3f ", time.Since(a.begun).Seconds())
	fmt.Fprintf(&a.story, format+"\n", args...)
}

// antenna is one end of it (endpoint.Wire).
type antenna struct {
	*air
	side int
}

func (antenna) Way(sip.Hop) (sip.Flow, error) { return ourFlow, nil }
func (antenna) SentBy(sip.Flow) sip.HostPort  { return sip.HostPort{Host: "192.0.2.1", Port: 5060} }
func (a antenna) Writer() endpoint.Writer     { return a }
func (antenna) Alive(sip.Flow) bool           { return true }
func (antenna) Flush()                        {}
func (a antenna) Send(f sip.Flow, b []byte, _ func(error)) {
	text := string(b)
	line, _, _ := strings.Cut(text, "\r\n")
	m, err := sip.ParseMessage(text)
	if err != nil {
		panic(fmt.Sprintf("unreadable: %v\n%s", err, text))
	}
	a.mu.Lock()
	times := 1
	if a.rand.IntN(100) < a.Twice {
		times = 2
	}
	if a.rand.IntN(100) < a.Loss {
		times--
	}
	var waits []time.Duration
	for range times {
		waits = append(waits, time.Duration(1+a.rand.IntN(a.Delay+1))*time.Millisecond)
	}
	a.mu.Unlock()
	a.note("%c  %s (%s) [%s] %v", "AB"[a.side], line, m.Get(sip.CSeqKind), m.Body, waits)
	for _, d := range waits {
		time.AfterFunc(d, func() {
			m, _ := sip.ParseMessage(text)
			a.ends[1-a.side].Receive(sip.Inbound{Flow: ourFlow, Msg: m, Size: len(text)})
		})
	}
}

// agent is one user agent: what the session tells it, and what it says to that.
type agent struct {
	*air
	side    int
	cfg     Config
	session *Session
	said    int    // descriptions so far
	last    string // the last event, "" while it lives
	left    bool   // it ended the call itself
	wrong   string
}

func (g *agent) describe() string {
	g.said++
	return fmt.Sprintf("%c%d", "ab"[g.side], g.said)
}

func (g *agent) chance(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rand.IntN(n) == 0
}

// Serve takes the call (endpoint.User).
func (g *agent) Serve(s *endpoint.Shard, tx *endpoint.ServerTx) {
	if g.session != nil || tx.Request().Method != sip.INVITE {
		tx.Refuse(486, "")
		return
	}
	session, err := Serve(&g.cfg, tx, "<sip:b@192.0.2.2>", g)
	if err != nil {
		tx.Refuse(400, "")
		return
	}
	g.session = session
}

// Handle is the user's part (Handler).
func (g *agent) Handle(e Event) {
	g.note("   %c is told: %s %v", "AB"[g.side], e.Kind, e.Err)
	if g.last != "" || g.left {
		g.wrong = fmt.Sprintf("%c is told %s after %q (left %v)", "AB"[g.side], e.Kind, g.last, g.left)
	}
	s := g.session
	switch e.Kind {
	case Failed, Gone:
		g.last = e.Kind.String()
		s.Finish()
	case Offered:
		if g.Careless && g.chance(4) {
			s.RefuseChange(488, "")
		} else {
			s.AcceptChange(g.describe())
		}
	}
	if s.Due() {
		s.Answer(g.describe())
	}
}

// does is one deed.
func (g *agent) does(what int) {
	s := g.session
	if s == nil || g.last != "" || g.left {
		return
	}
	switch what {
	case 0:
		s.Progress(180, "")
	case 1, 2:
		s.Progress(183, g.describe())
	case 3, 4:
		s.Accept(g.describe())
	case 5, 6:
		if s.Free() {
			s.Modify(g.describe())
		}
	case 7:
		s.Refresh(sip.Header{Kind: sip.Subject, Value: "x"})
	case 8:
		s.Inform("", "text/plain", "x")
	case 9:
		if s.Free() && (s.State() == Established || s.State() == Answered) {
			s.Modify("")
		}
	case 10:
		g.left = s.State() != Ended
		s.Hangup("")
	}
}

// randomCall plays a script, and gives what is wrong afterwards, "" for nothing.
func randomCall(w weather, script []deed) string {
	a := &air{weather: w, rand: rand.New(rand.NewPCG(w.Seed, 1)), begun: time.Now()}
	agents := [2]*agent{{air: a}, {air: a, side: 1}}
	var mu sync.Mutex
	var faults string
	for i, g := range agents {
		g.cfg = Config{Session: 3 * time.Minute}
		if w.Reliable {
			g.cfg.Supported = "100rel, timer"
		}
		a.ends[i] = endpoint.New(endpoint.Config{
			Wire: antenna{a, i}, User: g, Shards: 1, Random: id.New([32]byte{byte(i), byte(w.Seed)}), Extensions: []string{"100rel", "timer"},
			Allow: []sip.Method{sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.INFO, sip.PRACK, sip.UPDATE},
			Fault: func(value any, stack []byte) {
				mu.Lock()
				faults += fmt.Sprintf("%v\n%s\n", value, stack)
				mu.Unlock()
			},
		})
	}
	defer func() {
		for _, e := range a.ends {
			e.Close(context.Background())
		}
	}()
	on := func(side int, f func(*agent)) {
		done := make(chan struct{})
		a.ends[side].Shard("call").Do(func() { defer close(done); f(agents[side]) })
		<-done
	}
	on(0, func(g *agent) {
		req := sip.NewRequest(sip.INVITE, "sip:b@192.0.2.2")
		req.Set(sip.From, "<sip:a@192.0.2.1>;tag=a")
		req.Set(sip.To, "<sip:b@192.0.2.2>")
		req.Set(sip.CallID, "call")
		req.Set(sip.CSeqKind, "1 INVITE")
		if w.Reliable {
			req.Set(sip.Supported, g.cfg.Supported)
			if w.Demand {
				req.Set(sip.Require, "100rel")
			}
		}
		if !w.Late {
			req.SetBody(ContentType, g.describe())
		}
		g.session = Connect(&g.cfg, a.ends[0].Shard("call"), req, endpoint.Next{Flow: ourFlow, HasFlow: true}, func(*sip.Message, sip.Flow) string { return "<sip:a@192.0.2.1>" }, g)
	})
	for _, d := range script {
		time.Sleep(time.Duration(d.Pause) * time.Millisecond)
		on(d.Side, func(g *agent) { g.does(d.What) })
	}
	settle := func() { // until all that was begun has come to an end: two changes in turn, and the slowest network
		time.Sleep(4 * time.Minute)
		synctest.Wait()
	}
	settle()
	on(1, func(g *agent) { // nobody rings for ever
		if s := g.session; s != nil && s.State() == Incoming && g.last == "" && !g.left {
			s.Reject(480, "")
			g.left = true
		}
	})
	settle()
	var wrong []string
	states := [2]State{Ended, Ended}
	var ours, theirs [2]uint64
	for i := range agents {
		on(i, func(g *agent) {
			if s := g.session; s != nil {
				states[i], ours[i], theirs[i] = s.State(), sumOf(s.ours), s.theirs
				if s.change != nil || s.asked != nil || s.sent != nil || s.queued != nil {
					wrong = append(wrong, fmt.Sprintf("%c is still at something", "AB"[i]))
				}
			}
		})
	}
	switch {
	case states[0] != states[1]:
		wrong = append(wrong, fmt.Sprintf("A is %s, B is %s", states[0], states[1]))
	case states[0] == Established && (ours[0] != theirs[1] || ours[1] != theirs[0]):
		wrong = append(wrong, fmt.Sprintf("they differ about the session: %q and %q", agents[0].session.ours, agents[1].session.ours))
	}
	for i := range agents {
		on(i, func(g *agent) {
			if g.session != nil && g.last == "" && !g.left {
				g.left = true
				g.session.Hangup("")
			}
		})
	}
	settle()
	for i, g := range agents {
		if g.wrong != "" {
			wrong = append(wrong, g.wrong)
		}
		if n := a.ends[i].Stats(); n.Servers != 0 || n.Clients != 0 || n.Usages != 0 {
			wrong = append(wrong, fmt.Sprintf("%c is left with %d server and %d client transactions and %d usages", "AB"[i], n.Servers, n.Clients, n.Usages))
		}
	}
	if faults != "" {
		wrong = append(wrong, faults)
	}
	if len(wrong) == 0 {
		return ""
	}
	return strings.Join(wrong, "\n") + "\n" + a.story.String()
}
