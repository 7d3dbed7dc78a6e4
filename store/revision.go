package store

import (
	"context"
	"errors"
	"time"
)

// ErrRevision is what a revision meets that does not follow the last one: somebody else wrote meanwhile.
var ErrRevision = errors.New("another revision was written meanwhile")

// Revision is one change of configuration that happened. Numbers count from 1.
type Revision struct {
	Number    uint64
	At        time.Time // whole milliseconds
	Who       string
	Via       string
	Why       string
	Undoes    uint64 // the revision whose change it took back; 0 for none
	Documents []RevisedDocument
}

// RevisedDocument is a document that a revision changed.
type RevisedDocument struct {
	Tenant string
	Former uint64 // the revision that gave it the text before this one; 0 where there was none
	Gone   bool   // it has no text any more
	Added  int    // entries
	Edited int
	Less   int // entries removed
	Text   RevisionText
}

// RevisionText is how a text is kept: whole, or as what is made of the text before it. Both are opaque here.
type RevisionText struct {
	Revision uint64
	Whole    bool
	Octets   []byte // compressed
}

// RevisionLimits are how much history is kept. What stands now is kept whatever they say.
type RevisionLimits struct {
	Revisions int
	Octets    int64 // of all texts, as they are kept
}

// StoredDocument is a document that stands now.
type StoredDocument struct {
	Tenant   string
	Revision uint64 // that gave it its text
	At       time.Time
	Texts    []RevisionText // the last whole one first, then what followed
}

// Revisions keeps the history of configuration.
type Revisions interface {
	// AddRevision keeps a revision, which follows the last one, together with what was imported to make it (name → hash). With
	// Number 0 only the imports are kept. It is on disk when this returns.
	AddRevision(ctx context.Context, r Revision, imported map[string]string, most RevisionLimits) error
	// LastRevision gives the number of the newest, 0 for none.
	LastRevision(ctx context.Context) (uint64, error)
	// Revisions gives heads (without texts) newest first: those before a number (0 for the newest), of one tenant unless "".
	Revisions(ctx context.Context, tenant string, before uint64, limit int) ([]Revision, error)
	// StoredDocuments gives all documents that stand now.
	StoredDocuments(ctx context.Context) ([]StoredDocument, error)
	// DocumentAt gives a document as it stood after a revision: ErrNotFound where it had no text, or where that is kept no more.
	DocumentAt(ctx context.Context, tenant string, revision uint64) (StoredDocument, error)
	// Imported gives the hashes of what was imported last, by name.
	Imported(ctx context.Context) (map[string]string, error)
}
