package dtmf

import "time"

// Hearing listens to the telephone events of one stream and tells every key once, when it is over. Its zero
// value is ready; a new synchronisation source begins with a new one. It can be written out and read back.
//
// A key is over by its end, by the beginning of another, or, where all ends were lost, when nothing of it
// comes for Patience: whoever feeds a Hearing that Sounds calls Lapse then. A lost beginning does not matter.
// Packets are of the same press when they carry its timestamp, or go on from it: a long press gets a new
// timestamp after 65535 units (RFC 4733 §2.5.1.3), and some phones, against §2.2.1, give every packet of a
// press a timestamp of its own.
type Hearing struct {
	Any   bool   `json:"any"`   // a key was heard, and the rest holds
	Code  uint8  `json:"code"`  // of the last press
	Stamp uint32 `json:"stamp"` // timestamp of its last packet
	Base  uint32 `json:"base"`  // length of its segments that are past
	Long  uint16 `json:"long"`  // duration that the last packet told
	Rate  int    `json:"rate"`  // clock that both are in, in Hz
	Over  bool   `json:"over"`  // its end was heard
	Told  bool   `json:"told"`  // it was told
}

// Patience is how long a key whose packets cease is waited for: ten packets of 20 ms, or three of the slowest.
const Patience = 200 * time.Millisecond

// old is how far back a timestamp is a packet that was overtaken; further back, the sender's clock
// has begun anew.
const old = 5 // seconds

// blocks is how many events of one packet are looked at.
const blocks = 8

// Hear takes the payload of one packet, its RTP timestamp and the clock of its format in Hz, and appends the
// keys that are over now to dst: nearly always none or one, but a packet may carry several events
// (RFC 4733 §2.5.1.5). A payload that is too short says nothing.
func (h *Hearing) Hear(dst []Heard, timestamp uint32, rate int, payload []byte) []Heard {
	for range blocks {
		e, err := Parse(payload)
		if err != nil || e.Duration == 0 { // no time has no key in it yet, and is padding at the end
			break
		}
		if _, ok := e.Key(); ok {
			dst = h.event(dst, timestamp, rate, e)
		}
		timestamp += uint32(e.Duration)
		payload = payload[4:]
	}
	return dst
}

// Sounds reports that a key is down.
func (h *Hearing) Sounds() bool { return h.Any && !h.Told }

// Lapse ends a key that nothing was heard of for Patience. Packets of it that come later say nothing new.
func (h *Hearing) Lapse(dst []Heard) []Heard {
	if !h.Sounds() {
		return dst
	}
	h.Told = true
	long := time.Duration(0)
	if h.Rate > 0 {
		long = time.Duration(h.Base+uint32(h.Long)) * time.Second / time.Duration(h.Rate)
	}
	key, _ := Event{Code: h.Code}.Key()
	return append(dst, Heard{Key: key, Long: long, Over: true})
}

func (h *Hearing) event(dst []Heard, timestamp uint32, rate int, e Event) []Heard {
	ahead := timestamp - h.Stamp
	switch {
	case !h.Any:
	case ahead == 0 && e.Code == h.Code: // of the same press: what is known of it grows
		h.Long = max(h.Long, e.Duration)
		h.Over = h.Over || e.End
		return h.ended(dst)
	case -ahead < uint32(old*max(rate, 1)) && ahead != 0: // a packet of an earlier press, overtaken on the way
		return dst
	case e.Code == h.Code && !h.Over && (ahead <= uint32(h.Long) || ahead == segment): // the same press goes on
		if ahead == segment || e.Duration < h.Long {
			h.Base += ahead
		}
		h.Stamp, h.Long, h.Over = timestamp, e.Duration, e.End
		return h.ended(dst)
	}
	dst = h.Lapse(dst) // whose ends were lost
	*h = Hearing{Any: true, Code: e.Code, Stamp: timestamp, Long: e.Duration, Rate: rate, Over: e.End}
	return h.ended(dst)
}

// ended tells the key if its end was heard.
func (h *Hearing) ended(dst []Heard) []Heard {
	if h.Over {
		return h.Lapse(dst)
	}
	return dst
}
