// Package tts puts free text into speech by an engine from outside: a program of this machine, or a server.
//
// What lives here: the two kinds of engine, the bounds that hold them (time, size, where they may be), and the cache of
// what was said. What does not: which voice a tenant hears, and how loud. An engine is asked from stories, never from the
// loops of media. A Cache owns its folder.
package tts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"santral/media/player"
)

// Bounds of speech.
const (
	MaxText  = 2000             // octets of a text
	MaxSound = 16 << 20         // octets that an engine may answer with
	MaxTime  = 20 * time.Second // an engine's for one text
)

// ErrLanguage is the error for a language that an engine has no voice of.
var ErrLanguage = errors.New("the engine of speech has no voice for this language")

// Engine puts a text into speech. It is safe for concurrent use.
type Engine interface {
	// Speak gives the sound of a text in a language ("en", "fa"). The error is for people, and holds no secret.
	Speak(ctx context.Context, language, text string) (*player.Sound, error)
	// Voice names engine and voice of a language, "" where it has none: what is said by another is another sound.
	Voice(language string) string
}

// checked refuses what is no text.
func checked(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("there is no text to speak")
	case len(text) > MaxText:
		return fmt.Errorf("the text is longer than %d octets", MaxText)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }):
		return errors.New("the text is not UTF-8, or has control characters")
	}
	return nil
}
