// Package dtmf carries keys beside a codec: the telephone-event payload of RFC 4733, made packet by
// packet for a key that is pressed, and read so that every key is heard once, whatever is lost,
// doubled or reordered on the way. It also hears keys as tones in sound (ITU-T Q.24).
//
// What lives here is pure steps over plain numbers; RTP headers, sequence numbers and pacing belong
// to the session that sends and receives.
package dtmf

import (
	"encoding/binary"
	"errors"
)

// Keys in the order of their event codes (RFC 4733 §3.2): '0' is event 0, 'D' is event 15.
const Keys = "0123456789*#ABCD"

// Flash stands for a hook-flash, which is event 16 and no tone.
const Flash = '!'

const flashCode = 16

// ErrShort is what a payload shorter than four octets gives.
var ErrShort = errors.New("dtmf: telephone event shorter than four octets")

// Event is one telephone-event block (RFC 4733 §2.3).
type Event struct {
	Code     uint8  // 0 to 16 are keys
	End      bool   // the event is over
	Volume   uint8  // power below 0 dBm0 in decibels, 0 to 63
	Duration uint16 // since the event's timestamp, in clock units
}

// Parse reads the first block of a payload.
func Parse(payload []byte) (Event, error) {
	if len(payload) < 4 {
		return Event{}, ErrShort
	}
	return Event{
		Code:     payload[0],
		End:      payload[1]&0x80 != 0,
		Volume:   payload[1] & 0x3f, // the reserved bit is ignored, RFC 4733 §2.3.3
		Duration: binary.BigEndian.Uint16(payload[2:]),
	}, nil
}

// Append prints the block.
func (e Event) Append(dst []byte) []byte {
	flags := e.Volume & 0x3f
	if e.End {
		flags |= 0x80
	}
	return append(dst, e.Code, flags, byte(e.Duration>>8), byte(e.Duration))
}

// Key gives the event's key, or Flash; ok is false for an event that is none (a modem's tone).
func (e Event) Key() (key byte, ok bool) {
	switch {
	case int(e.Code) < len(Keys):
		return Keys[e.Code], true
	case e.Code == flashCode:
		return Flash, true
	}
	return 0, false
}

// CodeOf gives the event code of a key or of Flash; lower-case letters are keys too.
func CodeOf(key byte) (code uint8, ok bool) {
	if key == Flash {
		return flashCode, true
	}
	if key >= 'a' && key <= 'd' {
		key -= 'a' - 'A'
	}
	for i := range len(Keys) {
		if Keys[i] == key {
			return uint8(i), true
		}
	}
	return 0, false
}
