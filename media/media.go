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

// Dated is what a Sink may be besides: one that asks when its sound was said, as some comes late, or much at once.
type Dated interface {
	// WriteSaid is Write for a piece whose last sample was said at end, which is past or now. Pieces come in order.
	WriteSaid(f Frame, end time.Time)
}

// Adjustable is a Source that has its sound at several rates. Who reads it at another rate than its own asks for that
// once, before it takes a resampler; who begins to read it asks for the one that it counts on, as another may have read it before.
type Adjustable interface {
	// SetRate has Read give sound at rate (in Hz) from now on, going on at the same place. False: it can't, and stays
	// as it is. It is called by who reads.
	SetRate(rate int) bool
}

// RateOf is the rate of a Source's or a Sink's sound, in Hz: its own where it is Rated, 8 kHz otherwise.
func RateOf(of any) int {
	if r, ok := of.(Rated); ok && r.Rate() > 0 {
		return r.Rate()
	}
	return 8000
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

// Quality is what is known of one stream in both directions, over the whole of it: what came from the peer, as we
// counted it, and under Heard what the peer says of the packets that it gets.
type Quality struct {
	Format    string        // encoding name, "" when nothing came
	Packets   uint64        // received from the peer
	Octets    uint64        // payload octets received
	Lost      uint64        // by sequence numbers, never negative
	Late      uint64        // duplicates and packets older than the window
	Discarded uint64        // came too late to be played; 0 where packets are passed on as they come
	Concealed time.Duration // of sound that was made up for what was missing; 0 where packets are passed on
	Spoken    time.Duration // of sound received, by its timestamps and pauses left out
	Jitter    time.Duration // interarrival jitter, RFC 3550 §6.4.1
	Buffer    time.Duration // delay of our own jitter buffer, 0 where packets are passed on
	RoundTrip time.Duration // from RTCP, 0 when unknown
	Delay     time.Duration // from the peer's mouth to us, estimated of the round trip, a packet and the buffer; 0 when nothing came
	MOS       float64       // in conversation, 1 to 4.5, ITU-T G.107 or G.107.1 estimate; 0 when nothing came
	Listening float64       // without regard to delay, likewise
	Sent      uint64        // packets we sent to the peer

	// How losses lay (RFC 3611 §4.7.2).
	Bursts       uint64  // stretches in which many packets were lost
	BurstPackets uint64  // of these stretches
	BurstLost    uint64  // of those, lost
	BurstRatio   float64 // BurstR of ITU-T G.107: 1 by chance, more when losses come in a row; 0 without losses

	Course // every five seconds of it
	Heard  Heard
}

// Course is how a stream went from one five seconds to the next. Where nothing came it has no sample.
type Course struct {
	Now     Sample  // the last of them
	Worst   Sample  // the one with the lowest score
	Average float64 // score of all
	Samples uint32  // how many there were
}

// Sample is five seconds of a stream.
type Sample struct {
	MOS    float64 // in conversation, 1 to 4.5
	Loss   float64 // share of packets that did not come, or came too late, 0 to 1
	Jitter time.Duration
}

// Heard is what a peer says of the packets that it gets (RFC 3550 §6.4.1, RFC 3611 §4.7). It is the peer's word and
// not ours: where packets are passed on it counts what the other side's way has lost as well.
type Heard struct {
	Reports   uint64        // that came; 0: the peer says nothing
	Packets   uint64        // that the peer expected, by sequence numbers
	Lost      uint64        // of those, lost
	Discarded float64       // share that came too late for its jitter buffer, 0 to 1; by RTCP-XR
	Jitter    time.Duration // at its side
	Delay     time.Duration // of its own equipment, jitter buffer and all; by RTCP-XR, 0 when unknown
	MOS       float64       // in conversation, our estimate of what it says; 0 without reports
	Said      float64       // listening score that it gives itself, by RTCP-XR; 0 for none
	Course
}
