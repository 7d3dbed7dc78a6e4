// Package session is a leg's media: it turns what a peer says in session descriptions into port
// pairs, latches and formats, writes the descriptions that the peer gets from us, and joins,
// attaches or echoes the streams.
//
// What lives here is the meaning of a description for packets. Packets themselves are relayed by
// media/rtp, which owns sockets and latches; descriptions are parsed by media/sdp. A Session owns
// its streams and is safe for concurrent use: its methods take a leaf mutex and never wait.
package session

import (
	"net/netip"
	"time"

	"santral/base/id"
	"santral/media"
	"santral/media/rtp"
	"santral/media/sdp"
)

// Config is what all sessions of a node share. It is not changed after the first New.
type Config struct {
	Pool      *rtp.Pool
	Advertise func(peer netip.Addr) netip.Addr // our address as this peer can reach it; nil means the route's own
	DeadAfter time.Duration                    // silence after which OnDead is told; 0 means never
	Random    *id.Source                       // SSRCs, sequence numbers and session ids; nil means id.Random()
	Formats   []media.Format                   // what we speak ourselves, best first; nil means PCMA, PCMU and telephone-event
}

// Session is the media of one leg. Make it with New and end it with Close.
type Session struct{}

// New makes the session of a leg whose signalling peer is at peer. It holds no port until a
// description asks for one.
func New(cfg *Config, peer netip.Addr) *Session { return &Session{} }

// SetRemote takes what the peer said, as offer or as answer: addresses, formats, directions. Latches
// are armed anew where an address changed (RFC 3264 §8.3.1). The session is unchanged when it fails.
func (s *Session) SetRemote(d *sdp.Description) error { return nil }

// RelayLocal makes the description for our peer out of the other leg's: the same lines with our
// address, our ports and our own origin, whose version rises only when the text changes
// (RFC 3264 §8). What cannot be relayed (ICE, DTLS, streams over TCP) is taken out or refused by port 0.
// It fails when no port is free.
func (s *Session) RelayLocal(other *sdp.Description) (*sdp.Description, error) { return nil, nil }

// AnswerLocal answers the description given to SetRemote with our own formats, for media that ends
// here. It fails when there is no format in common: that is a 488.
func (s *Session) AnswerLocal() (*sdp.Description, error) { return nil, nil }

// OfferLocal offers our own formats, for media that ends here.
func (s *Session) OfferLocal() (*sdp.Description, error) { return nil, nil }

// Join relays between two sessions, both ways, stream by stream. It replaces what either did before,
// and follows both through later descriptions until Part or Close of either.
func (s *Session) Join(other *Session) {}

// Attach ends the media here: src is heard by the peer, sink gets what the peer says, in 20 ms
// frames of 8 kHz. Either may be nil. A src that ends by io.EOF is not read again; sink goes on. Both
// are called on the media clock and must not block.
func (s *Session) Attach(src media.Source, sink media.Sink) {}

// Echo sends the peer its own sound back.
func (s *Session) Echo() {}

// Part ends Join, Attach and Echo: the peer hears nothing, until the next of them. The session that
// was joined with this one is parted too.
func (s *Session) Part() {}

// SendDigit sends one digit ('0'–'9', '*', '#', 'A'–'D') of ms milliseconds as RFC 4733 events, after
// those still to be sent. It works where media ends here (after Attach or Part, not while joined) and
// fails when the peer takes no telephone-event or d is no digit.
func (s *Session) SendDigit(d byte, ms int) error { return nil }

// OnDigit has f told of every digit from the peer, once each, whether the session is joined or
// not. f is called on a media loop and must not block; nil ends it.
func (s *Session) OnDigit(f func(d byte)) {}

// OnDead begins the watch over the peer's packets: f is told once when none came for DeadAfter,
// while the peer is to send (a peer on hold is not watched). Call it when the leg is established.
// f must not block; nil ends the watch.
func (s *Session) OnDead(f func()) {}

// Quality is what is known of each stream, one for each media line in order.
func (s *Session) Quality() []media.Quality { return nil }

// Remote is where the peer's media is, "192.0.2.1:4000": of the first stream, the learned address
// where one is, otherwise the signalled one; "" when there is none.
func (s *Session) Remote() string { return "" }

// Codec is the name of the first stream's format ("PCMA") as negotiated, "" when there is none.
func (s *Session) Codec() string { return "" }

// Held reports whether the peer holds us: its last description wants nothing to be sent to it, or it
// sends nothing itself.
func (s *Session) Held() bool { return false }

// Close gives the ports back to the pool, which lets them drain. It may be called again.
func (s *Session) Close() {}
