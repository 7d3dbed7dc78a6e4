package store

import (
	"context"
	"time"
)

// ReportDue tells whether a mailed report of a period is owed.
type ReportDue struct {
	Due   bool
	Waits bool // it failed, and is due again later
	Tries int  // that failed
}

// SentReports keeps which reports were mailed, by the end of the period that each is about.
type SentReports interface {
	// ReportDue tells whether a report is owed. One that is asked for the first time is not, for a period that was over before: it is
	// written down as not asked for. After failures it is due again in growing steps, up to an hour.
	ReportDue(ctx context.Context, tenant, report string, until, now time.Time) (ReportDue, error)
	ReportSent(ctx context.Context, tenant, report string, until, now time.Time) error
	ReportFailed(ctx context.Context, tenant, report string, until, now time.Time, why string) error
	// SentReports gives what was sent of a tenant's reports, the newest first.
	SentReports(ctx context.Context, tenant string, limit int) ([]SentReport, error)
}

// SentReport is a mailed report.
type SentReport struct {
	Report string    `json:"report"`
	Until  time.Time `json:"until"` // end of the period
	State  string    `json:"state"` // "sent", "failed", "not asked for"
	Tries  int       `json:"tries"`
	At     time.Time `json:"at"`
	Error  string    `json:"error,omitempty"`
}

// SavedFilter is a search that somebody keeps under a name.
type SavedFilter struct {
	Tenant  string    `json:"tenant,omitempty"`
	Owner   string    `json:"owner,omitempty"` // who alone sees it; "" for everybody of the tenant
	Name    string    `json:"name"`
	Filter  CDRFilter `json:"filter"`
	Changed time.Time `json:"changed"`
}

// SavedFilters keeps searches, MostFilters of each tenant and owner.
type SavedFilters interface {
	SavedFilters(ctx context.Context, tenant, owner string) ([]SavedFilter, error)
	// PutFilter keeps one under its name, or gives ErrFull.
	PutFilter(ctx context.Context, f SavedFilter) error
	// DropFilter forgets one, or gives ErrNotFound.
	DropFilter(ctx context.Context, tenant, owner, name string) error
}

// MostFilters is how many searches one owner keeps.
const MostFilters = 100

// Archive is a file of records that left the tables: lines of JSON under gzip, as the ledger made them.
type Archive struct {
	Tenant  string    `json:"tenant"`
	Name    string    `json:"name"` // of the blob
	From    time.Time `json:"from"` // records that began then or later
	Until   time.Time `json:"until"`
	Records int64     `json:"records"`
	Octets  int64     `json:"octets"`
	SHA256  string    `json:"sha256"` // of the file
	Made    time.Time `json:"made"`
}

// Archives keeps which files of records there are, and takes out of the tables what is in them.
type Archives interface {
	Archives(ctx context.Context, tenant string) ([]Archive, error)
	// Oldest gives when the oldest record of a tenant began; zero for none.
	Oldest(ctx context.Context, tenant string) (time.Time, error)
	// Archived writes a file down and deletes the tenant's records that began from its From until its Until; it fails, and deletes nothing, when
	// they are not as many as the file has. Sums stay: they name nobody.
	Archived(ctx context.Context, a Archive) error
	// Between gives a tenant's own records that began in a time, oldest first, behind a record, limit at most.
	Between(ctx context.Context, tenant string, from, until time.Time, after uint64, began time.Time, limit int) ([]CDR, error)
}
