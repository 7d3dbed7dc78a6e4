// Package quality measures received RTP streams and says what people will think of them: receiver
// statistics by RFC 3550 (§6.4.1, appendices A.1, A.3 and A.8) and the opinion score by the E-model
// of ITU-T G.107, reduced to what a network can know: codec, loss and delay.
//
// Everything here is plain numbers and pure steps. Who receives the packets owns the Receiver and
// the clock; a Receiver can be written out as JSON and read back, and goes on counting.
package quality

import "time"

// Limits of RFC 3550 A.1.
const (
	maxDropout  = 3000 // a larger jump forwards is a new start, if the next packet follows it
	maxMisorder = 100  // so is a larger jump backwards
	window      = 64   // packets that a duplicate is recognised within
)

// Receiver counts one received stream. Set Rate and call Update for every packet; the zero value of
// the rest is ready. A new synchronisation source begins with Restart.
type Receiver struct {
	Rate  uint32 `json:"rate"` // RTP clock in Hz
	Begun bool   `json:"begun"`

	Packets uint64 `json:"packets"` // received, duplicates and late ones not counted
	Late    uint64 `json:"late"`    // duplicates and packets older than the window
	Before  uint64 `json:"before"`  // lost before the last restart
	Base    uint32 `json:"base"`    // extended number of the first packet since the restart
	High    uint32 `json:"high"`    // highest extended number received
	Since   uint64 `json:"since"`
	Seen    uint64 `json:"seen"` // bit n is packet High-n
	Bad     uint32 `json:"bad"`  // the number that would confirm a jump, plus one; 0 for none
	Next    uint32 `json:"next"` // the first extended number that Gone does not have yet: it may still come
	Gone    Losses `json:"gone"` // how the losses lay before it

	Timed   bool   `json:"timed"`   // Transit holds
	Transit uint32 `json:"transit"` // arrival less timestamp of the last packet, in clock units
	Jitter  uint32 `json:"jitter"`  // 16 times the estimate of RFC 3550 A.8, in clock units
	Stamp   uint32 `json:"stamp"`   // timestamp of the last packet
	Spoken  uint64 `json:"spoken"`  // clock units of sound, pauses left out

	PriorExpected uint64 `json:"prior_expected"` // at the last Report
	PriorReceived uint64 `json:"prior_received"`
}

// Verdict says what a packet was.
type Verdict uint8

// Verdicts of Update and Count.
const (
	UnknownVerdict Verdict = iota
	Fresh                  // next in line, or filling a gap
	Duplicate              // received before
	Old                    // older than the window, or out of all order
	Jumped                 // far from its place; the next one decides whether that is a new start
)

// String names the verdict.
func (v Verdict) String() string {
	return [...]string{"unknown", "fresh", "duplicate", "old", "jumped"}[v]
}

// Update takes a packet: its sequence number, its timestamp, and when it arrived by any clock of
// the caller's that goes forward.
func (r *Receiver) Update(seq uint16, timestamp uint32, arrival time.Duration) Verdict {
	v := r.Count(seq)
	if v == Fresh {
		r.time(timestamp, arrival)
	}
	return v
}

// Count takes a packet without looking at its timestamp. Packets of a telephone event all carry the
// timestamp of its beginning (RFC 4733 §2.2.1) and say nothing of jitter.
func (r *Receiver) Count(seq uint16) Verdict {
	if !r.Begun {
		r.Begun = true
		r.begin(seq, 1)
		r.Packets++
		return Fresh
	}
	ahead := seq - uint16(r.High) // RFC 3550 A.1: distances wrap
	switch {
	case ahead == 0:
		r.Late++
		return Duplicate
	case ahead < maxDropout:
		r.settle(r.High + uint32(ahead))
		r.High += uint32(ahead)
		r.Seen = r.Seen<<ahead | 1 // a shift by 64 or more leaves nothing, as it must
		r.Bad = 0
	case -ahead <= maxMisorder:
		behind := uint32(-ahead)
		switch {
		case behind >= window:
			r.Late++
			return Old
		case r.Seen&(1<<behind) != 0:
			r.Late++
			return Duplicate
		}
		r.Seen |= 1 << behind
		if r.High-behind < r.Base && r.High >= behind { // came before the first one
			r.Base = r.High - behind
			r.Next = r.Base
		}
	case r.Bad == uint32(seq)+1: // two in a row: the sender has begun anew
		lost := r.lost()
		r.Before = lost
		r.Timed = false
		r.settle(r.High + window)
		r.Gone.close()
		r.begin(seq-1, 2)
		r.Packets += 2
		return Fresh
	default:
		r.Bad = uint32(seq+1) + 1
		return Jumped
	}
	r.Packets++
	r.Since++
	return Fresh
}

// begin starts counting with n packets in a row, of which the first is seq.
func (r *Receiver) begin(seq uint16, n uint32) {
	r.Base = 1<<16 | uint32(seq) // one cycle up, so that an earlier packet has a number too
	r.High = r.Base + n - 1
	r.Next = r.Base
	r.Since = uint64(n)
	r.Seen = 1<<n - 1
	r.Bad = 0
}

// Restart makes the next packet the first of a new source; what was counted stays counted.
func (r *Receiver) Restart() {
	r.Before = r.lost()
	if r.Begun {
		r.settle(r.High + window)
		r.Gone.close()
	}
	r.Begun, r.Timed, r.Since, r.Base, r.High, r.Next = false, false, 0, 0, 0, 0
}

// settle decides about the packets that fall out of the window when the highest number is high: what has not come of
// them is lost for good.
func (r *Receiver) settle(high uint32) {
	for r.Next+window <= high {
		if r.Next > r.High { // the rest was skipped
			n := high - window + 1 - r.Next
			r.Gone.lost(uint64(n))
			r.Next += n
			return
		}
		if r.Seen&(1<<(r.High-r.Next)) != 0 {
			r.Gone.came()
		} else {
			r.Gone.lost(1)
		}
		r.Next++
	}
}

// Losses tells how the losses lay, those among the newest packets included. It changes nothing.
func (r *Receiver) Losses() Losses {
	c := *r
	if c.Begun {
		c.settle(c.High + window)
	}
	c.Gone.close()
	return c.Gone
}

// time is the jitter estimate of RFC 3550 A.8.
func (r *Receiver) time(timestamp uint32, arrival time.Duration) {
	if r.Rate == 0 {
		return
	}
	rate := time.Duration(r.Rate)
	now := uint32(arrival/time.Second*rate + arrival%time.Second*rate/time.Second)
	transit := now - timestamp
	if on := timestamp - r.Stamp; on <= r.Rate/8 && r.Timed {
		r.Spoken += uint64(on)
	}
	r.Stamp = timestamp
	d := int32(transit - r.Transit)
	r.Transit = transit
	if !r.Timed {
		r.Timed = true
		return
	}
	if d < 0 {
		d = -d
	}
	if uint32(d) > 2*r.Rate {
		return // the sender's clock was set anew; a real network does not swing by two seconds
	}
	r.Jitter += uint32(d) - (r.Jitter+8)>>4
}

// lost is RFC 3550 A.3, never negative because duplicates are not counted as received.
func (r *Receiver) lost() uint64 {
	if !r.Begun {
		return r.Before
	}
	expected := uint64(r.High-r.Base) + 1
	if expected <= r.Since {
		return r.Before
	}
	return r.Before + expected - r.Since
}

// Lost is how many packets never came, by their numbers.
func (r *Receiver) Lost() uint64 { return r.lost() }

// SpokenTime is how long the sound was that came, pauses left out.
func (r *Receiver) SpokenTime() time.Duration {
	if r.Rate == 0 {
		return 0
	}
	return time.Duration(r.Spoken) * time.Second / time.Duration(r.Rate)
}

// JitterTime is the interarrival jitter (RFC 3550 §6.4.1).
func (r *Receiver) JitterTime() time.Duration {
	if r.Rate == 0 {
		return 0
	}
	return time.Duration(r.Jitter>>4) * time.Second / time.Duration(r.Rate)
}

// Report is the part of an RTCP report block that a receiver knows (RFC 3550 §6.4.1).
type Report struct {
	Fraction uint8  // lost since the last report, in 256ths
	Lost     uint32 // lost in all, 24 bits
	High     uint32 // extended highest sequence number received
	Jitter   uint32 // in clock units
}

// Report fills a report block and begins the next interval.
func (r *Receiver) Report() Report {
	received, lost := r.Packets, r.lost()
	expected := received + lost
	interval := expected - r.PriorExpected
	got := received - r.PriorReceived
	r.PriorExpected, r.PriorReceived = expected, received
	rep := Report{Lost: uint32(min(lost, 1<<23-1)), Jitter: r.Jitter >> 4}
	if r.Begun {
		rep.High = r.High - 1<<16
	}
	if interval > got && interval < 1<<40 {
		rep.Fraction = uint8(min((interval-got)<<8/interval, 255))
	}
	return rep
}
