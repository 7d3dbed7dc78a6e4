package player

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/ogg"
)

// tool runs a program of the machine.
func tool(t testing.TB, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name + " is not installed")
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// A file can't ask for more memory than the longest sound takes, by a low rate in its header or by a tight encoding.
func TestTooLong(t *testing.T) {
	slow := New(make([]int16, 9<<19), 8000).WAV() // 9 MiB of 8-bit samples
	slow[24], slow[25], slow[34] = 0xe8, 0x03, 8  // at 1000 Hz
	for name, data := range map[string][]byte{"slow.wav": slow, "long.g722": make([]byte, maxSamples/2+1)} {
		if s, err := Decode(name, data); !errors.Is(err, errLong) {
			t.Errorf("%s: %v, %v", name, s.Duration(), err)
		}
	}
}

// Plain files of Asterisk's kinds, as sox and ffmpeg write them, are the tone that they hold.
func TestPlainFiles(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string]string{
		"x.sln": "-r 8000 -t raw -e signed -b 16", "x.sln16": "-r 16000 -t raw -e signed -b 16", "x.sln44": "-r 44100 -t raw -e signed -b 16",
		"x.sln192": "-r 192000 -t raw -e signed -b 16",
		"x.alaw":   "-r 8000 -t raw -e a-law -b 8", "x.ULAW": "-r 8000 -t raw -e mu-law -b 8", "x.pcm": "-r 8000 -t raw -e mu-law -b 8",
		"no ending": "-r 22050 -t wav -b 16",
	} {
		path := filepath.Join(dir, name)
		tool(t, "sox", append(append(strings.Fields("-D -n -c 1"), strings.Fields(args)...), path, "synth", "1", "sine", "440", "gain", "-6")...)
		s, err := Load(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wants(t, name, s, -34)
	}
	path := filepath.Join(dir, "x.g722")
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc=0.501*sin(2*PI*440*t):s=16000:d=1", "-c:a", "g722", "-f", "g722", path)
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	late := New(s.Samples()[22:], 16000) // by its filters
	if f := frequency(late.Samples(), 16000); math.Abs(f-440) > 1 || s.Duration() != time.Second || s.Rate() != 16000 {
		t.Errorf("G.722: %v at %d Hz, of %.1f Hz", s.Duration(), s.Rate(), f)
	}
	wants(t, "G.722", late, -30)
	for name, data := range map[string]string{"x.mp3": "ID3", "x.txt": "hello", "x": ""} {
		if _, err := Decode(name, []byte(data)); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, reads := range map[string]bool{"a.WAV": true, "b/c.sln16": true, "d.opus": true, "e.mp3": false, "wav": false} {
		if Reads(name) != reads {
			t.Errorf("%s is read: %v", name, !reads)
		}
	}
}

// wants compares a sound with a second's tone of 440 Hz at half the full level.
func wants(t *testing.T, name string, s *Sound, limit float64) {
	t.Helper()
	if d := s.Duration() - time.Second; d.Abs() > 2*time.Millisecond {
		t.Errorf("%s: plays %v", name, s.Duration())
	}
	want := make([]int16, len(s.Samples()))
	for i := range want {
		want[i] = int16(math.Round(32768 * math.Pow(10, -6.0/20) * math.Sin(2*math.Pi*440*float64(i)/float64(s.Rate()))))
	}
	edge := s.Rate() / 20
	if db := off(s.Samples()[edge:len(want)-edge], want[edge:len(want)-edge]); db > limit {
		t.Errorf("%s: off by %.1f dB", name, db)
	}
}

func needOpus(t testing.TB) *codec.Codec {
	c, ok := codec.Lookup(media.Format{Name: "opus", Rate: 48000, Channels: 2})
	if !ok {
		t.Skip("libopus is not installed")
	}
	return c
}

// Opus in Ogg of ffmpeg's and opusenc's making is the tone that was put in, to the sample as long, of one channel and two,
// in packets of any time, chained, amplified by its head.
func TestOpusFiles(t *testing.T) {
	needOpus(t)
	dir := t.TempDir()
	one := filepath.Join(dir, "one.wav")
	tool(t, "sox", "-D", "-n", "-r", "48000", "-b", "16", one, "synth", "1.2345", "sine", "440", "gain", "-6")
	check := func(name string, data []byte, long time.Duration, gain float64) {
		t.Helper()
		s, err := Decode(name, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if s.Duration() != long || s.Rate() != 48000 {
			t.Errorf("%s: plays %v at %d Hz, want %v", name, s.Duration(), s.Rate(), long)
		}
		x := s.Samples()[4800 : len(s.Samples())-4800]
		if f := frequency(x[:24000], 48000); math.Abs(f-440) > 1 {
			t.Errorf("%s: of %.1f Hz", name, f)
		}
		var sum float64
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
		if db := 10*math.Log10(2*sum/float64(len(x))/(32768*32768)) - gain; math.Abs(db+6) > 0.5 {
			t.Errorf("%s: loud by %.1f dB, want -6", name, db)
		}
	}
	var files [][]byte
	for i, args := range []string{"", "-frame_duration 2.5", "-frame_duration 60", "-af pan=stereo|c0=c0|c1=c0 -b:a 128k", "-application voip -b:a 16k"} {
		path := filepath.Join(dir, fmt.Sprint(i, ".opus"))
		tool(t, "ffmpeg", append(append([]string{"-v", "error", "-i", one, "-c:a", "libopus"}, strings.Fields(args)...), path)...)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		check("ffmpeg "+args, data, 1234500*time.Microsecond, 0)
		files = append(files, data)
	}
	check("chained", bytes.Join([][]byte{files[0], files[2], files[3]}, nil), 3703500*time.Microsecond, 0)
	var again bytes.Buffer
	w := ogg.NewWriter(&again, 1)
	r := ogg.NewReader(bytes.NewReader(files[0]))
	for n := 0; ; n++ {
		p, granule, err := r.Next()
		if err != nil {
			break
		}
		if n == 0 {
			head, err := ogg.ParseOpusHead(p)
			if err != nil {
				t.Fatal(err)
			}
			head.Gain = -6 * 256
			p = head.Append(nil)
		}
		if n > 1 && granule != ogg.NoGranule {
			granule += 1 << 40 // as if it had been going on for long (RFC 7845 §4.5)
		}
		if err := w.WritePacket(p, granule, granule != ogg.NoGranule); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	check("from the middle, amplified", again.Bytes(), 1234500*time.Microsecond, -6)

	path := filepath.Join(dir, "enc.opus")
	tool(t, "opusenc", "--quiet", one, path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check("opusenc", data, 1234500*time.Microsecond, 0)

	path = filepath.Join(dir, "vorbis.ogg")
	tool(t, "ffmpeg", "-v", "error", "-i", one, "-c:a", "libvorbis", path)
	if _, err := Load(path); !errors.Is(err, ErrForeign) {
		t.Errorf("Vorbis: %v", err)
	}
	if _, err := Decode("x.opus", files[0][:60]); err == nil {
		t.Error("a file of a head alone was read")
	}
}

// Without libopus the error says what is missing (run with -tags static).
func TestNoOpus(t *testing.T) {
	if _, ok := codec.Lookup(media.Format{Name: "opus", Rate: 48000, Channels: 2}); ok {
		t.Skip("libopus is installed")
	}
	var b bytes.Buffer
	w := ogg.NewWriter(&b, 1)
	if err := w.WritePacket(ogg.OpusHead{Channels: 1}.Append(nil), 0, true); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode("x.opus", b.Bytes()); !errors.Is(err, ErrNoOpus) || !strings.Contains(err.Error(), "libopus0") {
		t.Errorf("%v", err)
	}
}

// What files say that came over the network harms nobody.
func FuzzDecode(f *testing.F) {
	f.Add("x.opus", []byte("OggS"))
	f.Add("x.g722", []byte{1, 2, 3})
	f.Add("x.sln192", make([]byte, 100))
	if c, ok := codec.Lookup(media.Format{Name: "opus", Rate: 48000, Channels: 2}); ok {
		e, err := c.NewEncoder(c.Format, codec.Options{})
		if err != nil {
			f.Fatal(err)
		}
		var b bytes.Buffer
		w := ogg.NewWriter(&b, 1)
		_ = w.WritePacket(ogg.OpusHead{Channels: 1, PreSkip: 312, Gain: 300}.Append(nil), 0, true)
		_ = w.WritePacket(ogg.OpusTags{}.Append(nil), 0, true)
		for i := range 5 {
			_ = w.WritePacket(e.Encode(nil, tone(440, 48000, 20*time.Millisecond)), uint64(960*(i+1)), i%2 == 0)
		}
		_ = w.Close()
		f.Add("x.opus", b.Bytes())
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		s, err := Decode(name, data)
		if err != nil {
			return
		}
		p := s.Play()
		if !p.SetRate(8000) {
			t.Fatal("no sound at 8000 Hz")
		}
		frame := make(media.Frame, 160)
		for range 50 {
			if _, err := p.Read(frame); err != nil {
				break
			}
		}
	})
}

// A thousand play a file that was read once: what each adds to memory is its place.
func TestThousandPlayers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(path, wav(1, 1, 16000, 16, make([]byte, 2*16000*60)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := NewCache(1 << 30)
	reads := atomic.Int32{}
	c.load = func(path string) (*Sound, error) { reads.Add(1); return Load(path) }
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	players := make([]*Source, 1000)
	var group sync.WaitGroup
	for i := range players {
		group.Go(func() {
			s, err := c.Load(path)
			if err != nil {
				t.Error(err)
				return
			}
			players[i] = s.Play()
			heard(t, players[i], voiceRates[i%2], time.Second)
		})
	}
	group.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	const one = 2*16000*60 + 2*8000*60 // both rates
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	if reads.Load() != 1 {
		t.Errorf("read %d times", reads.Load())
	}
	if most := int64(one + 1000*1024 + 256<<10); grown > most {
		t.Errorf("a thousand players of a sound of %d octets take %d", one, grown)
	}
	if size := c.Size(); size < one || size > one+2048 {
		t.Errorf("the cache counts %d octets, want %d", size, one)
	}
	runtime.KeepAlive(players)
}

// The cache reads a file once for all who ask at once, again when it changes, and forgets what was not used longest.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, samples int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, wav(1, 1, 8000, 16, make([]byte, 2*samples)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := NewCache(9000)
	var read []string
	c.load = func(path string) (*Sound, error) { read = append(read, filepath.Base(path)); return Load(path) }
	a, b, d := write("a.wav", 1500), write("b.wav", 1500), write("d.wav", 1500)
	for _, path := range []string{a, a, b, a, d, a, b} { // d has b forgotten
		if _, err := c.Load(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(read, " "); got != "a.wav b.wav d.wav b.wav" {
		t.Errorf("read %s", got)
	}
	read = nil
	write("a.wav", 1400)
	if s, err := c.Load(a); err != nil || len(s.Samples()) != 1400 {
		t.Errorf("a changed file: %v", err)
	}
	if _, err := c.Load(filepath.Join(dir, "absent.wav")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	if s, err := c.Load(write("huge.wav", 20000)); err != nil || len(s.Samples()) != 20000 || len(c.entries) != 1 {
		t.Errorf("larger than the cache: %v, %d kept", err, len(c.entries))
	}
	synctest.Test(t, func(t *testing.T) {
		c := NewCache(10000)
		reads := 0
		fails := errors.New("fails")
		c.load = func(string) (*Sound, error) { reads++; time.Sleep(time.Second); return nil, fails }
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, err := c.Load(a); !errors.Is(err, fails) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if reads != 1 || len(c.entries) != 0 {
			t.Errorf("read %d times, %d kept", reads, len(c.entries))
		}
		if _, err := c.Load(a); !errors.Is(err, fails) || reads != 2 {
			t.Errorf("an error is kept: %v", err)
		}
	})
}

// Foreign kinds are converted, as long and as high as they are.
func TestConvert(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string]string{
		"x.mp3": "-c:a libmp3lame", "x.m4a": "-c:a aac", "x.flac": "", "x.ogg": "-c:a libvorbis", "x.aiff": "", "x.mka": "-c:a ac3", "x.wma": "-c:a wmav2", "x.amr": "-ar 8000 -c:a libopencore_amrnb",
		"x.mp4": "-f lavfi -i color=size=32x32:duration=1 -c:v mpeg4 -c:a aac -shortest",
	} {
		path := filepath.Join(dir, name)
		ffmpeg, err := exec.LookPath("ffmpeg")
		if err != nil {
			t.Skip("ffmpeg is not installed")
		}
		all := append(strings.Fields("-v error -f lavfi -i sine=440:duration=1:sample_rate=44100"), strings.Fields(args)...)
		if out, err := exec.Command(ffmpeg, append(all, path)...).CombinedOutput(); err != nil {
			if strings.Contains(string(out), "Unknown encoder") || strings.Contains(string(out), "Error while opening encoder") {
				continue // not every build of ffmpeg has it
			}
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		s, err := Import(context.Background(), path, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Rate() != 48000 || (s.Duration()-time.Second).Abs() > 150*time.Millisecond {
			t.Errorf("%s: %v at %d Hz", name, s.Duration(), s.Rate())
			continue
		}
		if f := frequency(s.Samples()[9600:38400], 48000); math.Abs(f-440) > 1 {
			t.Errorf("%s: of %.1f Hz", name, f)
		}
	}
	f, err := os.Open(filepath.Join(dir, "x.flac"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s, err := Convert(context.Background(), f, 16000); err != nil || s.Rate() != 16000 {
		t.Errorf("to 16 kHz: %v", err)
	}
}

// A file that leads elsewhere leads nowhere.
func TestHostileFiles(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.wav")
	if err := os.WriteFile(secret, wav(1, 1, 8000, 16, make([]byte, 16000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"HLS of a file":     "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n" + secret + "\n#EXT-X-ENDLIST\n",
		"HLS of passwd":     "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
		"HLS of a place":    "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nhttp://127.0.0.1:1/x.wav\n#EXT-X-ENDLIST\n",
		"concat":            "ffconcat version 1.0\nfile " + secret + "\n",
		"concat protocol":   "#EXTM3U\n#EXTINF:10.0,\nconcat:" + secret + "|/etc/passwd\n#EXT-X-ENDLIST\n",
		"DASH":              `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation><BaseURL>file:///etc/passwd</BaseURL></Representation></AdaptationSet></Period></MPD>`,
		"a description":     "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 40000 RTP/AVP 0\n",
		"text":              strings.Repeat("hello\n", 1000),
		"nothing":           "",
		"an ASF playlist":   "[Reference]\nRef1=http://127.0.0.1:1/x\n",
		"an image sequence": "\x89PNG\r\n\x1a\n",
	} {
		s, err := Convert(context.Background(), strings.NewReader(text), 0)
		if err == nil {
			t.Errorf("%s: %v of sound", name, s.Duration())
			continue
		}
		if strings.Contains(err.Error(), os.TempDir()) || !strings.HasPrefix(err.Error(), "ffmpeg can't read it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "santral-convert-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Convert(ctx, strings.NewReader("x"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Convert(context.Background(), endless{}, 0); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("endless: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Without ffmpeg the error says what to do.
func TestNoFFmpeg(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Convert(context.Background(), strings.NewReader("x"), 0)
	if !errors.Is(err, ErrNoFFmpeg) || !strings.Contains(err.Error(), "apt-get install ffmpeg") {
		t.Errorf("%v", err)
	}
	path := filepath.Join(t.TempDir(), "x.mp3")
	if err := os.WriteFile(path, []byte("ID3"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Import(context.Background(), path, 0); !errors.Is(err, ErrNoFFmpeg) {
		t.Errorf("%v", err)
	}
}

// What ffmpeg complains of is bounded, however it is copied.
func TestComplaintsAreBounded(t *testing.T) {
	m := &most{n: 10}
	if n, err := io.Copy(m, io.LimitReader(endless{}, 1<<20)); err != nil || n != 1<<20 || m.text.Len() != 10 {
		t.Errorf("%d octets are kept of %d: %v", m.text.Len(), n, err)
	}
}
