package player

import (
	"container/list"
	"os"
	"sync"
	"time"
)

// Cache keeps the sounds of files, by path, time of change and size. It is safe for concurrent use: of many who ask for
// a file at once one reads it.
type Cache struct {
	most int64
	load func(path string) (*Sound, error)

	mu      sync.Mutex
	entries map[string]*list.Element
	recent  *list.List // of *entry, the last used first
}

type entry struct {
	path    string
	changed time.Time
	size    int64
	ready   chan struct{} // closed when it has been read
	sound   *Sound
	err     error
}

// NewCache makes one that forgets what was not asked for longest when its sounds take more than most octets of memory.
// A sound that plays goes on all the same.
func NewCache(most int64) *Cache {
	return &Cache{most: most, load: Load, entries: make(map[string]*list.Element), recent: list.New()}
}

// Load gives the sound of a file. A file that has changed since is read again; errors are not kept.
func (c *Cache) Load(path string) (*Sound, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return c.load(path) // says it in its own words
	}
	c.mu.Lock()
	if at, ok := c.entries[path]; ok {
		e := at.Value.(*entry)
		if e.changed.Equal(stat.ModTime()) && e.size == stat.Size() {
			c.recent.MoveToFront(at)
			c.mu.Unlock()
			<-e.ready
			return e.sound, e.err
		}
		c.forget(at)
	}
	e := &entry{path: path, changed: stat.ModTime(), size: stat.Size(), ready: make(chan struct{})}
	at := c.recent.PushFront(e)
	c.entries[path] = at
	c.mu.Unlock()

	sound, err := c.load(path)

	c.mu.Lock()
	defer c.mu.Unlock()
	e.sound, e.err = sound, err
	close(e.ready)
	if err != nil {
		c.forget(at)
	} else {
		c.shrink()
	}
	return sound, err
}

// forget takes an entry out.
func (c *Cache) forget(at *list.Element) {
	e := at.Value.(*entry)
	if c.entries[e.path] == at {
		delete(c.entries, e.path)
		c.recent.Remove(at)
	}
}

// shrink forgets what is too much. The one that was asked for last stays.
func (c *Cache) shrink() {
	total := int64(0)
	for at := c.recent.Front(); at != nil; {
		next := at.Next()
		if s := at.Value.(*entry).sound; s != nil {
			if total += s.Size(); total > c.most && at != c.recent.Front() {
				total -= s.Size()
				c.forget(at)
			}
		}
		at = next
	}
}

// Size is how much memory its sounds take now, in octets.
func (c *Cache) Size() (n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := c.recent.Front(); at != nil; at = at.Next() {
		if s := at.Value.(*entry).sound; s != nil {
			n += s.Size()
		}
	}
	return n
}
