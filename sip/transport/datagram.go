package transport

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"santral/base/advertise"
	"santral/base/vnet"
	"santral/sip"
)

const (
	readBatch   = 16
	datagramMax = 65535
)

// readDatagrams reads one socket until it is closed. since is when it was last empty, where it has not been
// for longer than one reading; 0 otherwise.
func (l *Layer) readDatagrams(x *listener, s vnet.UDP, since *atomic.Int64) {
	// One large block: the kernel gives memory only to the pages that datagrams reach.
	block := make([]byte, readBatch*datagramMax)
	d := make([]vnet.Datagram, readBatch)
	for i := range d {
		d[i].B = block[i*datagramMax : (i+1)*datagramMax]
	}
	var last time.Time
	for {
		n, err := s.ReadBatch(d)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !l.pause() {
				return
			}
			continue
		}
		for i := range d[:n] {
			l.datagram(x, s, &d[i])
		}
		if busy := since.Load() != 0; busy != (n == readBatch) {
			at := int64(0)
			if !busy {
				at = time.Now().UnixNano()
			}
			since.Store(at)
		}
		if l.cfg.Gather > 0 && n < readBatch {
			// Datagrams that come close upon one another are read together: a wake-up costs more
			// than a message.
			now := time.Now()
			if since := now.Sub(last); since < l.cfg.Gather {
				time.Sleep(l.cfg.Gather - since)
				now = time.Now()
			}
			last = now
		}
	}
}

// Behind tells for how long datagrams have been waiting in the kernel all the while: whoever is that late
// with reading is later still with everything else. It is 0 while what came has been read.
func (l *Layer) Behind() (worst time.Duration) {
	for _, x := range l.listeners {
		for i := range x.busy {
			if since := x.busy[i].Load(); since != 0 {
				worst = max(worst, time.Duration(time.Now().UnixNano()-since))
			}
		}
	}
	return worst
}

// pause waits a little after an error that may pass, such as a lack of memory or descriptors. It
// reports false when the layer was closed meanwhile.
func (l *Layer) pause() bool {
	l.count.readFail.Add(1)
	t := time.NewTimer(50 * time.Millisecond)
	defer t.Stop()
	select {
	case <-l.closed:
		return false
	case <-t.C:
		return true
	}
}

func (l *Layer) datagram(x *listener, s vnet.UDP, d *vnet.Datagram) {
	b, src := d.B[:d.N], d.Addr
	if !l.admits(src.Addr(), sip.UDP, len(b)) {
		return
	}
	if len(b) == 0 || b[0] < 'A' && idle(b) {
		l.count.pings.Add(1) // phones keep their translator's port open so
		return
	}
	if advertise.IsSTUN(b) { // RFC 5626 §4.4.2
		if a, ok := advertise.Answer(nil, b, src); ok {
			l.count.pings.Add(1)
			one := [1]vnet.Datagram{{B: a, Addr: src, Local: d.Local}}
			if _, err := s.WriteBatch(one[:]); err != nil {
				l.count.lost.Add(1)
			}
			return
		}
		l.count.junk.Add(1)
		return
	}
	f := sip.Flow{Transport: sip.UDP, Local: x.addr, Remote: src}
	if d.Local.IsValid() {
		f.Local = netip.AddrPortFrom(d.Local, x.addr.Port())
	}
	m := new(sip.Message)
	text := string(b)
	err := sip.ParseLimited(text, m, &l.cfg.Limits.Message)
	l.deliver(x, f, m, err, len(b), text)
}

// idle reports whether a datagram holds line ends, spaces and zeros alone.
func idle(b []byte) bool {
	for _, c := range b {
		if c != '\r' && c != '\n' && c != 0 && c != ' ' {
			return false
		}
	}
	return true
}
