package endpoint

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/sip"
)

// numbered makes a request of its own Call-ID and branch.
func numbered(m sip.Method, i int) string {
	return text(m, "call-1", fmt.Sprintf("call-%d", i), "z9hG4bK-one", fmt.Sprintf("z9hG4bK-%d", i))
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Threat 2: 20,000 INVITEs from many sources that are refused and never acknowledged. What they leave
// is bounded at once and gone after Timer H.
func TestMemoryOfUnackedInvites(t *testing.T) {
	play(t, func(c *Config) { c.Wire = silent{} }, func(r *rig) {
		r.serve = respond(486)
		before := heap()
		for i := range 20000 {
			f := alice
			f.Remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 12), byte(i >> 4), 1}), 5060)
			r.get(f, numbered(sip.INVITE, i))
			if i%100 == 99 {
				r.wait(ms)
			}
		}
		r.wait(0)
		s := r.e.Stats()
		if s.Servers > 16384+2 || s.Evicted < 3000 {
			t.Errorf("%d live, %d evicted", s.Servers, s.Evicted)
		}
		full := heap() - before
		t.Logf("%d transactions hold %d KiB, %d bytes each", s.Servers, full>>10, full/int64(s.Servers))
		if full > 32<<20 {
			t.Errorf("%d MiB for %d transactions", full>>20, s.Servers)
		}
		r.wait(35 * time.Second)
		r.lives(0, 0)
		if left := heap() - before; left > 8<<20 {
			t.Errorf("%d KiB left", left>>10)
		}
	})
}

// silent is a wire that forgets.
type silent struct{}

func (silent) Way(hop sip.Hop) (sip.Flow, error) {
	return sip.Flow{Transport: hop.Transport, Local: us, Remote: hop.Addr}, nil
}
func (silent) SentBy(sip.Flow) sip.HostPort       { return sip.HostPort{Host: "192.0.2.1", Port: 5060} }
func (silent) Writer() Writer                     { return silent{} }
func (silent) Alive(sip.Flow) bool                { return true }
func (silent) Send(sip.Flow, []byte, func(error)) {}
func (silent) Flush()                             {}

// Refused INVITEs that kept no state leave nothing at all.
func TestMemoryOfChallengedInvites(t *testing.T) {
	play(t, func(c *Config) {
		c.Wire = silent{}
		c.Gate = func(sip.Inbound) Verdict { return Verdict{Status: 401} }
	}, func(r *rig) {
		for i := range 20000 {
			r.get(alice, numbered(sip.INVITE, i))
			if i%1000 == 999 {
				r.wait(ms)
			}
		}
		r.lives(0, 0)
	})
}

func TestAnsweredAreBounded(t *testing.T) {
	play(t, func(c *Config) { c.Wire = silent{}; c.Limits.Answered = 200 }, func(r *rig) {
		r.serve = respond(200)
		for i := range 1000 {
			r.get(alice, numbered(sip.OPTIONS, i))
		}
		r.wait(0)
		if s := r.e.Stats(); s.Servers > 200 || s.Evicted < 800 {
			t.Errorf("%+v", s)
		}
		r.wait(33 * time.Second)
		r.lives(0, 0)
	})
}

// What waits for us is bounded in all and for each source; another source is still served, and a
// source without limits is not held back.
func TestPendingIsBounded(t *testing.T) {
	play(t, func(c *Config) {
		c.Shards, c.Limits.PerSource, c.Limits.Pending = 1, 10, 25
		c.Limits.Exempt = func(a netip.Addr) bool { return a == netip.MustParseAddr("10.9.9.9") }
	}, func(r *rig) {
		var held []*ServerTx
		r.serve = func(_ *Shard, tx *ServerTx) { held = append(held, tx) }
		for i := range 12 {
			r.get(alice, numbered(sip.OPTIONS, i))
		}
		r.wait(0)
		if m := r.last(); m.Status != 503 || m.Get(sip.RetryAfter) == "" || len(held) != 10 {
			t.Errorf("%d held, last answer\n%v", len(held), m)
		}
		six := alice
		for i := range 12 { // one subscriber's addresses count as one
			six.Remote = mustAddr(fmt.Sprintf("[2001:db8::%d]:5060", i+1))
			r.get(six, numbered(sip.OPTIONS, 100+i))
		}
		r.wait(0)
		if len(held) != 20 {
			t.Errorf("%d held", len(held))
		}
		free := alice
		free.Remote = mustAddr("10.9.9.9:5060")
		for i := range 12 {
			r.get(free, numbered(sip.OPTIONS, 200+i))
		}
		r.wait(0)
		if s := r.e.Stats(); len(held) != 25 || s.Shed != 2+2+7 {
			t.Errorf("%d held, %d shed", len(held), s.Shed)
		}
		r.on("x", func(*Shard) {
			for _, tx := range held {
				tx.Refuse(200, "")
			}
		})
		r.get(alice, numbered(sip.OPTIONS, 300))
		r.wait(0)
		if len(held) != 26 {
			t.Error("not served after the others were answered")
		}
	})
}

func TestClientsAreBounded(t *testing.T) {
	play(t, func(c *Config) { c.Shards, c.Limits.Clients = 1, 3 }, func(r *rig) {
		var list []*told
		for range 5 {
			_, d := r.ask(sip.INVITE, toBob)
			list = append(list, d)
		}
		list[2].is(t)
		list[3].is(t, ErrTransport.Error())
		list[4].is(t, ErrTransport.Error())
	})
}

// A shard that is far behind takes what belongs to calls and sheds what would begin something.
func TestBacklogShedsNewWork(t *testing.T) {
	play(t, func(c *Config) { c.Shards, c.Limits.Backlog = 1, 50 }, func(r *rig) {
		served := 0
		r.serve = func(_ *Shard, tx *ServerTx) { served++; tx.Refuse(200, "") }
		u := &usage{t: t}
		r.on("call-1", func(s *Shard) { s.Attach(DialogID{"call-1", "b1", "a1"}, u) })
		gate := make(chan struct{})
		r.e.Shard("x").Do(func() { <-gate })
		synctest.Wait()
		for i := range 200 {
			r.get(alice, numbered(sip.OPTIONS, i+2))
		}
		r.get(alice, text(sip.BYE, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b1"))
		if s := r.e.Stats(); s.Backlog != 51 || s.High != 51 {
			t.Errorf("%+v", s)
		}
		close(gate)
		r.wait(0)
		if s := r.e.Stats(); served != 50 || s.Shed != 150 || len(u.got) != 1 {
			t.Errorf("served %d, shed %d, usage %q", served, s.Shed, u.got)
		}
	})
}

// Messages of one Call-ID never overtake each other, whatever the others do.
func TestShardsKeepOrder(t *testing.T) {
	play(t, func(c *Config) { c.Wire = silent{}; c.Shards = 4 }, func(r *rig) {
		const calls, each = 40, 50
		var mu sync.Mutex
		last := map[string]uint32{}
		r.serve = func(s *Shard, tx *ServerTx) {
			m := tx.Request()
			seq, _ := m.CSeq()
			if s != r.e.Shard(m.CallID()) || tx.Shard() != s {
				t.Error("the wrong shard")
			}
			mu.Lock()
			defer mu.Unlock()
			if last[m.CallID()]++; last[m.CallID()] != seq.Seq {
				t.Errorf("%s: %d came when %d was due", m.CallID(), seq.Seq, last[m.CallID()])
			}
			tx.Refuse(200, "")
		}
		var wg sync.WaitGroup
		for c := range calls {
			wg.Go(func() {
				for i := range each {
					r.get(alice, text(sip.OPTIONS, "call-1", fmt.Sprint("c", c), "z9hG4bK-one", fmt.Sprintf("z9hG4bK-%d-%d", c, i), "CSeq: 1", fmt.Sprintf("CSeq: %d", i+1)))
				}
			})
		}
		wg.Wait()
		r.wait(0)
		if len(last) != calls || last["c7"] != each {
			t.Errorf("%d calls, %d of one", len(last), last["c7"])
		}
	})
}

// TestStorm throws every kind of message at the endpoint in any order, with users that answer late,
// twice or never, and asks that nothing is left when all is over.
func TestStorm(t *testing.T) {
	for seed := range uint64(6) {
		play(t, func(c *Config) { c.Wire = silent{}; c.Limits.Age = time.Minute; c.Shards = 3 }, func(r *rig) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			var mu sync.Mutex
			dice := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return rnd.IntN(n)
			}
			statuses := []int{100, 180, 183, 200, 302, 404, 408, 486, 503, 603}
			r.serve = func(s *Shard, tx *ServerTx) {
				if dice(2) == 0 {
					tx.OnCancel(func(*sip.Message) { tx.Refuse(487, "") })
				}
				for range dice(4) {
					status := statuses[dice(len(statuses))]
					s.After(time.Duration(dice(3000))*ms, func() {
						if dice(8) == 0 {
							tx.Challenge(status, "")
						} else {
							tx.Refuse(status, "")
						}
					})
				}
				if dice(3) == 0 {
					c := s.Request(request(sip.INVITE), Next{Hops: []sip.Hop{{Transport: sip.UDP, Addr: bob.Remote}, {Transport: sip.TCP, Addr: alice.Remote}}}, func(ClientEvent) {})
					s.After(time.Duration(dice(40000))*ms, func() {
						if dice(2) == 0 {
							c.Cancel("")
						} else {
							c.Forget()
						}
					})
				}
			}
			methods := []sip.Method{sip.INVITE, sip.INVITE, sip.ACK, sip.CANCEL, sip.OPTIONS, sip.BYE, sip.PUBLISH, sip.REGISTER}
			for range 3000 {
				f := alice
				if dice(3) == 0 {
					f = onTCP(alice, 1)
				}
				to := ""
				if dice(6) == 0 {
					to = ";tag=b1"
				}
				r.get(f, text(methods[dice(len(methods))], "call-1", fmt.Sprint("c", dice(60)), "z9hG4bK-one", fmt.Sprint("z9hG4bK-", dice(4)),
					"To: <sip:bob@example.com>", "To: <sip:bob@example.com>"+to))
				if dice(3) == 0 {
					r.wait(time.Duration(dice(100)) * ms)
				}
			}
			r.wait(5 * time.Minute)
			r.lives(0, 0)
			for _, s := range r.e.shards {
				r.on(keyFor(r.e, s), func(s *Shard) {
					if s.pending != 0 || len(s.sources) != 0 || len(s.merges) != 0 || s.unacked.n != 0 || s.settled.n != 0 || s.lingering != 0 || s.wheel.n != 0 {
						t.Errorf("seed %d: pending %d, sources %d, merges %d, unacked %d, settled %d, lingering %d, timers %d", seed,
							s.pending, len(s.sources), len(s.merges), s.unacked.n, s.settled.n, s.lingering, s.wheel.n)
					}
				})
			}
		})
	}
}

// keyFor finds a Call-ID of a shard.
func keyFor(e *Endpoint, s *Shard) string {
	for i := 0; ; i++ {
		if id := fmt.Sprint("k", i); e.Shard(id) == s {
			return id
		}
	}
}

// State is data: a second endpoint that takes it up still absorbs copies of what the first answered.
func TestFreezeAndThaw(t *testing.T) {
	play(t, nil, func(r *rig) {
		r.serve = func(_ *Shard, tx *ServerTx) {
			if tx.Request().Method == sip.INVITE {
				tx.Refuse(486, "")
			} else {
				tx.Refuse(200, "")
			}
		}
		r.get(alice, text(sip.OPTIONS))
		answer := r.last().String()
		r.get(alice, text(sip.INVITE, "call-1", "call-2"))
		r.wait(100 * ms)
		state := r.e.Freeze()
		if len(state.Servers) != 2 {
			t.Fatalf("%d transactions", len(state.Servers))
		}
		state = throughJSON(t, state)
		r2 := newRig(t, func(c *Config) { c.State, c.Shards = &state, 3 })
		r2.serve = func(*Shard, *ServerTx) { t.Error("a copy was served again") }
		r2.get(alice, text(sip.OPTIONS))
		if got := r2.last().String(); got != answer {
			t.Errorf("the copy was answered\n%s\nwant\n%s", got, answer)
		}
		r2.sends("0.000 alice SIP/2.0 200 OK")
		r2.wait(time.Second)
		r2.sends("0.400 alice SIP/2.0 486 Busy Here")
		r2.get(alice, text(sip.ACK, "call-1", "call-2"))
		r2.wait(time.Minute)
		r2.sends()
		r2.lives(0, 0)
		if err := r2.e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// A fault in a user's code costs the message or timer that caused it and nothing else.
func TestFaults(t *testing.T) {
	var heard []any
	play(t, func(c *Config) { c.Shards = 1; c.Fault = func(v any, stack []byte) { heard = append(heard, v) } }, func(r *rig) {
		r.serve = func(_ *Shard, tx *ServerTx) {
			if tx.Request().CallID() == "call-7" {
				panic("seven")
			}
			tx.Refuse(200, "")
		}
		r.get(alice, numbered(sip.OPTIONS, 7))
		r.get(alice, numbered(sip.OPTIONS, 8))
		fired := 0
		r.on("x", func(s *Shard) {
			s.After(time.Second, func() { panic("timer") })
			s.After(time.Second, func() { fired++ })
		})
		r.wait(40 * time.Second)
		if len(heard) != 2 || fired != 1 || r.e.Stats().Faults != 2 {
			t.Errorf("heard %v, fired %d", heard, fired)
		}
		r.sends("0.000 alice SIP/2.0 500 Server Internal Error", "0.000 alice SIP/2.0 200 OK")
		r.lives(0, 0)
	})
}

func TestTrace(t *testing.T) {
	var tr trace
	play(t, func(c *Config) { c.Trace = &tr; c.Shards = 1 }, func(r *rig) {
		r.serve = respond(200)
		r.get(alice, text(sip.OPTIONS))
		r.get(alice, "junk")
		r.wait(0)
		if got := strings.Join(tr.lines, "\n"); got != "in OPTIONS\nout call-1 SIP/2.0 200 OK\nin -" {
			t.Error(got)
		}
	})
}

type trace struct{ lines []string }

func (tr *trace) Received(in sip.Inbound, at time.Time) {
	what := "-"
	if in.Err == nil {
		what = string(in.Msg.Method)
	}
	tr.lines = append(tr.lines, "in "+what)
}

func (tr *trace) Sent(f sip.Flow, callID string, text []byte, at time.Time) {
	first, _, _ := strings.Cut(string(text), "\r\n")
	tr.lines = append(tr.lines, "out "+callID+" "+first)
}
