// Package revision is the book of configuration: every tenant's document as it is written, the revisions that changed
// them, and the snapshot that the house reads. Whatever changes configuration, a document applied, a line patched by the
// API, a row of a CSV, a folder that was edited, is a [Change] here: read, checked, planned, written down, and then seen by
// all at once.
//
// What lives here: texts and their history, sealing of their secrets, edits that leave every other octet as it is, plans,
// undo. What does not live here: what documents mean (tenant), what a changed number leads to (route, asked through
// Config.Leads), who may change what (api).
package revision

import (
	"encoding/json"
	"time"

	"santral/base/doc"
	"santral/tenant"
)

// Author is who changes configuration, and why.
type Author struct {
	Who string // user, token, "folder", "command"
	Via string // "api", "folder", "sample", "csv", "order"
	Why string // as the author says it; "" for nothing said

	Tenant string // the one that it is bound to: it is told nothing of others; "" for none
}

// Change is what somebody wants of configuration. All of it happens or nothing does.
type Change struct {
	Author Author
	Texts  []Text            // documents in whole, the operator's too
	Edits  []Edit            // of documents that are there, after Texts, in order
	Remove []string          // ids of tenants
	If     map[string]uint64 // tenant → the revision of its document that the author has seen; another one is ErrChanged
	// Judge, where not nil, may refuse a change by what it makes of the documents that it changes: it gives the error of Apply and of
	// Plan. It must not ask the book.
	Judge func(was, is *tenant.Snapshot, changed []string) error

	Force bool // also where calls that go on or phones that are registered lose their account
}

// Text is a document in whole.
type Text struct {
	File string // as problems name it
	Text []byte
}

// Edit changes one entry of a list of a document ("lines", by its number), or the document's own keys where List is "".
type Edit struct {
	Tenant string // tenant.OperatorID for the operator's document
	List   string // a key of tenant.Collections; "" for the keys of the document itself
	Key    string // the entry's key: the number of a line
	Do     Deed
	Value  json.RawMessage // an object with the document's keys; of Patch a merge patch (RFC 7396)
}

// Deed is what an Edit does.
type Deed uint8

// Deeds.
const (
	Put    Deed = iota // the entry becomes Value, or is added
	Add                // Put that fails with ErrExists where there is one
	Patch              // ErrNotFound where there is none
	Delete             // likewise
)

// Revision is one change that happened.
type Revision struct {
	Number    uint64        `json:"revision"`
	At        time.Time     `json:"at"`
	Author    Author        `json:"author"`
	Undoes    uint64        `json:"undoes,omitempty"` // the revision whose change it took back
	Documents []Changed     `json:"documents"`
	Problems  []doc.Problem `json:"-"`
}

// Changed is a document that a revision changed.
type Changed struct {
	Tenant string `json:"tenant"`
	Added  int    `json:"added"` // entries
	Edited int    `json:"edited"`
	Gone   int    `json:"gone"`
}

// Plan is what a change would do.
type Plan struct {
	Documents []Changed       `json:"documents"`
	Entries   []EntryChange   `json:"entries"`            // at most MaxPlan of them
	Leads     []Lead          `json:"leads"`              // numbers that would lead elsewhere, at most MaxPlan of them
	More      int             `json:"more,omitempty"`     // entries and leads that are left out
	Loses     []string        `json:"loses,omitempty"`    // accounts that are registered or in calls, and would be gone
	Problems  []PlacedProblem `json:"problems,omitempty"` // why it can't be applied
}

// MaxPlan is how many entries and leads a plan shows.
const MaxPlan = 10_000

// EntryChange is an entry that a change adds, edits or removes.
type EntryChange struct {
	Tenant string   `json:"tenant"`
	List   string   `json:"list"`
	Key    string   `json:"key"`
	Do     string   `json:"do"`             // "add", "edit", "remove"
	Keys   []string `json:"keys,omitempty"` // of an edit: what differs; values of secrets are never told
}

// Lead is a number whose calls would go elsewhere.
type Lead struct {
	Tenant string `json:"tenant"`
	Number string `json:"number"`
	Was    string `json:"was"` // in words
	Is     string `json:"is"`
}

// For gives a problem as it may be told to whoever is bound to a tenant, "" for none: what it is with another tenant's
// document is told without that tenant.
func (p PlacedProblem) For(tenantID string) PlacedProblem {
	if tenantID == "" || p.alone == "" {
		return p
	}
	p.Text = p.alone
	if p.owner != tenantID {
		p.File, p.Line, p.Column, p.Tenant, p.List, p.Key, p.Pointer = tenantID, 0, 0, tenantID, "", "", ""
	}
	return p
}

// PlacedProblem is a problem with its place in a document.
type PlacedProblem struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`

	Tenant  string `json:"tenant,omitempty"`  // whose document it is, where that could be read
	List    string `json:"list,omitempty"`    // of an entry: the list that it stands in
	Key     string `json:"key,omitempty"`     // and what names it
	Pointer string `json:"pointer,omitempty"` // the place within the entry, or within the document, as a JSON pointer; "" for the whole

	alone string // what is told of it to who may know of one tenant alone; "" for Text
	owner string // whose document it stands in
}
