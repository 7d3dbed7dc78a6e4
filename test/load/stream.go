package load

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Streams says what to stream: G.711, a packet every 20 ms each way for every call.
type Streams struct {
	Server  netip.AddrPort
	Answer  netip.AddrPort
	Callers []string
	Callees []string
	Calls   int
	Time    time.Duration
	Media   netip.AddrPort // the callers' socket; the callees' is one port pair on
	SetUp   int            // calls a second while the calls are set up

	// During, where not nil, is called when all calls stream, and again when they have streamed.
	During func(begin bool)
}

// Flow is what came of the streams.
type Flow struct {
	Sent, Received uint64
	Delay          []time.Duration // one way, of every packet of a sample
	Failed         int             // calls that were not set up
}

// Loss is the share of packets that did not arrive.
func (f *Flow) Loss() float64 {
	if f.Sent == 0 {
		return 0
	}
	return 1 - float64(f.Received)/float64(f.Sent)
}

// Percentile gives the p-th percentile of the delays.
func (f *Flow) Percentile(p float64) time.Duration {
	if len(f.Delay) == 0 {
		return 0
	}
	slices.Sort(f.Delay)
	return f.Delay[min(len(f.Delay)-1, int(float64(len(f.Delay))*p/100))]
}

const (
	payload  = 160                   // octets of 20 ms of G.711
	interval = 20 * time.Millisecond // between a stream's packets
	slices20 = 20                    // the calls are spread over the interval in so many bursts
	warmUp   = time.Second           // not counted: latches are learned
)

// Run sets the calls up, streams, and hangs up.
func (c Streams) Run() (*Flow, error) {
	var mu sync.Mutex
	var ports [2][]netip.AddrPort // the exchange's, for callers and callees
	ready := make(chan struct{})
	signalling := Calls{
		Server: c.Server, Answer: c.Answer, Callers: c.Callers, Callees: c.Callees, Rate: c.SetUp, Count: c.Calls, Media: c.Media,
		Hold: time.Duration(c.Calls/c.SetUp)*time.Second + 2*warmUp + c.Time + time.Second,
		Answered: func(caller, callee netip.AddrPort) {
			mu.Lock()
			defer mu.Unlock()
			if caller.IsValid() {
				ports[0] = append(ports[0], caller)
			}
			if callee.IsValid() && !slices.Contains(ports[1], callee) {
				ports[1] = append(ports[1], callee)
			}
			if len(ports[0]) == c.Calls && len(ports[1]) >= c.Calls {
				select {
				case <-ready:
				default:
					close(ready)
				}
			}
		},
	}
	flow := &Flow{}
	var counting atomic.Bool
	var received atomic.Uint64
	epoch := time.Now()
	hear := func(packet []byte, _ netip.AddrPort) {
		if !counting.Load() || len(packet) != 12+payload {
			return
		}
		if n := received.Add(1); n%16 == 0 {
			sent := time.Duration(binary.BigEndian.Uint64(packet[12:]))
			mu.Lock()
			flow.Delay = append(flow.Delay, time.Since(epoch)-sent)
			mu.Unlock()
		}
	}
	var sides [2]*socket
	for i := range sides {
		s, err := open(netip.AddrPortFrom(c.Media.Addr(), c.Media.Port()+uint16(2*i)), hear)
		if err != nil {
			return nil, err
		}
		defer s.close()
		sides[i] = s
	}
	result := make(chan *Result, 1)
	failed := make(chan error, 1)
	go func() {
		r, err := signalling.Run()
		if err != nil {
			failed <- err
			return
		}
		result <- r
	}()
	select {
	case <-ready:
	case err := <-failed:
		return nil, err
	case r := <-result:
		return nil, fmt.Errorf("only %d of %d calls were set up: %v", r.Done, c.Calls, r.Why)
	}
	var sent uint64
	stream := func(d time.Duration, count bool) {
		tick := time.NewTicker(interval / slices20)
		defer tick.Stop()
		began := time.Now()
		for step := 0; time.Since(began) < d; {
			<-tick.C
			due := int(time.Since(began) / (interval / slices20))
			for ; step < due; step++ {
				seq, slot := uint16(step/slices20), step%slices20
				for side, s := range sides {
					for i := slot; i < c.Calls; i += slices20 {
						p := make([]byte, 12+payload)
						p[0], p[1] = 0x80, 8
						binary.BigEndian.PutUint16(p[2:], seq)
						binary.BigEndian.PutUint32(p[4:], uint32(seq)*payload)
						binary.BigEndian.PutUint32(p[8:], uint32(side+1)<<20|uint32(i))
						binary.BigEndian.PutUint64(p[12:], uint64(time.Since(epoch)))
						s.send(p, ports[side][i])
						if count {
							sent++
						}
					}
					s.flush()
				}
			}
		}
	}
	stream(warmUp, false)
	if c.During != nil {
		c.During(true)
	}
	counting.Store(true)
	stream(c.Time, true)
	if c.During != nil {
		c.During(false)
	}
	time.Sleep(200 * time.Millisecond) // the last packets are still on their way
	counting.Store(false)
	flow.Sent, flow.Received = sent, received.Load()
	select {
	case r := <-result:
		flow.Failed = r.Failed
	case err := <-failed:
		return flow, err
	case <-time.After(signalling.Hold + 30*time.Second):
		return flow, fmt.Errorf("the calls do not end")
	}
	return flow, nil
}
