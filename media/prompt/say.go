package prompt

import (
	"errors"
	"fmt"

	"santral/media"
)

// Say gives the sound of phrases in one of Languages, at Rate, without gaps between its clips. An error names what
// can't be said, or has no sound; nothing is heard then. It may read files, so it is for stories and not for the
// loops of media.
func (s *Set) Say(language string, o Overlay, what ...media.Phrase) (media.Source, error) {
	l, err := compose(language, what)
	if err != nil {
		return nil, err
	}
	j := &joined{}
	for i := 0; i < len(l.pieces); {
		p := l.pieces[i]
		switch {
		case p.clip != "":
			n := sentence(l.pieces[i:])
			if err := s.sentence(j, language, o, l.pieces[i:i+n]); err != nil {
				return nil, err
			}
			i += n
			continue
		case p.source != nil:
			at, err := sourceAt(p.source)
			if err != nil {
				return nil, fmt.Errorf("say: recorded sound: %w", err)
			}
			j.parts = append(j.parts, part{source: at})
		case p.text != "":
			if o.Text == nil {
				return nil, errors.New("say: free text needs an engine of speech, and there is none")
			}
			sound, err := o.Text(language, p.text)
			if err != nil {
				return nil, fmt.Errorf("say: %w", err)
			}
			j.parts = append(j.parts, part{samples: ofSound(sound)})
		case p.silence > 0:
			j.parts = append(j.parts, part{silence: samples(p.silence)})
		}
		i++
	}
	return j, nil
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

// sentence joins the clips of a sentence, all of one voice.
func (s *Set) sentence(j *joined, language string, o Overlay, pieces []piece) error {
	id := ""
	for n := -1; n < len(s.voices[language]); n++ {
		parts := make([]part, 0, len(pieces))
		for _, p := range pieces {
			if text, known := Text(language, p.clip); known && text == "" {
				continue // this language says nothing here
			}
			var of []int16
			if n >= 0 {
				of = s.voices[language][n].sound(p.clip)
			} else if o.Clip != nil {
				if own := o.Clip(language, p.clip); own != nil {
					of = ofSound(own)
				}
			}
			if of == nil {
				id = p.clip
				parts = nil
				break
			}
			parts = append(parts, part{samples: of})
		}
		if parts != nil {
			j.parts = append(j.parts, parts...)
			return nil
		}
	}
	return fmt.Errorf("say: there is no clip %q in the language %q", id, language)
}
