package prompt

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"santral/media"
	"santral/media/codec"
	"santral/media/pcm"
	"santral/media/player"
)

// clips are our own, in G.722.
//
//go:embed en/*.g722 fa/*.g722
var clips embed.FS

// Options are where clips are that go over our own. The zero value has none.
type Options struct {
	// Folder holds a folder for each language, with files that are named as clips ("fa/conference.enter-pin.wav").
	Folder string
	// Asterisk are folders with sounds under Asterisk's file names, by language.
	Asterisk map[string]string
	// Fault is told of a file that can't be read, once; our own clip is heard in its place. nil for nobody.
	Fault func(file string, err error)
}

// Set is what is said with. A sentence is of one voice: of the first of these that has all of its clips: what a tenant
// has of its own, the folder, the Asterisk sounds, our own.
type Set struct {
	voices map[string][]*voice // by language, the first counts most; our own is the last
}

// voice is the clips of one speaker. What was heard once stays decoded.
type voice struct {
	files fs.FS
	names map[string][]string // clip → its files
	fault func(file string, err error)
	known sync.Map // clip → func() []int16, once for each
}

// formats are the files that are read, those that sound best first.
var formats = []string{".g722", ".wav", ".sln16", ".sln", ".alaw", ".ulaw"}

// Load opens a set. A folder that is not there is an error.
func Load(o Options) (*Set, error) {
	if o.Fault == nil {
		o.Fault = func(string, error) {}
	}
	s := &Set{voices: map[string][]*voice{}}
	for _, language := range Languages() {
		var list []*voice
		if o.Folder != "" {
			if _, err := os.Stat(o.Folder); err != nil {
				return nil, fmt.Errorf("open voices: %w", err)
			}
			v := &voice{files: os.DirFS(filepath.Join(o.Folder, language)), fault: o.Fault}
			if err := v.list(nil); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("open voices: %w", err)
			}
			list = append(list, v)
		}
		if dir := o.Asterisk[language]; dir != "" {
			v := &voice{files: os.DirFS(dir), fault: o.Fault}
			if err := v.list(asterisk()); err != nil {
				return nil, fmt.Errorf("open voices: %s: %w", dir, err)
			}
			list = append(list, v)
		}
		own, err := fs.Sub(clips, language)
		if err != nil {
			return nil, fmt.Errorf("open voices: %w", err)
		}
		v := &voice{files: own, fault: o.Fault}
		if err := v.list(nil); err != nil {
			return nil, fmt.Errorf("open voices: %w", err)
		}
		s.voices[language] = append(list, v)
	}
	return s, nil
}

// list finds the files of a voice. renamed are the names that they have there by clip; nil for the clips' own.
func (v *voice) list(renamed map[string][]string) error {
	v.names = map[string][]string{}
	there := map[string]string{} // name without its ending → file
	err := fs.WalkDir(v.files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stem := strings.TrimSuffix(p, path.Ext(p))
		if at := rank(p); at >= 0 && (there[stem] == "" || at < rank(there[stem])) {
			there[stem] = p
		}
		return nil
	})
	if err != nil {
		return err
	}
	if renamed == nil {
		for clip, file := range there {
			v.names[clip] = []string{file}
		}
	}
	for clip, names := range renamed {
		files := make([]string, 0, len(names))
		for _, name := range names {
			if file := there[name]; file != "" {
				files = append(files, file)
			}
		}
		if len(files) == len(names) {
			v.names[clip] = files
		}
	}
	return nil
}

// rank is the place of a file's ending among formats, -1 for another.
func rank(file string) int {
	for i, ending := range formats {
		if strings.EqualFold(path.Ext(file), ending) {
			return i
		}
	}
	return -1
}

// sound gives a clip at our rate, or nil. It is read when it is wanted for the first time.
func (v *voice) sound(clip string) []int16 {
	files := v.names[clip]
	if files == nil {
		return nil
	}
	once, ok := v.known.Load(clip)
	if !ok {
		once, _ = v.known.LoadOrStore(clip, sync.OnceValue(func() []int16 { return v.read(files) }))
	}
	return once.(func() []int16)()
}

func (v *voice) read(files []string) (all []int16) {
	for _, file := range files {
		data, err := fs.ReadFile(v.files, file)
		if err == nil {
			var s []int16
			s, err = decode(path.Ext(file), data)
			all = append(all, s...)
		}
		if err != nil {
			v.fault(file, err)
			return nil
		}
	}
	return all
}

// decode gives the sound of a file at our rate.
func decode(ending string, data []byte) ([]int16, error) {
	if len(data) > player.MaxSize {
		return nil, fmt.Errorf("larger than %d octets", player.MaxSize)
	}
	switch strings.ToLower(ending) {
	case ".g722":
		return decodeG722(data)
	case ".wav":
		s, err := player.Parse(data)
		if err != nil {
			return nil, err
		}
		return ofSound(s), nil
	case ".alaw":
		s := make([]int16, len(data))
		pcm.DecodeALaw(s, data)
		return pcm.Resample(s, 8000, Rate), nil
	case ".ulaw":
		s := make([]int16, len(data))
		pcm.DecodeULaw(s, data)
		return pcm.Resample(s, 8000, Rate), nil
	}
	s := make([]int16, len(data)/2)
	for i := range s {
		s[i] = int16(uint16(data[2*i]) | uint16(data[2*i+1])<<8)
	}
	if strings.EqualFold(ending, ".sln16") {
		return s, nil
	}
	return pcm.Resample(s, 8000, Rate), nil
}

func decodeG722(data []byte) ([]int16, error) {
	c, _ := codec.Lookup(media.Format{Name: "G722", Rate: 8000})
	d, err := c.NewDecoder(c.Format)
	if err != nil {
		return nil, err
	}
	s := make([]int16, 2*len(data))
	const piece = 160
	for i := 0; i < len(data); i += piece {
		if _, err := d.Decode(s[2*i:], data[i:min(i+piece, len(data))]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ofSound gives the samples of a sound at our rate.
func ofSound(s *player.Sound) []int16 { return s.At(Rate).Samples() }
