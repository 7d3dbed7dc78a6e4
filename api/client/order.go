package client

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Order is a line that somebody wants; see the API's order-line for its members.
type Order struct {
	Number     string `json:"number,omitempty"`
	Block      string `json:"block,omitempty"`
	Name       string `json:"name,omitempty"`
	Language   string `json:"language,omitempty"`
	Class      string `json:"class,omitempty"`
	Site       string `json:"site,omitempty"`
	Department string `json:"department,omitempty"`
	Unit       string `json:"unit,omitempty"`
	Device     string `json:"device,omitempty"`
	Model      string `json:"model,omitempty"`
	Days       int    `json:"days,omitempty"`
}

// Setup is what a phone needs to be the telephone of an account.
type Setup struct {
	Number    string    `json:"number"`
	E164      string    `json:"e164"`
	Name      string    `json:"name"`
	Password  string    `json:"password"`
	Domain    string    `json:"domain"`
	Proxy     string    `json:"proxy"`
	Transport string    `json:"transport"`
	Device    string    `json:"device"`
	Link      string    `json:"link"`
	Until     time.Time `json:"until"`
	Revision  uint64    `json:"revision"`
}

// FreeNumber is a number that may be had.
type FreeNumber struct {
	Number string `json:"number"`
	E164   string `json:"e164"`
}

// Imported tells row for row what became of a table.
type Imported struct {
	Added    int           `json:"added"`
	Changed  int           `json:"changed"`
	Same     int           `json:"same"`
	Refused  int           `json:"refused"`
	Revision uint64        `json:"revision"`
	Rows     []ImportedRow `json:"rows"`
}

// ImportedRow is what became of a row.
type ImportedRow struct {
	Line    int    `json:"line"`
	Key     string `json:"key"`
	Did     string `json:"did"`
	Problem string `json:"problem"`
	Ready   *Setup `json:"ready"`
}

func tenantPath(tenant, rest string) string {
	return "/api/v1/tenants/" + url.PathEscape(tenant) + rest
}

// FreeNumbers gives a page of numbers that a tenant may have.
func (c *Client) FreeNumbers(ctx context.Context, tenant, block, cursor string, limit int) (Page[FreeNumber], error) {
	var p Page[FreeNumber]
	q := paging(cursor, limit)
	if block != "" {
		q += "&" + url.Values{"block": {block}}.Encode()
	}
	err := c.do(ctx, http.MethodGet, tenantPath(tenant, "/free-numbers?"+q), &p)
	return p, err
}

// OrderLine has a line made ready.
func (c *Client) OrderLine(ctx context.Context, tenant string, o Order) (Setup, error) {
	var s Setup
	err := c.send(ctx, http.MethodPost, tenantPath(tenant, "/orders"), o, &s)
	return s, err
}

// ResetPassword gives an account another password.
func (c *Client) ResetPassword(ctx context.Context, tenant, number string) (Setup, error) {
	var s Setup
	err := c.send(ctx, http.MethodPost, tenantPath(tenant, "/accounts/"+url.PathEscape(number)+"/password"), struct{}{}, &s)
	return s, err
}

// LinkAccount makes another link for an account.
func (c *Client) LinkAccount(ctx context.Context, tenant, number string) (Setup, error) {
	var s Setup
	err := c.send(ctx, http.MethodPost, tenantPath(tenant, "/accounts/"+url.PathEscape(number)+"/link"), struct{}{}, &s)
	return s, err
}

// Letter gives the letter to the subscriber of an account, a PDF; language is "fa", "en" or "both".
func (c *Client) Letter(ctx context.Context, tenant, number, language string) ([]byte, error) {
	var file []byte
	err := c.do(ctx, http.MethodGet, tenantPath(tenant, "/accounts/"+url.PathEscape(number)+"/letter?"+url.Values{"language": {language}}.Encode()), &file)
	return file, err
}

// Cease gives a line's number back, which rests for so many days.
func (c *Client) Cease(ctx context.Context, tenant, number string, days int) error {
	return c.do(ctx, http.MethodPost, tenantPath(tenant, "/lines/"+url.PathEscape(number)+"/cease?quarantine="+strconv.Itoa(days)), nil)
}

// MoveIn has people live in a unit.
func (c *Client) MoveIn(ctx context.Context, tenant, unit string, names []string) ([]Setup, error) {
	var residents []map[string]string
	for _, name := range names {
		residents = append(residents, map[string]string{"name": name})
	}
	var p Page[Setup]
	err := c.send(ctx, http.MethodPost, tenantPath(tenant, "/units/"+url.PathEscape(unit)+"/move-in"), map[string]any{"residents": residents}, &p)
	return p.Items, err
}

// MoveOut has nobody live in a unit any more.
func (c *Client) MoveOut(ctx context.Context, tenant, unit string) error {
	return c.do(ctx, http.MethodPost, tenantPath(tenant, "/units/"+url.PathEscape(unit)+"/move-out"), nil)
}

// Table gives a list of a tenant as a CSV file.
func (c *Client) Table(ctx context.Context, tenant, list string) ([]byte, error) {
	var file []byte
	err := c.do(ctx, http.MethodGet, tenantPath(tenant, "/tables/"+url.PathEscape(list)), &file)
	return file, err
}

// ImportTable adds and changes the entries of a list by a CSV file. dry only tells; partial does what is good though other rows
// are refused.
func (c *Client) ImportTable(ctx context.Context, tenant, list string, file []byte, dry, partial bool, why string) (Imported, error) {
	q := url.Values{"dry": {strconv.FormatBool(dry)}, "partial": {strconv.FormatBool(partial)}}
	if why != "" {
		q.Set("why", why)
	}
	var report Imported
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+tenantPath(tenant, "/tables/"+url.PathEscape(list)+"?"+q.Encode()), bytes.NewReader(file))
	if err != nil {
		return report, fmt.Errorf("ask the exchange: %w", err)
	}
	req.Header.Set("Content-Type", "text/csv")
	err = c.patient(3*time.Minute).answered(req, &report)
	return report, err
}
