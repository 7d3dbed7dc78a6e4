package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"santral/api"
	"santral/service/cdr"
	"santral/service/report"
	"santral/store"
	"santral/tenant"
)

// Records is what the API does with records besides listing them.
type Records struct {
	Read        store.Records // nil where records are only listed
	Filters     store.SavedFilters
	Sent        store.SentReports
	Archives    store.Archives
	Open        func(ctx context.Context, archive string) (io.ReadCloser, error)
	Zone        func(tenant, site string) *time.Location
	Language    func(tenant string) string
	Departments func(tenant, department string) []string      // a department and its parts
	Prove       func(ctx context.Context) (*cdr.Proof, error) // makes a proof now; store.ErrFull while another is made
	Proof       func() *cdr.Proof                             // the last one; nil for none
}

func (r *Records) departments(tenantID, department string) []string {
	if r.Departments == nil {
		return []string{department}
	}
	return r.Departments(tenantID, department)
}

// ReportStyle is how a report or a file of records is made.
type ReportStyle struct {
	Format   string `query:"format" enum:"json,jsonl,csv,xlsx" doc:"a file instead of an answer in JSON; the header Accept says it too"`
	Language string `query:"language" enum:"en,fa" doc:"of columns; the tenant's when left out"`
	Calendar string `query:"calendar" enum:"gregorian,jalali" doc:"by which days are named; jalali for fa when left out"`
	Digits   string `query:"digits" enum:"latin,persian" doc:"in files for people; latin when left out"`
	Zone     string `query:"zone" maxLength:"64" doc:"in which days are cut, such as Asia/Tehran; the site's or the tenant's when left out"`
}

// style works a style out.
func (c Config) style(s *ReportStyle, f *store.CDRFilter) (report.Style, error) {
	out := report.Style{Format: s.Format, Language: s.Language, Zone: time.UTC, Persian: s.Digits == "persian"}
	if out.Language == "" && c.Records.Language != nil {
		out.Language = c.Records.Language(f.Tenant)
	}
	if out.Language != "fa" {
		out.Language = "en"
	}
	out.Jalali = s.Calendar == "jalali" || s.Calendar == "" && out.Language == "fa"
	switch {
	case s.Zone != "":
		zone, err := time.LoadLocation(s.Zone)
		if err != nil || s.Zone == "Local" {
			return out, huma.Error422UnprocessableEntity("there is no such time zone: write one such as Asia/Tehran", &huma.ErrorDetail{Message: "unknown time zone", Location: "query.zone", Value: s.Zone})
		}
		out.Zone = zone
	case c.Records.Zone != nil:
		out.Zone = c.Records.Zone(f.Tenant, f.Site)
	}
	return out, nil
}

// files are how exports answer, for the description.
var files = map[string]*huma.Response{"200": {Description: "The file.", Content: map[string]*huma.MediaType{
	"text/csv":               {Schema: &huma.Schema{Type: "string"}},
	"application/jsonl":      {Schema: &huma.Schema{Type: "string"}},
	report.MediaType("xlsx"): {Schema: &huma.Schema{Type: "string", Format: "binary"}},
}}}

// negotiated sends who wants a file of records or of a report to the operation that makes one.
func negotiated(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if r.Method == http.MethodGet && (path == "/api/v1/cdrs" || strings.HasPrefix(path, "/api/v1/reports/") && !strings.HasSuffix(path, "/export")) {
			q := r.URL.Query()
			format := q.Get("format")
			if format == "" {
				format = accepted(r.Header.Get("Accept"))
			}
			if format == "csv" || format == "xlsx" || format == "jsonl" {
				q.Set("format", format)
				r = r.Clone(r.Context())
				r.URL.Path, r.URL.RawPath, r.URL.RawQuery = path+"/export", "", q.Encode()
			}
		}
		h.ServeHTTP(w, r)
	})
}

// accepted gives the format that a header Accept names first; "" for JSON.
func accepted(header string) string {
	for part := range strings.SplitSeq(header, ",") {
		kind, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch strings.ToLower(kind) {
		case "text/csv":
			return "csv"
		case report.MediaType("xlsx"):
			return "xlsx"
		case "application/jsonl", "application/x-ndjson", "application/x-jsonlines":
			return "jsonl"
		case "application/json", "*/*":
			return ""
		}
	}
	return ""
}

// give answers with a file that write makes as it goes.
func (c Config) give(name, format string, write func(ctx context.Context, w io.Writer) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", report.MediaType(format))
		hc.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		r, w := humago.Unwrap(hc)
		deadline := http.NewResponseController(w)
		_ = deadline.SetReadDeadline(time.Time{}) // else the request's context ends with the time for reading requests
		if err := write(r.Context(), &slow{w, deadline}); err != nil {
			if c.Log != nil && r.Context().Err() == nil {
				c.Log.Error("a file of records has failed", "error", err)
			}
			panic(http.ErrAbortHandler) // who reads must not take it for whole
		}
	}}
}

// ReportTable is a report for programs; files are for people.
type ReportTable struct {
	Kind    string           `json:"kind"`
	Title   string           `json:"title"`
	From    time.Time        `json:"from"`
	Until   time.Time        `json:"until"`
	Zone    string           `json:"zone" doc:"in which days and hours are cut"`
	Columns []ReportColumn   `json:"columns"`
	Rows    []map[string]any `json:"rows" doc:"by the keys of columns; durations end in _ms"`
	Total   map[string]any   `json:"total,omitempty"`
}

// ReportColumn is a column of a report.
type ReportColumn struct {
	Key  string `json:"key"`
	Name string `json:"name" doc:"in the language of the report"`
}

// ReportPath is which report, of what.
type ReportPath struct {
	Report string `path:"kind" enum:"calls,days,hours,departments,accounts,trunks,destinations,causes,missed"`
	CDRQuery
	ReportStyle
}

func (c Config) reports(on huma.API) {
	right := reads("records", tenant.RoleReporter)
	huma.Register(on, answering(op("export-cdrs", http.MethodGet, "/api/v1/cdrs/export", "The records of a search as a file", reads("records", tenant.RoleUser)), files), func(ctx context.Context, in *struct {
		CDRQuery
		ReportStyle
		Parts bool `query:"parts" doc:"each call for itself, also where a transfer joins several"`
	}) (*huma.StreamResponse, error) {
		f, err := c.filter(ctx, &in.CDRQuery)
		if err != nil {
			return nil, err
		}
		style, err := c.style(&in.ReportStyle, &f)
		if err != nil {
			return nil, err
		}
		keep := func(r *store.CDR) bool { return c.seesRecord(ctx, r) }
		return c.give(report.FileName("calls", f.From, f.Until, style.Format), style.Format, func(ctx context.Context, w io.Writer) error {
			return report.WriteCalls(ctx, w, c.Records.Read, f, in.Parts, keep, style)
		}), nil
	})
	huma.Register(on, op("get-report", http.MethodGet, "/api/v1/reports/{kind}", "A report of records", right), func(ctx context.Context, in *ReportPath) (*body[ReportTable], error) {
		table, style, err := c.table(ctx, in)
		if err != nil {
			return nil, err
		}
		out := ReportTable{Kind: table.Kind, Title: table.Title, From: table.From, Until: table.Until, Zone: style.Zone.String(), Rows: make([]map[string]any, len(table.Rows))}
		for _, col := range table.Columns {
			out.Columns = append(out.Columns, ReportColumn{col.Key, col.Name})
		}
		for i, row := range table.Rows {
			out.Rows[i] = report.Object(table.Columns, row)
		}
		if table.Total != nil {
			out.Total = report.Object(table.Columns, table.Total)
		}
		return &body[ReportTable]{out}, nil
	})
	huma.Register(on, answering(op("export-report", http.MethodGet, "/api/v1/reports/{kind}/export", "A report of records as a file", right), files), func(ctx context.Context, in *ReportPath) (*huma.StreamResponse, error) {
		table, style, err := c.table(ctx, in)
		if err != nil {
			return nil, err
		}
		return c.give(report.FileName(table.Kind, table.From, table.Until, style.Format), style.Format, func(_ context.Context, w io.Writer) error { return table.Write(w, style) }), nil
	})
	huma.Register(on, op("list-sent-reports", http.MethodGet, "/api/v1/sent-reports", "Reports that were mailed, the newest first", right), func(ctx context.Context, in *struct {
		Tenant string `query:"tenant" maxLength:"40" doc:"whose; your own when left out"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}) (*body[Page[store.SentReport]], error) {
		tenantID, err := tenantOf(ctx, in.Tenant)
		if err != nil {
			return nil, err
		}
		rows, err := c.Records.Sent.SentReports(ctx, tenantID, in.Limit)
		if err != nil {
			return nil, c.failed("mailed reports can't be read", err)
		}
		return &body[Page[store.SentReport]]{Page[store.SentReport]{Items: rows}}, nil
	})
}

// longestReport is the longest time that a report is about.
const longestReport = 5 * 366 * 24 * time.Hour

func (c Config) table(ctx context.Context, in *ReportPath) (*report.Table, report.Style, error) {
	f, err := c.filter(ctx, &in.CDRQuery)
	if err != nil {
		return nil, report.Style{}, err
	}
	style, err := c.style(&in.ReportStyle, &f)
	if err != nil {
		return nil, style, err
	}
	f = c.bound(ctx, f)
	if f.Until.IsZero() {
		f.Until = store.SlotTime(store.Slot(time.Now()) + 1)
	}
	if f.From.IsZero() {
		f.From, _ = report.Before("month", f.Until.In(style.Zone), style.Jalali)
	}
	if !f.From.Before(f.Until) || f.Until.Sub(f.From) > longestReport {
		return nil, style, huma.Error422UnprocessableEntity("a report is about a time that begins before it ends, of five years at most: give from and until")
	}
	table, err := report.Make(ctx, c.Records.Read, report.Question{Kind: in.Report, Filter: f, Zone: style.Zone, Jalali: style.Jalali, Language: style.Language})
	if err != nil {
		return nil, style, c.failed("the report can't be made", err)
	}
	return table, style, nil
}

// savedFilter finds a kept search.
func (c Config) savedFilter(ctx context.Context, tenantID, name string) (store.CDRFilter, error) {
	if c.Records.Filters == nil {
		return store.CDRFilter{}, huma.Error404NotFound("no searches are kept here")
	}
	list, err := c.Records.Filters.SavedFilters(ctx, tenantID, api.From(ctx).Name)
	if err != nil {
		return store.CDRFilter{}, c.failed("searches can't be read", err)
	}
	for i := len(list) - 1; i >= 0; i-- { // one's own goes before everybody's
		if list[i].Name == name {
			return list[i].Filter, nil
		}
	}
	return store.CDRFilter{}, huma.Error404NotFound("there is no search of that name; GET /api/v1/cdr-filters lists them")
}

func (c Config) savedFilters(on huma.API) {
	if c.Records.Filters == nil {
		return
	}
	huma.Register(on, op("list-cdr-filters", http.MethodGet, "/api/v1/cdr-filters", "Searches that were kept, your own and everybody's", reads("records", tenant.RoleUser)), func(ctx context.Context, in *struct {
		Tenant string `query:"tenant" maxLength:"40" doc:"whose; your own when left out"`
	}) (*body[Page[store.SavedFilter]], error) {
		tenantID, err := tenantOf(ctx, in.Tenant)
		if err != nil {
			return nil, err
		}
		list, err := c.Records.Filters.SavedFilters(ctx, tenantID, api.From(ctx).Name)
		if err != nil {
			return nil, c.failed("searches can't be read", err)
		}
		return &body[Page[store.SavedFilter]]{Page[store.SavedFilter]{Items: list}}, nil
	})
	owner := func(ctx context.Context, in *FilterPath) (tenantID, owner string, err error) {
		who := api.From(ctx)
		if tenantID, err = tenantOf(ctx, in.Tenant); err != nil {
			return "", "", err
		}
		if !in.Shared {
			return tenantID, who.Name, nil
		}
		if who.Role < tenant.RoleManager {
			return "", "", huma.Error403Forbidden("what everybody sees is kept by a manager: leave shared out to keep it for yourself")
		}
		return tenantID, "", nil
	}
	huma.Register(on, op("put-cdr-filter", http.MethodPut, "/api/v1/cdr-filters/{name}", "Keep a search under a name", reads("records", tenant.RoleUser)), func(ctx context.Context, in *struct {
		FilterPath
		Body CDRSearch
	}) (*body[store.SavedFilter], error) {
		tenantID, whose, err := owner(ctx, &in.FilterPath)
		if err != nil {
			return nil, err
		}
		f := store.SavedFilter{Tenant: tenantID, Owner: whose, Name: in.Name, Filter: in.Body.filter(), Changed: time.Now().UTC().Truncate(time.Millisecond)}
		if err := c.Records.Filters.PutFilter(ctx, f); errors.Is(err, store.ErrFull) {
			return nil, huma.Error409Conflict("100 searches are kept already: delete one first")
		} else if err != nil {
			return nil, c.failed("the search can't be kept", err)
		}
		return &body[store.SavedFilter]{f}, nil
	})
	huma.Register(on, empty(op("delete-cdr-filter", http.MethodDelete, "/api/v1/cdr-filters/{name}", "Forget a search", reads("records", tenant.RoleUser))), func(ctx context.Context, in *FilterPath) (*struct{}, error) {
		tenantID, whose, err := owner(ctx, in)
		if err != nil {
			return nil, err
		}
		if err := c.Records.Filters.DropFilter(ctx, tenantID, whose, in.Name); errors.Is(err, store.ErrNotFound) {
			return nil, huma.Error404NotFound("there is no search of that name; GET /api/v1/cdr-filters lists them")
		} else if err != nil {
			return nil, c.failed("the search can't be forgotten", err)
		}
		return nil, nil
	})
}

// FilterPath is which kept search.
type FilterPath struct {
	Tenant string `query:"tenant" maxLength:"40" doc:"whose; your own when left out"`
	Name   string `path:"name" minLength:"1" maxLength:"64"`
	Shared bool   `query:"shared" doc:"everybody's of the tenant, for whom a manager keeps it"`
}

// CDRSearch is a search to be kept.
type CDRSearch struct {
	Account     string     `json:"account,omitempty" maxLength:"64"`
	State       string     `json:"state,omitempty" enum:"answered,busy,no answer,cancelled,failed,interrupted"`
	From        *time.Time `json:"from,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
	Number      string     `json:"number,omitempty" maxLength:"64"`
	Trunk       string     `json:"trunk,omitempty" maxLength:"64"`
	Site        string     `json:"site,omitempty" maxLength:"64"`
	Departments []string   `json:"departments,omitempty" maxItems:"50"`
	Kind        string     `json:"kind,omitempty" maxLength:"32"`
	Direction   string     `json:"direction,omitempty" enum:"in,out,internal,transit"`
	Cause       int        `json:"cause,omitempty" minimum:"0" maximum:"127"`
	Longer      int        `json:"longer,omitempty" minimum:"0" maximum:"31536000" doc:"seconds"`
	Shorter     int        `json:"shorter,omitempty" minimum:"0" maximum:"31536000" doc:"seconds"`
	Text        string     `json:"text,omitempty" maxLength:"128"`
}

func (s *CDRSearch) filter() store.CDRFilter {
	f := store.CDRFilter{
		Account: s.Account, State: store.ParseCDRState(s.State), Number: s.Number, Trunk: s.Trunk, Site: s.Site, Departments: s.Departments, Kind: s.Kind,
		Way: store.ParseCDRDirection(s.Direction), Cause: s.Cause, Longer: store.Millis(s.Longer) * 1000, Shorter: store.Millis(s.Shorter) * 1000, Text: s.Text,
	}
	if s.From != nil {
		f.From = *s.From
	}
	if s.Until != nil {
		f.Until = *s.Until
	}
	return f
}

func (c Config) archives(on huma.API) {
	if c.Records.Archives == nil {
		return
	}
	find := func(ctx context.Context, in string) ([]store.Archive, error) {
		tenantID, err := tenantOf(ctx, in)
		if err != nil {
			return nil, err
		}
		list, err := c.Records.Archives.Archives(ctx, tenantID)
		if err != nil {
			return nil, c.failed("archives can't be read", err)
		}
		return list, nil
	}
	right := reads("records", tenant.RoleManager)
	huma.Register(on, op("list-archives", http.MethodGet, "/api/v1/archives", "Files of records that are older than they are kept at hand", right), func(ctx context.Context, in *struct {
		Tenant string `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
	}) (*body[Page[store.Archive]], error) {
		list, err := find(ctx, in.Tenant)
		if err != nil {
			return nil, err
		}
		if partly(ctx) {
			list = []store.Archive{}
		}
		return &body[Page[store.Archive]]{Page[store.Archive]{Items: list}}, nil
	})
	huma.Register(on, answering(op("get-archive", http.MethodGet, "/api/v1/archive", "One such file: lines of JSON under gzip", right), map[string]*huma.Response{
		"200": {Description: "The file.", Content: map[string]*huma.MediaType{"application/gzip": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}},
	}), func(ctx context.Context, in *struct {
		Name string `query:"name" required:"true" maxLength:"400" doc:"name of an archive of the list"`
	}) (*huma.StreamResponse, error) {
		list, err := find(ctx, "")
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if a.Name != in.Name || partly(ctx) {
				continue
			}
			r, err := c.Records.Open(ctx, a.Name)
			if err != nil {
				return nil, c.failed("the archive can't be read", err)
			}
			return &huma.StreamResponse{Body: func(hc huma.Context) {
				defer r.Close()
				hc.SetHeader("Content-Type", "application/gzip")
				hc.SetHeader("Content-Disposition", `attachment; filename="`+a.Name[strings.LastIndexByte(a.Name, '/')+1:]+`"`)
				_, w := humago.Unwrap(hc)
				if _, err := io.Copy(&slow{w, http.NewResponseController(w)}, r); err != nil {
					panic(http.ErrAbortHandler)
				}
			}}, nil
		}
		return nil, huma.Error404NotFound("there is no such archive; GET /api/v1/archives lists them")
	})
}

func (c Config) proofs(on huma.API) {
	if c.Records.Prove == nil {
		return
	}
	huma.Register(on, op("prove-records", http.MethodPost, "/api/v1/records/proof", "Make all records from the ledger anew and compare them with what is stored", writes("records", tenant.RoleOperator)), func(ctx context.Context, _ *struct{}) (*body[cdr.Proof], error) {
		proof, err := c.Records.Prove(ctx)
		switch {
		case errors.Is(err, store.ErrFull):
			return nil, huma.Error409Conflict("a proof is being made; GET /api/v1/records/proof gives the last one")
		case err != nil:
			return nil, c.failed("the proof can't be made", err)
		}
		return &body[cdr.Proof]{*proof}, nil
	})
	huma.Register(on, op("get-proof", http.MethodGet, "/api/v1/records/proof", "The last proof that records are what the ledger says", reads("records", tenant.RoleOperator)), func(context.Context, *struct{}) (*body[cdr.Proof], error) {
		proof := c.Records.Proof()
		if proof == nil {
			return nil, huma.Error404NotFound("no proof was made since the exchange began; POST makes one")
		}
		return &body[cdr.Proof]{*proof}, nil
	})
}
