package player

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"santral/media"
	"santral/media/pcm"
)

// MaxSize is the largest file that is read, in octets.
const MaxSize = 64 << 20

// maxSamples is the longest sound that is kept: 23 minutes at 48 kHz, more than an hour at 16.
const maxSamples = 64 << 20

// ErrForeign is the error for a file of a kind that is not read here; ffmpeg may know it (Convert).
var ErrForeign = errors.New("not a kind of sound that is read: those are WAV, Ogg with Opus, .g722, .alaw, .ulaw and .sln")

var errLong = errors.New("the sound is too long: 23 minutes at 48 kHz and 70 at 16 kHz are the most")

// Load reads a file: WAV, Ogg with Opus, or one without a header whose kind its name says, as Decode knows them.
func Load(path string) (*Sound, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load sound: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("load sound: %w", err)
	}
	s, err := Decode(path, data)
	if err != nil {
		return nil, fmt.Errorf("load sound: %s: %w", path, err)
	}
	return s, nil
}

// bare are the files without a header, by the endings of their names, as Asterisk has them.
var bare = map[string]struct {
	rate   int
	decode func(dst media.Frame, src []byte) // nil for linear samples
}{
	".alaw": {8000, pcm.DecodeALaw}, ".al": {8000, pcm.DecodeALaw},
	".ulaw": {8000, pcm.DecodeULaw}, ".ul": {8000, pcm.DecodeULaw}, ".pcm": {8000, pcm.DecodeULaw}, ".mu": {8000, pcm.DecodeULaw},
	".sln": {8000, nil}, ".raw": {8000, nil}, ".sln12": {12000, nil}, ".sln16": {16000, nil}, ".sln24": {24000, nil},
	".sln32": {32000, nil}, ".sln44": {44100, nil}, ".sln48": {48000, nil}, ".sln96": {96000, nil}, ".sln192": {192000, nil},
}

// Reads reports whether files of a name are read here, by its ending.
func Reads(name string) bool {
	end := strings.ToLower(filepath.Ext(name))
	_, ok := bare[end]
	return ok || slices.Contains([]string{".wav", ".wave", ".ogg", ".oga", ".opus", ".g722"}, end)
}

// Decode makes a sound of a file's octets. WAV and Ogg are known by their beginnings; of others the name's ending says
// the kind: .g722 (64 kbit/s), .alaw, .ulaw, and .sln (linear, 8 kHz) to .sln192. The error wraps ErrForeign where it is
// none of these. What it makes may refer to data.
func Decode(name string, data []byte) (*Sound, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("larger than %d MiB", MaxSize>>20)
	}
	switch start := string(data[:min(len(data), 4)]); start {
	case "RIFF":
		return Parse(data)
	case "OggS":
		return parseOgg(data)
	}
	end := strings.ToLower(filepath.Ext(name))
	if end == ".g722" {
		if 2*len(data) > maxSamples {
			return nil, errLong
		}
		return PackedG722(data), nil
	}
	kind, ok := bare[end]
	if !ok {
		return nil, ErrForeign
	}
	if kind.decode != nil {
		samples := make([]int16, len(data))
		kind.decode(samples, data)
		return kept(samples, kind.rate)
	}
	samples := make([]int16, len(data)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return kept(samples, kind.rate)
}

// kept makes a sound of samples at any rate: the usual ones stay, of which there is a way to every other.
func kept(samples []int16, rate int) (*Sound, error) {
	if !slices.Contains([]int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}, rate) {
		to := MaxRate
		for _, r := range voiceRates {
			if r >= rate {
				to = r
				break
			}
		}
		if len(samples)/rate >= maxSamples/to { // a low rate in a header is no way to more memory
			return nil, errLong
		}
		samples, rate = pcm.Resample(samples, rate, to), to
	}
	return New(samples, rate), nil
}
