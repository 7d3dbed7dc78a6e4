package trace

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/vnet"
)

// Bounds of what waits for a capture server, and of how patiently it is sought.
const (
	hepWaiting  = 4 << 20 // octets that may wait
	hepDatagram = 65000   // greatest message over UDP
	hepAgain    = 5 * time.Minute
	hepFirst    = time.Second // wait after a failure, doubled up to hepLongest
	hepLongest  = 30 * time.Second
	hepWrite    = 5 * time.Second // longest wait of one write on a stream
)

// The chunks of HEP version 3 that are sent, all of the generic vendor.
const (
	hepFamily      = 0x0001
	hepProtocol    = 0x0002
	hepIPv4From    = 0x0003
	hepIPv4To      = 0x0004
	hepIPv6From    = 0x0005
	hepIPv6To      = 0x0006
	hepPortFrom    = 0x0007
	hepPortTo      = 0x0008
	hepSeconds     = 0x0009
	hepMicros      = 0x000a
	hepKind        = 0x000b
	hepAgent       = 0x000c
	hepKey         = 0x000e
	hepPayload     = 0x000f
	hepCorrelation = 0x0011

	hepSIP = 1   // kind of a SIP message
	hepLog = 100 // kind of a line of a log: a decision
)

// HEPConfig says where copies of calls' messages go. Net and To are required.
type HEPConfig struct {
	Net    vnet.Net
	To     string // host:port of the capture server
	Stream bool   // over TCP, not UDP
	ID     uint32 // the capture agent's number, by which the server tells exchanges apart
	Key    string // what the server demands of agents; "" for nothing
}

// HEP sends copies to a capture server such as Homer, by version 3 of its encapsulation protocol. Both legs
// of a call carry the call's id as correlation. It owns its connection and one goroutine; what the server
// does not take in time is dropped and counted, never waited for.
type HEP struct {
	cfg     HEPConfig
	ctx     context.Context
	stop    context.CancelFunc
	done    chan struct{}
	wake    chan struct{}
	sent    atomic.Uint64
	dropped atomic.Uint64

	mu      sync.Mutex
	queue   []Entry
	waiting int
}

// StartHEP begins to send what Offer is given.
func StartHEP(cfg HEPConfig) *HEP {
	h := &HEP{cfg: cfg, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	h.ctx, h.stop = context.WithCancel(context.Background())
	go h.run()
	return h
}

// Close sends what waits, where there is a way that takes it at once, and ends.
func (h *HEP) Close() {
	h.stop()
	<-h.done
}

// Sent and Dropped count messages and decisions.
func (h *HEP) Sent() uint64 { return h.sent.Load() }

// Dropped counts those that the server did not take in time.
func (h *HEP) Dropped() uint64 { return h.dropped.Load() }

// Offer takes entries to be sent and never waits. It is what a Book's Export wants.
func (h *HEP) Offer(entries []Entry) {
	h.mu.Lock()
	for i := range entries {
		n := entries[i].size()
		if h.waiting+n > hepWaiting {
			h.dropped.Add(1)
			continue
		}
		h.waiting += n
		h.queue = append(h.queue, entries[i])
	}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *HEP) take() []Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.queue
	h.queue, h.waiting = nil, 0
	return list
}

// line is an open way to the server.
type line struct {
	write func([]byte) error
	close func()
	until time.Time // then the server's name is looked up again
}

func (h *HEP) run() {
	defer close(h.done)
	var out *line
	defer func() {
		if out != nil {
			out.close()
		}
	}()
	wait := hepFirst
	for {
		select {
		case <-h.wake:
		case <-h.ctx.Done():
			if out != nil && !h.cfg.Stream { // a stream was closed with the context
				h.send(out, h.take())
			}
			h.dropped.Add(uint64(len(h.take())))
			return
		}
		for out == nil || time.Now().After(out.until) {
			if out != nil {
				out.close()
			}
			var err error
			if out, err = h.open(); err == nil {
				break
			}
			out = nil
			select {
			case <-time.After(wait):
			case <-h.ctx.Done():
				return
			}
			wait = min(2*wait, hepLongest)
		}
		if !h.send(out, h.take()) {
			out.close()
			out = nil
			continue
		}
		wait = hepFirst
	}
}

// send writes entries; false when the way is broken, and what was left is dropped.
func (h *HEP) send(out *line, list []Entry) bool {
	for i := range list {
		b := h.encode(&list[i])
		if !h.cfg.Stream && len(b) > hepDatagram {
			h.dropped.Add(1)
			continue
		}
		if err := out.write(b); err != nil {
			h.dropped.Add(uint64(len(list) - i))
			return false
		}
		h.sent.Add(1)
	}
	return true
}

// open finds the server and a way to it.
func (h *HEP) open() (*line, error) {
	host, port, err := net.SplitHostPort(h.cfg.To)
	if err != nil {
		return nil, fmt.Errorf("capture server: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("capture server: %w", err)
	}
	ctx, cancel := context.WithTimeout(h.ctx, 10*time.Second)
	defer cancel()
	addrs, err := h.cfg.Net.LookupIP(ctx, host)
	if err != nil {
		return nil, err
	}
	to := netip.AddrPortFrom(addrs[0], uint16(number))
	if h.cfg.Stream {
		c, err := h.cfg.Net.DialTCP(ctx, netip.Addr{}, to)
		if err != nil {
			return nil, err
		}
		unwatch := context.AfterFunc(h.ctx, func() { c.Close() })
		return &line{
			write: func(b []byte) error {
				c.SetWriteDeadline(time.Now().Add(hepWrite))
				_, err := c.Write(b)
				return err
			},
			close: func() { unwatch(); c.Close() },
			until: time.Now().Add(1 << 62), // a connection says itself when it is over
		}, nil
	}
	any := netip.IPv4Unspecified()
	if to.Addr().Is6() {
		any = netip.IPv6Unspecified()
	}
	sock, err := h.cfg.Net.ListenUDP(netip.AddrPortFrom(any, 0), vnet.Options{})
	if err != nil {
		return nil, err
	}
	return &line{
		write: func(b []byte) error { return sock.WriteTo(b, to) },
		close: func() { sock.Close() },
		until: time.Now().Add(hepAgain),
	}, nil
}

// encode makes one HEP packet: the word HEP3, its length, and chunks of vendor, type, length and content.
func (h *HEP) encode(e *Entry) []byte {
	from, to := e.Remote, e.Local
	if e.Out {
		from, to = to, from
	}
	b := append(make([]byte, 0, 160+e.size()), "HEP3\x00\x00"...)
	chunk := func(kind uint16, content ...byte) {
		b = binary.BigEndian.AppendUint16(b, 0)
		b = binary.BigEndian.AppendUint16(b, kind)
		b = binary.BigEndian.AppendUint16(b, uint16(6+len(content)))
		b = append(b, content...)
	}
	word := func(kind uint16, n uint32) { chunk(kind, binary.BigEndian.AppendUint32(nil, n)...) }
	port := func(kind uint16, n uint16) { chunk(kind, binary.BigEndian.AppendUint16(nil, n)...) }
	src, dst := from.Addr().Unmap().WithZone(""), to.Addr().Unmap().WithZone("")
	if !src.IsValid() || !dst.IsValid() {
		src, dst = netip.IPv4Unspecified(), netip.IPv4Unspecified()
	}
	proto := byte(protoTCP)
	if e.Proto == "UDP" || e.Decision != "" {
		proto = protoUDP
	}
	if src.Is4() && dst.Is4() {
		chunk(hepFamily, 2)
		chunk(hepProtocol, proto)
		chunk(hepIPv4From, src.AsSlice()...)
		chunk(hepIPv4To, dst.AsSlice()...)
	} else {
		s, d := src.As16(), dst.As16()
		chunk(hepFamily, 10)
		chunk(hepProtocol, proto)
		chunk(hepIPv6From, s[:]...)
		chunk(hepIPv6To, d[:]...)
	}
	port(hepPortFrom, from.Port())
	port(hepPortTo, to.Port())
	word(hepSeconds, uint32(e.At.Unix()))
	word(hepMicros, uint32(e.At.Nanosecond()/1000))
	kind, payload := byte(hepSIP), e.Text
	if e.Decision != "" {
		kind, payload = hepLog, e.Decision
	}
	chunk(hepKind, kind)
	word(hepAgent, h.cfg.ID)
	if h.cfg.Key != "" {
		chunk(hepKey, []byte(h.cfg.Key)...)
	}
	if e.Call != "" {
		chunk(hepCorrelation, []byte(e.Call)...)
	}
	room := 0xffff - len(b) - 6 // lengths have 16 bits
	chunk(hepPayload, []byte(payload[:min(len(payload), room)])...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	return b
}
