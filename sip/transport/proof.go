package transport

import "santral/sip"

// Certificate gives the SIP domains that the peer of f proved with its client certificate, lower case
// (RFC 5922 §7.1): nil where the connection has none, where it is gone, and for every other transport.
func (l *Layer) Certificate(f sip.Flow) []string {
	c := l.conns.get(f)
	if c == nil || f.Conn == 0 {
		return nil
	}
	return c.proved
}
