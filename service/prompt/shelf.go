package prompt

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"time"

	"santral/media/player"
	"santral/store"
)

// shelf keeps sounds in memory, the last used longest. Files are read outside of its lock, each by one goroutine.
type shelf struct {
	most  int64
	blobs store.Blobs
	fault func(string, error)
	ctx   context.Context
	stop  context.CancelFunc

	mu     sync.Mutex // a leaf
	all    map[string]*list.Element
	recent *list.List // of *held, the last used first
}

type held struct {
	name  string
	ready chan struct{}
	sound *player.Sound // nil for one that can't be read
	again time.Time     // when that is tried anew
}

// How long a call waits for a file, how long reading may take, and when a bad one is tried again.
const (
	patience = 2 * time.Second
	reading  = 30 * time.Second
	anew     = 30 * time.Second
)

func newShelf(most int64, blobs store.Blobs, fault func(string, error)) *shelf {
	s := &shelf{most: most, blobs: blobs, fault: fault, all: map[string]*list.Element{}, recent: list.New()}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

func (s *shelf) close() { s.stop() }

// get gives the sound of a file, or nil.
func (s *shelf) get(at sample) *player.Sound {
	s.mu.Lock()
	h := s.findLocked(at.blob)
	if h == nil {
		h = s.addLocked(&held{name: at.blob, ready: make(chan struct{})})
		go s.read(h, at)
	}
	s.mu.Unlock()
	select {
	case <-h.ready:
		return h.sound
	default:
	}
	clock := time.NewTimer(patience)
	defer clock.Stop()
	select {
	case <-h.ready:
		return h.sound
	case <-clock.C:
		return nil
	}
}

// findLocked gives what is held under a name, unless it is to be read anew.
func (s *shelf) findLocked(name string) *held {
	at := s.all[name]
	if at == nil {
		return nil
	}
	h := at.Value.(*held)
	if !h.again.IsZero() && time.Now().After(h.again) {
		s.dropLocked(name)
		return nil
	}
	s.recent.MoveToFront(at)
	return h
}

func (s *shelf) addLocked(h *held) *held {
	s.dropLocked(h.name)
	s.all[h.name] = s.recent.PushFront(h)
	return h
}

func (s *shelf) dropLocked(name string) {
	if at := s.all[name]; at != nil {
		delete(s.all, name)
		s.recent.Remove(at)
	}
}

// put has a sound be there that was just made.
func (s *shelf) put(name string, sound *player.Sound) {
	ready := make(chan struct{})
	close(ready)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(&held{name: name, ready: ready, sound: sound})
	s.shrinkLocked()
}

// drop forgets one.
func (s *shelf) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(name)
}

// read reads a file for all who want it.
func (s *shelf) read(h *held, at sample) {
	ctx, stop := context.WithTimeout(s.ctx, reading)
	defer stop()
	sound, err := fetch(ctx, s.blobs, at)
	if err != nil && s.ctx.Err() == nil {
		s.fault("a tenant's prompt can't be read, another voice is heard in its place: "+h.name, err)
	}
	s.mu.Lock()
	h.sound = sound
	if err != nil {
		h.again = time.Now().Add(anew)
	}
	close(h.ready)
	s.shrinkLocked()
	s.mu.Unlock()
}

// shrinkLocked forgets what is too much. The last one stays, whatever it takes.
func (s *shelf) shrinkLocked() {
	total := int64(0)
	for at := s.recent.Front(); at != nil; {
		next, h := at.Next(), at.Value.(*held)
		select {
		case <-h.ready:
			if h.sound != nil {
				total += h.sound.Size()
			}
			if total > s.most && at != s.recent.Front() {
				s.dropLocked(h.name)
			}
		default: // it is being read
		}
		at = next
	}
}

var errChanged = errors.New("it is not what was kept")

// fetch reads a file, and holds it to its checksum.
func fetch(ctx context.Context, blobs store.Blobs, at sample) (*player.Sound, error) {
	data, err := octets(ctx, blobs, at)
	if err != nil {
		return nil, err
	}
	return player.Parse(data)
}

func octets(ctx context.Context, blobs store.Blobs, at sample) ([]byte, error) {
	r, err := blobs.Open(ctx, at.blob, 0, -1)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, player.MaxSize))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != at.sum {
		return nil, errChanged
	}
	return data, nil
}
