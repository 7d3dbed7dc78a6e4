package player

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/media"
)

// wav builds a file by hand.
func wav(tag, channels, rate, bits int, data []byte) []byte {
	var b []byte
	b = append(b, "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	b = append(b, "LIST\x03\x00\x00\x00abc\x00data"...) // an odd chunk with its padding
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func TestParse(t *testing.T) {
	extended := wav(0xfffe, 1, 8000, 16, []byte{1, 0, 2, 0})
	extended[16] = 40
	sub := append(append([]byte{}, extended[:36]...), 22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113)
	extended = append(sub, extended[36:]...)
	unsized := wav(1, 1, 8000, 16, []byte{1, 0, 2, 0})
	binary.LittleEndian.PutUint32(unsized[len(unsized)-8:], 0)
	unknown := append([]byte{}, unsized...)
	binary.LittleEndian.PutUint32(unknown[len(unknown)-8:], 0xffffffff)
	for name, c := range map[string]struct {
		file []byte
		want []int16
	}{
		"16 bits":            {wav(1, 1, 8000, 16, []byte{1, 0, 0xff, 0xff, 0, 0x80}), []int16{1, -1, -32768}},
		"8 bits":             {wav(1, 1, 8000, 8, []byte{128, 255, 0}), []int16{0, 127 << 8, -32768}},
		"24 bits":            {wav(1, 1, 8000, 24, []byte{9, 1, 0, 9, 0, 0x80}), []int16{1, -32768}},
		"32 bits":            {wav(1, 1, 8000, 32, []byte{9, 9, 1, 0}), []int16{1}},
		"A-law":              {wav(6, 1, 8000, 8, []byte{0xd5, 0x55, 0xaa}), []int16{8, -8, 32256}},
		"µ-law":              {wav(7, 1, 8000, 8, []byte{0xff, 0x80, 0x00}), []int16{0, 32124, -32124}},
		"floating":           {wav(3, 1, 8000, 32, []byte{0, 0, 0, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0xc0, 0x7f}), []int16{16384, -32768, 0}},
		"two channels":       {wav(1, 2, 8000, 16, []byte{4, 0, 2, 0, 0xfc, 0xff, 0, 0, 9}), []int16{3, -2}},
		"extended":           {extended, []int16{1, 2}},
		"size never written": {unsized, []int16{1, 2}},
		"size unknown":       {unknown, []int16{1, 2}},
		"cut off":            {wav(1, 1, 8000, 16, []byte{1, 0, 2, 0, 3, 0})[:len(wav(1, 1, 8000, 16, nil))+5], []int16{1, 2}},
		"no sound":           {wav(1, 1, 8000, 16, nil), nil},
	} {
		s, err := Parse(c.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := fmt.Sprint(s.Samples()), fmt.Sprint(c.want); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, file := range map[string][]byte{
		"empty":               nil,
		"text":                []byte(strings.Repeat("hello ", 20)),
		"no data":             wav(1, 1, 8000, 16, nil)[:36],
		"data before format":  append([]byte("RIFF\x00\x00\x00\x00WAVE"), "data\x02\x00\x00\x00\x01\x00"...),
		"format cut off":      wav(1, 1, 8000, 16, nil)[:30],
		"short format":        append([]byte("RIFF\x00\x00\x00\x00WAVE"), "fmt \x02\x00\x00\x00\x01\x00"...),
		"MP3 inside":          wav(85, 1, 8000, 16, []byte{1, 2}),
		"no channels":         wav(1, 0, 8000, 16, []byte{1, 2}),
		"nine channels":       wav(1, 9, 8000, 16, []byte{1, 2}),
		"12 bits":             wav(1, 1, 8000, 12, []byte{1, 2}),
		"no rate":             wav(1, 1, 0, 16, []byte{1, 2}),
		"endless rate":        wav(1, 1, 1<<30, 16, []byte{1, 2}),
		"float of 64 bits":    wav(3, 1, 8000, 64, []byte{1, 2, 3, 4, 5, 6, 7, 8}),
		"A-law of 16 bits":    wav(6, 1, 8000, 16, []byte{1, 2}),
		"extended, too short": wav(0xfffe, 1, 8000, 16, []byte{1, 2}),
	} {
		if _, err := Parse(file); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestPlay(t *testing.T) {
	s := New([]int16{1, 2, 3, 4, 5}, 8000)
	if s.Duration() != 625*time.Microsecond {
		t.Errorf("duration %v", s.Duration())
	}
	f := make(media.Frame, 3)
	p := s.Play()
	if n, err := p.Read(f); n != 3 || err != nil || f[2] != 3 {
		t.Errorf("first frame: %d, %v, %v", n, err, f)
	}
	if n, err := p.Read(f); n != 2 || !errors.Is(err, io.EOF) || f[1] != 5 {
		t.Errorf("second frame: %d, %v, %v", n, err, f)
	}
	if n, err := p.Read(f); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %d, %v", n, err)
	}
	long := make(media.Frame, 12)
	l := s.Loop()
	for i := range 3 {
		if n, err := l.Read(long); n != 12 || err != nil || long[0] != []int16{1, 3, 5}[i] || long[11] != []int16{2, 4, 1}[i] {
			t.Errorf("loop, frame %d: %d, %v, %v", i, n, err, long)
		}
	}
	if n, err := New(nil, 8000).Loop().Read(f); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("nothing, looped: %d, %v", n, err)
	}
}

// What sox writes is what we play, in every encoding and rate, compared with what sox itself makes
// of it.
func TestAgainstSox(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed")
	}
	for _, args := range []string{
		"-r 8000 -b 16", "-r 16000 -b 16", "-r 48000 -b 24", "-r 44100 -b 32 -e signed", "-r 8000 -b 8 -e unsigned", "-r 8000 -e a-law", "-r 8000 -e mu-law", "-r 16000 -e a-law", "-r 16000 -c 2 -b 16", "-r 48000 -b 32 -e floating-point", "-r 96000 -b 16", "-r 9600 -b 16", "-r 32000 -b 16",
	} {
		path := filepath.Join(t.TempDir(), "x.wav")
		command := append([]string{"-D", "-n"}, strings.Fields(args)...)
		command = append(command, path, "synth", "1", "sine", "440", "gain", "-6")
		if out, err := exec.Command(sox, command...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args, err, out)
		}
		s, err := Load(path)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if s.Duration() != time.Second {
			t.Errorf("%s: plays %v", args, s.Duration())
		}
		rate := 0
		if _, err := fmt.Sscanf(args, "-r %d", &rate); err != nil {
			t.Fatal(err)
		}
		if want := map[int]int{96000: 48000, 9600: 16000}[rate]; want != 0 {
			rate = want
		}
		if s.Rate() != rate {
			t.Errorf("%s: kept at %d Hz", args, s.Rate())
		}
		var signal, noise float64
		for i, v := range s.Samples()[rate/8 : rate/8*7] {
			want := 32768 * math.Pow(10, -6.0/20) * math.Sin(2*math.Pi*440*float64(i+rate/8)/float64(rate))
			signal += want * want
			noise += (want - float64(v)) * (want - float64(v))
		}
		limit := -60.0
		if strings.Contains(args, "law") || strings.Contains(args, "-b 8") {
			limit = -34
		}
		if db := 10 * math.Log10(noise/signal); db > limit {
			t.Errorf("%s: error of %.1f dB", args, db)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "absent.wav")); err == nil {
		t.Error("an absent file was loaded")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(wav(1, 1, 8000, 16, []byte{1, 0, 2, 0}))
	f.Add(wav(6, 2, 16000, 8, []byte{1, 0, 2, 0}))
	f.Add(wav(1, 3, 11025, 24, make([]byte, 90)))
	f.Add(wav(0xfffe, 1, 44100, 32, make([]byte, 90)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			return
		}
		if most := len(data) * 8; len(s.Samples()) > most {
			t.Fatalf("%d samples from %d octets", len(s.Samples()), len(data))
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	p := New(make([]int16, 12345), 8000).Loop()
	f := make(media.Frame, 160)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Read(f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse16k(b *testing.B) {
	file := wav(1, 1, 16000, 16, make([]byte, 32000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(file); err != nil {
			b.Fatal(err)
		}
	}
}
