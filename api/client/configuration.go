package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// OperatorID stands where a tenant's id does for what is the operator's own.
const OperatorID = "operator"

// Mistake is one thing that is wrong with a request, and where.
type Mistake struct {
	Message  string `json:"message"`
	Location string `json:"location"`
}

// Changed is a document that a revision changed, and in how many entries.
type Changed struct {
	Tenant string `json:"tenant"`
	Added  int    `json:"added"`
	Edited int    `json:"edited"`
	Gone   int    `json:"gone"`
}

// Revision is one change of configuration that happened.
type Revision struct {
	Revision  uint64    `json:"revision"`
	At        time.Time `json:"at"`
	Who       string    `json:"who,omitempty"`
	Via       string    `json:"via,omitempty"`
	Why       string    `json:"why,omitempty"`
	Undoes    uint64    `json:"undoes,omitempty"`
	Documents []Changed `json:"documents"`
	Diffs     []struct {
		Tenant string `json:"tenant"`
		Text   string `json:"text"`
	} `json:"diffs,omitempty"`
}

// Plan is what a change would do.
type Plan struct {
	Documents []Changed `json:"documents"`
	Entries   []struct {
		Tenant string   `json:"tenant"`
		List   string   `json:"list"`
		Key    string   `json:"key"`
		Do     string   `json:"do"`
		Keys   []string `json:"keys,omitempty"`
	} `json:"entries"`
	Leads []struct {
		Tenant string `json:"tenant"`
		Number string `json:"number"`
		Was    string `json:"was"`
		Is     string `json:"is"`
	} `json:"leads"`
	More     int      `json:"more,omitempty"`
	Loses    []string `json:"loses,omitempty"`
	Problems []struct {
		File   string `json:"file"`
		Line   int    `json:"line,omitempty"`
		Column int    `json:"column,omitempty"`
		Text   string `json:"text"`
	} `json:"problems,omitempty"`
}

// Text is a document in whole, and what problems call it.
type Text struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// WhatIf asks what would happen to a call.
type WhatIf struct {
	Tenant  string `json:"tenant"`
	From    string `json:"from"`
	Trunk   string `json:"trunk,omitempty"`
	Dialled string `json:"dialled"`
	At      string `json:"at,omitempty"`
}

// WouldBe is what would happen, and why.
type WouldBe struct {
	At       time.Time       `json:"at"`
	Jalali   string          `json:"jalali"`
	Revision uint64          `json:"revision"`
	Goes     json.RawMessage `json:"goes"`
	Steps    []struct {
		Step string            `json:"step"`
		With map[string]string `json:"with,omitempty"`
		En   string            `json:"en"`
		Fa   string            `json:"fa"`
	} `json:"steps"`
}

// ListPath is the path of a list of a tenant's document, or of the operator's; list "tenants" is that of tenants.
func ListPath(tenant, list string) string {
	switch {
	case list == "tenants":
		return "/api/v1/tenants"
	case tenant == OperatorID:
		return "/api/v1/operator/" + list
	}
	return "/api/v1/tenants/" + url.PathEscape(tenant) + "/" + list
}

// Entries gives all entries of a list as JSON, page by page, up to most (0 for all); text is looked for in them.
func (c *Client) Entries(ctx context.Context, tenant, list, text string, most int) (all []json.RawMessage, err error) {
	q := url.Values{}
	if text != "" {
		q.Set("q", text)
	}
	return pages[json.RawMessage](ctx, c, ListPath(tenant, list), q, most)
}

// All gives all entries of a list as their type: All[noun.Line](ctx, c, "sample", "lines").
func All[T any](ctx context.Context, c *Client, tenant, list string) ([]T, error) {
	raw, err := c.Entries(ctx, tenant, list, "", 0)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(raw))
	for i := range raw {
		if err := json.Unmarshal(raw[i], &all[i]); err != nil {
			return nil, fmt.Errorf("read the exchange's answer: %w", err)
		}
	}
	return all, nil
}

// Entry gives one entry, or with key "" the own keys of a document (list "tenants" or "operator").
func (c *Client) Entry(ctx context.Context, path string) (text json.RawMessage, err error) {
	err = c.do(ctx, http.MethodGet, path, &text)
	return text, err
}

// Change sends a change of an entry: POST to the path of a list, PUT, PATCH or DELETE to that of an entry. It gives the entry
// afterwards, nothing of a DELETE.
func (c *Client) Change(ctx context.Context, method, path string, value any, why string, force bool) (text json.RawMessage, err error) {
	path += "?" + reasons(why, force)
	if method == http.MethodDelete {
		return nil, c.do(ctx, method, path, nil)
	}
	err = c.send(ctx, method, path, value, &text)
	return text, err
}

func reasons(why string, force bool) string {
	q := url.Values{}
	if why != "" {
		q.Set("why", why)
	}
	if force {
		q.Set("force", "true")
	}
	return q.Encode()
}

// documentTime is how long large documents may take.
const documentTime = 5 * time.Minute

// Plan tells what documents would change.
func (c *Client) Plan(ctx context.Context, texts []Text) (p Plan, err error) {
	err = c.patient(documentTime).send(ctx, http.MethodPost, "/api/v1/plan", map[string]any{"documents": texts}, &p)
	return p, err
}

// Apply has documents be exactly these, all of them or none.
func (c *Client) Apply(ctx context.Context, texts []Text, why string, force bool) (r Revision, err error) {
	err = c.patient(documentTime).send(ctx, http.MethodPost, "/api/v1/apply?"+reasons(why, force), map[string]any{"documents": texts}, &r)
	return r, err
}

// Revisions gives the newest changes, of one tenant unless "".
func (c *Client) Revisions(ctx context.Context, tenant string, limit int) ([]Revision, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if tenant != "" {
		q.Set("tenant", tenant)
	}
	var p Page[Revision]
	err := c.do(ctx, http.MethodGet, "/api/v1/revisions?"+q.Encode(), &p)
	return p.Items, err
}

// Revision gives one change with its difference.
func (c *Client) Revision(ctx context.Context, number uint64) (r Revision, err error) {
	err = c.do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/revisions/%d", number), &r)
	return r, err
}

// Undo takes a change back.
func (c *Client) Undo(ctx context.Context, number uint64, why string, force bool) (r Revision, err error) {
	err = c.patient(documentTime).do(ctx, http.MethodPost, fmt.Sprintf("/api/v1/revisions/%d/undo?%s", number, reasons(why, force)), &r)
	return r, err
}

// PlanUndo tells what Undo would do.
func (c *Client) PlanUndo(ctx context.Context, number uint64) (p Plan, err error) {
	err = c.do(ctx, http.MethodGet, fmt.Sprintf("/api/v1/revisions/%d/undo", number), &p)
	return p, err
}

// Export gives documents as a stream that Apply takes: a tenant's, or all with "".
func (c *Client) Export(ctx context.Context, tenant string) ([]byte, error) {
	path := "/api/v1/export"
	if tenant != "" {
		path += "?" + url.Values{"tenant": {tenant}}.Encode()
	}
	var text []byte
	err := c.patient(documentTime).do(ctx, http.MethodGet, path, &text)
	return text, err
}

// WhatIf asks what would happen to a call.
func (c *Client) WhatIf(ctx context.Context, ask WhatIf) (answer WouldBe, err error) {
	err = c.send(ctx, http.MethodPost, "/api/v1/what-if", ask, &answer)
	return answer, err
}

// words puts a problem's mistakes under its detail, a line each.
func (p *Problem) words() string {
	var b bytes.Buffer
	b.WriteString(p.Detail)
	for _, m := range p.Errors {
		if len(p.Errors) == 1 && bytes.HasSuffix(b.Bytes(), []byte(m.Message)) { // it is said already: only where
			if m.Location != "" {
				b.WriteString(" (" + m.Location + ")")
			}
			continue
		}
		b.WriteString("\n  ")
		if m.Location != "" {
			b.WriteString(m.Location + ": ")
		}
		b.WriteString(m.Message)
	}
	return b.String()
}
