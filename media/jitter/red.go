package jitter

import (
	"encoding/binary"
	"errors"
)

// Redundant audio (RFC 2198): a packet carries copies of the packets before it, so that one that is lost is
// found in the next.

// Limits of a redundant packet.
const (
	mostBlocks = 8         // that are taken in one packet
	mostDepth  = 4         // that are sent
	offsetMost = 1<<14 - 1 // of a copy's timestamp (RFC 2198 §3)
	lengthMost = 1<<10 - 1 // of a copy
	packetMost = 1200      // of the whole payload: no copies are sent that would make it longer
)

// ErrRedundant says that the payload of a redundant packet is none.
var ErrRedundant = errors.New("not a payload of redundant audio")

// Unpack appends to dst what a packet p of redundant audio carries: first the packet itself, if it has one,
// then the copies of earlier ones, as Spare, oldest first. The payloads lie within p's. A copy has no number
// of its own; it gets that of its place, and Put corrects it by its timestamp. It fails with ErrRedundant,
// and appends nothing, when the payload is cut short or holds more blocks than anybody sends.
func Unpack(dst []Packet, p Packet) ([]Packet, error) {
	var heads [mostBlocks]uint32
	n, rest := 0, p.Sound
	for {
		if len(rest) == 0 || n == mostBlocks {
			return dst, ErrRedundant
		}
		if rest[0]&0x80 == 0 { // the last header is of the packet itself, one octet
			break
		}
		if len(rest) < 4 {
			return dst, ErrRedundant
		}
		heads[n] = binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		n++
	}
	last := p
	last.Payload = rest[0]
	rest = rest[1:]
	total := 0
	for _, h := range heads[:n] {
		total += int(h & lengthMost)
	}
	if total > len(rest) {
		return dst, ErrRedundant
	}
	if last.Sound = rest[total:]; len(last.Sound) > 0 {
		dst = append(dst, last)
	}
	for i, h := range heads[:n] {
		long := int(h & lengthMost)
		if offset := h >> 10 & offsetMost; long > 0 && offset > 0 {
			s := p
			s.Payload, s.Spare, s.Marker = uint8(h>>24&0x7f), true, false
			s.Timestamp -= offset
			s.Seq -= uint16(n - i)
			s.Sound = rest[:long]
			dst = append(dst, s)
		}
		rest = rest[long:]
	}
	return dst, nil
}

// Redundancy makes the payloads of redundant audio for one stream that is sent. It belongs to the stream's
// voice.
type Redundancy struct {
	Depth int // copies in each packet, 1 when 0

	past [mostDepth]copied // the newest first
}

type copied struct {
	payload uint8
	stamp   uint32
	sound   []byte
}

// Pack appends the payload of a redundant packet that carries sound, of the payload number and timestamp
// given, and copies of those packed before it. Of silence nothing is packed: a pause ends the copies that
// are too old to be named.
func (r *Redundancy) Pack(dst []byte, payload uint8, timestamp uint32, sound []byte) []byte {
	depth := min(max(r.Depth, 1), mostDepth)
	room := packetMost - 1 - len(sound)
	n := 0
	for ; n < depth; n++ { // as many as there is room for, without holes: a copy's place says which it is
		c := &r.past[n]
		if room -= 4 + len(c.sound); len(c.sound) == 0 || timestamp-c.stamp > offsetMost || timestamp == c.stamp || room < 0 {
			break
		}
	}
	for i := n - 1; i >= 0; i-- {
		c := &r.past[i]
		dst = binary.BigEndian.AppendUint32(dst, 1<<31|uint32(c.payload&0x7f)<<24|(timestamp-c.stamp)<<10|uint32(len(c.sound)))
	}
	dst = append(dst, payload&0x7f)
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, r.past[i].sound...)
	}
	dst = append(dst, sound...)

	oldest := r.past[depth-1].sound
	copy(r.past[1:depth], r.past[:depth-1])
	if len(sound) > lengthMost {
		sound = nil
	}
	r.past[0] = copied{payload, timestamp, append(oldest[:0], sound...)}
	return dst
}
