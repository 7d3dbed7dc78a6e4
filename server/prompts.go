package server

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"

	"santral/config"
	"santral/media/prompt"
	"santral/media/tts"
	"santral/observe/metric"
	own "santral/service/prompt"
)

// spokenMemory is how many octets of what an engine said stay in memory.
const spokenMemory = 32 << 20

// openPrompts opens the voices, the engine of speech and what tenants have of their own.
func (s *server) openPrompts() error {
	set, err := prompt.Load(prompt.Options{
		Folder: s.boot.Voices.Folder, Asterisk: s.boot.Voices.Asterisk,
		Fault: func(file string, err error) {
			s.log.Warn("a file of a voice can't be read, ours is heard in its place", "file", file, "error", err)
		},
	})
	if err != nil {
		return err
	}
	c := own.Config{
		Rows: s.records.db, Set: set, Current: s.current.Load, Random: s.random.Fork(),
		Fault: func(what string, err error) { s.log.Warn(what, "error", err) },
	}
	engine, err := s.engine()
	if err != nil {
		return fmt.Errorf("tts: %w", err)
	}
	if engine != nil {
		if s.spoken, err = tts.NewCache(engine, tts.Options{Folder: filepath.Join(s.boot.Data, "speech"), Disk: int64(s.boot.TTS.Cache), Memory: spokenMemory, Finish: own.Finish}); err != nil {
			return err
		}
		c.Speech = s.spoken
	}
	bucket := s.boot.Recordings.S3
	bucket.Prefix += "prompts/"
	if c.Blobs, err = s.blobs(filepath.Join(s.boot.Data, "prompts"), &bucket); err != nil {
		return fmt.Errorf("open the prompts of tenants: %w", err)
	}
	ctx, stop := context.WithTimeout(context.Background(), closeTime)
	defer stop()
	if s.prompts, err = own.New(ctx, c); err != nil {
		return err
	}
	s.later(s.prompts.Close)
	return nil
}

// engine makes what the boot file names, nil for nothing.
func (s *server) engine() (tts.Engine, error) {
	b := &s.boot.TTS
	switch {
	case len(b.Command) > 0:
		return tts.Command(b.Command), nil
	case b.HTTP == nil:
		return nil, nil
	}
	allow, err := allowedForSpeech(b.HTTP)
	if err != nil {
		return nil, err
	}
	form := tts.OpenAI
	if b.HTTP.Form == tts.Plain.String() {
		form = tts.Plain
	}
	h, err := tts.NewHTTP(tts.Server{URL: b.HTTP.URL, Form: form, Model: b.HTTP.Model, Voices: b.HTTP.Voices, Key: b.HTTP.Key, Allow: allow})
	if err != nil {
		return nil, err
	}
	s.later(h.Close)
	return h, nil
}

// allowedForSpeech is the server's own address and the further ones.
func allowedForSpeech(b *config.TTSServer) (tts.Allow, error) {
	allow := tts.Allow{Networks: b.Networks}
	for _, target := range append([]string{b.URL}, b.Targets...) {
		u, err := url.Parse(target)
		if err != nil {
			return allow, err
		}
		allow.Targets = append(allow.Targets, tts.Origin(u))
	}
	return allow, nil
}

// promptMetrics adds the figures of speech.
func (s *server) promptMetrics(r *metric.Registry) {
	if s.spoken == nil {
		return
	}
	now := s.spoken.Stats
	r.Counters("santral_tts_total", "Texts that were put into speech, by where the sound came from.", []string{"result"}, func() []metric.Labelled {
		n := now()
		return []metric.Labelled{
			{Values: []string{"kept"}, Value: float64(n.Hits)},
			{Values: []string{"spoken"}, Value: float64(n.Asked - n.Failed)},
			{Values: []string{"failed"}, Value: float64(n.Failed)},
		}
	})
	r.Gauge("santral_tts_bytes", "Octets of speech that are kept in files.", func() float64 { return float64(now().Size) })
}
