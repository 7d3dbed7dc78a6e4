package session

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"santral/media/dtls"
	"santral/media/ice"
	"santral/media/rtp"
	"santral/media/sdp"
)

// wire is how the packets of a line travel, as descriptions agree on it or as we offer it.
type wire struct {
	ICE    bool // over a transport that ICE finds, on the port that all browsers share
	DTLS   bool // keys come from a handshake on the media path (RFC 5763)
	Client bool // we begin the handshake (a=setup:active, RFC 8842 §5)
	Mux    bool // RTCP shares the port (RFC 5761)
	Bundle int  // index of the line whose transport is used (RFC 9143); its own index when it has one
}

// path is a transport that needs more than ports: a way that ICE finds, a handshake of DTLS, or both. The lines of a
// bundle share one. What its lock does not cover is under the session's.
type path struct {
	s      *Session
	index  int         // of the line that descriptions tell of it on: the first of a bundle's
	stream *rtp.Stream // of the line that it was made for, which may have been released: its transport goes on
	agent  *ice.Agent  // nil over ports
	gate   *dtls.Gate  // nil where keys do not come from a handshake
	users  int         // lines that use it

	prints     string             // of the peer, with its tls-id, as they were said
	peer       []dtls.Fingerprint // nil while nothing was said
	client     bool
	congestion *congestion // nil where arrivals are not reported

	agreed bool // the handshake in use has ended with keys
	failed int  // handshakes in a row

	mu     sync.Mutex // a leaf
	closed bool
	assoc  *dtls.Association
	hello  []byte         // came before there was an association
	from   netip.AddrPort // where the peer's handshake comes from
	ready  bool           // a peer that begins may do so: its fingerprints are known
}

// openLocked gives line l the transport that w asks for, if it has it not yet: a pair of ports, a way of ICE, or
// that of another line.
func (s *Session) openLocked(l *line, like netip.Addr, w wire) (err error) {
	if l.stream != nil {
		return nil
	}
	index := s.indexOf(l)
	if w.Bundle != index && w.Bundle >= 0 && w.Bundle < len(s.lines) {
		if with := s.lines[w.Bundle]; with.stream != nil && with != l {
			l.stream, l.path = with.stream.Beside(), with.path
			if l.path != nil {
				l.path.users++
			}
			return nil
		}
	}
	if !(w.ICE && s.cfg.finds()) && !(w.DTLS && s.cfg.handshakes()) { // ports, and no more
		l.stream, err = s.cfg.Pool.Take(like)
		return err
	}
	p := &path{s: s, index: index, users: 1, client: w.Client}
	if w.DTLS {
		p.gate = s.cfg.DTLS
	}
	if w.ICE && s.cfg.ICE != nil {
		stream := s.cfg.Pool.Over(p)
		p.stream = stream
		p.agent, err = s.cfg.ICE.Open(ice.AgentConfig{Peer: s.peer, Controlling: !s.answering(index), Handler: p})
		if err != nil {
			stream.Release()
			return err
		}
		l.stream = stream
	} else if l.stream, err = s.cfg.Pool.Take(like); err != nil {
		return err
	}
	if l.path = p; p.agent == nil {
		p.stream = l.stream
	}
	if p.gate != nil {
		l.stream.Secure(rtp.Shut, rtp.Shut)
		if p.agent == nil {
			l.stream.Other(p.foreign)
		}
	}
	return nil
}

// indexOf gives a line's place.
func (s *Session) indexOf(l *line) int {
	for i := range s.lines {
		if s.lines[i] == l {
			return i
		}
	}
	return 0
}

// answering reports whether line i is in an offer of the peer's that is being answered.
func (s *Session) answering(i int) bool {
	return s.remote != nil && !s.settled && i < len(s.remote.Media)
}

// leaveLocked takes a line off its path. Where others go on by it the first of them speaks for it from now on: its
// part of descriptions tells of the transport (RFC 9143 §7.3.1).
func (s *Session) leaveLocked(l *line, p *path) {
	if p == nil {
		return
	}
	if p.users--; p.users == 0 {
		if p.agent == nil {
			p.Close() // over ICE the stream does it
		}
		return
	}
	if s.lines[p.index] != l {
		return
	}
	p.index = slices.IndexFunc(s.lines, func(o *line) bool { return o.path == p })
	for _, o := range s.lines {
		if o.path == p {
			o.wire.Bundle = p.index
		}
	}
}

// Send sends a packet by the way that ICE found. It implements rtp.Path.
func (p *path) Send(b []byte) bool { return p.agent.Send(b) }

// Close ends whatever goes on for the path. It implements rtp.Path.
func (p *path) Close() {
	p.mu.Lock()
	a := p.assoc
	p.closed, p.assoc, p.hello = true, nil, nil
	p.mu.Unlock()
	p.congestion.close()
	if a != nil {
		a.Close()
	}
	if p.agent != nil {
		p.agent.Close()
	}
}

// Packet takes what came over ICE. It implements ice.Handler.
func (p *path) Packet(b []byte, from netip.AddrPort) {
	if rtp.IsDTLS(b) {
		p.foreign(b, from)
		return
	}
	p.stream.Receive(b)
}

// State tells of the way that ICE found or lost. It implements ice.Handler.
func (p *path) State(st ice.State) {
	s := p.s
	kind := PathFound
	switch st {
	case ice.Found:
	case ice.Lost:
		kind = PathLost
	default:
		return
	}
	s.mu.Lock()
	if !s.closed && kind == PathFound {
		p.beginLocked()
	}
	index := p.index
	s.mu.Unlock()
	s.tell(News{Kind: kind, Line: index, Addr: p.agent.Remote()})
	if kind == PathFound {
		s.shown()
	}
}

// pathAttrsLocked gives the attributes by which the peer finds our end of a line's path, beside port and address:
// candidates and credentials of ICE (RFC 8839 §5), fingerprint and setup of DTLS (RFC 8842 §5); and the address that
// stands in c= and m=, which is invalid where the line has ports of its own.
func (s *Session) pathAttrsLocked(l *line, answering bool) (attrs []sdp.Attr, at netip.AddrPort) {
	p := l.path
	if p == nil {
		return nil, at
	}
	own := s.indexOf(l) == p.index
	if answering && own {
		p.client = l.wire.Client
		p.remoteLocked(s.remote, &s.remote.Media[p.index])
		p.beginLocked()
	}
	add := func(name, value string) { attrs = append(attrs, sdp.Attr{Name: name, Value: value}) }
	if p.agent != nil {
		c := p.agent.Local()
		add("ice-ufrag", c.Ufrag)
		add("ice-pwd", c.Pwd)
		list := p.agent.Candidates()
		for i, c := range list {
			if own {
				add("candidate", c.String())
			}
			if i == 0 || c.Addr.Addr().Is4() { // the default one is of the family that more can use (RFC 8421 §4)
				at = c.Addr
			}
		}
		if own {
			add("end-of-candidates", "")
		}
		if !at.IsValid() {
			at = netip.AddrPortFrom(netip.IPv4Unspecified(), 9) // RFC 8840 §4.1.1
		}
	}
	if p.gate != nil {
		add("fingerprint", p.gate.Identity.Fingerprint())
		switch {
		case !answering:
			add("setup", "actpass")
		case p.client:
			add("setup", "active")
		default:
			add("setup", "passive")
		}
	}
	return attrs, at
}

// nameLocked tells the stream by which name of its line packets say what line they belong to (RFC 9143 §15).
func (l *line) nameLocked(m *sdp.Media, mid string) {
	if l.path == nil || l.stream == nil || mid == "" {
		return
	}
	number := uint8(0)
	for _, a := range m.Attrs {
		if n, uri := sdp.Extension(a.Value); a.Name == "extmap" && strings.HasPrefix(uri, "urn:ietf:params:rtp-hdrext:sdes:mid") {
			if v, err := strconv.ParseUint(n, 10, 8); err == nil {
				number = uint8(v)
			}
		}
	}
	l.stream.SetMID(mid, number)
}

// pathSaidLocked gives a description of ours what it says of all its paths at once: that we are lite (RFC 8839 §5.3),
// and that candidates may come later (RFC 8838 §4).
func (s *Session) pathSaidLocked(d *sdp.Description) {
	for _, l := range s.lines {
		if l.path == nil || l.path.agent == nil || l.stream == nil {
			continue
		}
		if l.path.agent.Local().Lite {
			d.Attrs = append(d.Attrs, sdp.Attr{Name: "ice-lite"})
		}
		d.Attrs = append(d.Attrs, sdp.Attr{Name: "ice-options", Value: "trickle"})
		return
	}
}

// pathRemoteLocked takes what the peer's description says of its end of a line's path. On a change of its ICE
// credentials ICE begins anew (RFC 8839 §4.4.1). An offer of the peer's begins no handshake before our answer.
func (s *Session) pathRemoteLocked(l *line, d *sdp.Description, m *sdp.Media) {
	p := l.path
	if p == nil || s.indexOf(l) != p.index {
		return
	}
	if s.settled && p.gate != nil {
		if _, print := either(d, m, "fingerprint"); !print && !sealed(m.Proto) {
			p.gate, l.wire.DTLS = nil, false // it has taken the line in the clear, which setRemote has allowed
		}
		setup, _ := either(d, m, "setup")
		l.wire.Client = setup == "passive"
		p.client = l.wire.Client
	}
	p.remoteLocked(d, m)
	if s.settled && p.agent != nil && p.agent.State() == ice.Searching && l.terms.Open {
		if _, found := either(d, m, "ice-ufrag"); !found { // RFC 8839 §3.2.5: it has none, and is where it says
			p.agent.Direct(l.terms.Remote)
		}
	}
	if s.settled {
		p.beginLocked()
	}
}

// remoteLocked takes the peer's credentials, candidates and fingerprints.
func (p *path) remoteLocked(d *sdp.Description, m *sdp.Media) {
	if p.agent != nil {
		p.findLocked(d, m)
	}
	if p.gate == nil {
		return
	}
	var list []dtls.Fingerprint
	said, _ := either(d, m, "tls-id")
	for _, attrs := range [...][]sdp.Attr{m.Attrs, d.Attrs} { // a line's own count instead of the session's (RFC 8122 §5)
		for _, a := range attrs {
			if a.Name != "fingerprint" || len(list) >= 16 {
				continue
			}
			said += "\n" + strings.ToLower(a.Value)
			if f, err := dtls.ParseFingerprint(a.Value); err == nil {
				list = append(list, f)
			}
		}
		if len(list) > 0 {
			break
		}
	}
	if len(list) == 0 || said == p.prints {
		return
	}
	// Another certificate, or another identity of the association: the keys hold until there are new ones
	// (RFC 8842 §4).
	p.prints, p.peer, p.agreed, p.failed = said, list, false, 0
	p.mu.Lock()
	old := p.assoc
	p.assoc = nil
	p.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

// findLocked gives ICE what the description says of it.
func (p *path) findLocked(d *sdp.Description, m *sdp.Media) {
	var c ice.Credentials
	c.Ufrag, _ = either(d, m, "ice-ufrag")
	c.Pwd, _ = either(d, m, "ice-pwd")
	_, c.Lite = d.Attr("ice-lite")
	if p.s.settled {
		p.agent.SetAnswer(c)
	} else {
		p.agent.SetRemote(c)
	}
	for _, a := range m.Attrs {
		switch a.Name {
		case "candidate":
			if c, err := ice.ParseCandidate(a.Value); err == nil {
				p.agent.AddRemote(c)
			}
		case "end-of-candidates":
			p.agent.EndOfCandidates()
		}
	}
}

// Trickle takes candidates that the peer sends after its description, as a fragment of one (RFC 8840 §4.4).
func (s *Session) Trickle(fragment string) error {
	f, err := ice.ParseFragment(fragment)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, l := range s.lines {
		if l.path == nil || l.path.agent == nil || l.path.index != i {
			continue
		}
		for _, c := range f.Candidates {
			if c.Ufrag == "" {
				c.Ufrag = f.Credentials.Ufrag
			}
			l.path.agent.AddRemote(c)
		}
		if f.End {
			l.path.agent.EndOfCandidates()
		}
	}
	return nil
}
