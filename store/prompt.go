package store

import (
	"context"
	"errors"
	"time"
)

// ErrPrompts is what a tenant meets that has as many prompts as it may.
var ErrPrompts = errors.New("the tenant has as many prompts as it may have")

// ErrHeard is what a deletion gives of a version that is heard now.
var ErrHeard = errors.New("this version is heard now")

// PromptKey names what a tenant has of its own of a prompt in a language.
type PromptKey struct {
	Tenant   string
	Language string // "en", "fa"
	ID       string // a clip of the catalogue, or a name of the tenant's own
}

// PromptVersion is one sound that a tenant has had for a prompt. Its octets lie in a [Blobs] under a name of Blob.
type PromptVersion struct {
	PromptKey `json:"-"`

	Version  int       `json:"version" doc:"counts from 1; a number is never given again"`
	Made     time.Time `json:"made"` // whole milliseconds
	By       string    `json:"by" doc:"who made it"`
	Origin   string    `json:"origin" doc:"upload, phone or tts"`
	Text     string    `json:"text,omitempty" doc:"what was put into speech"`
	Long     Millis    `json:"long_ms"`
	Loudness float64   `json:"lufs" doc:"by ITU-R BS.1770, as it is heard"`
	Octets   int64     `json:"octets"`
	SHA256   string    `json:"sha256" doc:"of the WAV file that is given out"`
	Blob     string    `json:"-"`
	Current  bool      `json:"current" doc:"it is heard now"`
}

// OwnPrompt is what a tenant has of its own of a prompt.
type OwnPrompt struct {
	PromptKey
	Number int            // of a name of the tenant's own, by which a phone records it; 0 for one of the catalogue
	Heard  *PromptVersion // nil when the exchange's own voice is heard
}

// PromptLimits are how many a tenant may have.
type PromptLimits struct {
	Prompts  int // with versions, over all languages
	Versions int // of one prompt; the oldest that is not heard goes for a new one
}

// Prompts keeps the rows of tenants' own prompts.
type Prompts interface {
	// OwnPrompts gives those of a tenant, or with "" of all, with what is heard of them.
	OwnPrompts(ctx context.Context, tenant string) ([]OwnPrompt, error)
	// PromptVersions gives those of one, newest first; none is ErrNotFound.
	PromptVersions(ctx context.Context, key PromptKey) ([]PromptVersion, error)
	// AddPrompt keeps a version, which is heard from then on, gives it its number, and a prompt that is named by the
	// tenant one for phones from first on. gone are the versions that went for it. It is ErrPrompts for one too many.
	AddPrompt(ctx context.Context, v PromptVersion, named bool, first int, most PromptLimits) (version PromptVersion, gone []PromptVersion, err error)
	// HearPrompt has a version be heard, or with 0 the exchange's own voice; one that is not there is ErrNotFound.
	HearPrompt(ctx context.Context, key PromptKey, version int) error
	// DropPrompt forgets a version that is not heard, or with 0 the prompt with all of them, and gives what went.
	DropPrompt(ctx context.Context, key PromptKey, version int) (gone []PromptVersion, err error)
}
