package prompt

import (
	"context"
	"errors"
	"io"
	"slices"

	"santral/media"
	"santral/media/player"
	"santral/media/prompt"
	"santral/store"
)

// Item is a prompt in a language, as a tenant hears it.
type Item struct {
	ID       string `json:"id"`
	Language string `json:"language"`
	Number   int    `json:"number" doc:"by which a phone records it (*77)"`
	Text     string `json:"text,omitempty" doc:"what the exchange's own voice says"`
	Whole    bool   `json:"whole" doc:"a sentence of its own; pieces are heard of one's own voice where it has all of their sentence"`
	Heard    string `json:"heard" doc:"whose voice: own, folder, asterisk, ours; empty when nothing is heard"`
	// Missing tells of a prompt that the tenant has of its own in another language and not in this.
	Missing bool                 `json:"missing,omitempty" doc:"the tenant has it of its own in another language, and not in this"`
	Version *store.PromptVersion `json:"version,omitempty" doc:"of the tenant's own that is heard"`
}

// List gives all prompts of a tenant in a language, "" for each: the catalogue in its order, then names of the tenant's own.
func (s *Service) List(ctx context.Context, tenant, language string) ([]Item, error) {
	if s.c.Current().Tenant(tenant) == nil {
		return nil, store.ErrNotFound
	}
	rows, err := s.c.Rows.OwnPrompts(ctx, tenant)
	if err != nil {
		return nil, err
	}
	mine := map[spot]*store.OwnPrompt{}
	heardIn := map[string]bool{} // of one's own in any language
	var names []prompt.Prompt
	for i := range rows {
		r := &rows[i]
		mine[spot{r.Language, r.ID}] = r
		heardIn[r.ID] = heardIn[r.ID] || r.Heard != nil
		if named(r.ID) && !slices.ContainsFunc(names, func(p prompt.Prompt) bool { return p.ID == r.ID }) {
			names = append(names, prompt.Prompt{ID: r.ID, Whole: true})
		}
	}
	languages := prompt.Languages()
	if language != "" {
		if !slices.Contains(languages, language) {
			return nil, store.ErrNotFound
		}
		languages = []string{language}
	}
	var list []Item
	for _, language := range languages {
		for _, p := range slices.Concat(prompt.Catalogue(), names) {
			item := Item{ID: p.ID, Language: language, Number: prompt.Number(p.ID), Text: p.Texts[language], Whole: p.Whole}
			if item.Text == "" && !named(p.ID) {
				continue // this language says nothing there
			}
			item.Heard = s.c.Set.Voice(language, p.ID)
			if r := mine[spot{language, p.ID}]; r != nil && r.Heard != nil {
				item.Heard, item.Version = "own", r.Heard
			} else {
				item.Missing = heardIn[p.ID]
			}
			for _, r := range rows {
				if r.ID == p.ID && r.Number != 0 {
					item.Number = r.Number
				}
			}
			list = append(list, item)
		}
	}
	return list, nil
}

// Versions gives what a tenant has had for a prompt, newest first.
func (s *Service) Versions(ctx context.Context, key store.PromptKey) ([]store.PromptVersion, error) {
	if err := s.check(key); err != nil {
		return nil, err
	}
	list, err := s.c.Rows.PromptVersions(ctx, key)
	if errors.Is(err, store.ErrNotFound) && !named(key.ID) {
		return nil, nil
	}
	return list, err
}

// Sound gives a version as a WAV file, or with 0 what is heard now, whosever voice that is.
func (s *Service) Sound(ctx context.Context, key store.PromptKey, version int) ([]byte, error) {
	list, err := s.Versions(ctx, key)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if v := &list[i]; v.Version == version || version == 0 && v.Current {
			return octets(ctx, s.c.Blobs, sample{blobOf(v), v.SHA256})
		}
	}
	parts, voice := s.c.Set.Heard(key.Language, key.ID)
	if version != 0 || voice == "" {
		return nil, store.ErrNotFound
	}
	samples, err := whole(player.Sequence(parts...), prompt.Rate, MaxLong.Seconds())
	if err != nil {
		return nil, err
	}
	return player.New(samples, prompt.Rate).WAV(), nil
}

// whole reads a source to its end, or to a number of seconds of it.
func whole(source media.Source, rate int, most float64) (samples []int16, err error) {
	f := make(media.Frame, rate/50)
	for len(samples) < int(most*float64(rate)) {
		n, err := source.Read(f)
		samples = append(samples, f[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			return samples, nil
		case err != nil:
			return nil, err
		case n == 0:
			return samples, nil
		}
	}
	return samples, nil
}

// numbered gives the prompt of a number that was pressed, in a language.
func (s *Service) numbered(tenant, language string, number int) (key store.PromptKey, ok bool) {
	key = store.PromptKey{Tenant: tenant, Language: language, ID: prompt.Numbered(number)}
	if v := (*s.own.Load())[tenant]; v != nil && key.ID == "" {
		key.ID = v.numbers[number]
	}
	return key, key.ID != "" && s.check(key) == nil
}
