package session

import (
	"net/netip"

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

// openLocked gives line i the transport that w asks for, if it has it not yet: a pair of ports, a path of ICE, or
// that of another line.
func (s *Session) openLocked(l *line, like netip.Addr, w wire) error {
	if l.stream != nil {
		return nil
	}
	stream, err := s.cfg.Pool.Take(like)
	if err != nil {
		return err
	}
	l.stream = stream
	return nil
}

// pathAttrsLocked gives the attributes by which the peer finds our end of a line's path, beside port and address:
// candidates and credentials of ICE (RFC 8839 §5), fingerprint, setup and tls-id of DTLS (RFC 8842 §5); and the
// address that stands in c= and m=, which is invalid where the line has ports of its own.
func (s *Session) pathAttrsLocked(l *line, answering bool) (attrs []sdp.Attr, at netip.AddrPort) {
	return nil, at
}

// pathRemoteLocked takes what the peer's description says of its end of a line's path. On a change of its ICE
// credentials ICE begins anew (RFC 8839 §4.4.1).
func (s *Session) pathRemoteLocked(l *line, d *sdp.Description, m *sdp.Media) error { return nil }
