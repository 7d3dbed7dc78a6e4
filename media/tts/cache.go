package tts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"santral/media/player"
)

// Options are how a cache keeps what was said.
type Options struct {
	Folder string // it owns; made where it isn't there
	Disk   int64  // octets that files may take
	Memory int64  // octets that sounds may take
	// Finish makes of an engine's sound what is kept and heard: its loudness, its rate. nil keeps it.
	Finish func(*player.Sound) *player.Sound
}

// Cache is an engine whose every text is spoken once: it stays in a folder and in memory, as long as there is room, the
// last used longest. Of many who want one text at once a single one asks the engine. It is safe for concurrent use.
type Cache struct {
	engine Engine
	o      Options
	sounds *player.Cache
	turns  chan struct{} // of those who ask the engine

	mu      sync.Mutex // a leaf
	going   map[string]*going
	files   map[string]*kept
	size    int64 // of files
	hits    uint64
	asked   uint64
	refused uint64
}

// going is a text that is being spoken.
type going struct {
	done  chan struct{}
	sound *player.Sound
	err   error
}

type kept struct {
	size int64
	used time.Time
}

// atOnce is how many texts an engine speaks at a time.
const atOnce = 4

// NewCache opens one over an engine. What lies in the folder is found again.
func NewCache(engine Engine, o Options) (*Cache, error) {
	c := &Cache{engine: engine, o: o, sounds: player.NewCache(o.Memory), turns: make(chan struct{}, atOnce), going: map[string]*going{}, files: map[string]*kept{}}
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("open the cache of speech: %w", err)
	}
	list, err := os.ReadDir(o.Folder)
	if err != nil {
		return nil, fmt.Errorf("open the cache of speech: %w", err)
	}
	for _, entry := range list {
		info, err := entry.Info()
		key, sound := strings.CutSuffix(entry.Name(), ".wav")
		switch {
		case err != nil || !info.Mode().IsRegular():
		case !sound: // a crash has left it
			_ = os.Remove(filepath.Join(o.Folder, entry.Name()))
		default:
			c.files[key] = &kept{info.Size(), info.ModTime()}
			c.size += info.Size()
		}
	}
	c.mu.Lock()
	gone := c.shrinkLocked("")
	c.mu.Unlock()
	c.remove(gone)
	return c, nil
}

var _ Engine = (*Cache)(nil)

// Voice is the engine's.
func (c *Cache) Voice(language string) string { return c.engine.Voice(language) }

// Stats are counts since the start.
type Stats struct {
	Hits, Asked, Failed uint64
	Size                int64 // octets of files
}

// Stats tells how the cache is doing.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{Hits: c.hits, Asked: c.asked, Failed: c.refused, Size: c.size}
}

// Speak gives what was said, or has it said. Who gives up waiting leaves the others be.
func (c *Cache) Speak(ctx context.Context, language, text string) (*player.Sound, error) {
	voice := c.engine.Voice(language)
	if voice == "" {
		return nil, ErrLanguage
	}
	if err := checked(text); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(voice + "\x00\x00" + language + "\x00\x00" + text))
	key := hex.EncodeToString(sum[:])
	c.mu.Lock()
	if k := c.files[key]; k != nil {
		k.used = time.Now()
		c.hits++
		c.mu.Unlock()
		if sound, err := c.sounds.Load(c.path(key)); err == nil {
			return sound, nil
		}
		c.mu.Lock() // somebody has taken the file away
		c.dropLocked(key)
	}
	g := c.going[key]
	if g == nil {
		g = &going{done: make(chan struct{})}
		c.going[key] = g
		c.asked++
		go c.speak(context.WithoutCancel(ctx), g, key, language, text)
	}
	c.mu.Unlock()
	select {
	case <-g.done:
		return g.sound, g.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Cache) path(key string) string { return filepath.Join(c.o.Folder, key+".wav") }

// wait is how long a text may wait for its turn and be spoken.
const wait = 2 * MaxTime

// speak asks the engine for one text.
func (c *Cache) speak(ctx context.Context, g *going, key, language, text string) {
	ctx, stop := context.WithTimeout(ctx, wait)
	defer stop()
	select {
	case c.turns <- struct{}{}:
		g.sound, g.err = c.engine.Speak(ctx, language, text)
		<-c.turns
	case <-ctx.Done():
		g.err = errors.New("the engine of speech has too much to do")
	}
	size := int64(0)
	if g.err == nil {
		if c.o.Finish != nil {
			g.sound = c.o.Finish(g.sound)
		}
		size = c.keep(key, g.sound)
	}
	c.mu.Lock()
	delete(c.going, key)
	var gone []string
	if g.err != nil {
		c.refused++
	} else if size > 0 {
		c.dropLocked(key)
		c.files[key] = &kept{size, time.Now()}
		c.size += size
		gone = c.shrinkLocked(key)
	}
	c.mu.Unlock()
	close(g.done)
	c.remove(gone)
}

// keep writes a sound to the folder, whole or not at all. A disk that takes nothing costs the engine's work the next time,
// and nothing else.
func (c *Cache) keep(key string, sound *player.Sound) int64 {
	data := sound.WAV()
	if int64(len(data)) > c.o.Disk {
		return 0
	}
	f, err := os.CreateTemp(c.o.Folder, "new-*")
	if err != nil {
		return 0
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path(key))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return 0
	}
	return int64(len(data))
}

func (c *Cache) dropLocked(key string) {
	if k := c.files[key]; k != nil {
		c.size -= k.size
		delete(c.files, key)
	}
}

// shrinkLocked forgets what was not used for longest, and keep last of all, and gives the keys whose files go.
func (c *Cache) shrinkLocked(keep string) (gone []string) {
	if c.size <= c.o.Disk {
		return nil
	}
	keys := make([]string, 0, len(c.files))
	for key := range c.files {
		if key != keep {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return c.files[a].used.Compare(c.files[b].used) })
	for _, key := range keys {
		if c.size <= c.o.Disk*9/10 { // with some room, so that this is rare
			break
		}
		c.dropLocked(key)
		gone = append(gone, key)
	}
	return gone
}

func (c *Cache) remove(keys []string) {
	for _, key := range keys {
		if err := os.Remove(c.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return // the disk is sick; what is left is found at the next start
		}
	}
}
