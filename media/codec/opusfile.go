//go:build !static && linux

package codec

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"santral/media"
)

// OpusFile encodes sound for files: one channel or two, at its own rate. It keeps state and is used by one goroutine at a
// time; nothing needs closing.
type OpusFile struct {
	lib      *libopus
	st       []uint64
	channels int
	delay    int
}

// More requests of opus_encoder_ctl, and what is asked for here.
const (
	getLookahead     = 4027
	setSignal        = 4024
	signalVoice      = 3001
	applicationAudio = 2049
)

// NewOpusFile makes one for 1 or 2 channels at 8000, 12000, 16000, 24000 or 48000 Hz, of so many bits a second in all; 0
// takes what speech needs. Two channels of a call are told apart best with no less.
func NewOpusFile(rate, channels, bitrate int) (*OpusFile, error) {
	l := loadOpus()
	if l == nil {
		return nil, errors.New("opus: libopus.so.0 is not installed")
	}
	if channels != 1 && channels != 2 {
		return nil, fmt.Errorf("opus: %d channels", channels)
	}
	e := &OpusFile{lib: l, channels: channels, st: make([]uint64, (call(l.encoderSize, uintptr(channels))+7)/8)}
	if call(l.encoderInit, uintptr(unsafe.Pointer(&e.st[0])), uintptr(rate), uintptr(channels), applicationAudio) != 0 {
		return nil, errRefused
	}
	if bitrate <= 0 {
		bitrate = channels * (26000 + rate/4) // 28 kbit/s for a telephone's band, 30 for a wide one, 38 for all that is heard
	}
	e.set(setBitrate, bitrate)
	e.set(setComplexity, 3) // half the time of what calls are encoded with, and as good to hear
	e.set(setSignal, signalVoice)
	var delay int32
	if call(l.encoderControl, uintptr(unsafe.Pointer(&e.st[0])), getLookahead, uintptr(unsafe.Pointer(&delay))) != 0 {
		return nil, errRefused
	}
	e.delay = int(delay)
	return e, nil
}

func (e *OpusFile) set(request uintptr, value int) {
	call(e.lib.encoderControl, uintptr(unsafe.Pointer(&e.st[0])), request, uintptr(value))
}

// Delay is how many samples of each channel a decoder gives before the first that was encoded (RFC 7845 §4.2, pre-skip).
func (e *OpusFile) Delay() int { return e.delay }

// Encode appends a packet of 2.5, 5, 10, 20, 40 or 60 ms of sound, its channels' samples in turn. Sound of any other length
// makes none.
func (e *OpusFile) Encode(dst []byte, sound media.Frame) []byte {
	if len(sound) == 0 {
		return dst
	}
	at := len(dst)
	dst = slices.Grow(dst, 3*opusMost)
	room := dst[at : at+3*opusMost]
	n := call(e.lib.encode, uintptr(unsafe.Pointer(&e.st[0])), uintptr(unsafe.Pointer(&sound[0])), uintptr(len(sound)/e.channels), uintptr(unsafe.Pointer(&room[0])), 3*opusMost)
	if n < 0 {
		return dst
	}
	return dst[:at+n]
}
