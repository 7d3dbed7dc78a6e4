package rtp

import (
	"net/netip"
	"sync"

	"santral/base/vnet"
)

// netReaders serves ports over a vnet.Net with a goroutine for each socket: virtual networks, and
// systems without a loop of their own.
type netReaders struct {
	net  vnet.Net
	dscp int

	mu      sync.Mutex
	sockets []vnet.UDP
	done    sync.WaitGroup
}

type netSocket struct{ udp vnet.UDP }

func (s netSocket) send(b []byte, to *target) bool { return s.udp.WriteTo(b, to.to) == nil }

func (n *netReaders) open(p *port, at netip.AddrPort) error {
	udp, err := n.net.ListenUDP(at, vnet.Options{DSCP: n.dscp})
	if err != nil {
		return err
	}
	p.socket = netSocket{udp}
	n.mu.Lock()
	n.sockets = append(n.sockets, udp)
	n.mu.Unlock()
	n.done.Add(1)
	go n.read(p, udp)
	return nil
}

func (n *netReaders) read(p *port, udp vnet.UDP) {
	defer n.done.Done()
	var batch [4]vnet.Datagram
	for i := range batch {
		batch[i].B = make([]byte, 2048)
	}
	for {
		count, err := udp.ReadBatch(batch[:])
		if err != nil {
			return
		}
		now := p.pool.now()
		for _, d := range batch[:count] {
			p.packet(d.B[:d.N], AddrFrom(d.Addr), now)
		}
	}
}

// flush has nothing to do: the goroutine leaves nothing waiting.
func (n *netReaders) flush(*port) {}

// mark has nothing to do: such a network marks a socket when it opens.
func (n *netReaders) mark(*port, int) {}

func (n *netReaders) close() {
	n.mu.Lock()
	for _, udp := range n.sockets {
		udp.Close()
	}
	n.sockets = nil
	n.mu.Unlock()
	n.done.Wait()
}
