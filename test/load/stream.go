//go:build linux

package load

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"santral/media/srtp"
)

// Streams says what to stream: calls that are set up, held while both sides send G.711, a packet
// every 20 ms each way, and hung up.
type Streams struct {
	Server  netip.AddrPort
	Answer  netip.AddrPort
	Callers []string // one for each call, at least: a caller is told from another by its number
	Callees []string
	Calls   int
	Time    time.Duration  // zero sets up and hangs up only
	Media   netip.AddrPort // the callers' socket; the callees' is one port pair on
	SetUp   int            // calls a second while the calls are set up and hung up
	Suite   srtp.Suite     // the callers speak SRTP with keys of this suite in their descriptions; without one they speak RTP

	// During, where not nil, is called when all calls stream, and again when they have streamed.
	During func(begin bool)
}

// Sound is the streams alone, to and from a relay that has been told of them otherwise.
type Sound struct {
	Media  netip.AddrPort      // the first side's socket; the second's is one port pair on
	Ports  [2][]netip.AddrPort // where the relay hears each stream of each side
	Time   time.Duration
	During func(begin bool)

	safe []safe // how each stream of the first side is protected; nil for in the clear
}

// safe is the two directions of one SRTP stream.
type safe struct {
	out *srtp.Sealer
	in  *srtp.Opener
	buf []byte
}

// Flow is what came of the streams.
type Flow struct {
	Sent, Received uint64
	Crossed        uint64        // packets that came to somebody else
	Failed         int           // calls that were not set up or not ended
	Own            int           // packets that this generator's own sockets lost
	Late           time.Duration // how far the generator was behind its own pace at worst
	delays         []uint32      // packets by their delay in units of delayStep
}

const (
	delayStep = 10 * time.Microsecond
	delayMax  = time.Second
)

// Loss is the share of packets that the exchange lost.
func (f *Flow) Loss() float64 {
	if f.Sent == 0 || f.Received+uint64(f.Own) >= f.Sent {
		return 0
	}
	return 1 - float64(f.Received+uint64(f.Own))/float64(f.Sent)
}

// Percentile gives the p-th percentile (0 to 100) of the one-way delays, to 10 µs.
func (f *Flow) Percentile(p float64) time.Duration {
	var all, below uint64
	for _, n := range f.delays {
		all += uint64(n)
	}
	for i, n := range f.delays {
		if below += uint64(n); n > 0 && float64(below) >= float64(all)*p/100 {
			return time.Duration(i+1) * delayStep
		}
	}
	return 0
}

const (
	payload  = 160                   // octets of 20 ms of G.711
	header   = 12                    // octets of RTP before them
	interval = 20 * time.Millisecond // between a stream's packets
	slots    = 20                    // the streams are spread over the interval in so many bursts
	warmUp   = time.Second           // not counted: addresses are learned
	coolDown = 300 * time.Millisecond
	burst    = 16 // packets of one system call: the last has waited for the first so long
)

// sound is a run of Sound.
type sound struct {
	cfg     Sound
	sides   [2]*socket
	packets [2][][]byte
	whose   [2][]int32 // by the relay's port: whose packets come to this side from there
	began   time.Time
	ticks   int
	stage   stage
	own     int
	flow    Flow
}

// stage of a run of streams.
type stage uint8

const (
	silent   stage = iota
	warming        // streaming, nothing counted
	counting       // streaming, counted
	cooling        // streaming still, so that the last counted packets are treated like the others
	finished
)

func (s stage) String() string {
	return [...]string{"silent", "warming", "counting", "cooling", "finished"}[min(s, finished)]
}

// What a packet carries in its payload.
const (
	atSent    = header      // nanoseconds of the Unix clock
	atStream  = header + 8  // whose stream
	atCounted = header + 12 // 1 where the packet is counted
)

func newSound(w *wire, c Sound) (*sound, error) {
	n := len(c.Ports[0])
	if n == 0 || n != len(c.Ports[1]) || c.Time > MaxTime {
		return nil, fmt.Errorf("%d and %d streams of %s are outside of what this generator does", n, len(c.Ports[1]), c.Time)
	}
	s := &sound{cfg: c}
	s.flow.delays = make([]uint32, delayMax/delayStep)
	for side := range s.sides {
		if err := loopback(c.Ports[side]...); err != nil {
			return nil, err
		}
		s.whose[side] = make([]int32, 1<<16)
		for i, p := range c.Ports[side] {
			s.whose[side][p.Port()] = int32(i) + 1
			b := make([]byte, header+payload)
			b[0], b[1] = 2<<6, 8 // version 2, PCMA
			binary.BigEndian.PutUint32(b[8:], uint32(side+1)<<24|uint32(i))
			binary.BigEndian.PutUint32(b[atStream:], uint32(i))
			s.packets[side] = append(s.packets[side], b)
		}
		var err error
		whose := s.whose[side]
		hear := func(packet []byte, from netip.AddrPort, at int64) {
			if i := whose[from.Port()]; side == 0 && c.safe != nil && i > 0 {
				var err error
				if packet, err = c.safe[i-1].in.Open(packet); err != nil {
					return
				}
			}
			s.hear(whose, packet, from, at)
		}
		if s.sides[side], err = w.open(netip.AddrPortFrom(c.Media.Addr(), c.Media.Port()+uint16(2*side)), true, hear); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Run streams.
func (c Sound) Run() (*Flow, error) {
	w, err := newWire()
	if err != nil {
		return nil, err
	}
	defer w.close()
	s, err := newSound(w, c)
	if err != nil {
		return nil, err
	}
	if err := w.run(s.step); err != nil {
		return nil, err
	}
	return &s.flow, nil
}

func (s *sound) hear(whose []int32, packet []byte, from netip.AddrPort, at int64) {
	if len(packet) != header+payload || packet[atCounted] != 1 || packet[1]&0x7f != 8 {
		return
	}
	s.flow.Received++
	if whose[from.Port()] != int32(binary.BigEndian.Uint32(packet[atStream:]))+1 {
		s.flow.Crossed++
	}
	delay := time.Duration(at - int64(binary.BigEndian.Uint64(packet[atSent:])))
	s.flow.delays[min(max(0, int(delay/delayStep)), len(s.flow.delays)-1)]++
}

// turn goes from stage to stage.
func (s *sound) turn(now time.Time) {
	since := now.Sub(s.began)
	switch {
	case s.stage == silent:
		s.began, s.stage = now, warming
	case s.stage == warming && since >= warmUp:
		s.stage = counting
		s.flow.Late = 0
		s.own = s.lost()
		if s.cfg.During != nil {
			s.cfg.During(true)
		}
	case s.stage == counting && since >= warmUp+s.cfg.Time:
		s.stage = cooling
		if s.cfg.During != nil {
			s.cfg.During(false)
		}
	case s.stage == cooling && since >= warmUp+s.cfg.Time+coolDown:
		s.stage = finished
		s.flow.Own = s.lost() - s.own
	}
}

func (s *sound) lost() (n int) {
	for _, side := range s.sides {
		n += side.lost + side.dropped()
	}
	return n
}

// step sends what is due.
func (s *sound) step(now time.Time) bool {
	s.turn(now)
	if s.stage == finished {
		return true
	}
	due := int(now.Sub(s.began) / (interval / slots))
	if s.ticks < due {
		s.flow.Late = max(s.flow.Late, now.Sub(s.began)-time.Duration(s.ticks+1)*(interval/slots))
	}
	for ; s.ticks < due; s.ticks++ {
		seq, slot := s.ticks/slots, s.ticks%slots
		sent := 0
		for i := slot; i < len(s.packets[0]); i += slots {
			for side, socket := range s.sides {
				b := s.packets[side][i]
				binary.BigEndian.PutUint16(b[2:], uint16(seq))
				binary.BigEndian.PutUint32(b[4:], uint32(seq)*payload)
				binary.BigEndian.PutUint64(b[atSent:], uint64(time.Now().UnixNano()))
				b[atCounted] = 0
				if s.stage == counting {
					b[atCounted] = 1
					s.flow.Sent++
				}
				if side == 0 && s.cfg.safe != nil {
					p := &s.cfg.safe[i]
					out, err := p.out.Seal(p.buf[:0], b)
					if err != nil {
						continue
					}
					b, p.buf = out, out
				}
				socket.send(b, s.cfg.Ports[side][i])
			}
			if sent++; sent%burst == 0 {
				s.flush()
			}
		}
		s.flush()
	}
	return false
}

func (s *sound) flush() {
	for _, side := range s.sides {
		side.flush()
	}
}

// Run sets the calls up, streams, and hangs up.
func (c Streams) Run() (*Flow, error) {
	if c.SetUp <= 0 || len(c.Callers) < c.Calls {
		return nil, errors.New("streams need a caller for each call and a rate to set them up")
	}
	w, err := newWire()
	if err != nil {
		return nil, err
	}
	defer w.close()
	calls := Calls{
		Server: c.Server, Answer: c.Answer, Callers: c.Callers, Callees: c.Callees, Rate: c.SetUp, Count: c.Calls, Media: c.Media,
	}
	if c.Suite != srtp.UnknownSuite {
		if calls.key, err = srtp.NewKey(c.Suite, 1, rand.Reader); err != nil {
			return nil, err
		}
	}
	p, err := newPhones(w, calls)
	if err != nil {
		return nil, err
	}
	p.held = true
	began := time.Now()
	if err := w.run(func(now time.Time) bool {
		p.step(now)
		return len(p.ends)+p.result.Failed == c.Calls
	}); err != nil {
		return nil, err
	}
	var ports [2][]netip.AddrPort
	var keys []safe
	for _, call := range p.ends {
		if !call.relay.IsValid() || !call.other.IsValid() {
			continue
		}
		if c.Suite != srtp.UnknownSuite {
			k, err := protect(calls.key, call.key)
			if err != nil {
				return nil, fmt.Errorf("the exchange's key: %w", err)
			}
			keys = append(keys, k)
		}
		ports[0], ports[1] = append(ports[0], call.relay), append(ports[1], call.other)
	}
	if len(ports[0]) < c.Calls {
		return nil, fmt.Errorf("%d of %d calls were set up with media: %v", len(ports[0]), c.Calls, p.result.Why)
	}
	flow, err := c.stream(w, p, ports, keys)
	if err != nil {
		return nil, err
	}
	p.held = false
	if p.hangUps, err = newPace(c.SetUp, c.Calls); err != nil {
		return nil, err
	}
	if err := w.run(p.step); err != nil {
		return nil, err
	}
	flow.Failed = p.sum(w, began).Failed
	return flow, nil
}

// protect makes the machines of a caller.
func protect(ours, theirs srtp.Key) (k safe, err error) {
	if k.out, err = srtp.NewSealer(ours); err != nil {
		return k, err
	}
	k.in, err = srtp.NewOpener(theirs)
	return k, err
}

func (c Streams) stream(w *wire, p *phones, ports [2][]netip.AddrPort, keys []safe) (*Flow, error) {
	if c.Time == 0 {
		if c.During != nil {
			c.During(true)
			c.During(false)
		}
		return &Flow{}, nil
	}
	s, err := newSound(w, Sound{Media: c.Media, Ports: ports, Time: c.Time, During: c.During, safe: keys})
	if err != nil {
		return nil, err
	}
	err = w.run(func(now time.Time) bool {
		p.step(now) // the calls go on beside their sound
		return s.step(now)
	})
	return &s.flow, err
}
