package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"santral/media"
	"santral/media/codec"
	"santral/media/mediatest"
	"santral/media/pcm"
)

// kind is a way for a recording to lie.
type kind struct {
	format Format
	sealed bool
}

var kinds = []kind{{WAV, false}, {WAV, true}, {Opus, false}, {Opus, true}}

func (k kind) String() string { return fmt.Sprintf("%s sealed %v", k.format, k.sealed) }

// xor is a key that opens what it has sealed. Its stanzas are the same in every process.
type xor byte

func (x xor) Wrap(key []byte) ([]*age.Stanza, error) {
	return []*age.Stanza{{Type: "xor", Body: x.of(key)}}, nil
}

func (x xor) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if s.Type == "xor" {
			return x.of(s.Body), nil
		}
	}
	return nil, age.ErrIncorrectIdentity
}

func (x xor) of(b []byte) []byte {
	b = bytes.Clone(b)
	for i := range b {
		b[i] ^= byte(x)
	}
	return b
}

// options are those of a recording of a kind; the test is skipped where it can't be made.
func (k kind) options(t testing.TB, o Options) Options {
	o.Format = k.format
	if k.sealed {
		o.Seal = []age.Recipient{xor(7)}
	}
	if _, err := codec.NewOpusFile(8000, 1, 0); k.format == Opus && err != nil {
		t.Skip(err)
	}
	return o
}

// opened gives the plain file of what lies there.
func opened(t testing.TB, data []byte) (plain []byte, torn bool) {
	t.Helper()
	p, err := Open(bytes.NewReader(data), int64(len(data)), xor(7))
	if err != nil {
		t.Fatal(err)
	}
	plain, err = io.ReadAll(p)
	if err != nil {
		t.Fatal(err)
	}
	return plain, p.Torn()
}

// decoded gives the channels of a plain file, by ffmpeg where it is Opus.
func decoded(t *testing.T, plain []byte, channels, rate int) [2][]int16 {
	t.Helper()
	if string(plain[:4]) == "RIFF" {
		return sounds(t, plain)
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-i", "pipe:0", "-f", "s16le", "-ar", fmt.Sprint(rate), "pipe:1")
	cmd.Stdin = bytes.NewReader(plain)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	raw, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("ffmpeg: %v %s", err, complaints.String())
	}
	var c [2][]int16
	for i := 0; i+1 < len(raw); i += 2 {
		c[i/2%channels] = append(c[i/2%channels], int16(uint16(raw[i])|uint16(raw[i+1])<<8))
	}
	return c
}

// strangers has the tools of the world read a plain file, and gives how long they take it for.
func strangers(t *testing.T, plain []byte, format Format) (long []time.Duration) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x."+format.String())
	if err := os.WriteFile(path, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range [][]string{
		{"soxi", "-D", path},
		{"ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path},
		{"sox", path, "-n", "stat"},
		{"opusinfo", path},
	} {
		if (cmd[0] == "opusinfo") != (format == Opus) && cmd[0] != "ffprobe" { // not every sox reads Opus
			continue
		}
		if _, err := exec.LookPath(cmd[0]); err != nil {
			continue
		}
		out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput()
		text := strings.TrimSpace(string(out))
		if strings.Count(text, "WARNING") == 1 && strings.Contains(text, "EOS not set") { // what a crash has cut has no end
			err = nil
		}
		if cmd[0] == "opusinfo" {
			_, text, _ = strings.Cut(text, "Playback length: ")
			text, _, _ = strings.Cut(strings.Replace(text, "m:", "m", 1), "s\n")
		}
		if cmd[0] == "sox" {
			_, text, _ = strings.Cut(text, "Length (seconds):")
			text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
		}
		d, bad := time.ParseDuration(strings.TrimSpace(text) + "s")
		if err != nil || bad != nil {
			t.Errorf("%v: %v, %s", cmd, err, out)
			continue
		}
		long = append(long, d)
	}
	return long
}

func about(a, b, by time.Duration) bool { return a-b <= by && b-a <= by }

// Two voices, one on each side, are there again when the file is played: each on its side, in its place, whole.
func TestVoicesOnTheirSides(t *testing.T) {
	for _, k := range kinds {
		for _, rate := range []int{8000, 16000, 48000} {
			if k.sealed && rate > 8000 {
				continue
			}
			t.Run(fmt.Sprint(k, " ", rate), func(t *testing.T) {
				left := mediatest.Speech(t, "slt", rate)
				right := mediatest.Speech(t, "awb", rate)
				frame := rate / 50
				n := min(len(left), len(right)) / frame * frame
				left, right = left[:n], right[:n]
				d := &disk{}
				var sum Summary
				synctest.Test(t, func(t *testing.T) {
					r := d.on(t, k.options(t, Options{Channels: 2, Rate: rate}))
					for at := 0; at < n; at += frame {
						r.Sink(0).Write(left[at:][:frame])
						r.Sink(1).Write(right[at:][:frame])
						time.Sleep(20 * time.Millisecond)
					}
					sum = closed(t, r)
				})
				if want := time.Duration(n) * time.Second / time.Duration(rate); sum.Long != want || sum.SHA256 != shaOf(d.data) || sum.Octets != int64(len(d.data)) {
					t.Errorf("%+v, want %v", sum, want)
				}
				plain, torn := opened(t, d.data)
				if torn {
					t.Error("torn")
				}
				for _, long := range strangers(t, plain, k.format) {
					if !about(long, sum.Long, 10*time.Millisecond) {
						t.Errorf("%v long for a stranger, %v for us", long, sum.Long)
					}
				}
				c := decoded(t, plain, 2, rate)
				for ch, want := range [][]int16{left, right} {
					if k.format == WAV {
						if !slices.Equal(c[ch], want) {
							t.Errorf("channel %d is not what was said", ch)
						}
						continue
					}
					if off := len(c[ch]) - n; off < -rate/1000 || off > rate/1000 {
						t.Errorf("channel %d: %d samples, want %d", ch, len(c[ch]), n)
					}
					own, lag := best(want, c[ch], rate)
					other, _ := best([][]int16{right, left}[ch], c[ch], rate)
					if own < .8 || other > .15 || !about(lag, 0, 3*time.Millisecond) {
						t.Errorf("channel %d: alike by %.2f at %v, like the other by %.2f", ch, own, lag, other)
					}
					if rate == 8000 {
						if mos := mediatest.Opinion(want, c[ch], rate); mos < 3.7 {
							t.Errorf("channel %d: an opinion of %.2f", ch, mos)
						}
					}
				}
			})
		}
	}
}

// best finds how alike two sounds are, and by how much the second is later.
func best(a, b []int16, rate int) (alike float64, lag time.Duration) {
	if rate > 8000 {
		a, b = pcm.Resample(a, rate, 8000), pcm.Resample(b, rate, 8000)
	}
	for k := -80; k <= 80; k++ {
		var ab, aa, bb float64
		for i := 80; i+80 < min(len(a), len(b)); i++ {
			x, y := float64(a[i]), float64(b[i+k])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		if c := math.Abs(ab) / math.Sqrt(aa*bb+1); c > alike {
			alike, lag = c, time.Duration(k)*125*time.Microsecond
		}
	}
	return alike, lag
}

// tones writes a tone of its own for each second to a sink: 300 Hz and 100 more from one second to the next.
func tones(to media.Sink, seconds int) {
	f := make(media.Frame, 160)
	for i := range seconds * 50 {
		hz := float64(300 + 100*(i/50%20))
		for k := range f {
			f[k] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i*160+k)/8000))
		}
		to.Write(f)
		time.Sleep(20 * time.Millisecond)
	}
}

// second tells which of tones is at a second of a sound; −1 for silence.
func second(sound []int16, s int) int {
	part := sound[s*8000+800:][:6400]
	found, most := -1, 1e6
	for n := range 20 {
		hz := float64(300 + 100*n)
		var re, im float64
		for i, v := range part {
			w := 2 * math.Pi * hz * float64(i) / 8000
			re += float64(v) * math.Cos(w)
			im += float64(v) * math.Sin(w)
		}
		if p := math.Hypot(re, im); p > most {
			found, most = n, p
		}
	}
	return found
}

func TestTrimOfEveryKind(t *testing.T) {
	for _, k := range kinds {
		for _, trim := range []time.Duration{time.Millisecond, 333 * time.Millisecond, 2777 * time.Millisecond, time.Minute} {
			t.Run(fmt.Sprint(k, " ", trim), func(t *testing.T) {
				d := &disk{}
				var sum Summary
				synctest.Test(t, func(t *testing.T) {
					r := d.on(t, k.options(t, Options{}))
					tones(r.Sink(0), 10)
					r.Trim(trim)
					sum = closed(t, r)
				})
				if want := max(10*time.Second-trim, 0); sum.Long != want || sum.SHA256 != shaOf(d.data) || sum.Octets != int64(len(d.data)) {
					t.Errorf("%+v, want %v", sum, want)
				}
				plain, torn := opened(t, d.data)
				if torn {
					t.Error("torn")
				}
				if trim == time.Minute {
					return
				}
				c := decoded(t, plain, 1, 8000)[0]
				if long := time.Duration(len(c)) * 125 * time.Microsecond; !about(long, sum.Long, time.Millisecond) {
					t.Errorf("%v long when it is played", long)
				}
				for s := range int(sum.Long / time.Second) {
					if got := second(c, s); got != s {
						t.Errorf("in second %d tone %d", s, got)
					}
				}
			})
		}
	}
}

// Whatever kind: where the disk was full there is silence, and all else is in its place.
func TestAFullDiskOfEveryKind(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) {
			d := &disk{}
			var sum Summary
			synctest.Test(t, func(t *testing.T) {
				r := d.on(t, k.options(t, Options{}))
				time.AfterFunc(10*time.Second, func() { d.break_(errors.New("no space")) })
				time.AfterFunc(70*time.Second, func() { d.break_(nil) })
				tones(r.Sink(0), 80)
				sum = closed(t, r)
			})
			if sum.Long != 80*time.Second || sum.Lost < 27*time.Second || sum.Lost > 32*time.Second || sum.SHA256 != shaOf(d.data) {
				t.Errorf("%+v", sum)
			}
			plain, torn := opened(t, d.data)
			if torn {
				t.Error("torn")
			}
			c := decoded(t, plain, 1, 8000)[0]
			for _, s := range []int{0, 5, 9, 12, 35, 50, 60, 75, 79} {
				want := s % 20
				if s == 50 || s == 60 {
					want = -1
				}
				if got := second(c, s); got != want {
					t.Errorf("in second %d tone %d", s, got)
				}
			}
		})
	}
}

// A sealed file opens by no other key, and can be read from any place by several at once.
func TestSealed(t *testing.T) {
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{}
	synctest.Test(t, func(t *testing.T) {
		r := d.on(t, Options{Channels: 2, Seal: []age.Recipient{other.Recipient(), mine.Recipient()}})
		var both sync.WaitGroup
		both.Go(func() { tones(r.Sink(0), 20) })
		both.Go(func() { tones(r.Sink(1), 20) })
		both.Wait()
		closed(t, r)
	})
	at := bytes.NewReader(d.data)
	for _, identities := range [][]age.Identity{nil, {xor(1)}} {
		if _, err := Open(at, at.Size(), identities...); err == nil {
			t.Errorf("opened by %v", identities)
		}
	}
	p, err := Open(at, at.Size(), xor(1), mine)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(p)
	if err != nil || len(whole) != start+20*32000 || int64(len(whole)) != p.Size() {
		t.Fatalf("%v, %d octets", err, len(whole))
	}
	if bytes.Contains(d.data, whole[1000:1032]) {
		t.Error("the sound lies in the clear")
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			b := make([]byte, 50_000)
			for from := int64(n * 1000); from < p.Size(); from += 77_777 {
				m, err := p.ReadAt(b, from)
				if err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(b[:m], whole[from:][:m]) || m < len(b) && from+int64(m) != p.Size() {
					t.Errorf("%d octets from %d: %v", m, from, err)
				}
			}
		})
	}
	all.Wait()
	sounds(t, whole)

	// Changed, exchanged, cut.
	for i := 0; i < len(d.data); i += 997 {
		bad := bytes.Clone(d.data)
		bad[i] ^= 1
		if p, err := Open(bytes.NewReader(bad), int64(len(bad)), mine); err == nil {
			if got, err := io.ReadAll(p); err == nil && !(p.Torn() && bytes.HasPrefix(whole[start:], got[min(start, len(got)):])) {
				t.Errorf("octet %d was changed, and nobody has noticed", i)
			}
		}
	}
	h, err := headOf(at, at.Size())
	if err != nil {
		t.Fatal(err)
	}
	aead, err := h.key([]age.Identity{mine})
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.index(at, at.Size(), aead)
	if err != nil || b == nil {
		t.Fatal(b, err)
	}
	x, y, z := b.at[3], b.at[4], b.at[5]
	if y-x == z-y {
		bad := slices.Concat(d.data[:x], d.data[y:z], d.data[x:y], d.data[z:])
		p, err := Open(bytes.NewReader(bad), int64(len(bad)), mine)
		if err == nil {
			_, err = io.ReadAll(p)
		}
		if !errors.Is(err, errSealed) {
			t.Errorf("two blocks were exchanged: %v", err)
		}
	} else {
		t.Errorf("blocks of %d and %d octets", y-x, z-y)
	}
	for _, cut := range []int64{z, z + 100, at.Size() - 1, at.Size() - endLen, b.end} {
		p, err := Open(bytes.NewReader(d.data[:cut]), cut, mine)
		if err != nil || !p.Torn() {
			t.Errorf("cut at %d: %v", cut, err)
			continue
		}
		got, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(got[start:], whole[start:][:len(got)-start]) || cut >= z && len(got) < int(b.begin(5)) {
			t.Errorf("cut at %d: %v, %d octets", cut, err, len(got))
		}
		sounds(t, got)
	}
}

func TestNobodyIsNoRecipient(t *testing.T) {
	if _, err := create(Options{Seal: []age.Recipient{}}, nil); err == nil {
		t.Error("a recording was sealed for nobody")
	}
}

// A sealed file that opens is what was sealed, whole or its beginning; nothing else makes a reader fall.
func FuzzOpen(f *testing.F) {
	s, err := newSealer(Options{Rate: 8000, Channels: 1, Seal: []age.Recipient{xor(7)}})
	if err != nil {
		f.Fatal(err)
	}
	data := s.block(append([]byte(nil), s.head...), kindSound, header(1, 8000, 1<<32-start), 0)
	for i := range 5 {
		data = s.block(data, kindSound, bytes.Repeat([]byte{byte(i), 3}, 50), 50)
	}
	data = s.end(data)
	whole, torn := opened(f, data)
	if torn {
		f.Fatal("torn")
	}
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add(data[:len(data)-300])
	f.Add(header(2, 16000, 10))
	f.Add([]byte("OggS"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Open(bytes.NewReader(data), int64(len(data)), xor(7))
		if err != nil {
			return
		}
		got, err := io.ReadAll(p)
		if err != nil || !bytes.HasPrefix(data, []byte(sealMagic)) {
			return
		}
		if n := min(len(got), start); !bytes.HasPrefix(whole[n:], got[n:]) || !p.Torn() && len(got) != len(whole) {
			t.Fatal("something else was opened")
		}
	})
}

// A recording of days is as long as it is.
func TestDaysOfSound(t *testing.T) {
	for _, rate := range []int{8000, 48000} {
		if got, want := lasting(int64(rate)*100*3600+int64(rate)/2, rate), 100*time.Hour+time.Second/2; got != want {
			t.Errorf("at %d Hz: %v, want %v", rate, got, want)
		}
	}
}
