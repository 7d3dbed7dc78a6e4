package tone

import (
	"os"
	"testing"

	"github.com/ebitengine/purego"

	"santral/media"
)

// The tones of another house: spandsp's own announcements, by the numbers that it has for them.
func TestModemOfSpandsp(t *testing.T) {
	lib, err := purego.Dlopen("libspandsp.so.2", purego.RTLD_NOW)
	if err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var begin func(s uintptr, kind int32) uintptr
	var next func(s uintptr, to *int16, n int32) int32
	var free func(s uintptr) int32
	purego.RegisterLibFunc(&begin, lib, "modem_connect_tones_tx_init")
	purego.RegisterLibFunc(&next, lib, "modem_connect_tones_tx")
	purego.RegisterLibFunc(&free, lib, "modem_connect_tones_tx_free")
	for kind, want := range map[int32]string{
		1: "CNG ", 2: "CED ", 3: "ANS with phase reversals or ANSam ", 4: "ANS with phase reversals or ANSam ", 5: "ANS with phase reversals or ANSam ",
	} {
		s := begin(0, kind)
		f := make(media.Frame, 4*Rate)
		for at := 0; at+160 <= len(f); at += 160 {
			if n := next(s, &f[at], 160); n < 160 {
				break
			}
		}
		free(s)
		if got := heard(f); got != want {
			t.Errorf("kind %d: %q, want %q", kind, got, want)
		}
	}
}
