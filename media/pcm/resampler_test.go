package pcm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"santral/media"
)

var rates = []int{8000, 16000, 24000, 32000, 44100, 48000}

// at is the amplitude of one frequency in the middle of sound, and all the power beside it, both in dB of
// the amplitude.
func at(f media.Frame, hz float64, rate int, amplitude float64) (level, beside float64) {
	f = f[len(f)/4 : len(f)*3/4]
	// What fits best of a sine and a cosine, so that the ends of the piece don't matter.
	var ss, cc, sc, fs, fc, all float64
	for i, v := range f {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		ss, cc, sc = ss+s*s, cc+c*c, sc+s*c
		fs, fc, all = fs+float64(v)*s, fc+float64(v)*c, all+float64(v)*float64(v)
	}
	det := ss*cc - sc*sc
	a, b := (fs*cc-fc*sc)/det, (fc*ss-fs*sc)/det
	fits := a*fs + b*fc
	level = 20 * math.Log10(math.Hypot(a, b)/amplitude+1e-9)
	beside = 10 * math.Log10((all-fits)/float64(len(f))*2/(amplitude*amplitude)+1e-12)
	return level, beside
}

func through(t testing.TB, src media.Frame, from, to, piece int) (out media.Frame) {
	t.Helper()
	r, err := NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	for len(src) > 0 {
		n := min(piece, len(src))
		room := make(media.Frame, r.Most(n))
		out = append(out, room[:r.Process(room, src[:n])]...)
		src = src[n:]
	}
	return out
}

// A sweep between all rates: what passes is flat within 0.2 dB and clean by 60 dB, what the lower rate can't
// carry is gone.
func TestResamplerSweep(t *testing.T) {
	for _, from := range rates {
		for _, to := range rates {
			low := float64(min(from, to))
			part := 0.9
			if low == 8000 {
				part = 0.85
			}
			pass := part * low / 2
			for k := range 12 {
				hz := 60 + (pass-60)*float64(k)/11
				out := through(t, sine(hz, from, from/5), from, to, from/50)
				if len(out) != to/5 {
					t.Fatalf("%d to %d: %d samples, want %d", from, to, len(out), to/5)
				}
				level, beside := at(out, hz, to, 12000)
				if math.Abs(level) > 0.2 || beside > -60 {
					t.Errorf("%d to %d: %.0f Hz at %.2f dB, %.1f dB beside it", from, to, hz, level, beside)
				}
			}
			if low-pass > float64(from)/2-100 { // nothing to fold
				continue
			}
			for k := range 12 {
				hz := low - pass + (float64(from)/2-50-(low-pass))*float64(k)/11
				if _, all := at(through(t, sine(hz, from, from/5), from, to, from/50), 1, to, 12000); all > -60 {
					t.Errorf("%d to %d: %.0f Hz leaves %.1f dB", from, to, hz, all)
				}
			}
		}
	}
}

// Pieces of any size make what the whole makes, and 20 ms make 20 ms each time.
func TestResamplerPieces(t *testing.T) {
	chance := rand.New(rand.NewPCG(8, 48))
	for _, from := range rates {
		for _, to := range rates {
			src := sine(700, from, from/4)
			want := through(t, src, from, to, len(src))
			r, _ := NewResampler(from, to)
			var got media.Frame
			for rest := src; len(rest) > 0; {
				n := min(chance.IntN(700), len(rest))
				room := make(media.Frame, r.Most(n))
				got = append(got, room[:r.Process(room, rest[:n])]...)
				rest = rest[n:]
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%d to %d: %d samples in pieces are not the %d of the whole", from, to, len(got), len(want))
			}
			r, _ = NewResampler(from, to)
			room := make(media.Frame, r.Most(from/50))
			for i := range 5 {
				if n := r.Process(room, src[i*from/50:][:from/50]); n != to/50 {
					t.Errorf("%d to %d: %d samples of 20 ms", from, to, n)
				}
			}
			if n := testing.AllocsPerRun(20, func() { r.Process(room, src[:from/50]) }); n != 0 {
				t.Errorf("%d to %d: %v allocations", from, to, n)
			}
		}
	}
}

// A click comes out where Delay says, and never later than 3 ms.
func TestResamplerDelay(t *testing.T) {
	for _, from := range rates {
		for _, to := range rates {
			r, _ := NewResampler(from, to)
			src := make(media.Frame, from/10)
			src[from/20] = 30000
			out := make(media.Frame, r.Most(len(src)))
			out = out[:r.Process(out, src)]
			top := 0
			for i, v := range out {
				if v > out[top] {
					top = i
				}
			}
			late := time.Duration(top)*time.Second/time.Duration(to) - 50*time.Millisecond
			if d := late - r.Delay(); d.Abs() > time.Second/time.Duration(min(from, to)) || late > 3*time.Millisecond {
				t.Errorf("%d to %d: %v late, said %v", from, to, late, r.Delay())
			}
		}
	}
}

// Too loud is cut off; impossible rates are refused.
func TestResamplerLimits(t *testing.T) {
	loud := make(media.Frame, 1600)
	for i := range loud {
		loud[i] = 32767
		if i/400%2 == 1 {
			loud[i] = -32768
		}
	}
	turns, out := 0, through(t, loud, 8000, 48000, 160)
	for i := 200; i < len(out); i++ { // before it, the filter is filling
		if (out[i] < 0) != (out[i-1] < 0) {
			turns++
		}
	}
	if turns > 5 {
		t.Errorf("the sign turns %d times", turns)
	}
	for _, r := range [][2]int{{0, 8000}, {8000, 0}, {-8000, 8000}, {8000, 1 << 40}, {8000, 44099}, {47999, 48000}} {
		if _, err := NewResampler(r[0], r[1]); err == nil {
			t.Errorf("%d to %d is taken", r[0], r[1])
		}
	}
}

// A stranger's resampler makes the same of speech-like sound.
func TestResamplerAgainstSox(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil && os.Getenv("SANTRAL_TEST_PEERS") == "require" {
		t.Fatal("sox is not installed")
	} else if err != nil {
		t.Skip("sox is not installed")
	}
	for _, c := range [][2]int{{8000, 48000}, {48000, 8000}, {8000, 16000}, {16000, 8000}, {48000, 16000}, {44100, 8000}, {44100, 48000}} {
		src := voice(140, c[0], c[0])
		var in bytes.Buffer
		_ = binary.Write(&in, binary.LittleEndian, []int16(src))
		cmd := exec.Command(sox, "-D", "-t", "raw", "-r", strconv.Itoa(c[0]), "-e", "signed", "-b", "16", "-c", "1", "-", "-t", "raw", "-", "rate", "-v", strconv.Itoa(c[1]))
		cmd.Stdin = &in
		raw, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		theirs := make([]int16, len(raw)/2)
		_ = binary.Read(bytes.NewReader(raw), binary.LittleEndian, theirs)
		ours := through(t, src, c[0], c[1], c[0]/50)
		r, _ := NewResampler(c[0], c[1])
		delay := int(math.Round(r.Delay().Seconds() * float64(c[1])))
		// The delay is a fraction of a sample: the spectra are compared at each harmonic.
		for hz := 140.0; hz < 3000; hz += 140 {
			a, _ := at(theirs[:len(theirs)-delay], hz, c[1], 1000)
			b, _ := at(ours[delay:], hz, c[1], 1000)
			if math.Abs(a-b) > 0.1 {
				t.Errorf("%d to %d: %v Hz at %.2f dB there and %.2f here", c[0], c[1], hz, a, b)
			}
		}
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, c := range [][2]int{{8000, 48000}, {48000, 8000}, {8000, 16000}, {16000, 8000}, {16000, 48000}, {48000, 16000}, {44100, 8000}, {44100, 48000}} {
		b.Run(fmt.Sprintf("%d to %d", c[0], c[1]), func(b *testing.B) {
			r, _ := NewResampler(c[0], c[1])
			src := media.Frame(sine(1000, c[0], c[0]/50))
			dst := make(media.Frame, r.Most(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				r.Process(dst, src)
			}
		})
	}
}
