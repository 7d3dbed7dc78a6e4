// Package media holds the words of sound and pictures on their way: formats, frames, where they
// come from and where they go. The machines (RTP ports, sessions, players, recorders) are its
// rooms. Media knows no SIP: a session description is data that somebody else carried.
package media

import "time"

// Format is one encoding as it is named in a session description (RFC 8866 §6.6).
type Format struct {
	Name     string // "PCMA", "telephone-event"; compared without case
	Payload  uint8  // RTP payload type
	Rate     int    // RTP clock in Hz (8000 for G.722, RFC 3551 §4.5.2)
	Channels int    // 1 when unsaid
	Params   string // the fmtp line's parameters, as received
}

// Frame is a piece of linear sound: signed 16-bit samples, mono.
type Frame []int16

// Source gives sound frame by frame. Read fills the whole frame and reports how many samples are
// real; io.EOF ends the source (with n samples before it). It never blocks: it is called once
// every packet time from a media loop.
type Source interface {
	Read(Frame) (n int, err error)
}

// Sink takes sound frame by frame. Write never blocks and keeps nothing of the frame.
type Sink interface {
	Write(Frame)
}

// Rated is what a Source or a Sink may be besides: one of sound at another rate than 8 kHz.
type Rated interface {
	Rate() int // samples a second, in Hz; it does not change
}

// MostSound is the longest piece of sound that one packet carries (RFC 7587 §4.2).
const MostSound = 120 * time.Millisecond

// Decoder turns the payloads of one stream into sound, in their order. It keeps state from one to the
// next, belongs to whoever made it and is used by one goroutine at a time. Its rate is known to its maker.
type Decoder interface {
	// Decode writes the sound of one payload into dst, which has room for MostSound, and gives the number
	// of samples.
	Decode(dst Frame, payload []byte) (n int, err error)
	// Conceal fills dst with what may have been said where sound is missing: the last of what was heard
	// goes on and fades away.
	Conceal(dst Frame)
}

// Recoverer is a Decoder that finds the sound of a lost packet in the payload of the next one (in-band
// forward error correction, RFC 6716 §2.1.7). ok is false when there is none; Decode of the same payload
// follows in either case.
type Recoverer interface {
	Recover(dst Frame, next []byte) (ok bool)
}

// Encoder turns sound into payloads of one stream. It keeps state, and is used by one goroutine at a time.
type Encoder interface {
	// Encode appends the payload for sound, one packet's worth. When nothing is appended nothing is to be
	// sent: the encoder has found silence (discontinuous transmission).
	Encode(dst []byte, sound Frame) []byte
}

// Adaptive is an Encoder that spends more on repair when more is lost.
type Adaptive interface {
	Expect(loss float64) // the share of packets that the peer does not get, 0 to 1
}

// Quality is what is known of one received stream, over the whole of it (RFC 3550 §6.4).
type Quality struct {
	Format    string        // encoding name, "" when nothing came
	Packets   uint64        // received from the peer
	Octets    uint64        // payload octets received
	Lost      uint64        // by sequence numbers, never negative
	Late      uint64        // duplicates and packets older than the window
	Jitter    time.Duration // interarrival jitter, RFC 3550 §6.4.1
	RoundTrip time.Duration // from RTCP, 0 when unknown
	MOS       float64       // 1 to 4.5, ITU-T G.107 estimate; 0 when nothing came
	Sent      uint64        // packets we sent to the peer
}
