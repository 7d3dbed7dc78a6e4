package prompt

import (
	"slices"
	"strings"
	"sync"
)

// entry is a clip: its name, and its text in each language, "" where that language doesn't need it.
type entry struct{ id, en, fa string }

// Prompt is a clip of the catalogue, as people choose one to record it themselves.
type Prompt struct {
	ID    string            // "conference.enter-pin"
	Texts map[string]string // by language
	Whole bool              // a sentence of its own; otherwise a piece that others stand beside
}

// Catalogue gives the clips that exist, in the order of the tables.
func Catalogue() []Prompt {
	list := make([]Prompt, 0, len(words)+len(phrases)+len(servicePhrases))
	for _, e := range slices.Concat(words, phrases, servicePhrases) {
		p := Prompt{ID: e.id, Texts: map[string]string{}, Whole: whole(e)}
		for language, text := range map[string]string{"en": e.en, "fa": e.fa} {
			if text != "" {
				p.Texts[language] = text
			}
		}
		list = append(list, p)
	}
	return list
}

// whole tells a sentence from a piece: its text begins and ends as one.
func whole(e entry) bool { return ends(e) && e.en != "" && e.en[0] < 'a' }

// ends tells whether a sentence ends with this clip.
func ends(e entry) bool {
	return strings.HasSuffix(e.en, ".") && !strings.HasSuffix(e.en, ".m.") || e.en == "" && strings.HasSuffix(e.fa, ".")
}

// entries finds an entry by its id.
var entries = sync.OnceValue(func() map[string]entry {
	m := make(map[string]entry, len(words)+len(phrases)+len(servicePhrases))
	for _, e := range slices.Concat(words, phrases, servicePhrases) {
		m[e.id] = e
	}
	return m
})

// Text gives what a clip says in a language; ok is false for a clip that the catalogue doesn't have, and "" with ok is
// silence in that language.
func Text(language, id string) (text string, ok bool) {
	e, ok := entries()[id]
	switch language {
	case "en":
		return e.en, ok
	case "fa":
		return e.fa, ok
	}
	return "", false
}
