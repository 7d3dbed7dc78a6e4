// Package prompt keeps what tenants have of their own to be said: announcements that they uploaded, recorded by phone or
// had put into speech, each with its versions, of which one is heard.
//
// What lives here: the makings of a version (any sound in, one loudness, 16 kHz), the snapshot of what each tenant hears,
// the sounds in memory, and the story of *77. What does not: the catalogue and the sentences (media/prompt), rows and files
// (store). A snapshot is immutable: a sentence is said by one, and the next by what was changed meanwhile. Changes are made
// one after another; calls never wait for them, nor for the database.
package prompt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"santral/base/guess"
	"santral/base/id"
	"santral/media"
	"santral/media/player"
	"santral/media/prompt"
	"santral/media/tts"
	"santral/store"
	"santral/tenant"
)

// Bounds of a tenant's prompts.
const (
	MaxUpload   = 20 << 20         // octets of a file that is given
	MaxLong     = 10 * time.Minute // of its sound
	MaxPrompts  = 1000             // of a tenant, over all languages
	MaxVersions = 10               // of one prompt
	OwnNumber   = 9001             // the first number of names of the tenant's own
	memory      = 64 << 20         // octets of all sounds that stay in memory
)

// Config is what the service works with.
type Config struct {
	Rows    store.Prompts
	Blobs   store.Blobs
	Set     *prompt.Set
	Speech  tts.Engine // nil where there is none
	Current func() *tenant.Snapshot
	Random  *id.Source
	Fault   func(what string, err error) // hears of sounds that can't be read; nil for nobody
}

// Service keeps prompts. It is safe for concurrent use.
type Service struct {
	c      Config
	shelf  *shelf
	tries  guess.Tries
	making chan struct{} // a turn of who makes a version: it needs memory

	change sync.Mutex                        // of who changes rows and the snapshot after them
	own    atomic.Pointer[map[string]*voice] // by tenant; replaced, never changed
}

// voice is what a tenant hears of its own, at one time.
type voice struct {
	blobs   map[spot]sample
	numbers map[int]string // of names of its own
}

type spot struct{ language, id string }

type sample struct{ blob, sum string }

// New reads what tenants have.
func New(ctx context.Context, c Config) (*Service, error) {
	if c.Fault == nil {
		c.Fault = func(string, error) {}
	}
	s := &Service{c: c, making: make(chan struct{}, 1)}
	s.shelf = newShelf(memory, c.Blobs, c.Fault)
	rows, err := c.Rows.OwnPrompts(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("open the prompts of tenants: %w", err)
	}
	all := map[string]*voice{}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Tenant == rows[0].Tenant {
			n++
		}
		all[rows[0].Tenant] = heardOf(rows[:n])
		rows = rows[n:]
	}
	s.own.Store(&all)
	return s, nil
}

// Close ends what is being read.
func (s *Service) Close() { s.shelf.close() }

// heardOf is the snapshot of a tenant's rows.
func heardOf(rows []store.OwnPrompt) *voice {
	v := &voice{blobs: map[spot]sample{}, numbers: map[int]string{}}
	for _, r := range rows {
		if r.Number != 0 {
			v.numbers[r.Number] = r.ID
		}
		if r.Heard != nil {
			v.blobs[spot{r.Language, r.ID}] = sample{blobOf(r.Heard), r.Heard.SHA256}
		}
	}
	return v
}

// blobOf is where a version's octets lie.
func blobOf(v *store.PromptVersion) string {
	return v.Tenant + "/" + v.Language + "/" + v.ID + "/" + v.Blob + ".wav"
}

// Overlay is what a tenant has of its own, as it is now. It reads no database, and waits for a file no longer than a moment:
// the voice behind it is heard then.
func (s *Service) Overlay(tenant string) prompt.Overlay {
	var o prompt.Overlay
	if v := (*s.own.Load())[tenant]; v != nil && len(v.blobs) > 0 {
		o.Clip = func(language, id string) *player.Sound {
			at, ok := v.blobs[spot{language, id}]
			if !ok {
				return nil
			}
			return s.shelf.get(at)
		}
	}
	if s.c.Speech != nil {
		o.Text = func(language, text string) (*player.Sound, error) {
			ctx, stop := context.WithTimeout(context.Background(), 2*tts.MaxTime)
			defer stop()
			return s.c.Speech.Speak(ctx, language, text)
		}
	}
	return o
}

// Say gives the sound of phrases for who is of a tenant.
func (s *Service) Say(tenant, language string, what ...media.Phrase) (media.Source, error) {
	return s.c.Set.Say(prompt.Language(language), s.Overlay(tenant), what...)
}

// Bad is what is wrong with what was given, for people.
type Bad struct{ Text string }

// Error gives the text.
func (b *Bad) Error() string { return b.Text }

// ErrNoEngine is what speech meets where the boot file names no engine.
var ErrNoEngine = errors.New("there is no engine of speech: the boot file names one under tts")

// check refuses what no prompt is called, and tenants that are none.
func (s *Service) check(key store.PromptKey) error {
	if s.c.Current().Tenant(key.Tenant) == nil || !store.BlobPart(key.Tenant) || !slices.Contains(prompt.Languages(), key.Language) {
		return store.ErrNotFound
	}
	if named(key.ID) {
		return nil
	}
	if text, ok := prompt.Text(key.Language, key.ID); !ok || text == "" {
		return store.ErrNotFound
	}
	return nil
}

// own is what names begin with that are a tenant's own.
const own = "own."

// named tells whether a name may be one of a tenant's own: "own.welcome".
func named(id string) bool {
	rest, ok := strings.CutPrefix(id, own)
	return ok && rest != "" && len(id) <= 60 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// hear has calls hear a tenant's rows as they are now. The caller holds change.
func (s *Service) hear(ctx context.Context, tenant string) error {
	rows, err := s.c.Rows.OwnPrompts(ctx, tenant)
	if err != nil {
		return err
	}
	all := maps.Clone(*s.own.Load())
	all[tenant] = heardOf(rows)
	s.own.Store(&all)
	return nil
}

// Hear has a version be heard by the next sentence, or with 0 the exchange's own voice.
func (s *Service) Hear(ctx context.Context, key store.PromptKey, version int) error {
	if err := s.check(key); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	if err := s.c.Rows.HearPrompt(ctx, key, version); err != nil {
		return err
	}
	return s.hear(ctx, key.Tenant)
}

// Delete forgets a version that is not heard, or with 0 all of them, and the exchange's own voice is heard.
func (s *Service) Delete(ctx context.Context, key store.PromptKey, version int) error {
	if err := s.check(key); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	gone, err := s.c.Rows.DropPrompt(ctx, key, version)
	if err != nil {
		return err
	}
	if err := s.hear(ctx, key.Tenant); err != nil {
		return err
	}
	s.forget(ctx, gone)
	return nil
}

// forget removes the files of versions. One that stays is nobody's, and costs its room.
func (s *Service) forget(ctx context.Context, gone []store.PromptVersion) {
	for i := range gone {
		name := blobOf(&gone[i])
		s.shelf.drop(name)
		if err := s.c.Blobs.Delete(ctx, name); err != nil {
			s.c.Fault("the file of a version that was deleted stays: "+name, err)
		}
	}
}
