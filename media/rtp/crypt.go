package rtp

import "errors"

// Opener undoes what protects the packets of a peer (RFC 3711 §3.3, RFC 7714). Methods work in place: what
// they give shares p's memory. They are called under the stream's lock, and allocate nothing in the long run.
type Opener interface {
	Open(p []byte) ([]byte, error)        // a whole RTP packet
	OpenControl(p []byte) ([]byte, error) // a whole compound RTCP packet
}

// Sealer protects the packets that a peer is sent. Methods append to dst, which shares no memory with p, and
// give the longer slice. Calls follow one another.
type Sealer interface {
	Seal(dst, p []byte) ([]byte, error)
	SealControl(dst, p []byte) ([]byte, error)
}

// What an Opener finds wrong with a packet.
var (
	ErrForged = errors.New("the packet was not made with the key that was agreed on") // or was changed on the way
	ErrReplay = errors.New("the packet was seen before, or is too old to tell")       // RFC 3711 §3.3.2
)

// Secure has packets from the peer opened by in and those to it sealed by out, from the next one on; nil for
// both is plain RTP. What can't be opened is dropped, and counted by its verdict.
func (s *Stream) Secure(in Opener, out Sealer) {
	s.mu.Lock()
	s.opener, s.sealer = in, out
	s.mu.Unlock()
}
