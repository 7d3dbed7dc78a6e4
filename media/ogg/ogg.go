// Package ogg reads and writes the Ogg container (RFC 3533), and the headers of Opus in it (RFC 7845).
//
// What lives here: pages, the packets that are laced into them, and what the first two packets of a stream of Opus
// say. What does not: sound, and files. A Reader takes whatever it is given, damaged or hostile, and holds one page and
// one packet of it; a Writer holds one page. Both belong to who made them.
package ogg

// NoGranule is the granule position of a packet that is not the last to end on its page: nobody says it.
const NoGranule = ^uint64(0)

// MaxPacket is the most octets of a packet that a Reader gives; of longer ones, as tags with pictures are, it gives these.
const MaxPacket = 1 << 20

// Of a page's header (RFC 3533 §6).
const (
	capture     = "OggS"
	headerSize  = 27
	maxSegments = 255
	maxPage     = headerSize + maxSegments + maxSegments*255

	continued = 1 // the page begins within a packet
	begins    = 2 // it is the first of its stream
	ends      = 4 // and the last

	atFlags, atGranule, atSerial, atNumber, atSum, atSegments = 5, 6, 14, 18, 22, 26
)

// crc is the checksum of RFC 3533 §6, field 7: polynomial 0x04c11db7, the highest bit first, from zero.
func crc(sum uint32, p []byte) uint32 {
	for _, b := range p {
		sum = sum<<8 ^ table[byte(sum>>24)^b]
	}
	return sum
}

var table = func() (t [256]uint32) {
	for i := range t {
		v := uint32(i) << 24
		for range 8 {
			if v&(1<<31) != 0 {
				v = v<<1 ^ 0x04c11db7
			} else {
				v <<= 1
			}
		}
		t[i] = v
	}
	return t
}()

// Place is where a page ends in its file and its stream.
type Place struct {
	Serial  uint32 // of the stream
	Number  uint32 // of the page in it, from 0
	Granule uint64 // NoGranule where no packet ends on the page
	End     int64  // octets of the file up to its end
	Ended   bool   // it is the last page of the stream
}
