package phone

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Speech makes a WAV file (8 kHz mono, 16 bit) of somebody saying text, repeated until it lasts at
// least the given seconds.
func Speech(t testing.TB, voice, text string, seconds int) string {
	t.Helper()
	Need(t, "espeak-ng")
	Need(t, "sox")
	folder := t.TempDir()
	raw, file := filepath.Join(folder, "raw.wav"), filepath.Join(folder, "speech.wav")
	run(t, "espeak-ng", "-v", voice, "-w", raw, text)
	run(t, "sox", raw, "-r", "8000", "-c", "1", "-b", "16", file, "norm", "-6", "repeat", "-", "trim", "0", strconv.Itoa(seconds))
	return file
}

func run(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// Samples reads any sound file as 8 kHz mono samples, through sox.
func Samples(t testing.TB, file string) []float64 {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "raw.s16")
	run(t, "sox", "--ignore-length", file, "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-t", "raw", raw)
	data, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float64, len(data)/2)
	for i := range samples {
		samples[i] = float64(int16(binary.LittleEndian.Uint16(data[2*i:])))
	}
	return samples
}

// Match finds where a window of what was heard lies in what was played, and gives the correlation
// there: 1 is the same sound, G.711 gives above 0.99, other speech about 0.1. The window is taken
// from the middle of what was heard.
func Match(heard, played []float64, seconds float64) (correlation float64) {
	n := int(seconds * 8000)
	if len(heard) < n || len(played) < n {
		return 0
	}
	from := (len(heard) - n) / 2
	window := heard[from : from+n]
	// Coarse: energies in 10 ms pieces; fine: every sample around the best coarse places.
	const piece = 80
	w, p := envelope(window, piece), envelope(played, piece)
	type place struct {
		at  int
		fit float64
	}
	var best [8]place
	for at := 0; at+len(w) <= len(p); at++ {
		fit := correlate(w, p[at:at+len(w)])
		for i := range best {
			if fit > best[i].fit {
				copy(best[i+1:], best[i:])
				best[i] = place{at, fit}
				break
			}
		}
	}
	for _, b := range best {
		for lag := b.at*piece - 2*piece; lag <= b.at*piece+2*piece; lag++ {
			if lag >= 0 && lag+n <= len(played) {
				correlation = max(correlation, correlate(window, played[lag:lag+n]))
			}
		}
	}
	return correlation
}

func envelope(s []float64, piece int) []float64 {
	e := make([]float64, len(s)/piece)
	for i := range e {
		for _, v := range s[i*piece : (i+1)*piece] {
			e[i] += math.Abs(v)
		}
	}
	return e
}

func correlate(a, b []float64) float64 {
	var ma, mb float64
	for i := range a {
		ma += a[i]
		mb += b[i]
	}
	ma /= float64(len(a))
	mb /= float64(len(b))
	var ab, aa, bb float64
	for i := range a {
		x, y := a[i]-ma, b[i]-mb
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// ALaw makes raw PCMA of a sound file, as SIPp's rtp_stream plays it.
func ALaw(t testing.TB, file string) string {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "sound.al")
	run(t, "sox", file, "-r", "8000", "-c", "1", "-e", "a-law", "-t", "raw", raw)
	return raw
}
