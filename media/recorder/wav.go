package recorder

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

const start = 44 // octets of a WAV file's header

// wav is linear sound behind a header that says how much of it there is.
type wav struct {
	channels, rate int
	sealed         bool // the header can't be written again: whoever opens the file mends it
}

func (w *wav) width() int64 { return int64(2 * w.channels) }

func (w *wav) begin(to []byte) []byte {
	if w.sealed {
		return append(to, header(w.channels, w.rate, 1<<32-start)...)
	}
	return append(to, header(w.channels, w.rate, 0)...)
}

func (w *wav) sound(to []byte, both []int16) []byte {
	at := len(to)
	to = slices.Grow(to, 2*len(both))[:at+2*len(both)]
	b := to[at:]
	for _, s := range both {
		binary.LittleEndian.PutUint16(b, uint16(s))
		b = b[2:]
	}
	return to
}

func (w *wav) end(to []byte) []byte { return to }

func (w *wav) cut(to []byte, _ io.ReaderAt, _, samples int64) (int64, []byte, error) {
	return start + samples*w.width(), to, nil
}

func (w *wav) mend(size int64) []byte {
	if w.sealed {
		return nil
	}
	return header(w.channels, w.rate, uint32(size-start))
}

func (w *wav) written(size int64) int64 { return max(size-start, 0) / w.width() }

// header is the head of a WAV file with that many octets of sound.
func header(channels, rate int, size uint32) []byte {
	b := make([]byte, 0, start)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, start-8+size)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*channels*rate))
	b = binary.LittleEndian.AppendUint16(b, uint16(2*channels))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, size)
}

var errWAV = errors.New("not a WAV file as recordings are")

// wavOf reads the head of a WAV file of ours.
func wavOf(b []byte) (*wav, error) {
	if len(b) < start || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[36:40]) != "data" ||
		binary.LittleEndian.Uint16(b[20:]) != 1 || binary.LittleEndian.Uint16(b[34:]) != 16 {
		return nil, errWAV
	}
	w := &wav{channels: int(binary.LittleEndian.Uint16(b[22:])), rate: int(binary.LittleEndian.Uint32(b[24:]))}
	if w.channels < 1 || w.channels > 2 || w.rate < 8000 || w.rate > 48000 {
		return nil, errWAV
	}
	return w, nil
}
