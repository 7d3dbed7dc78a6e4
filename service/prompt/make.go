package prompt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"santral/media/level"
	"santral/media/player"
	"santral/media/prompt"
	"santral/media/tts"
	"santral/store"
)

// Origins of versions.
const (
	Upload = "upload"
	Phone  = "phone"
	Speech = "tts"
)

// Finish brings a sound to the rate and the loudness of prompts.
func Finish(sound *player.Sound) *player.Sound {
	return player.New(level.Normalize(sound.At(prompt.Rate).Samples(), prompt.Rate, level.Prompts), prompt.Rate)
}

// turn waits until nobody else makes a version.
func (s *Service) turn(ctx context.Context) (done func(), err error) {
	select {
	case s.making <- struct{}{}:
		return func() { <-s.making }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Put makes a version of a file, which is heard by the next sentence. name says by its ending what kind of file it is where
// the file itself does not. by is who gives it. What is wrong with the file is a *Bad.
func (s *Service) Put(ctx context.Context, key store.PromptKey, name string, file io.Reader, by string) (store.PromptVersion, error) {
	if err := s.check(key); err != nil {
		return store.PromptVersion{}, err
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxUpload+1))
	if err != nil {
		return store.PromptVersion{}, fmt.Errorf("read the file: %w", err)
	}
	switch {
	case len(data) > MaxUpload:
		return store.PromptVersion{}, &Bad{fmt.Sprintf("the file is larger than %d MiB", MaxUpload>>20)}
	case len(data) == 0:
		return store.PromptVersion{}, &Bad{"the file is empty"}
	}
	done, err := s.turn(ctx)
	if err != nil {
		return store.PromptVersion{}, err
	}
	defer done()
	sound, err := player.Decode(name, data)
	if errors.Is(err, player.ErrForeign) {
		sound, err = player.Convert(ctx, bytes.NewReader(data), prompt.Rate)
	}
	if ctx.Err() != nil {
		return store.PromptVersion{}, ctx.Err()
	}
	if err != nil {
		return store.PromptVersion{}, &Bad{"the file can't be taken: " + err.Error()}
	}
	return s.make(ctx, key, sound, store.PromptVersion{By: by, Origin: Upload})
}

// Take makes a version of what was said into a phone.
func (s *Service) Take(ctx context.Context, key store.PromptKey, sound *player.Sound, by string) (store.PromptVersion, error) {
	if err := s.check(key); err != nil {
		return store.PromptVersion{}, err
	}
	done, err := s.turn(ctx)
	if err != nil {
		return store.PromptVersion{}, err
	}
	defer done()
	return s.make(ctx, key, sound, store.PromptVersion{By: by, Origin: Phone})
}

// make finishes a sound, unless it is too long or nothing.
func (s *Service) make(ctx context.Context, key store.PromptKey, sound *player.Sound, v store.PromptVersion) (store.PromptVersion, error) {
	switch {
	case sound.Duration() > MaxLong:
		return v, &Bad{fmt.Sprintf("the sound is longer than %v", MaxLong)}
	case sound.Duration() < shortest:
		return v, &Bad{fmt.Sprintf("the sound is shorter than %v", shortest)}
	}
	return s.keep(ctx, key, Finish(sound), v)
}

// Of a sound: what is shorter is a slip, and what is softer is none.
const (
	shortest = 100 * time.Millisecond
	softest  = -60. // LUFS
)

// keep files a finished sound, and has it heard.
func (s *Service) keep(ctx context.Context, key store.PromptKey, sound *player.Sound, v store.PromptVersion) (store.PromptVersion, error) {
	meter := level.NewMeter(sound.Rate())
	meter.Write(sound.Samples())
	loud := meter.Integrated()
	if loud < softest {
		return v, &Bad{"there is nothing to be heard in it"}
	}
	file := sound.WAV()
	sum := sha256.Sum256(file)
	v.PromptKey, v.Made, v.Long = key, time.Now().UTC().Truncate(time.Millisecond), store.Millis(sound.Duration().Milliseconds())
	v.Loudness, v.Octets, v.SHA256, v.Blob = math.Round(loud*100)/100, int64(len(file)), hex.EncodeToString(sum[:]), s.c.Random.Token(16)
	name := blobOf(&v)
	if err := s.c.Blobs.Put(ctx, name, bytes.NewReader(file), v.Octets); err != nil {
		return v, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	kept, gone, err := s.c.Rows.AddPrompt(ctx, v, named(key.ID), OwnNumber, store.PromptLimits{Prompts: MaxPrompts, Versions: MaxVersions})
	if err != nil {
		s.forget(context.WithoutCancel(ctx), []store.PromptVersion{v})
		return v, err
	}
	s.shelf.put(name, sound)
	s.forget(ctx, gone)
	return kept, s.hear(ctx, key.Tenant)
}

// Preview puts a text into speech, as a WAV file, and keeps it nowhere but in the engine's cache.
func (s *Service) Preview(ctx context.Context, tenant, language, text string) ([]byte, error) {
	if s.c.Current().Tenant(tenant) == nil {
		return nil, store.ErrNotFound
	}
	sound, err := s.speak(ctx, language, text)
	if err != nil {
		return nil, err
	}
	return sound.WAV(), nil
}

// Speak puts a text into speech, and keeps it as a version.
func (s *Service) Speak(ctx context.Context, key store.PromptKey, text, by string) (store.PromptVersion, error) {
	if err := s.check(key); err != nil {
		return store.PromptVersion{}, err
	}
	sound, err := s.speak(ctx, key.Language, text)
	if err != nil {
		return store.PromptVersion{}, err
	}
	if sound.Duration() > MaxLong {
		return store.PromptVersion{}, &Bad{fmt.Sprintf("the sound is longer than %v", MaxLong)}
	}
	return s.keep(ctx, key, sound, store.PromptVersion{By: by, Origin: Speech, Text: text})
}

func (s *Service) speak(ctx context.Context, language, text string) (*player.Sound, error) {
	switch {
	case s.c.Speech == nil:
		return nil, ErrNoEngine
	case text == "" || len(text) > tts.MaxText:
		return nil, &Bad{fmt.Sprintf("a text has 1 to %d octets", tts.MaxText)}
	}
	sound, err := s.c.Speech.Speak(ctx, language, text)
	if err != nil && ctx.Err() == nil {
		return nil, &Bad{err.Error()}
	}
	return sound, err
}
