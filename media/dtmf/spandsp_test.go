package dtmf

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ebitengine/purego"

	"santral/media"
	"santral/media/pcm"
	"santral/media/tone"
)

// spandsp is the generator and the detector of another house.
type spandsp struct {
	txInit func(s, callback, user uintptr) uintptr
	txPut  func(s uintptr, digits string, n int32) int32
	tx     func(s uintptr, to *int16, n int32) int32
	timing func(s uintptr, on, off int32)
	level  func(s uintptr, level, twist int32)
	txFree func(s uintptr) int32
	rxInit func(s, callback, user uintptr) uintptr
	rx     func(s uintptr, from *int16, n int32) int32
	rxGet  func(s uintptr, digits *byte, n int32) uintptr
	rxFree func(s uintptr) int32
}

func loadSpandsp(t *testing.T) *spandsp {
	t.Helper()
	lib, err := purego.Dlopen("libspandsp.so.2", purego.RTLD_NOW)
	if err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s := new(spandsp)
	for name, f := range map[string]any{
		"dtmf_tx_init": &s.txInit, "dtmf_tx_put": &s.txPut, "dtmf_tx": &s.tx, "dtmf_tx_set_timing": &s.timing, "dtmf_tx_set_level": &s.level,
		"dtmf_tx_free": &s.txFree, "dtmf_rx_init": &s.rxInit, "dtmf_rx": &s.rx, "dtmf_rx_get": &s.rxGet, "dtmf_rx_free": &s.rxFree,
	} {
		purego.RegisterLibFunc(f, lib, name)
	}
	return s
}

// send makes digits, on and off in ms, at a level in dBm0 and with a twist in dB.
func (s *spandsp) send(digits string, on, off, level, twist int32) (f media.Frame) {
	tx := s.txInit(0, 0, 0)
	defer s.txFree(tx)
	s.timing(tx, on, off)
	s.level(tx, level, twist)
	for len(digits) > 0 { // its queue takes a hundred or so
		part := digits[:min(60, len(digits))]
		digits = digits[len(part):]
		s.txPut(tx, part, int32(len(part)))
		var piece [160]int16
		for {
			n := s.tx(tx, &piece[0], 160)
			f = append(f, piece[:n]...)
			if n < 160 {
				break
			}
		}
	}
	return append(f, make(media.Frame, 1600)...)
}

// What spandsp sends we hear, and what we make it hears.
func TestKeysWithSpandsp(t *testing.T) {
	s := loadSpandsp(t)
	all := strings.Repeat(Keys, 12)
	for _, c := range []struct{ on, off, level, twist int32 }{
		{50, 55, -10, 0}, {40, 40, -10, 0}, {80, 60, -25, 3}, {100, 100, -4, -3}, {65, 45, -18, 2},
	} {
		if got := keysOf(t, detect(s.send(all, c.on, c.off, c.level, c.twist), 8000)); got != all {
			t.Errorf("%+v: %q", c, got)
		}
	}
	rx := s.rxInit(0, 0, 0)
	defer s.rxFree(rx)
	var f [160]int16
	src := tone.Digits(all[:32], 70*time.Millisecond, 60*time.Millisecond).Play()
	for {
		n, err := src.Read(f[:])
		clear(f[n:])
		s.rx(rx, &f[0], 160)
		if err != nil {
			break
		}
	}
	var digits [64]byte
	if n := s.rxGet(rx, &digits[0], 63); string(digits[:n]) != all[:32] {
		t.Errorf("spandsp heard %q", digits[:n])
	}
}

// One packet in a hundred is lost and made up from the one before: keys are neither lost nor doubled.
func TestDetectorConcealed(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	var want strings.Builder
	for range 2000 {
		want.WriteByte(Keys[rnd.IntN(len(Keys))])
	}
	f := make(media.Frame, 0, 3000*1600)
	src := tone.Digits(want.String(), 90*time.Millisecond, 70*time.Millisecond).Play()
	var frame [160]int16
	for {
		n, err := src.Read(frame[:])
		f = append(f, frame[:n]...)
		if err != nil {
			break
		}
	}
	lost := 0
	for i := 160; i+160 <= len(f); i += 160 {
		if rnd.IntN(100) == 0 {
			lost++
			pitch := 40 + rnd.IntN(80) // what was is repeated, by periods that are a voice's
			for k := range 160 {
				f[i+k] = f[i-pitch+k%pitch]
			}
		}
	}
	code := make([]byte, len(f))
	pcm.EncodeULaw(code, f)
	pcm.DecodeULaw(f, code)
	got := keysOf(t, detect(append(f, make(media.Frame, 1600)...), 8000))
	wrong := distance(got, want.String())
	t.Logf("%d of 2000 keys wrong, %d packets lost", wrong, lost)
	if wrong > 10 {
		t.Errorf("%d of 2000 keys wrong with %d packets lost", wrong, lost)
	}
}

// distance is how many keys must be put in, taken out or changed to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for i := range row {
		row[i] = i
	}
	for i := range len(a) {
		before := row[0]
		row[0]++
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Keys made by sox are heard.
func TestKeysBySox(t *testing.T) {
	need(t, "sox")
	for _, rate := range []int{8000, 16000} {
		out, err := exec.Command("bash", "-c", `for f in "697 1209" "770 1336" "852 1477" "941 1633"; do set -- $f
			sox -n -t raw -r `+map[int]string{8000: "8000", 16000: "16000"}[rate]+` -e signed -b 16 -c 1 - synth 0.05 sine $1 sine $2 remix 1,2 gain -12 pad 0.05 0.04; done`).Output()
		if err != nil {
			t.Fatal(err)
		}
		f := make(media.Frame, len(out)/2)
		for i := range f {
			f[i] = int16(out[2*i]) | int16(out[2*i+1])<<8
		}
		if got := keysOf(t, detect(append(f, make(media.Frame, 3200)...), rate)); got != "159D" {
			t.Errorf("%d Hz: %q", rate, got)
		}
	}
}
