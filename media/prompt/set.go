package prompt

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

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
	name  string
	files fs.FS
	names map[string][]string // clip → its files
	fault func(file string, err error)
	known sync.Map // clip → func() []player.Part, once for each
}

// narrow are the formats that a better one goes before, where a clip has two files.
var narrow = []string{".sln", ".alaw", ".al", ".ulaw", ".ul", ".pcm", ".mu", ".raw"}

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
			v := &voice{name: "folder", files: os.DirFS(filepath.Join(o.Folder, language)), fault: o.Fault}
			if err := v.list(nil); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("open voices: %w", err)
			}
			list = append(list, v)
		}
		if dir := o.Asterisk[language]; dir != "" {
			v := &voice{name: "asterisk", files: os.DirFS(dir), fault: o.Fault}
			if err := v.list(asterisk()); err != nil {
				return nil, fmt.Errorf("open voices: %s: %w", dir, err)
			}
			list = append(list, v)
		}
		own, err := fs.Sub(clips, language)
		if err != nil {
			return nil, fmt.Errorf("open voices: %w", err)
		}
		v := &voice{name: "ours", files: own, fault: o.Fault}
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

// rank tells which of two files of a clip is taken: the lower one, and none below 0.
func rank(file string) int {
	if !player.Reads(file) {
		return -1
	}
	return 1 + slices.Index(narrow, strings.ToLower(path.Ext(file)))
}

// sounds gives what a clip is made of, or nil. It is read when it is wanted for the first time.
func (v *voice) sounds(clip string) []player.Part {
	files := v.names[clip]
	if files == nil {
		return nil
	}
	once, ok := v.known.Load(clip)
	if !ok {
		once, _ = v.known.LoadOrStore(clip, sync.OnceValue(func() []player.Part { return v.read(files) }))
	}
	return once.(func() []player.Part)()
}

func (v *voice) read(names []string) (sounds []player.Part) {
	for _, name := range names {
		s, err := v.file(name)
		if err != nil {
			v.fault(name, err)
			return nil
		}
		sounds = append(sounds, s)
	}
	return sounds
}

func (v *voice) file(name string) (*player.Sound, error) {
	f, err := v.files.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, player.MaxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return player.Decode(name, data)
}

// Heard gives what is heard of a clip by itself, and whose voice that is: "folder", "asterisk" or "ours"; "" for none.
// Within a sentence another voice may be heard: that which has all of it. It may read files.
func (s *Set) Heard(language, clip string) (parts []player.Part, voice string) {
	for _, v := range s.voices[language] {
		if parts = v.sounds(clip); parts != nil {
			return parts, v.name
		}
	}
	return nil, ""
}

// Voice is whose voice Heard gives a clip in, told by the names of files alone: one that can't be read counts.
func (s *Set) Voice(language, clip string) string {
	for _, v := range s.voices[language] {
		if v.names[clip] != nil {
			return v.name
		}
	}
	return ""
}
