// Voices renders the clips of media/prompt from their texts: `make prompts`. It needs flite for English and espeak-ng
// for Persian; only what has changed is spoken anew. Each clip is cut to its sound, brought to one loudness, and encoded
// in G.722 by our own codec.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"santral/base/doc"
	"santral/media"
	"santral/media/codec"
	"santral/media/level"
	"santral/media/pcm"
	"santral/media/prompt"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "media/prompt", "folder of the clips, with one for each language")
	all := flag.Bool("all", false, "render what has not changed, too")
	flag.Parse()
	for _, language := range prompt.Languages() {
		if err := render(*dir, language, *all); err != nil {
			log.Fatalf("voices: %s: %v", language, err)
		}
	}
	if err := number(filepath.Join(*dir, "numbers.txt")); err != nil {
		log.Fatalf("voices: %v", err)
	}
}

// number gives new clips the next numbers.
func number(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	last := 1000 + strings.Count(string(text), "\n")
	for _, p := range prompt.Catalogue() {
		if prompt.Number(p.ID) == 0 {
			last++
			text = fmt.Appendf(text, "%d %s\n", last, p.ID)
		}
	}
	return os.WriteFile(file, text, 0o644)
}

// clip is a row of a manifest.
type clip struct {
	id, text, spoken, sum string
	version               int
}

func render(dir, language string, all bool) error {
	dir = filepath.Join(dir, language)
	before, err := manifest(filepath.Join(dir, "manifest.yaml"))
	if err != nil {
		return err
	}
	var clips []clip
	var stale []clip
	wanted := map[string]bool{"manifest.yaml": true}
	for _, p := range prompt.Catalogue() {
		if p.Texts[language] == "" {
			continue
		}
		c := clip{p.ID, p.Texts[language], prompt.Spoken(language, p.ID), prompt.Sum(language, p.ID), 1}
		file := filepath.Join(dir, c.id+".g722")
		wanted[c.id+".g722"] = true
		old, was := before[c.id]
		if was {
			if c.version = old.version; old.sum != c.sum {
				c.version++
			}
		}
		if _, err := os.Stat(file); all || err != nil || old.sum != c.sum {
			stale = append(stale, c)
		}
		clips = append(clips, c)
	}
	if err := each(stale, func(c clip) error {
		data, err := speak(language, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.id, err)
		}
		return os.WriteFile(filepath.Join(dir, c.id+".g722"), data, 0o644)
	}); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !wanted[f.Name()] {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
	}
	log.Printf("%s: %d clips, %d of them spoken anew", language, len(clips), len(stale))
	return write(filepath.Join(dir, "manifest.yaml"), language, clips)
}

// each does one thing for all clips, as many at once as there are cores.
func each(clips []clip, do func(clip) error) error {
	var wait sync.WaitGroup
	var lock sync.Mutex
	var failed []error
	turns := make(chan struct{}, runtime.NumCPU())
	for _, c := range clips {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			if err := do(c); err != nil {
				lock.Lock()
				failed = append(failed, err)
				lock.Unlock()
			}
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}

// manifest reads what was spoken before; there may be nothing.
func manifest(file string) (map[string]clip, error) {
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var problems doc.Problems
	n := doc.ReadFile(file, &problems)
	m := map[string]clip{}
	ignore := func(*doc.Node) {}
	if n != nil {
		n.Map(doc.Fields{"language": ignore, "synthetic": ignore, "engine": ignore, "licence": ignore, "rate": ignore, "clips": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				var c clip
				n.Map(doc.Fields{
					"id": func(n *doc.Node) { c.id = n.Text() }, "version": func(n *doc.Node) { c.version = n.Int(1, 1<<30) },
					"sha256": func(n *doc.Node) { c.sum = n.Text() }, "text": ignore, "spoken": ignore,
				}, "id", "version", "sha256")
				m[c.id] = c
			})
		}})
	}
	return m, problems.Err()
}

func write(file, language string, clips []clip) error {
	var b strings.Builder
	v := prompt.Voices()[language]
	fmt.Fprintf(&b, "# Written by `make prompts`; the texts stand in media/prompt. sha256 is of the engine and the text as it was spoken.\n\n")
	fmt.Fprintf(&b, "language: %s\nsynthetic: true\nengine: %q\nlicence: %q\nrate: %d\nclips:\n", language, v.Engine, v.Licence, prompt.Rate)
	for _, c := range clips {
		fmt.Fprintf(&b, "  - {id: %s, version: %d, text: \"%s\", ", c.id, c.version, c.text)
		if c.spoken != c.text {
			fmt.Fprintf(&b, "spoken: \"%s\", ", c.spoken)
		}
		fmt.Fprintf(&b, "sha256: %s}\n", c.sum)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// speak gives a clip's octets.
func speak(language string, c clip) ([]byte, error) {
	wav, err := os.CreateTemp("", "voice-*.wav")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(wav.Name()) }()
	if err := wav.Close(); err != nil {
		return nil, err
	}
	command := map[string][]string{
		"en": {"flite", "-voice", "slt", "-t", c.spoken, "-o", wav.Name()},
		"fa": {"espeak-ng", "-v", "fa+f3", "-s", "140", "-w", wav.Name(), "--", c.spoken},
	}[language]
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", command[0], err, out)
	}
	samples, rate, err := read(wav.Name())
	if err != nil {
		return nil, err
	}
	sound := cut(pcm.Resample(samples, rate, prompt.Rate))
	if len(sound) == 0 {
		return nil, errors.New("nothing is heard")
	}
	return encode(pad(loud(sound), c.text)), nil
}

// read gives the samples of a mono file of 16 bits.
func read(name string) (samples []int16, rate int, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, 0, err
	}
	at := strings.Index(string(data), "data")
	if len(data) < 44 || string(data[:4]) != "RIFF" || at < 36 || binary.LittleEndian.Uint16(data[22:]) != 1 || binary.LittleEndian.Uint16(data[34:]) != 16 {
		return nil, 0, errors.New("no WAV file of 16 bits, mono")
	}
	rate = int(binary.LittleEndian.Uint32(data[24:]))
	for body := data[at+8:]; len(body) > 1; body = body[2:] {
		samples = append(samples, int16(binary.LittleEndian.Uint16(body)))
	}
	return samples, rate, nil
}

// Edges of what is heard: 5 ms that are so much below the loudest ones count as silence.
const (
	window   = prompt.Rate / 200
	quietest = 0.01 // of amplitude: -40 dB
)

// cut takes the silence from both ends.
func cut(s []int16) []int16 {
	var power []float64
	for i := 0; i+window <= len(s); i += window {
		sum := 0.0
		for _, v := range s[i : i+window] {
			sum += float64(v) * float64(v)
		}
		power = append(power, sum)
	}
	if len(power) == 0 {
		return nil
	}
	least := slices.Max(power) * quietest * quietest
	first, last := 0, len(power)
	for first < last && power[first] <= least {
		first++
	}
	for last > first && power[last-1] <= least {
		last--
	}
	if first == last {
		return nil
	}
	return s[max(first-1, 0)*window : min((last+1)*window, len(s))]
}

// loud brings a clip to the loudness of prompts. Loudness is measured in blocks of 400 ms: of a shorter word it is that of
// the word said over and over.
func loud(s []int16) []int16 {
	times := 1 + prompt.Rate/len(s)
	all := level.Normalize(slices.Repeat(s, times), prompt.Rate, level.Prompts)
	at := times / 2 * len(s)
	return slices.Clone(all[at : at+len(s)])
}

// pad puts silence around a clip: a breath around sentences, hardly any around words that are joined.
func pad(s []int16, text string) []int16 {
	around := 15
	if strings.HasSuffix(text, ".") && !strings.HasSuffix(text, ".m.") {
		around = 80
	} else if strings.Contains(strings.TrimSuffix(text, " و"), " ") {
		around = 30
	}
	n := around * prompt.Rate / 1000
	s = fade(s)
	out := make([]int16, n+len(s)+n+(len(s)+2*n)%2)
	copy(out[n:], s)
	return out
}

// fade lets the ends begin and end at nothing, over 3 ms.
func fade(s []int16) []int16 {
	n := min(3*prompt.Rate/1000, len(s)/2)
	for i := range n {
		s[i] = int16(int(s[i]) * i / n)
		s[len(s)-1-i] = int16(int(s[len(s)-1-i]) * i / n)
	}
	return s
}

func encode(s []int16) []byte {
	c, _ := codec.Lookup(media.Format{Name: "G722", Rate: 8000})
	e, err := c.NewEncoder(c.Format, codec.Options{})
	if err != nil {
		log.Fatal(err)
	}
	const piece = prompt.Rate / 50
	var data []byte
	for i := 0; i < len(s); i += piece {
		data = e.Encode(data, s[i:min(i+piece, len(s))])
	}
	return data
}
