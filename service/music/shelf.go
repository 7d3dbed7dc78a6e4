package music

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"santral/media/player"
)

// Bounds of what tunes hold.
const (
	mostRate   = 16000             // Hz, at which sounds are kept: telephones hear no more
	oneMinute  = 3 * mostRate * 60 // octets, at that rate and at 8 kHz
	mostMemory = 256 << 20         // octets, of all tunes together
	mostFiles  = 1000              // of one folder
	shortest   = time.Second       // of a tune: it begins again and again
)

// track is a sound of a stream.
type track struct {
	path  string
	sound *player.Sound
}

// shelf keeps the sounds of files from one reading to the next. It belongs to one goroutine at a time.
type shelf struct {
	most  int64
	size  int64
	files map[string]file // of the last reading
	fresh map[string]file // of the one that goes on
}

// file is one that was read, as it was then.
type file struct {
	changed time.Time
	octets  int64
	sound   *player.Sound
	size    int64
}

func newShelf(most int64) *shelf { return &shelf{most: most} }

func (s *shelf) begin() { s.fresh, s.size = map[string]file{}, 0 }

// end forgets what was not asked for any longer.
func (s *shelf) end() { s.files, s.fresh = s.fresh, nil }

// read gives the sounds of a file, or of all files of a folder in the order of their names, and what could not be read.
// A folder's hidden files are none of it, nor are folders in it.
func (s *shelf) read(ctx context.Context, path string) (tracks []track, faults []error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, []error{fmt.Errorf("music: %w", err)}
	}
	paths := []string{path}
	if stat.IsDir() {
		if paths, err = within(path); err != nil {
			return nil, []error{fmt.Errorf("music: %w", err)}
		}
	}
	for _, p := range paths {
		if ctx.Err() != nil {
			return nil, []error{ctx.Err()}
		}
		sound, err := s.load(ctx, p)
		switch {
		case err != nil:
			faults = append(faults, err)
		case sound.Duration() > 0:
			tracks = append(tracks, track{p, sound})
		default:
			faults = append(faults, fmt.Errorf("music: %s: no sound in it", p))
		}
	}
	var total time.Duration
	for _, t := range tracks {
		total += t.sound.Duration()
	}
	switch {
	case len(paths) == 0:
		faults = append(faults, fmt.Errorf("music: %s: no files in it", path))
	case len(tracks) > 0 && total < shortest:
		return nil, append(faults, fmt.Errorf("music: %s: shorter than a second", path))
	}
	return tracks, faults
}

// within gives the files of a folder.
func within(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // in order
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if stat, err := os.Stat(path); strings.HasPrefix(e.Name(), ".") || err != nil || !stat.Mode().IsRegular() {
			continue
		}
		paths = append(paths, path)
	}
	if len(paths) > mostFiles {
		return nil, &fs.PathError{Op: "read", Path: dir, Err: fmt.Errorf("%d files, %d are the most", len(paths), mostFiles)}
	}
	return slices.Clip(paths), nil
}

var errFull = errors.New("all tunes together are too long: " + fmt.Sprint(mostMemory/oneMinute) + " minutes are the most")

// load gives a file's sound, at mostRate at most.
func (s *shelf) load(ctx context.Context, path string) (*player.Sound, error) {
	if f, ok := s.fresh[path]; ok {
		return f.sound, nil
	}
	stat, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("music: %w", err)
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("music: %s: not a file", path)
	}
	f, ok := s.files[path]
	if !ok || !f.changed.Equal(stat.ModTime()) || f.octets != stat.Size() {
		if s.size >= s.most {
			return nil, fmt.Errorf("music: %s: %w", path, errFull)
		}
		sound, err := player.Import(ctx, path, mostRate)
		if err != nil {
			return nil, fmt.Errorf("music: %w", err)
		}
		if sound.Rate() > mostRate {
			sound = sound.At(mostRate)
		}
		sound.Samples() // what is packed is decoded now, not when somebody listens
		f = file{stat.ModTime(), stat.Size(), sound, sound.Size() * 3 / 2}
	}
	if s.size+f.size > s.most {
		return nil, fmt.Errorf("music: %s: %w", path, errFull)
	}
	s.size += f.size
	s.fresh[path] = f
	return f.sound, nil
}
