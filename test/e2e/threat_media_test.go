package e2e

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// The threats to media, by their numbers in the table of threats.

const (
	markA, markB, markX = 0x11, 0x22, 0x66 // what caller, callee and attacker say
	frames              = 100              // two seconds
)

// talking is a call whose parties have media sockets, and where the exchange hears each of them.
type talking struct {
	x        *phone.Exchange
	a, b     *phone.Dialog
	va, vb   *phone.Voice
	toA, toB string // where the exchange wants a's and b's sound
}

func converse(t *testing.T, x *phone.Exchange, from, to string) *talking {
	t.Helper()
	a, b := pair(t, x, "udp", from, to)
	c := &talking{x: x, va: phone.NewVoice(t, "127.0.0.1"), vb: phone.NewVoice(t, "127.0.0.1")}
	c.a = a.Dial(to, c.va.Offer())
	c.b = b.Ring()
	c.b.Tell(200, "OK", c.vb.Offer())
	c.toB = phone.Media(c.b.Incoming.Body())
	c.toA = phone.Media(c.a.Response(200, soon).Body())
	c.a.Ack("")
	c.b.Expect("ACK", soon)
	return c
}

// talk lets both parties speak for a while.
func (c *talking) talk(count int) {
	var wait sync.WaitGroup
	wait.Go(func() { c.va.Talk(c.toA, count, markA, nil) })
	wait.Go(func() { c.vb.Talk(c.toB, count, markB, nil) })
	wait.Wait()
	time.Sleep(60 * time.Millisecond) // the last frames are on their way
}

// hear fails the test unless each party heard the other, and nobody else.
func (c *talking) hear(t *testing.T, count int, least float64) {
	t.Helper()
	for who, v := range map[string]*phone.Voice{"caller": c.va, "callee": c.vb} {
		mark := byte(markB)
		if who == "callee" {
			mark = markA
		}
		if n, _ := phone.Marked(v.Heard(), mark); float64(n) < least*float64(count) {
			t.Errorf("the %s heard %d of %d frames", who, n, count)
		}
		if n, _ := phone.Marked(v.Heard(), markX); n > 0 {
			t.Errorf("the %s heard %d frames of the attacker", who, n)
		}
	}
}

func TestStrangersInMedia(t *testing.T) { // 18
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "40")
	atOnce(t, func(run func(string, func(*testing.T))) {
		run("own source", func(t *testing.T) {
			injection(t, x, "101", "102", func(c *talking, v *phone.Voice) {})
		})
		run("the caller's SSRC and sequence", func(t *testing.T) {
			injection(t, x, "103", "104", func(c *talking, v *phone.Voice) { v.SSRC, v.Seq, v.TS = c.va.SSRC, c.va.Seq+40, c.va.TS+6400 })
		})
		run("RTCP", func(t *testing.T) {
			reports(t, x, "105", "106")
		})
		run("attacker first", func(t *testing.T) {
			attackerFirst(t, x, "107", "108", false)
		})
		run("attacker first, the caller behind a translator", func(t *testing.T) {
			attackerFirst(t, x, "109", "110", true)
		})
		run("ports of the last call", func(t *testing.T) {
			lastCall(t, x, "111", "112")
		})
		run("flood into a stream", func(t *testing.T) {
			mediaFlood(t, x, "113", "114")
		})
	})
}

// injection lets a third source send into both sides of a call that is going on.
func injection(t *testing.T, x *phone.Exchange, from, to string, guise func(*talking, *phone.Voice)) {
	c := converse(t, x, from, to)
	c.talk(10)
	c.va.Forget()
	c.vb.Forget()
	same, other := phone.NewVoice(t, "127.0.0.1"), phone.NewVoice(t, "127.0.10.1")
	var wait sync.WaitGroup
	for _, v := range []*phone.Voice{same, other} {
		guise(c, v)
		wait.Go(func() {
			v.Talk(c.toA, frames, markX, func(_ int, f []byte) [][]byte {
				v.Send(c.toB, f)
				return [][]byte{f, {0x80}, {}}
			})
		})
	}
	c.talk(frames)
	wait.Wait()
	if max(c.va.Hitch(), c.vb.Hitch()) > time.Second {
		phone.End(c.a, c.b)
		t.Skip("this machine was too busy to let the parties talk without silence")
	}
	c.hear(t, frames, 0.9)
	for _, v := range []*phone.Voice{same, other} {
		if n := c.leaked(v); n > 0 {
			t.Errorf("%d packets to the attacker", n)
		}
	}
	phone.End(c.a, c.b)
}

// leaked counts what the call's own ports sent to an attacker; ports of this machine have had other
// owners, whose late packets are nobody's leak.
func (c *talking) leaked(v *phone.Voice) (n int) {
	for _, f := range v.Heard() {
		if f.From == c.toA || f.From == c.toB {
			n++
		}
	}
	return n
}

// report makes an RTCP packet: a sender report or a goodbye.
func report(kind byte, ssrc uint32) []byte {
	b := make([]byte, 28)
	b[0], b[1] = 0x80, kind
	binary.BigEndian.PutUint16(b[2:], 6)
	if kind == 203 {
		b[0] = 0x81
		b = b[:8]
		binary.BigEndian.PutUint16(b[2:], 1)
	}
	binary.BigEndian.PutUint32(b[4:], ssrc)
	return b
}

// reports: RTCP goes through between the parties, and not from a third source.
func reports(t *testing.T, x *phone.Exchange, from, to string) {
	c := converse(t, x, from, to)
	c.talk(10)
	v := phone.NewVoice(t, "127.0.10.2")
	near := phone.NewVoice(t, "127.0.0.1")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			for _, at := range []string{c.toA, c.toB} {
				for _, w := range []*phone.Voice{v, near} {
					w.SendReport(at, report(203, c.va.SSRC))
					w.SendReport(at, report(200, c.va.SSRC))
					w.SendReport(at, []byte("junk"))
					w.Send(at, report(203, c.va.SSRC))
				}
			}
			c.va.SendReport(c.toA, report(200, c.va.SSRC))
			c.vb.SendReport(c.toB, report(200, c.vb.SSRC))
			time.Sleep(20 * time.Millisecond) // the pace of a phone, fifty times over
		}
	}()
	c.va.Forget()
	c.vb.Forget()
	c.talk(frames)
	<-done
	c.hear(t, frames, 0.9)
	for who, w := range map[string]*phone.Voice{"caller": c.va, "callee": c.vb} {
		own := c.vb.SSRC
		if who == "callee" {
			own = c.va.SSRC
		}
		for _, r := range w.Reports() {
			if len(r) >= 8 && r[1] == 203 || string(r) == "junk" {
				t.Errorf("the %s got an attacker's report %x", who, r)
				break
			}
		}
		if len(w.Reports()) == 0 {
			t.Errorf("the %s got none of the other's reports (SSRC %x)", who, own)
		}
	}
	if n := c.leaked(v) + c.leaked(near); n > 0 {
		t.Errorf("%d packets to the attacker", n)
	}
	phone.End(c.a, c.b)
}

// attackerFirst: a third source sends before the caller does. Once the caller talks, nothing goes to
// the attacker and nothing of it is heard. Behind a translator the caller talks from another port
// than it said.
func attackerFirst(t *testing.T, x *phone.Exchange, from, to string, translated bool) {
	a, b := pair(t, x, "udp", from, to)
	c := &talking{x: x, va: phone.NewVoice(t, "127.0.0.1"), vb: phone.NewVoice(t, "127.0.0.1")}
	offer := c.va.Offer()
	if translated {
		offer = phone.Offer("10.255.255.1:30000") // an address that only the caller's own network knows
	}
	c.a = a.Dial(to, offer)
	c.b = b.Ring()
	c.b.Tell(200, "OK", c.vb.Offer())
	c.toB = phone.Media(c.b.Incoming.Body())
	c.toA = phone.Media(c.a.Response(200, soon).Body())
	c.a.Ack("")
	c.b.Expect("ACK", soon)
	v := phone.NewVoice(t, "127.0.10.3")
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		v.Talk(c.toA, 2*frames, markX, func(int, []byte) [][]byte {
			select {
			case <-stop:
				return nil
			default:
				return [][]byte{v.Frame(markX)}
			}
		})
	})
	time.Sleep(300 * time.Millisecond) // the attacker has the word
	c.talk(25)                         // the caller begins
	v.Forget()
	c.va.Forget()
	c.vb.Forget()
	c.talk(frames)
	close(stop)
	wait.Wait()
	c.hear(t, frames, 0.9)
	if n := c.leaked(v); n > 0 {
		t.Errorf("%d packets to the attacker after the caller began to talk", n)
	}
	phone.End(c.a, c.b)
}

// lastCall: the parties of a call that has ended go on sending; the next call must not hear them.
func lastCall(t *testing.T, x *phone.Exchange, from, to string) {
	c := converse(t, x, from, to)
	c.talk(10)
	phone.End(c.a, c.b)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		c.va.Talk(c.toA, 2*frames, markX, func(_ int, f []byte) [][]byte {
			select {
			case <-stop:
				return nil
			default:
				c.va.Send(c.toB, f)
				return [][]byte{f}
			}
		})
	})
	next := converse(t, x, from, to)
	if next.toA == c.toA || next.toB == c.toB || next.toA == c.toB || next.toB == c.toA {
		t.Error("a port of the last call is used again at once")
	}
	next.talk(frames)
	close(stop)
	wait.Wait()
	next.hear(t, frames, 0.9)
	phone.End(next.a, next.b)
}

// mediaFlood: a party that sends fifty times what was agreed is cut back; the other direction is as
// good as before.
func mediaFlood(t *testing.T, x *phone.Exchange, from, to string) {
	c := converse(t, x, from, to)
	c.talk(10)
	c.va.Forget()
	c.vb.Forget()
	began := time.Now()
	var wait sync.WaitGroup
	wait.Go(func() {
		c.va.Talk(c.toA, frames, markA, func(_ int, f []byte) [][]byte {
			list := [][]byte{f}
			for range 49 {
				list = append(list, c.va.Frame(markX))
			}
			return list
		})
	})
	wait.Go(func() { c.vb.Talk(c.toB, frames, markB, nil) })
	wait.Wait()
	time.Sleep(100 * time.Millisecond) // the last frames are on their way
	if n, _ := phone.Marked(c.va.Heard(), markB); n < frames*9/10 {
		t.Errorf("the flooding party's own ear heard %d of %d", n, frames)
	}
	most := int(5 * 50 * (time.Since(began) + time.Second).Seconds()) // 4 times what was agreed, and a second of it at once
	if n := len(c.vb.Heard()); n > most {
		t.Errorf("%d packets of a flood of %d went through, want at most %d", n, 50*frames, most)
	} else {
		t.Logf("%d of %d packets went through", n, 50*frames)
	}
	phone.End(c.a, c.b)
}

func TestBadNetworks(t *testing.T) { // 23
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "40")
	const count = 250
	atOnce(t, func(run func(string, func(*testing.T))) {
		for i, c := range []struct {
			name  string
			begin func(*phone.Voice)
			bend  func(v *phone.Voice, i int, frame []byte) [][]byte
			share float64       // of what was sent
			gap   time.Duration // longest silence
		}{
			{"5 % loss", nil, func(_ *phone.Voice, i int, f []byte) [][]byte {
				if i%20 == 7 {
					return nil
				}
				return [][]byte{f}
			}, 0.97, 160 * time.Millisecond},
			{"reordered", nil, reorder(), 0.93, 200 * time.Millisecond},
			{"doubled", nil, func(_ *phone.Voice, _ int, f []byte) [][]byte { return [][]byte{f, f} }, 0.97, 120 * time.Millisecond},
			{"new SSRC", nil, func(v *phone.Voice, i int, f []byte) [][]byte {
				if i == count/2 {
					v.SSRC, v.Seq, v.TS = rand.Uint32(), uint16(rand.Uint32()), rand.Uint32()
				}
				return [][]byte{f}
			}, 0.97, 500 * time.Millisecond},
			{"wrap", func(v *phone.Voice) { v.Seq, v.TS = 65536-count/2, 1<<32-160*count/2 }, func(_ *phone.Voice, _ int, f []byte) [][]byte { return [][]byte{f} }, 0.97, 120 * time.Millisecond},
			{"bursts", nil, burst(), 0.93, 300 * time.Millisecond},
		} {
			run(c.name, func(t *testing.T) {
				for attempt := 1; ; attempt++ { // a machine that is busy with other things hitches, but not every time
					call := converse(t, x, fmt.Sprint(101+2*i), fmt.Sprint(102+2*i))
					if c.begin != nil {
						c.begin(call.va)
					}
					sent := 0
					call.va.Talk(call.toA, count, markA, func(i int, f []byte) [][]byte {
						list := c.bend(call.va, i, f)
						sent += len(list)
						return list
					})
					time.Sleep(100 * time.Millisecond) // the last frames are on their way
					n, gap := phone.Marked(call.vb.Heard(), markA)
					phone.End(call.a, call.b)
					hitch := call.va.Hitch() // of this side, not of the exchange
					if float64(n) >= c.share*float64(sent) && gap <= c.gap+hitch {
						return
					}
					if attempt == 3 {
						t.Errorf("%d of %d frames, longest silence %v; want %.0f %% and %v, and %v of our own", n, sent, gap, 100*c.share, c.gap, hitch)
						return
					}
				}
			})
		}
		run("the address changes", func(t *testing.T) { // a translator forgets and binds anew
			call := converse(t, x, "121", "122")
			call.talk(25)
			moved := phone.NewVoice(t, "127.0.0.1")
			moved.SSRC, moved.Seq, moved.TS = call.va.SSRC, call.va.Seq, call.va.TS
			d := call.a.Request("INVITE").SDP(moved.Offer())
			call.a.Send(d.String())
			in := call.b.Expect("INVITE", soon)
			call.b.Send(in.Answer(200, "OK", "").Add("Contact", call.b.Contact()).SDP(call.vb.Offer()).String())
			call.b.Expect("ACK", soon)
			call.a.Want(soon, "200", phone.Responses(call.a.ID, d.Get("CSeq"), 200))
			call.a.Ack("")
			call.va = moved
			call.vb.Forget()
			call.talk(frames)
			call.hear(t, frames, 0.95)
			phone.End(call.a, call.b)
		})
	})
}

// reorder swaps every fourth frame with the one after it.
func reorder() func(*phone.Voice, int, []byte) [][]byte {
	var held []byte
	return func(_ *phone.Voice, i int, f []byte) [][]byte {
		if i%4 == 2 {
			held = f
			return nil
		}
		if held != nil {
			list := [][]byte{f, held}
			held = nil
			return list
		}
		return [][]byte{f}
	}
}

// burst keeps ten frames and sends them at once.
func burst() func(*phone.Voice, int, []byte) [][]byte {
	var held [][]byte
	return func(_ *phone.Voice, i int, f []byte) [][]byte {
		held = append(held, f)
		if len(held) < 10 {
			return nil
		}
		list := slices.Clone(held)
		held = nil
		return list
	}
}
