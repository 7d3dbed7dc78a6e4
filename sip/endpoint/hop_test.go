package endpoint

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/sip"
)

// hopsTo are hops over UDP.
func hopsTo(list ...string) (h []sip.Hop) {
	for _, a := range list {
		h = append(h, sip.Hop{Transport: sip.UDP, Addr: mustAddr(a)})
	}
	return h
}

var toBoth = Next{Hops: hopsTo("192.0.2.10:5060", "192.0.2.20:5060")}

const acks = " ACK sip:bob@192.0.2.20 SIP/2.0"

// said is what was sent so far, forget begins anew.
func (r *rig) said() []string {
	r.paper.mu.Lock()
	defer r.paper.mu.Unlock()
	return append([]string(nil), r.paper.lines...)
}

func (r *rig) texts() []string {
	r.paper.mu.Lock()
	defer r.paper.mu.Unlock()
	return append([]string(nil), r.paper.texts...)
}

func (r *rig) forget() {
	r.paper.mu.Lock()
	defer r.paper.mu.Unlock()
	r.paper.lines, r.paper.texts = nil, nil
}

// A hop that says nothing is left after two seconds where another waits, and asked no more.
func TestSilentHopIsLeft(t *testing.T) {
	play(t, nil, func(r *rig) {
		_, d := r.ask(sip.INVITE, toBoth)
		r.wait(2*time.Second + ms)
		second := r.last()
		r.get(bob, r.reply(second, 180, "b1"))
		r.wait(20 * time.Second)
		r.get(bob, r.reply(second, 486, "b1"))
		d.is(t, "180", "486")
		r.sends("0.000 alice"+invites, "0.500 alice"+invites, "1.500 alice"+invites, "2.000 bob"+invites, "22.001 bob"+acks)
		r.wait(33 * time.Second)
		r.lives(0, 0)
	})
	// The last one has the whole of Timer B or F, and so has the only one.
	for _, method := range []sip.Method{sip.INVITE, sip.OPTIONS} {
		play(t, nil, func(r *rig) {
			_, d := r.ask(method, toBoth)
			r.wait(33 * time.Second)
			d.is(t)
			r.wait(2 * time.Second)
			d.is(t, ErrTimeout.Error())
			r.lives(0, 0)
		})
		play(t, func(c *Config) { c.Silent = -1 }, func(r *rig) {
			_, d := r.ask(method, toBoth)
			r.wait(63 * time.Second)
			d.is(t)
			r.wait(2 * time.Second)
			d.is(t, ErrTimeout.Error())
		})
	}
	// A 100 is a word: the hop is there, and the caller's patience is all that counts.
	play(t, nil, func(r *rig) {
		_, d := r.ask(sip.INVITE, toBoth)
		r.wait(1900 * ms)
		r.get(alice, r.reply(r.last(), 100, ""))
		r.wait(30 * time.Second)
		d.is(t, "100")
		for _, l := range r.said() {
			if strings.Contains(l, "bob INVITE") {
				t.Error(l)
			}
		}
	})
	// The caller gives up meanwhile: no other is rung.
	play(t, nil, func(r *rig) {
		tx, _ := r.ask(sip.INVITE, toBoth)
		r.wait(time.Second)
		r.on("call-1", func(*Shard) { tx.Cancel("") })
		r.wait(time.Second)
		r.sends("0.000 alice"+invites, "0.500 alice"+invites, "1.500 alice"+invites)
	})
	play(t, func(c *Config) { c.Silent = 5 * time.Second }, func(r *rig) {
		r.ask(sip.OPTIONS, toBoth)
		r.wait(4900 * ms)
		r.forget()
		r.wait(100 * ms)
		r.sends("5.000 bob OPTIONS sip:bob@192.0.2.20 SIP/2.0")
	})
}

// What was left rings after all: it is cancelled, whoever has the call by then.
func TestLateRinging(t *testing.T) {
	play(t, nil, func(r *rig) {
		d := new(told)
		r.on("call-1", func(s *Shard) {
			to := toBoth
			to.Prepare = func(m *sip.Message, f sip.Flow) { // as a leg does whose host depends on the way
				m.Set(sip.From, "<sip:alice@"+f.Remote.Addr().String()+">;tag=ours")
			}
			s.Request(request(sip.INVITE), to, d.h)
		})
		first := r.last()
		r.wait(2 * time.Second)
		second := r.last()
		r.sends("0.000 alice"+invites, "0.500 alice"+invites, "1.500 alice"+invites, "2.000 bob"+invites)
		r.get(alice, r.reply(first, 180, "a1"))
		cancel := r.last()
		r.sends("2.000 alice CANCEL sip:bob@192.0.2.20 SIP/2.0")
		if cancel.Get(sip.ViaKind) != first.Get(sip.ViaKind) || cancel.Get(sip.From) != first.Get(sip.From) || cancel.Get(sip.CSeqKind) != "1 CANCEL" {
			t.Errorf("CANCEL\n%v\nof\n%v", cancel, first)
		}
		r.get(alice, r.reply(cancel, 200, "a1"))
		r.get(alice, r.reply(first, 183, "a1")) // no second CANCEL
		r.get(alice, r.reply(first, 487, "a1"))
		ack := r.last()
		r.sends("2.000 alice" + acks)
		if ack.Get(sip.From) != first.Get(sip.From) {
			t.Errorf("ACK\n%v", ack)
		}
		r.get(bob, r.reply(second, 200, "b1"))
		d.is(t, "200")
		r.wait(33 * time.Second)
		r.sends()
		r.lives(0, 0)
	})
}

// What was left is answered after all: the answer gets its ACK, each copy again, and a BYE; the caller
// hears nothing of it, and it does not matter what became of the call meanwhile.
func TestLateAnswer(t *testing.T) {
	for name, meanwhile := range map[string]func(r *rig, second *sip.Message){
		"the other rings":   func(r *rig, second *sip.Message) { r.get(bob, r.reply(second, 180, "b1")) },
		"the other answers": func(r *rig, second *sip.Message) { r.get(bob, r.reply(second, 200, "b1")) },
		"the other refuses": func(r *rig, second *sip.Message) { r.get(bob, r.reply(second, 486, "b1")) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(r *rig) {
				_, d := r.ask(sip.INVITE, toBoth)
				first := r.last()
				r.wait(2 * time.Second)
				second := r.last()
				meanwhile(r, second)
				r.wait(0)
				d.mu.Lock()
				before := fmt.Sprint(d.list)
				d.mu.Unlock()
				r.wait(time.Second)
				r.forget()
				ok := strings.Replace(r.reply(first, 200, "a1"), "Content-Length", "Contact: <sip:alice@192.0.2.10:5060>\r\nContent-Length", 1)
				r.get(alice, ok)
				bye := r.last()
				r.sends("3.000 alice ACK sip:alice@192.0.2.10:5060 SIP/2.0", "3.000 alice BYE sip:alice@192.0.2.10:5060 SIP/2.0")
				if bye.Get(sip.CSeqKind) != "2 BYE" || bye.ToTag() != "a1" || bye.FromTag() != "ours" {
					t.Errorf("BYE\n%v", bye)
				}
				r.get(alice, r.reply(bye, 200, ""))
				r.get(alice, ok)
				r.sends("3.000 alice ACK sip:alice@192.0.2.10:5060 SIP/2.0")
				if d.mu.Lock(); fmt.Sprint(d.list) != before {
					t.Errorf("the user was told %q, before %s", d.list, before)
				}
				d.mu.Unlock()
				r.get(bob, r.reply(second, 486, "b1"))
				r.wait(65 * time.Second)
				r.lives(0, 0)
			})
		})
	}
}

// A request that is no INVITE leaves nothing behind.
func TestLateAnswerToOthers(t *testing.T) {
	play(t, nil, func(r *rig) {
		_, d := r.ask(sip.OPTIONS, toBoth)
		first := r.last()
		r.wait(2 * time.Second)
		r.get(bob, r.reply(r.last(), 200, "b1"))
		r.get(alice, r.reply(first, 200, "a1"))
		d.is(t, "200")
		r.wait(33 * time.Second)
		r.lives(0, 0)
	})
}

// A hop that did not serve is tried last, until it answers a probe, which is sent only while somebody
// needs it, or until its time is over.
func TestDeadHopsAreTriedLast(t *testing.T) {
	play(t, func(c *Config) { c.Shards = 1 }, func(r *rig) {
		options := func(want ...string) {
			t.Helper()
			r.forget()
			r.ask(sip.OPTIONS, toBoth)
			r.wait(0)
			var got []string
			for _, l := range r.said() {
				got = append(got, strings.Join(strings.Fields(l)[1:4], " "))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("sent %q, want %q", got, want)
			}
		}
		options("alice OPTIONS sip:bob@192.0.2.20")
		r.wait(2 * time.Second)
		r.get(bob, r.reply(r.last(), 200, "b1"))
		r.wait(0)
		if s := r.e.Stats(); s.Silent != 1 || s.Dead != 1 {
			t.Errorf("%+v", s)
		}
		options("bob OPTIONS sip:bob@192.0.2.20")
		r.get(bob, r.reply(r.last(), 200, "b1"))
		r.wait(40 * time.Second)
		if s := r.e.Stats(); s.Probes != 0 {
			t.Errorf("%d probes while nobody needs it", s.Probes)
		}
		options("bob OPTIONS sip:bob@192.0.2.20", "alice OPTIONS sip:192.0.2.10:5060")
		var probe *sip.Message
		for _, text := range r.texts() {
			if m, err := sip.ParseMessage(text); err == nil && m.RequestURI == "sip:192.0.2.10:5060" {
				probe = m
			}
		}
		options("bob OPTIONS sip:bob@192.0.2.20") // one probe is enough for ten seconds
		r.get(alice, r.reply(probe, 404, "a1"))
		options("alice OPTIONS sip:bob@192.0.2.20")
		if s := r.e.Stats(); s.Probes != 1 || s.Dead != 0 {
			t.Errorf("%+v", s)
		}
	})
	// A 503 says itself how long, and is not probed before that.
	play(t, func(c *Config) { c.Shards = 1 }, func(r *rig) {
		_, d := r.ask(sip.OPTIONS, toBoth)
		r.get(alice, strings.Replace(r.reply(r.last(), 503, "a1"), "Content-Length", "Retry-After: 100 (busy);duration=5\r\nContent-Length", 1))
		r.get(bob, r.reply(r.last(), 200, "b1"))
		d.is(t, "200")
		for range 9 {
			r.wait(10 * time.Second)
			r.forget()
			r.ask(sip.OPTIONS, toBoth)
			r.get(bob, r.reply(r.last(), 200, "b1"))
			if len(r.said()) != 1 || !strings.Contains(r.said()[0], "bob") {
				t.Errorf("sent %q", r.said())
			}
		}
		r.wait(11 * time.Second)
		r.ask(sip.OPTIONS, toBoth)
		if l := r.said()[len(r.said())-1]; !strings.Contains(l, "alice") {
			t.Errorf("after its time: %s", l)
		}
		if s := r.e.Stats(); s.Probes != 0 || s.Crowded != 1 {
			t.Errorf("%+v", s)
		}
	})
	// When all are dead the order is as it was.
	play(t, func(c *Config) { c.Shards = 1 }, func(r *rig) {
		r.ask(sip.OPTIONS, toBoth)
		r.wait(35 * time.Second)
		if s := r.e.Stats(); s.Dead != 2 {
			t.Errorf("%+v", s)
		}
		r.forget()
		r.ask(sip.INVITE, toBoth)
		r.wait(0)
		if n := len(r.said()); n != 2 { // and the first is asked how it is
			t.Errorf("sent %q", r.said())
		}
		found := false
		for _, l := range r.said() {
			found = found || strings.Contains(l, "alice"+invites)
		}
		if !found {
			t.Errorf("sent %q", r.said())
		}
	})
}

func TestSuspectsAreBounded(t *testing.T) {
	var x suspects
	for i := range 2 * maxSuspect {
		h := sip.Hop{Transport: sip.UDP, Addr: mustAddr(fmt.Sprintf("192.0.2.1:%d", i+1))}
		x.mark(h, 0, time.Minute+time.Duration(i), time.Second)
	}
	if n := x.len(); n != maxSuspect {
		t.Errorf("%d are remembered", n)
	}
	last := hopsTo("192.0.2.1:512", "192.0.2.9:1", "192.0.2.1:511")
	ranked, wanted := x.rank(last, time.Second)
	if ranked[0] != last[1] || ranked[1] != last[0] || ranked[2] != last[2] || len(wanted) != 2 || last[0].Addr.Port() != 512 {
		t.Errorf("%v, %v", ranked, wanted)
	}
	if _, wanted = x.rank(last, 2*time.Second); wanted != nil {
		t.Errorf("asked again: %v", wanted)
	}
	for i := range 2 * maxSuspect {
		x.clear(sip.Hop{Transport: sip.UDP, Addr: mustAddr(fmt.Sprintf("192.0.2.1:%d", i+1))})
	}
	if x.table.Load() != nil {
		t.Error("a table is left when all is well")
	}
}

// Shards that clear a hop at the same moment do not stumble over one another.
func TestSuspectsAreClearedTogether(t *testing.T) {
	var x suspects
	h := hopsTo("192.0.2.10:5060")[0]
	x.mark(h, 0, time.Minute, time.Second)
	var all sync.WaitGroup
	x.mu.Lock()
	for range 4 {
		all.Go(func() { x.clear(h) })
	}
	for range 1000 {
		runtime.Gosched() // until all stand before the lock
	}
	x.mu.Unlock()
	all.Wait()
	if n := x.len(); n != 0 {
		t.Errorf("%d suspects are left", n)
	}
}

// Of a thousand calls that fail together on one hop the first marks it, and the others cost no new table.
func TestManyFailuresMarkOnce(t *testing.T) {
	var x suspects
	h := hopsTo("192.0.2.10:5060")[0]
	x.mark(h, 0, time.Minute, time.Second)
	was := x.table.Load()
	for i := range 1000 {
		x.mark(h, time.Duration(i)*time.Microsecond, time.Minute+time.Duration(i)*time.Microsecond, time.Second)
	}
	if x.table.Load() != was {
		t.Error("the table was made anew")
	}
	x.mark(h, 2*time.Second, 62*time.Second, time.Second)
	if x.table.Load() == was {
		t.Error("a later mark does not count")
	}
}
