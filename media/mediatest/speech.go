package mediatest

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"santral/media/pcm"
)

// Voices are those that Speech knows: of espeak-ng and of flite.
var Voices = []string{"en", "fa", "kal", "awb", "rms", "slt"}

const (
	english = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. " +
		"It is easy to tell the depth of a well. Four hours of steady work faced us. A large size in stockings is hard to sell."
	persian = "سلام، حال شما چطور است؟ امروز هوا بسیار خوب است و ما به بازار می‌رویم. لطفا شماره داخلی را وارد کنید."
)

// Speech has one of Voices speak some sentences, at rate. The test is skipped when the program that speaks is
// not installed, and fails when SANTRAL_TEST_PEERS is "require".
func Speech(t testing.TB, voice string, rate int) []int16 {
	t.Helper()
	if voice == "fa" {
		return Say(t, voice, persian, 1, rate)
	}
	return Say(t, voice, english, 1, rate)
}

// Say has a voice of flite, or else of espeak-ng ("fa+f3"), say a text, at a pace of which 1 is usual and 2 twice as
// fast, and gives it at rate, its loudest sample at 20000. The test is skipped or fails as by Speech.
func Say(t testing.TB, voice, text string, pace float64, rate int) []int16 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "speech.wav")
	args := []string{"espeak-ng", "-v", voice, "-s", strconv.Itoa(int(175 * pace)), "-w", file, text}
	if slices.Contains(Voices[2:], voice) {
		args = []string{"flite", "-voice", voice, "--setf", "duration_stretch=" + strconv.FormatFloat(1/pace, 'f', 2, 64), "-t", text, "-o", file}
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatalf("%s is required and not installed", args[0])
		}
		t.Skipf("%s is not installed", args[0])
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, out)
	}
	sound, from := wave(t, file)
	return pcm.Resample(sound, from, rate)
}

// wave reads a WAV file of 16 bits and one channel, with its loudest sample brought to 20000.
func wave(t testing.TB, file string) (sound []int16, rate int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil || len(data) < 44 {
		t.Fatalf("%s: %d octets, %v", file, len(data), err)
	}
	for rest := data[12:]; len(rest) >= 8; {
		size := min(int(binary.LittleEndian.Uint32(rest[4:])), len(rest)-8)
		switch body := rest[8 : 8+size]; string(rest[:4]) {
		case "fmt ":
			rate = int(binary.LittleEndian.Uint32(body[4:]))
		case "data":
			for i := 0; i+1 < size; i += 2 {
				sound = append(sound, int16(binary.LittleEndian.Uint16(body[i:])))
			}
		}
		rest = rest[8+size:]
	}
	loud := 1
	for _, s := range sound {
		loud = max(loud, int(s), -int(s))
	}
	for i, s := range sound {
		sound[i] = int16(int(s) * 20000 / loud)
	}
	return sound, rate
}
