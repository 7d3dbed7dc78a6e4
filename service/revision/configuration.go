package revision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"santral/tenant"
)

// What a change or a question is refused with.
var (
	ErrNotFound = errors.New("there is no such thing in the book of configuration")
	ErrExists   = errors.New("it is there already: change it, or give another key")
	ErrChanged  = errors.New("the document was changed meanwhile: read it again, and say the change anew")
	ErrConflict = errors.New("a later revision changed the same document: undo that one first, or change the document itself")
	ErrInUse    = errors.New("accounts that are registered or in calls would be gone: say force to do it all the same")
)

// Refused is a change that can't be applied, with everything that is wrong.
type Refused struct{ Problems []PlacedProblem }

// Error says all of it, a line each.
func (r *Refused) Error() string {
	var lines []string
	for _, p := range r.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// String gives "file:line:column: text".
func (p PlacedProblem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Document is a document as it stands.
type Document struct {
	Tenant   string    // tenant.OperatorID for the operator's
	Text     string    // every octet, its secrets sealed
	Revision uint64    // that gave it this text
	At       time.Time // when that was
}

// Entry is one entry of a list of a document.
type Entry struct {
	Tenant   string
	List     string
	Key      string
	Value    json.RawMessage // an object with exactly the document's keys; secrets are sealed
	Revision uint64          // of its document
}

// Configuration is what others may ask of the book: what the API and the command line are made for. It is safe for
// concurrent use: changes wait for each other, whoever reads waits for nobody.
type Configuration interface {
	// Current gives what the house reads now.
	Current() *tenant.Snapshot
	// Document gives a tenant's document, or the operator's; ErrNotFound for none.
	Document(tenantID string) (Document, error)
	// Documents gives all of them, the operator's first, then by the tenants' ids.
	Documents() []Document
	// Entry gives one entry; ErrNotFound for none. Of list "" it is a key of the document itself, whose Value is whatever stands there.
	Entry(tenantID, list, key string) (Entry, error)
	// Entries gives up to limit entries of a list whose keys follow after, by their keys, those alone that keep wants (nil for
	// all). more says that others follow.
	Entries(tenantID, list, after string, limit int, keep func(Entry) bool) (page []Entry, more bool, err error)
	// Export gives a tenant's document, or with "" all of them as a stream that Apply takes, each byte for byte.
	Export(tenantID string) (string, error)

	// Plan tells what a change would do, and does nothing. What is wrong with it stands in the plan; err is for what can't be
	// looked at (ErrNotFound, ErrExists, ErrChanged).
	Plan(ctx context.Context, c Change) (Plan, error)
	// Apply does it: all of it or, with an error, nothing. The error is a *Refused for documents that are wrong, else one of Err….
	// A change that changes no octet is no revision: the one that it gives is the last, without Documents.
	Apply(ctx context.Context, c Change) (Revision, error)
	// Undo takes a revision's change back, byte for byte, as a revision of its own. ErrConflict names the revisions in its way.
	Undo(ctx context.Context, number uint64, by Author, force bool) (Revision, error)
	// PlanUndo tells what Undo would do.
	PlanUndo(ctx context.Context, number uint64) (Plan, error)

	// List gives up to limit revisions, newest first: those before a number (0 for the newest), and of one tenant unless "".
	List(ctx context.Context, tenantID string, before uint64, limit int) ([]Revision, error)
	// Get gives one; ErrNotFound for none.
	Get(ctx context.Context, number uint64) (Revision, error)
	// Diff gives what a revision changed of a document as a unified diff.
	Diff(ctx context.Context, number uint64, tenantID string) (string, error)
	// At gives a document as it stood after a revision; ErrNotFound where it was not there.
	At(ctx context.Context, number uint64, tenantID string) (Document, error)
}
