package codec

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"santral/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// need skips a test whose stranger is missing, unless peers are required.
func need(t testing.TB, found bool, what string) {
	t.Helper()
	if found {
		return
	}
	if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("%s is missing", what)
}

// run gives what a program makes of its input.
func run(t testing.TB, in []byte, program string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(program)
	need(t, err == nil, program)
	cmd := exec.Command(path, args...)
	cmd.Stdin = bytes.NewReader(in)
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, trouble.String())
	}
	return out
}

func octets(f media.Frame) []byte {
	b := make([]byte, 2*len(f))
	for i, s := range f {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(s))
	}
	return b
}

func samples(b []byte) media.Frame {
	f := make(media.Frame, len(b)/2)
	for i := range f {
		f[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return f
}

var (
	spoken     = map[int]media.Frame{}
	spokenLock sync.Mutex
)

// speech is some eight seconds of a voice of espeak-ng at the given rate.
func speech(t testing.TB, rate int) media.Frame {
	t.Helper()
	spokenLock.Lock()
	defer spokenLock.Unlock()
	if f := spoken[rate]; f != nil {
		return f
	}
	wav := run(t, nil, "espeak-ng", "-v", "en", "--stdout",
		"The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the depth of a well. These days a chicken leg is a rare dish.")
	// The header of what espeak-ng writes to a pipe has no true length: it is 44 octets.
	f := samples(run(t, wav[44:], "sox", "-t", "raw", "-r", "22050", "-e", "signed", "-b", "16", "-c", "1", "-",
		"-t", "raw", "-r", strconv.Itoa(rate), "-", "gain", "-n", "-3"))
	spoken[rate] = f
	return f
}

func sine(hz, level float64, rate, n int) media.Frame {
	f := make(media.Frame, n)
	for i := range f {
		f[i] = int16(math.Round(level * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return f
}

// snr is how far the error of got lies below want, in dB, at the best delay of got up to most samples.
func snr(want, got media.Frame, most int) (db float64, delay int) {
	db = -1000
	for lag := range most + 1 {
		var signal, noise float64
		for i := 0; i+lag < len(got) && i < len(want); i++ {
			s := float64(want[i])
			d := s - float64(got[i+lag])
			signal += s * s
			noise += d * d
		}
		if v := 10 * math.Log10((signal+1)/(noise+1)); v > db {
			db, delay = v, lag
		}
	}
	return db, delay
}

func power(f media.Frame) float64 {
	sum := 0.0
	for _, s := range f {
		sum += float64(s) * float64(s)
	}
	return 10 * math.Log10(sum/float64(max(len(f), 1))/(32768*32768)+1e-12)
}

// inPackets codes sound packet by packet.
func inPackets(e media.Encoder, sound media.Frame, size int) (packets [][]byte) {
	for ; len(sound) >= size; sound = sound[size:] {
		packets = append(packets, e.Encode(nil, sound[:size]))
	}
	return packets
}

// heard decodes packets; a nil one is concealed.
func heard(t testing.TB, d media.Decoder, packets [][]byte, size int) (f media.Frame) {
	t.Helper()
	room := make(media.Frame, 5760)
	for i, p := range packets {
		if p == nil {
			d.Conceal(room[:size])
			f = append(f, room[:size]...)
			continue
		}
		n, err := d.Decode(room, p)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		f = append(f, room[:n]...)
	}
	return f
}

func made(t testing.TB, name string, rate, channels int) *Codec {
	t.Helper()
	c, ok := Lookup(media.Format{Name: name, Rate: rate, Channels: channels})
	need(t, ok, name)
	return c
}

func pair(t testing.TB, c *Codec, o Options) (media.Encoder, media.Decoder) {
	t.Helper()
	e, err := c.NewEncoder(c.Format, o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.NewDecoder(c.Format)
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// resident is how much memory the process has, of Go's and of libraries', in octets.
func resident(t testing.TB) int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("no /proc here")
	}
	pages, err := strconv.Atoi(string(bytes.Fields(b)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
