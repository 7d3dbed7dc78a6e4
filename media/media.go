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
