package session

import (
	"net/netip"

	"santral/media/dtls"
	"santral/media/rtp"
	"santral/media/srtp"
)

// The handshakes of a path (RFC 5763, RFC 5764): who begins one and when, its packets, and what its end changes.

// mostFailed is how often a peer may begin a handshake that fails.
const mostFailed = 5

// foreign takes a packet of the peer's handshake, of which ports let in only the peer's own.
func (p *path) foreign(b []byte, from netip.AddrPort) {
	if p.gate == nil || !rtp.IsDTLS(b) {
		return
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.from = from
	a := p.assoc
	if a != nil {
		p.mu.Unlock()
		a.Packet(b)
		return
	}
	// A handshake begins with a ClientHello. One that comes before the peer's description is kept until then.
	begin := false
	if len(b) > 13 && len(b) <= 2048 && b[0] == 22 && b[13] == 1 {
		begin = p.ready && p.hello == nil
		p.hello = append(p.hello[:0], b...)
	}
	p.mu.Unlock()
	if begin {
		p.answer()
	}
}

// answer begins the handshake that the peer has asked for.
func (p *path) answer() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if !p.s.closed && p.peer != nil && !p.client {
		p.shakeLocked()
	}
}

// beginLocked begins the handshake where that is ours to do and can be done: the peer's fingerprints are known, and there
// is a way to it. Otherwise the peer's first packet begins it.
func (p *path) beginLocked() {
	if p.gate == nil || p.peer == nil || p.agreed {
		return
	}
	p.mu.Lock()
	p.ready = true
	going, asked := p.assoc != nil, p.hello != nil
	p.mu.Unlock()
	switch {
	case going:
	case p.client:
		if p.agent == nil || p.agent.Remote().IsValid() {
			p.shakeLocked()
		}
	case asked:
		p.shakeLocked()
	}
}

// shakeLocked begins a handshake.
func (p *path) shakeLocked() {
	p.mu.Lock()
	hello := p.hello
	p.hello = nil
	stop := p.closed || p.assoc != nil || p.failed >= mostFailed
	p.mu.Unlock()
	if stop {
		return
	}
	var a *dtls.Association
	a, err := p.gate.Begin(dtls.Config{Client: p.client, Peer: p.peer, Send: p.sendShake, Done: func(k dtls.Keys, err error) {
		p.s.mu.Lock() // which is held here, so that a is known
		mine := a
		p.s.mu.Unlock()
		p.shaken(mine, k, err)
	}})
	if err != nil { // too many: the peer's next try may find room
		return
	}
	p.mu.Lock()
	p.assoc = a
	closed := p.closed
	p.mu.Unlock()
	if closed {
		a.Close()
		return
	}
	if hello != nil && !p.client {
		a.Packet(hello)
	}
}

// sendShake sends a packet of the handshake: by the way that ICE found, or to where the peer's come from, or to where it
// said that it is.
func (p *path) sendShake(b []byte) bool {
	if p.agent != nil {
		return p.agent.Send(b)
	}
	p.mu.Lock()
	to := p.from
	p.mu.Unlock()
	if !to.IsValid() {
		f := p.stream.Facts()
		if to = f.Source; !to.IsValid() {
			to = f.Signalled
		}
	}
	return p.stream.SendOther(b, to)
}

// shaken takes the end of a handshake: the line's packets are protected by its keys.
func (p *path) shaken(a *dtls.Association, k dtls.Keys, err error) {
	var in *srtp.Opener
	var out *srtp.Sealer
	if err == nil {
		if in, err = srtp.NewOpener(k.In); err == nil {
			out, err = srtp.NewSealer(k.Out)
		}
	}
	s := p.s
	s.mu.Lock()
	p.mu.Lock()
	stale := p.closed || p.assoc != a
	if err != nil && !stale {
		p.assoc = nil
		p.failed++
	}
	from := p.from
	p.mu.Unlock()
	if stale || s.closed {
		s.mu.Unlock()
		return
	}
	if err == nil {
		p.agreed, p.failed = true, 0
		p.stream.Secure(in, out)
		if p.agent == nil && from.IsValid() {
			p.stream.Prove(from)
		}
	}
	index := p.index
	s.mu.Unlock()
	if err != nil {
		s.tell(News{Kind: WrongKey, Line: index, Text: err.Error()})
		return
	}
	s.shown()
}
