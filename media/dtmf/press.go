package dtmf

import "time"

// Bounds of a press. Shorter ones are not heard by old exchanges (ITU-T Q.24 table A-1 asks for 40
// ms); longer ones are somebody who sat down on the phone.
const (
	MinPress = 40 * time.Millisecond
	MaxPress = 60 * time.Second
)

const (
	volume  = 10     // dB below 0 dBm0: what a phone sends
	repeats = 3      // copies of the last packet, RFC 4733 §2.5.1.4
	segment = 0xffff // the longest duration that a packet can tell
)

// Press is a key on its way out. Next is called once a packet time; every packet carries the RTP
// timestamp of the first of its segment (RFC 4733 §2.2.1), and the sequence goes on as usual.
type Press struct {
	Code  uint8  `json:"code"`
	Total uint32 `json:"total"` // length in clock units
	Done  uint32 `json:"done"`  // how much of it the last packet told
	Begin uint32 `json:"begin"` // where the segment of the last packet begins
	Ends  uint8  `json:"ends"`  // final packets sent
}

// Packet is one packet of a press.
type Packet struct {
	Payload [4]byte
	Begin   uint32 // clock units from the beginning of the press to the packet's timestamp
	Marker  bool   // the first packet of the event, RFC 4733 §2.2.2
	Last    bool   // nothing follows
}

// NewPress begins a key for the given time, held between MinPress and MaxPress, at the RTP clock
// rate. ok is false when it is no key.
func NewPress(key byte, long time.Duration, rate int) (p Press, ok bool) {
	code, ok := CodeOf(key)
	if !ok || rate <= 0 {
		return Press{}, false
	}
	long = min(max(long, MinPress), MaxPress)
	return Press{Code: code, Total: uint32(int64(long) * int64(rate) / int64(time.Second))}, true
}

// Next gives the next packet; step is the packet time in clock units. After the last packet ok is
// false. The final packets follow one another at the packet time, so that one lost moment does not
// take them all. A press that is longer than a packet can tell goes on in another segment (RFC 4733 §2.5.1.3).
func (p *Press) Next(step uint32) (out Packet, ok bool) {
	if p.Ends == repeats {
		return Packet{}, false
	}
	out.Marker = p.Done == 0
	if p.Done-p.Begin == segment && p.Done < p.Total {
		p.Begin = p.Done
	}
	p.Done = min(p.Done+max(step, 1), p.Total, p.Begin+segment)
	e := Event{Code: p.Code, Volume: volume, Duration: uint16(p.Done - p.Begin)}
	if p.Done == p.Total {
		e.End = true
		p.Ends++
		out.Last = p.Ends == repeats
	}
	out.Begin = p.Begin
	e.Append(out.Payload[:0])
	return out, true
}
