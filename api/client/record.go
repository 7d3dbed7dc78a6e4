package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Search says which records; its members are those of the API's list-cdrs, those that are zero restrict nothing.
type Search url.Values

// Records gives a page of the records of a search, newest first.
func (c *Client) Records(ctx context.Context, s Search, cursor string, limit int) (Page[CDR], error) {
	var p Page[CDR]
	err := c.do(ctx, http.MethodGet, "/api/v1/cdrs?"+paging(cursor, limit)+"&"+url.Values(s).Encode(), &p)
	return p, err
}

// Totals reads what the records of a search add up to.
func (c *Client) Totals(ctx context.Context, s Search) (map[string]any, error) {
	var sums map[string]any
	err := c.do(ctx, http.MethodGet, "/api/v1/cdrs/totals?"+url.Values(s).Encode(), &sums)
	return sums, err
}

// ReportTable is a report of records.
type ReportTable struct {
	Title   string           `json:"title"`
	Columns []ReportColumn   `json:"columns"`
	Rows    []map[string]any `json:"rows"`
	Total   map[string]any   `json:"total"`
}

// ReportColumn is a column of a report: the key of its values, and its name for people.
type ReportColumn struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// Report makes a report of the records of a search.
func (c *Client) Report(ctx context.Context, kind string, s Search) (ReportTable, error) {
	var r ReportTable
	err := c.do(ctx, http.MethodGet, "/api/v1/reports/"+url.PathEscape(kind)+"?"+url.Values(s).Encode(), &r)
	return r, err
}

// ExportRecords writes the records of a search to w as a file; kind is that of a report, or "" for the records themselves.
func (c *Client) ExportRecords(ctx context.Context, kind string, s Search, w io.Writer) error {
	path := "/api/v1/cdrs/export"
	if kind != "" {
		path = "/api/v1/reports/" + url.PathEscape(kind) + "/export"
	}
	return c.file(ctx, path+"?"+url.Values(s).Encode(), w)
}

// Archive is a file of old records.
type Archive struct {
	Name    string    `json:"name"`
	Tenant  string    `json:"tenant"`
	Records int64     `json:"records"`
	Octets  int64     `json:"octets"`
	SHA256  string    `json:"sha256"`
	Made    time.Time `json:"made"`
}

// Archives lists files of old records; tenant "" is every one.
func (c *Client) Archives(ctx context.Context, tenant string) ([]Archive, error) {
	var p Page[Archive]
	err := c.do(ctx, http.MethodGet, "/api/v1/archives?"+url.Values{"tenant": {tenant}}.Encode(), &p)
	return p.Items, err
}

// Archived writes one of them to w: lines of JSON under gzip.
func (c *Client) Archived(ctx context.Context, name string, w io.Writer) error {
	return c.file(ctx, "/api/v1/archive?"+url.Values{"name": {name}}.Encode(), w)
}

// Proof is what comes of making all records anew.
type Proof struct {
	Records     uint64   `json:"records"`
	Differences []string `json:"differences"`
}

// Prove has all records made from the ledger anew, and compared with what is stored. It takes as long as it takes.
func (c *Client) Prove(ctx context.Context) (Proof, error) {
	var p Proof
	err := c.patient(0).send(ctx, http.MethodPost, "/api/v1/records/proof", struct{}{}, &p)
	return p, err
}

// file writes what a path gives to w, however long it is.
func (c *Client) file(ctx context.Context, path string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path, nil)
	if err != nil {
		return fmt.Errorf("ask the exchange: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	res, err := c.patient(0).HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("the exchange does not answer at %s; does it run? %w", c.URL, err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
		return problem(res, said)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("what the exchange gives is not whole: %w", err)
	}
	return nil
}
