package codec

import (
	"encoding/binary"
)

// ogg wraps packets of Opus in a file that strangers read: a page for each packet.
func ogg(packets [][]byte, each int) []byte {
	head := append([]byte("OpusHead\x01\x01"), 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)
	tags := append([]byte("OpusTags"), 0, 0, 0, 0, 0, 0, 0, 0)
	out := page(nil, 0, 2, 0, head)
	out = page(out, 1, 0, 0, tags)
	for i, p := range packets {
		out = page(out, uint32(i+2), 0, uint64(each*(i+1)), p)
	}
	return out
}

func page(out []byte, number uint32, kind byte, position uint64, packet []byte) []byte {
	at := len(out)
	out = append(out, "OggS\x00"...)
	out = append(out, kind)
	out = binary.LittleEndian.AppendUint64(out, position)
	out = binary.LittleEndian.AppendUint32(out, 1)
	out = binary.LittleEndian.AppendUint32(out, number)
	out = append(out, 0, 0, 0, 0, byte(len(packet)/255+1))
	for range len(packet) / 255 {
		out = append(out, 255)
	}
	out = append(out, byte(len(packet)%255))
	out = append(out, packet...)
	crc := uint32(0)
	for _, b := range out[at:] {
		crc ^= uint32(b) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	binary.LittleEndian.PutUint32(out[at+22:], crc)
	return out
}

// fromOgg gives the packets of such a file, without its two headers.
func fromOgg(b []byte) (packets [][]byte) {
	var p []byte
	for len(b) >= 27 {
		sizes := b[27 : 27+int(b[26])]
		b = b[27+len(sizes):]
		for _, s := range sizes {
			p = append(p, b[:s]...)
			b = b[s:]
			if s < 255 {
				packets = append(packets, p)
				p = nil
			}
		}
	}
	return packets[min(2, len(packets)):]
}
