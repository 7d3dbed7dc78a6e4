package sipleg

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/call/control"
	"santral/sip"
)

// TestHandOver writes a live call out of one exchange and reads it into another on the same ports: the
// sound goes on both ways, hold and resume work from both sides, and the BYE finds its call.
func TestHandOver(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		ears := [2]*ear{w.ear("192.0.2.11"), w.ear("192.0.2.12")}
		defer ears[0].close()
		defer ears[1].close()
		talking(w, a, b)
		sessions := [2]string{a.heardID, b.heardID}
		ears[0].talk(10002, 100)
		ears[1].talk(10000, 100)
		before := [2]int{ears[0].heard(), ears[1].heard()}
		if before[0] < 90 || before[1] < 90 {
			t.Fatalf("heard %v packets of 100", before)
		}

		live := x.control.Calls("")
		if len(live) != 1 {
			t.Fatalf("%d calls", len(live))
		}
		h, err := x.control.Freeze(context.Background(), live[0].ID, x.agent)
		w.must(err)
		text, err := json.Marshal(h)
		w.must(err)
		state := x.ep.Freeze()
		x.close()
		synctest.Wait()

		*x = *w.exchange("192.0.2.1", &state)
		var back control.Handover
		w.must(json.Unmarshal(text, &back))
		w.must(x.control.Thaw(&back, x.agent))

		ears[0].talk(10002, 100)
		ears[1].talk(10000, 100)
		if now := [2]int{ears[0].heard() - before[0], ears[1].heard() - before[1]}; now[0] < 90 || now[1] < 90 {
			t.Errorf("heard %v packets of 100 after the hand-over", now)
		}
		for _, side := range [][2]*phone{{a, b}, {b, a}} {
			hold := side[0].asks(sip.INVITE, audio(side[0].addr, 4000, "sendonly"))
			side[1].reply(side[1].want(sip.INVITE), 200, audio(side[1].addr, 4000, "recvonly"))
			side[1].want(sip.ACK)
			side[0].status(200)
			seq, _ := hold.CSeq()
			side[0].ack(seq.Seq, "")
			side[0].none(10 * time.Millisecond)
		}
		a.leaves(b)
		if now := [2]string{a.heardID, b.heardID}; now != sessions || sessions[0] == "" || sessions[1] == "" {
			t.Errorf("the sessions were %q and are %q", sessions, now)
		}
		a.none(time.Minute)
		w.house.Check(t)
	})
}

// TestNotNow: a leg that has something under way is not written out, and the call goes on.
func TestNotNow(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		hold := a.asks(sip.INVITE, audio(a.addr, 4000, "sendonly"))
		again := b.want(sip.INVITE)
		if _, err := x.control.Freeze(context.Background(), x.control.Calls("")[0].ID, x.agent); err == nil {
			t.Error("frozen in the middle of a change")
		}
		b.reply(again, 200, audio(b.addr, 4000, "recvonly"))
		b.want(sip.ACK)
		a.status(200)
		seq, _ := hold.CSeq()
		a.ack(seq.Seq, "")
		a.leaves(b)
	})
}

// ear is the sound side of a phone: it sends and counts RTP.
type ear struct {
	w    *world
	sock vnet.UDP
	n    chan int
	done chan struct{}
	seq  int
}

func (w *world) ear(addr string) *ear {
	w.Helper()
	sock, err := w.host(addr).ListenUDP(netip.AddrPortFrom(netip.MustParseAddr(addr), 4000), vnet.Options{})
	w.must(err)
	e := &ear{w: w, sock: sock, n: make(chan int, 1), done: make(chan struct{})}
	e.n <- 0
	go func() {
		defer close(e.done)
		for {
			var d [8]vnet.Datagram
			for i := range d {
				d[i].B = make([]byte, 2048)
			}
			k, err := sock.ReadBatch(d[:])
			if err != nil {
				return
			}
			e.n <- <-e.n + k
		}
	}()
	return e
}

func (e *ear) close() {
	e.sock.Close()
	<-e.done
}

func (e *ear) heard() int {
	synctest.Wait()
	n := <-e.n
	e.n <- n
	return n
}

// talk sends n packets of 20 ms to a port of the exchange.
func (e *ear) talk(port uint16, n int) {
	e.w.Helper()
	beat := time.NewTicker(20 * time.Millisecond)
	defer beat.Stop()
	for range n {
		e.seq++
		b := make([]byte, 172)
		b[0], b[1], b[2], b[3], b[11] = 0x80, 8, byte(e.seq>>8), byte(e.seq), byte(port)
		stamp := e.seq * 160
		b[4], b[5], b[6], b[7] = byte(stamp>>24), byte(stamp>>16), byte(stamp>>8), byte(stamp)
		e.w.must(e.sock.WriteTo(b, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)))
		<-beat.C
	}
}
