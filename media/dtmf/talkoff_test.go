package dtmf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"santral/media"
	"santral/media/pcm"
	"santral/media/tone"
)

// Speech of many voices is no key, nor a fax. In half an hour of always the same words there is none;
// SANTRAL_TALKOFF=10h says how much to speak of others each time, and then one in ten hours is allowed.
func TestTalkOff(t *testing.T) {
	need(t, "espeak-ng", "flite", "sox")
	total, seed := 30*time.Minute, uint64(1)
	if v := os.Getenv("SANTRAL_TALKOFF"); v != "" {
		var err error
		if total, err = time.ParseDuration(v); err != nil {
			t.Fatal(err)
		}
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	docs, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	english := strings.Fields(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '\'' {
			return r
		}
		return ' '
	}, string(docs)))
	english = append(english, strings.Fields("hello yes no thank you please who is calling one moment I'll put you through seven eight nine zero one two three four five six what why where seen mean we he she feel wheel cool fool")...)
	persian := strings.Fields("سلام بله خیر ممنون لطفا شما کی هستید یک لحظه صبر کنید وصل می‌کنم دو سه چهار پنج شش هفت هشت نه صفر چرا کجا امروز فردا دیروز تلفن شماره خانه کار دوست برادر خواهر مادر پدر کتاب آب نان شیر سیب انگور باران آفتاب شب روز صبح عصر خوب بد بزرگ کوچک زیبا تهران شیراز اصفهان تبریز مشهد ایران خیابان کوچه پیغام بگذارید دوباره تماس بگیرید منتظر باشید متشکرم خداحافظ")

	var spoken time.Duration
	var keys []string
	for i := 0; spoken < total; i++ {
		voice, say := speaker(rnd, i)
		words, most := english, 400
		if strings.HasPrefix(voice, "fa") {
			words = persian
		}
		var text strings.Builder
		for n := range most {
			text.WriteString(words[rnd.IntN(len(words))])
			if n%12 == 11 {
				text.WriteByte('.')
			}
			text.WriteByte(' ')
		}
		f := say(t, text.String())
		spoken += time.Duration(len(f)) * time.Second / 8000
		companded := i%2 == 1
		level(f, []float64{-26, -20, -14}[i%3], companded)
		tone.NewModem(func(a tone.Announced) { keys = append(keys, fmt.Sprintf("%v by %s", a, voice)) }).Write(f)
		for _, h := range detect(f, 8000) {
			if !h.Over {
				keys = append(keys, fmt.Sprintf("%c by %s", h.Key, voice))
			}
		}
	}
	t.Logf("%d keys in %v of speech: %v", len(keys), spoken.Round(time.Minute), keys)
	if float64(len(keys)) > spoken.Hours()/10 {
		t.Errorf("%d keys heard in %v of speech", len(keys), spoken)
	}
}

// speaker chooses a voice, and gives how it speaks text at 8 kHz.
func speaker(rnd *rand.Rand, i int) (string, func(*testing.T, string) media.Frame) {
	if i%12 == 11 {
		voice := []string{"slt", "rms", "awb", "kal16"}[rnd.IntN(4)]
		return "flite " + voice, func(t *testing.T, text string) media.Frame {
			return run(t, text, "f=$(mktemp) && cat >$f && flite -voice "+voice+" -f $f -o $f.wav && sox -t wav $f.wav -r 8000 -t raw -e signed -b 16 -c 1 - && rm $f $f.wav")
		}
	}
	lang := []string{"en-us", "fa", "en-gb", "en-gb-scotland", "fa", "en-gb-x-rp", "en-029", "fa"}[rnd.IntN(8)]
	variant := []string{"", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5", "+croak", "+whisper"}[rnd.IntN(15)]
	speed, pitch := 110+rnd.IntN(150), rnd.IntN(100)
	return fmt.Sprintf("%s%s at %d, pitch %d", lang, variant, speed, pitch), func(t *testing.T, text string) media.Frame {
		return run(t, text, fmt.Sprintf("espeak-ng -v %s%s -s %d -p %d --stdin --stdout | sox -t wav --ignore-length - -r 8000 -t raw -e signed -b 16 -c 1 -", lang, variant, speed, pitch))
	}
}

// run gives the sound that a shell's commands make of text.
func run(t *testing.T, text, commands string) media.Frame {
	t.Helper()
	cmd := exec.Command("bash", "-o", "pipefail", "-c", commands)
	cmd.Stdin = strings.NewReader(text)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	raw, err := cmd.Output()
	if err != nil || len(raw) < 16000 {
		t.Fatalf("%s: %v, %d octets: %s", commands, err, len(raw), errs.String())
	}
	f := make(media.Frame, len(raw)/2)
	for i := range f {
		f[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return f
}

// level brings sound to a mean power of dBm0, and through A-law where it is companded.
func level(f media.Frame, dBm0 float64, companded bool) {
	var sum float64
	for _, s := range f {
		sum += float64(s) * float64(s)
	}
	by := amplitude(dBm0) / math.Sqrt2 / math.Sqrt(sum/float64(len(f))+1)
	for i, s := range f {
		f[i] = int16(max(-32768, min(32767, float64(s)*by)))
	}
	if companded {
		code := make([]byte, len(f))
		pcm.EncodeALaw(code, f)
		pcm.DecodeALaw(f, code)
	}
}

// need skips a test whose programs are missing, or fails it where they must be there.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		} else if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal(err)
		} else {
			t.Skip(err)
		}
	}
}
