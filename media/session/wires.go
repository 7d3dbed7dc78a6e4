package session

import (
	"slices"
	"strconv"
	"strings"

	"santral/media"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/srtp"
)

// How the packets of each line travel is agreed on with this leg's peer alone: by the profile in our offers, by what
// the peer offered in our answers.

// overTLS reports a protocol whose keys come from a handshake (RFC 5764 §8).
func overTLS(proto string) bool { return strings.HasPrefix(proto, "UDP/TLS/") }

// sealed reports a protocol of which no packet is in the clear: SAVP or SAVPF (RFC 3711 §12, RFC 5124 §2).
func sealed(proto string) bool { return strings.Contains(proto, "SAVP") }

// either finds an attribute that may stand on a line or for all of them.
func either(d *sdp.Description, m *sdp.Media, name string) (string, bool) {
	if v, ok := m.Attr(name); ok {
		return v, true
	}
	return d.Attr(name)
}

// protos are the protocols of RTP in our offers, of sound and of the rest.
func (s *Session) protos() (sound, rest string) {
	switch p := &s.profile; {
	case p.Web && s.cfg.handshakes():
		return "UDP/TLS/RTP/SAVPF", ""
	case p.Secure == SecureOff:
		return "RTP/AVP", ""
	case p.DTLS && s.cfg.handshakes():
		return "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"
	case p.Secure == SecureRequired:
		return "RTP/SAVP", ""
	}
	return "RTP/AVP", ""
}

// offeredWire is how the packets of a line of our offer are to travel: as they do, or as the profile says.
func (s *Session) offeredWire(l *line, m *sdp.Media, i, tagged int) wire {
	p := &s.profile
	w := wire{Bundle: i}
	switch {
	case !sdp.RTP(m.Proto):
	case l.stream != nil && l.said && !l.refused && l.wire != (wire{}):
		w = l.wire
	case overTLS(m.Proto):
		w.DTLS, w.Mux = true, true
		w.ICE = (p.ICE || p.Web) && s.cfg.finds()
		if p.Web && tagged >= 0 {
			w.Bundle = tagged
		}
	case p.ICE && s.cfg.finds():
		w.ICE, w.Mux = true, true
	}
	return w
}

// offersKeys reports whether a line of our offer has keys in it: where its protocol wants them, where they are in
// use, and beside a plain protocol where nobody can read them on their way (RFC 8643 §3).
func (s *Session) offersKeys(l *line, proto string) bool {
	switch {
	case overTLS(proto) || !sdp.RTP(proto):
		return false
	case sealed(proto):
		return true
	case l.said && !l.refused:
		_, _, ok := l.keys.agreed()
		return ok
	}
	return s.profile.Secure == SecureOptional && s.profile.Safe
}

// takenWire is how the packets of line i of the peer's description travel when it is taken; ok is false when it can't be.
func (s *Session) takenWire(i int) (w wire, ok bool) {
	d, p := s.remote, &s.profile
	m, l := &d.Media[i], s.lineLocked(i)
	w.Bundle = i
	if !sdp.RTP(m.Proto) {
		return w, p.Secure != SecureRequired
	}
	if m.Kind == "audio" && !s.profile.speaksAny(l.remote) {
		return w, false
	}
	_, print := either(d, m, "fingerprint")
	print = print && s.cfg.handshakes()
	keyed := l.keys.heard()
	switch {
	case sealed(m.Proto) && p.Secure == SecureOff:
		return w, false
	case overTLS(m.Proto):
		w.DTLS, ok = true, print
	case sealed(m.Proto):
		w.DTLS, ok = print && !keyed, print || keyed
	default: // keys beside a plain profile are welcome (RFC 8643 §3)
		w.DTLS = print && !keyed && p.Secure == SecureRequired
		ok = keyed || w.DTLS || p.Secure != SecureRequired
	}
	w.Mux = m.Mux()
	if _, ice := either(d, m, "ice-ufrag"); ice && s.cfg.finds() {
		w.ICE = w.Mux // the shared port has no other one for RTCP
	}
	if w.DTLS {
		setup, _ := either(d, m, "setup")
		switch {
		case setup == "passive":
			w.Client = true
		case setup == "actpass" && l.wire.DTLS:
			w.Client = l.wire.Client // as it is (RFC 8842 §5.5)
		case setup == "actpass":
			w.Client = w.ICE || l.terms.Open // RFC 5763 §5; who is behind a translator has to speak first
		}
	}
	return w, ok && (m.Port != 0 || w.DTLS)
}

// untaken are the lines of the peer's offer that can't be taken, a bit each.
func (s *Session) untaken() (set uint64) {
	for i := range s.remote.Media {
		if _, ok := s.takenWire(i); !ok {
			set |= 1 << uint(i)
		}
	}
	return set
}

// bundle is the group of lines of the peer's offer that share a transport, by their tags (RFC 9143 §7.2); nil for none.
func bundle(d *sdp.Description) []string {
	for _, a := range d.Attrs {
		if a.Name == "group" && strings.HasPrefix(a.Value, "BUNDLE ") {
			return strings.Fields(a.Value)[1:]
		}
	}
	return nil
}

// placeLocked gives each line of a description of ours its transport, its keys and its port.
func (s *Session) placeLocked(d *sdp.Description, answering bool) error {
	like, _ := s.ourAddr()
	var group []string // tags of the peer's bundle
	if answering {
		group = bundle(s.remote)
	}
	tagged := -1 // the line whose transport the bundle has
	var tags []string
	for i := range d.Media {
		m, l := &d.Media[i], s.lineLocked(i)
		mid, named := m.Attr("mid")
		if named {
			l.mid = mid
		}
		if m.Port == 0 {
			if answering || !l.said { // a line that an offer leaves goes on until that is answered
				s.dropLocked(l)
			}
			continue
		}
		if mid == "" && !answering && s.profile.Web && overTLS(m.Proto) { // browsers know a line by it alone (RFC 8829 §5.2.1)
			mid = strconv.Itoa(i)
			m.Attrs, l.mid = append(m.Attrs, sdp.Attr{Name: "mid", Value: mid}), mid
		}
		var w wire
		if answering {
			w, _ = s.takenWire(i)
			if (w.ICE || w.DTLS) && w.Mux && slices.Contains(group, mid) {
				if tagged < 0 {
					tagged = i
				}
				w.Bundle = tagged
			}
		} else {
			w = s.offeredWire(l, m, i, tagged)
			if tagged < 0 && s.profile.Web && w.DTLS && mid != "" {
				tagged = i
			}
		}
		if tagged >= 0 && w.Bundle == tagged {
			tags = append(tags, mid)
		}
		if l.stream != nil && (l.wire.ICE != w.ICE || l.wire.DTLS != w.DTLS || l.wire.Bundle != w.Bundle && l.wire != (wire{})) {
			s.dropLocked(l) // another transport
		}
		l.wire = w
		if err := s.openLocked(l, like, w); err != nil {
			return err
		}
		if err := s.writeLineLocked(l, m, answering, i); err != nil {
			return err
		}
		l.nameLocked(m, mid)
	}
	for i := len(d.Media); i < len(s.lines); i++ {
		s.dropLocked(s.lines[i])
	}
	s.pathSaidLocked(d)
	if len(tags) > 0 {
		d.Attrs = append(d.Attrs, sdp.Attr{Name: "group", Value: "BUNDLE " + strings.Join(tags, " ")})
	}
	return nil
}

// writeLineLocked writes what is this leg's own into a line: port, keys, path; and takes note of the line.
func (s *Session) writeLineLocked(l *line, m *sdp.Media, answering bool, i int) (err error) {
	fresh := !l.said
	if answering || fresh || l.refused { // otherwise what holds goes on until the peer has answered
		l.kind, l.proto = m.Kind, m.Proto
		if sdp.RTP(m.Proto) {
			l.spoken = m.Proto
		}
	}
	if !answering && l.said && !l.refused && sdp.RTP(l.proto) && !sdp.RTP(m.Proto) { // so do its formats and keys
		m.Port, m.Ports, m.Conn = l.stream.Port(), 0, sdp.Conn{}
		return nil
	}
	l.local = formatsOf(m, l.local, l.remote)
	l.remember(l.local)
	l.localMux, l.ptime = l.wire.Mux, uint16(m.Ptime())
	if answering { // what may be spoken is what the answer has of the offer (RFC 3264 §6.1)
		l.narrow(&s.remote.Media[i])
	}
	m.Port, m.Ports, m.Conn = l.stream.Port(), 0, sdp.Conn{}
	if l.wire.Mux {
		m.Attrs = append(m.Attrs, sdp.Attr{Name: "rtcp-mux"})
	}
	var list []srtp.Key
	switch {
	case l.wire.DTLS:
	case answering && sdp.RTP(m.Proto) && l.keys.heard() && s.profile.Secure != SecureOff:
		list, err = l.keys.answer()
	case !answering && s.offersKeys(l, m.Proto):
		list, err = l.secrets().offer()
	case l.keys != nil:
		l.keys.Ours = nil
	}
	if err != nil {
		return err
	}
	m.Attrs = cryptoAttrs(m.Attrs, list)
	attrs, at := s.pathAttrsLocked(l, answering)
	m.Attrs = append(m.Attrs, attrs...)
	if at.IsValid() {
		m.Port, m.Conn = at.Port(), sdp.NewConn(at.Addr())
	}
	s.wideLocked(l, m, answering, i)
	if l.wire.Bundle != i && !answering && fresh { // RFC 9143 §7.2.1
		m.Port = 0
		m.Attrs = append(m.Attrs, sdp.Attr{Name: "bundle-only"})
	}
	return nil
}

// formatsOf gives the formats of a line of a description. Lists of a line are never changed, so that one of those that it
// has already serves where it is the same.
func formatsOf(m *sdp.Media, known ...[]media.Format) []media.Format {
	if !m.RTP() {
		return nil
	}
	var room [8]media.Format
	list := m.AppendFormats(room[:0])
	for _, k := range known {
		if k != nil && slices.Equal(list, k) {
			return k
		}
	}
	return slices.Clone(list)
}

// remember takes note of formats that either side named. Each payload number keeps its meaning for as long as the session
// lasts (RFC 3264 §8.3.2).
func (l *line) remember(list []media.Format) {
	if len(l.past) == 0 {
		l.past = slices.Clip(list)
		return
	}
	for _, f := range list {
		if !slices.ContainsFunc(l.past, func(p media.Format) bool { return p.Payload == f.Payload }) {
			l.past = append(l.past, f)
		}
	}
}

// narrow has the peer take what its line m and our last description have in common, by payload numbers.
func (l *line) narrow(m *sdp.Media) {
	gone := func(f media.Format) bool {
		return !slices.ContainsFunc(l.local, func(o media.Format) bool { return o.Payload == f.Payload })
	}
	if len(l.remote) == len(m.Formats) && !slices.ContainsFunc(l.remote, gone) { // all of it was taken note of, and stays
		return
	}
	var room [8]media.Format
	list := slices.DeleteFunc(m.AppendFormats(room[:0]), gone)
	if !slices.Equal(list, l.remote) {
		l.remote = slices.Clone(list)
	}
}

// secureLocked has the stream of a line use the keys that were agreed on. Until they are, nothing passes in the clear
// where the protocol forbids it.
func (s *Session) secureLocked(l *line) {
	if l.stream == nil || l.wire.DTLS {
		return
	}
	k := l.keys
	if l.terms.Raw {
		l.stream.Secure(nil, nil) // the images of a fax are in the clear beside sound that is not
		k.unused()
		return
	}
	peer, ours, ok := k.agreed()
	switch {
	case ok && sameKey(peer, k.in) && sameKey(ours, k.out):
	case ok:
		if l.secure(peer, ours) {
			k.in, k.out = peer, ours
		}
	case sealed(l.proto) && k != nil && k.in.Suite != srtp.UnknownSuite: // a change is under way: what holds goes on until it is agreed on
	case sealed(l.proto):
		l.stream.Secure(rtp.Shut, rtp.Shut)
	default:
		l.stream.Secure(nil, nil)
		k.unused()
	}
}

// secure makes the machines of two keys. It is false when the keys are unusable, which ParseCrypto has ruled out.
func (l *line) secure(peer, ours srtp.Key) bool {
	in, err := srtp.NewOpener(peer)
	if err != nil {
		return false
	}
	out, err := srtp.NewSealer(ours)
	if err != nil {
		return false
	}
	l.stream.Secure(in, out)
	return true
}

// handshakes reports whether keys can be agreed on by DTLS, finds whether transports can be found by ICE.
func (c *Config) handshakes() bool { return c.DTLS != nil }

func (c *Config) finds() bool { return c.ICE != nil }
