package dtmf

// Hearing listens to the telephone events of one stream and tells every key once. Its zero value is
// ready; a new synchronisation source begins with a new one. It can be written out and read back.
//
// A key is told by the first packet of it that arrives, so lost beginnings and lost ends do not
// matter. Later packets are of the same press when they carry its timestamp, or go on from it: a
// long press gets a new timestamp after 65535 units (RFC 4733 §2.5.1.3), and some phones, against
// §2.2.1, give every packet of a press a timestamp of its own.
type Hearing struct {
	Any   bool   `json:"any"`   // a key was heard, and the rest holds
	Code  uint8  `json:"code"`  // of the last press
	Stamp uint32 `json:"stamp"` // timestamp of its last packet
	Long  uint16 `json:"long"`  // duration that it told
	Over  bool   `json:"over"`  // its end was heard
}

// old is how far back a timestamp is a packet that was overtaken; further back, the sender's clock
// has begun anew. It is five seconds at 8000 Hz.
const old = 40000

// blocks is how many events of one packet are looked at.
const blocks = 8

// Hear takes the payload of one packet and its RTP timestamp, and appends the keys that have not
// been told yet to dst: nearly always none or one, but a packet may carry several events
// (RFC 4733 §2.5.1.5). A payload that is too short says nothing.
func (h *Hearing) Hear(dst []byte, timestamp uint32, payload []byte) []byte {
	for range blocks {
		e, err := Parse(payload)
		if err != nil || e.Duration == 0 { // no time has no key in it yet, and is padding at the end
			break
		}
		if key, ok := e.Key(); ok && h.fresh(timestamp, e) {
			dst = append(dst, key)
		}
		timestamp += uint32(e.Duration)
		payload = payload[4:]
	}
	return dst
}

func (h *Hearing) fresh(timestamp uint32, e Event) bool {
	ahead := timestamp - h.Stamp
	switch {
	case !h.Any:
	case ahead == 0 && e.Code == h.Code: // of the same press: what is known of it grows
		h.Long = max(h.Long, e.Duration)
		h.Over = h.Over || e.End
		return false
	case -ahead < old && ahead != 0: // a packet of an earlier press, overtaken on the way
		return false
	case e.Code == h.Code && !h.Over && (ahead <= uint32(h.Long) || ahead == 0xffff): // the same press goes on
		h.Stamp, h.Long, h.Over = timestamp, e.Duration, e.End
		return false
	}
	*h = Hearing{Any: true, Code: e.Code, Stamp: timestamp, Long: e.Duration, Over: e.End}
	return true
}
