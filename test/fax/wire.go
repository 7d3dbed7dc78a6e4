package fax

import (
	"errors"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"santral/media/udptl"
)

// ErrLimit says that a fax was not over in time.
var ErrLimit = errors.New("the fax is not over in time")

// End is a machine of T.38 on a UDP port, whose network loses datagrams in both directions.
type End struct {
	*Machine
	Speed int // times faster than the world; 1 when it is not set
	Loss  int // in a hundred, each way
	To    *net.UDPAddr

	conn  *net.UDPConn
	came  chan []byte
	rnd   *rand.Rand
	out   udptl.Sender
	in    udptl.Receiver
	sent  uint16
	taken uint16
	Sent  int // datagrams
	Got   int
}

// NewEnd makes the end at a free port of loopback. What comes before To is known waits.
func NewEnd(t testing.TB, calling bool, file string, seed uint64) *End {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	e := &End{conn: conn, Speed: 1, came: make(chan []byte, 4096), rnd: rand.New(rand.NewPCG(seed, 38)), taken: 0xffff}
	e.Machine = New(t, calling, file, e.send)
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		for {
			b := make([]byte, 2048)
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			select {
			case e.came <- b[:n]:
			default:
			}
		}
	}()
	return e
}

// Addr is the port's address, "127.0.0.1:4000".
func (e *End) Addr() string { return e.conn.LocalAddr().String() }

func (e *End) lost() bool { return e.rnd.IntN(100) < e.Loss }

func (e *End) send(ifp []byte, copies int) {
	b := e.out.Append(nil, e.sent, ifp)
	e.sent++
	for range copies {
		if !e.lost() {
			e.Sent++
			_, _ = e.conn.WriteTo(b, e.To) // a port that is gone shows in the fax
		}
	}
}

// Run lets the machine work until its fax is over, stop is closed or the limit is reached.
func (e *End) Run(limit time.Duration, stop <-chan struct{}) error {
	begun := time.Now()
	step := 20 * time.Millisecond / time.Duration(e.Speed)
	tick := time.NewTicker(step)
	defer tick.Stop()
	give := func(n udptl.Next) {
		e.taken += uint16(n.Skipped) + 1
		e.IFP(n.IFP, e.taken)
	}
	for ran := time.Duration(0); time.Since(begun) < limit; {
		select {
		case <-stop:
			return nil
		case b := <-e.came:
			if !e.lost() {
				e.Got++
				e.in.Take(b, time.Since(begun), give)
			}
		case <-tick.C:
			for ; ran < time.Since(begun); ran += step { // a late tick makes up for those it has missed
				e.in.Overdue(time.Since(begun), give)
				e.Machine.Run(160)
			}
		}
		if over, err := e.Over(); over {
			return err
		}
	}
	return ErrLimit
}

// Counts tells what came, and what of it by redundancy alone.
func (e *End) Counts() udptl.Counts { return e.in.Counts }
