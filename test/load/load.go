// Package load is a load generator of our own: it registers, calls, answers and streams at a given
// rate from two sockets, cheaply enough that one core of it can load one core of an exchange, and
// counts every failure. It speaks only to loopback.
package load

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"santral/base/vnet"
	"santral/sip"
)

// Result is what came of a run.
type Result struct {
	Done    int             // units that came to their good end
	Failed  int             // units that did not
	Why     map[string]int  // failures by what was seen
	Setup   []time.Duration // of each unit, from its first message to its answer
	Elapsed time.Duration
}

// Percentile gives the p-th percentile (0 to 100) of the set-up times.
func (r *Result) Percentile(p float64) time.Duration {
	if len(r.Setup) == 0 {
		return 0
	}
	slices.Sort(r.Setup)
	return r.Setup[min(len(r.Setup)-1, int(float64(len(r.Setup))*p/100))]
}

// Limits of a run, so that no mistake makes a flood: nothing here sends to another machine, or for
// longer than this.
const (
	MaxRate = 50_000
	MaxTime = 10 * time.Minute
)

const (
	batch  = 64
	buffer = 2048
)

// socket is a UDP socket with a reader that hands every message to a function, one after another.
type socket struct {
	udp  vnet.UDP
	addr netip.AddrPort
	mu   sync.Mutex // of out
	out  []vnet.Datagram
	done sync.WaitGroup
}

func open(addr netip.AddrPort, handle func(text []byte, from netip.AddrPort)) (*socket, error) {
	if !addr.Addr().IsLoopback() {
		return nil, fmt.Errorf("load runs on loopback only, not at %s", addr)
	}
	udp, err := vnet.Real().ListenUDP(addr, vnet.Options{ReadBuffer: 8 << 20, WriteBuffer: 8 << 20})
	if err != nil {
		return nil, err
	}
	s := &socket{udp: udp, addr: udp.LocalAddr()}
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		in := make([]vnet.Datagram, batch)
		for i := range in {
			in[i].B = make([]byte, buffer)
		}
		for {
			n, err := udp.ReadBatch(in)
			if err != nil {
				return
			}
			for i := range n {
				handle(in[i].B[:in[i].N], in[i].Addr)
			}
			s.flush()
		}
	}()
	return s, nil
}

func (s *socket) close() {
	s.udp.Close()
	s.done.Wait()
}

// send queues a message until flush, or until a batch is full.
func (s *socket) send(b []byte, to netip.AddrPort) {
	s.mu.Lock()
	s.out = append(s.out, vnet.Datagram{B: b, N: len(b), Addr: to})
	full := len(s.out) >= batch
	s.mu.Unlock()
	if full {
		s.flush()
	}
}

func (s *socket) flush() {
	s.mu.Lock()
	out := s.out
	s.out = nil
	s.mu.Unlock()
	for len(out) > 0 {
		n, err := s.udp.WriteBatch(out)
		if err != nil || n == 0 {
			return // what is lost is sent again by its timer
		}
		out = out[n:]
	}
}

// pace calls f count times at a rate, in bursts of a millisecond, and flushes after each.
func pace(rate, count int, s *socket, f func(i int)) error {
	if rate <= 0 || rate > MaxRate || time.Duration(count/rate)*time.Second > MaxTime {
		return fmt.Errorf("a load of %d at %d a second is outside of what this generator does", count, rate)
	}
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent := 0; sent < count; {
		<-tick.C
		due := min(count, int(time.Since(began).Seconds()*float64(rate)))
		for ; sent < due; sent++ {
			f(sent)
		}
		s.flush()
	}
	return nil
}

// unit is one registration or call that is under way.
type unit struct {
	began   time.Time
	text    []byte // last request, for its retransmission
	sent    time.Time
	tries   int
	user    string
	seq     int
	ringing bool
	over    bool
}

// field cuts a header's value out of a raw message.
func field(text []byte, name string) string {
	s := string(text)
	at := strings.Index(s, "\r\n"+name+": ")
	if at < 0 {
		return ""
	}
	s = s[at+len(name)+4:]
	end := strings.IndexByte(s, '\r')
	if end < 0 {
		return ""
	}
	return s[:end]
}

// status gives the status code of a response, 0 for a request.
func status(text []byte) int {
	if len(text) < 12 || string(text[:8]) != "SIP/2.0 " {
		return 0
	}
	return int(text[8]-'0')*100 + int(text[9]-'0')*10 + int(text[10]-'0')
}

// parse reads a request for the answering side.
func parse(text []byte) (*sip.Message, error) { return sip.ParseMessage(string(text)) }
