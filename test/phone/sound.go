package phone

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"santral/media"
	"santral/media/dtmf"
	"santral/media/mediatest"
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

// Pitch makes a WAV file (8 kHz mono, 16 bit) of a tone.
func Pitch(t testing.TB, hz, seconds int) string {
	t.Helper()
	Need(t, "sox")
	file := filepath.Join(t.TempDir(), "pitch.wav")
	run(t, "sox", "-n", "-r", "8000", "-c", "1", "-b", "16", file, "synth", strconv.Itoa(seconds), "sine", strconv.Itoa(hz), "norm", "-12")
	return file
}

// Strength is the amplitude of a tone in sound at 8 kHz, 0 to 32767: that of most of its pieces of a tenth of a second,
// so that places where a busy machine has lost or stretched something don't count. hz is a multiple of ten.
func Strength(sound []float64, hz int) float64 {
	const piece = 800
	var all []float64
	for ; len(sound) >= piece; sound = sound[piece:] {
		var re, im float64
		for i, v := range sound[:piece] {
			sin, cos := math.Sincos(2 * math.Pi * float64(hz*i) / 8000)
			re += v * cos
			im += v * sin
		}
		all = append(all, 2*math.Hypot(re, im)/piece)
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// Hiss makes a WAV file (8 kHz mono, 16 bit) of the soft noise of an open line.
func Hiss(t testing.TB, seconds int) string {
	t.Helper()
	Need(t, "sox")
	file := filepath.Join(t.TempDir(), "hiss.wav")
	run(t, "sox", "-n", "-r", "8000", "-c", "1", "-b", "16", file, "synth", strconv.Itoa(seconds), "pinknoise", "norm", "-60")
	return file
}

// Rated gives a sound file at another rate and with as many channels, as a phone's codec wants it.
func Rated(t testing.TB, file string, rate, channels int) string {
	t.Helper()
	if rate == 8000 && channels == 1 {
		return file
	}
	Need(t, "sox")
	out := filepath.Join(t.TempDir(), fmt.Sprintf("at%d-%d.wav", rate, channels))
	run(t, "sox", file, "-r", strconv.Itoa(rate), "-c", strconv.Itoa(channels), "-b", "16", out)
	return out
}

// Beginning gives the first seconds of a sound file.
func Beginning(t testing.TB, file string, seconds int) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "beginning.wav")
	run(t, "sox", "--ignore-length", file, out, "trim", "0", strconv.Itoa(seconds))
	return out
}

// Ending gives the last seconds of a sound file.
func Ending(t testing.TB, file string, seconds int) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "ending.wav")
	run(t, "sox", "--ignore-length", file, out, "reverse", "trim", "0", strconv.Itoa(seconds), "reverse")
	return out
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

// Opinion compares speech that a phone heard with what was said, as a listener would: 1 to 4.5 (docs/quality.md). What
// was heard may begin and end anywhere in what was said, and the other way round: a phone that begins to record before
// the other one speaks does not suffer for it. It must hold five seconds of what was said.
func Opinion(t testing.TB, heard, said string) float64 {
	t.Helper()
	h, s := Samples(t, heard), Samples(t, said)
	lag := overlay(h, s)
	from, to := max(0, -lag)+rim, min(len(s), len(h)-lag)-rim // of what was said
	if to-from < enough {
		t.Fatalf("%d samples were heard of %d, and lie over each other for %d", len(h), len(s), to-from)
	}
	return mediatest.Opinion(whole(s[from:to]), whole(h[max(0, from+lag-rim/2):]), 8000)
}

const (
	rim    = 4000  // of both: a call begins and ends in the middle of a word
	enough = 32000 // so much is compared at least
)

func whole(samples []float64) []int16 {
	list := make([]int16, len(samples))
	for i, s := range samples {
		list[i] = int16(s)
	}
	return list
}

// overlay gives by how many samples what was heard comes later than what was said: where their loudness goes together
// best, on the whole.
func overlay(heard, said []float64) (lag int) {
	const piece = 80
	h, s := envelope(heard, piece), envelope(said, piece)
	together := 0.0
	for shift := -len(s); shift <= len(h); shift++ {
		from, to := max(0, -shift), min(len(s), len(h)-shift)
		if to-from < (enough+2*rim)/piece {
			continue
		}
		if c := correlate(h[from+shift:to+shift], s[from:to]); c > together {
			together, lag = c, shift*piece
		}
	}
	return lag
}

// Keys gives the keys of a telephone whose tones are in a sound file, in their order.
func Keys(t testing.TB, file string) (keys string) {
	t.Helper()
	ear := dtmf.NewDetector(8000, func(k dtmf.Heard) {
		if k.Over {
			keys += string(k.Key)
		}
	})
	ear.Write(whole(Samples(t, file)))
	ear.Write(make(media.Frame, 1600)) // a key that is down at the end
	return keys
}

// Match compares what was heard with what was played: it finds where each second of the middle of
// what was heard lies in what was played, and gives the median of the correlations there. 1 is the
// same sound, G.711 gives above 0.99, other speech about 0.2.
func Match(heard, played []float64) float64 {
	const second = 8000
	first, last := len(heard)/4, len(heard)*3/4
	var found []float64
	for from := first; from+second <= last; from += second {
		found = append(found, locate(heard[from:from+second], played))
	}
	if len(found) == 0 {
		return 0
	}
	slices.Sort(found)
	return found[len(found)/2]
}

// locate gives the best correlation of a window with any place of what was played: coarsely by
// energies of 10 ms, then by every sample around the best places.
func locate(window, played []float64) (correlation float64) {
	const piece = 80
	w, p := envelope(window, piece), envelope(played, piece)
	type place struct {
		at  int
		fit float64
	}
	var best [12]place
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
		for lag := (b.at - 2) * piece; lag <= (b.at+2)*piece; lag++ {
			if lag >= 0 && lag+len(window) <= len(played) {
				correlation = max(correlation, correlate(window, played[lag:lag+len(window)]))
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
