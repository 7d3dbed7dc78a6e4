package prompt

import (
	"errors"
	"fmt"

	"santral/media"
	"santral/media/player"
)

// Say gives the sound of phrases in one of Languages, without gaps between its clips. An error names what can't be
// said, or has no sound; nothing is heard then. It may read files, so it is for stories and not for the loops of media.
//
// Where no sound of the phrases' own (media.Recorded) is among them the result is a *player.Source, which can be sought in.
func (s *Set) Say(language string, o Overlay, what ...media.Phrase) (media.Source, error) {
	l, err := compose(language, what)
	if err != nil {
		return nil, err
	}
	var of []media.Source
	var parts []player.Part
	for rest := l.pieces; len(rest) > 0; {
		n := 1
		switch p := rest[0]; {
		case p.clip != "":
			n = sentence(rest)
			sounds, err := s.sentence(language, o, rest[:n])
			if err != nil {
				return nil, err
			}
			parts = append(parts, sounds...)
		case p.source != nil:
			of = append(of, player.Sequence(parts...), p.source)
			parts = nil
		case p.text != "":
			sound, err := engine(o, language, p.text)
			if err != nil {
				return nil, err
			}
			parts = append(parts, sound)
		default:
			parts = append(parts, player.Silence(p.silence))
		}
		rest = rest[n:]
	}
	last := player.Sequence(parts...)
	if of == nil {
		return last, nil
	}
	return chain(append(of, last))
}

func engine(o Overlay, language, text string) (*player.Sound, error) {
	if o.Text == nil {
		return nil, errors.New("say: free text needs an engine of speech, and there is none")
	}
	sound, err := o.Text(language, text)
	if err != nil {
		return nil, fmt.Errorf("say: %w", err)
	}
	return sound, nil
}

// sentence gives how many of the pieces are one sentence: a clip that is a sentence by itself, or one that is none and
// what follows up to the end of the sentence. What the catalogue doesn't have stands alone.
func sentence(pieces []piece) int {
	for i, p := range pieces {
		e, known := entries()[p.clip]
		switch {
		case p.clip == "":
			return i
		case !known || whole(e):
			return max(i, 1)
		case ends(e):
			return i + 1
		}
	}
	return len(pieces)
}

// sentence gives the sounds of a sentence, all of one voice.
func (s *Set) sentence(language string, o Overlay, pieces []piece) ([]player.Part, error) {
	voices := s.voices[language]
	parts, missing := spokenBy(func(clip string) []player.Part {
		if o.Clip == nil {
			return nil
		}
		if own := o.Clip(language, clip); own != nil {
			return []player.Part{own}
		}
		return nil
	}, language, pieces)
	for i := 0; missing != "" && i < len(voices); i++ {
		parts, missing = spokenBy(voices[i].sounds, language, pieces)
	}
	if missing != "" {
		return nil, fmt.Errorf("say: there is no clip %q in the language %q", missing, language)
	}
	return parts, nil
}

// spokenBy gives the sounds of pieces by one voice, or the first clip that it lacks.
func spokenBy(voice func(clip string) []player.Part, language string, pieces []piece) (parts []player.Part, missing string) {
	parts = make([]player.Part, 0, len(pieces))
	for _, p := range pieces {
		if text, known := Text(language, p.clip); known && text == "" {
			continue // this language says nothing here
		}
		sounds := voice(p.clip)
		if sounds == nil {
			return nil, p.clip
		}
		parts = append(parts, sounds...)
	}
	return parts, ""
}
