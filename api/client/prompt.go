package client

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"
)

// Prompt is something that is said to callers of a tenant.
type Prompt struct {
	ID       string         `json:"id"`
	Language string         `json:"language"`
	Number   int            `json:"number"`
	Text     string         `json:"text,omitempty"`
	Heard    string         `json:"heard"` // whose voice: own, folder, asterisk, ours
	Missing  bool           `json:"missing,omitempty"`
	Version  *PromptVersion `json:"version,omitempty"`
}

// PromptVersion is a sound that a tenant has had for a prompt.
type PromptVersion struct {
	Version  int       `json:"version"`
	Made     time.Time `json:"made"`
	By       string    `json:"by"`
	Origin   string    `json:"origin"`
	Text     string    `json:"text,omitempty"`
	Long     int64     `json:"long_ms"`
	Loudness float64   `json:"lufs"`
	Octets   int64     `json:"octets"`
	SHA256   string    `json:"sha256"`
	Current  bool      `json:"current"`
}

// PromptName names a prompt of a tenant in a language.
type PromptName struct{ Tenant, Language, ID string }

func (n PromptName) path() string {
	return "/api/v1/prompts/" + url.PathEscape(n.Tenant) + "/" + url.PathEscape(n.Language) + "/" + url.PathEscape(n.ID)
}

// Prompts lists what is said to a tenant's callers in a language, "" for all. own leaves out what it has nothing of its own of,
// missing all that it has in this language.
func (c *Client) Prompts(ctx context.Context, tenant, language string, own, missing bool) ([]Prompt, error) {
	q := url.Values{"own": {strconv.FormatBool(own)}, "missing": {strconv.FormatBool(missing)}}
	if language != "" {
		q.Set("language", language)
	}
	var page Page[Prompt]
	err := c.do(ctx, http.MethodGet, "/api/v1/prompts/"+url.PathEscape(tenant)+"?"+q.Encode(), &page)
	return page.Items, err
}

// PromptVersions lists what a tenant has had for a prompt, newest first.
func (c *Client) PromptVersions(ctx context.Context, n PromptName) ([]PromptVersion, error) {
	var page Page[PromptVersion]
	err := c.do(ctx, http.MethodGet, n.path()+"/versions", &page)
	return page.Items, err
}

// PromptSound gives a version as a WAV file, or with 0 what is heard now.
func (c *Client) PromptSound(ctx context.Context, n PromptName, version int) (wav []byte, err error) {
	err = c.do(ctx, http.MethodGet, n.path()+"/sound?version="+strconv.Itoa(version), &wav)
	return wav, err
}

// PutPrompt has a file be heard from the next sentence on. Its name says by its ending what it is, where the file does not.
func (c *Client) PutPrompt(ctx context.Context, n PromptName, name string, file []byte) (v PromptVersion, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.URL+n.path()+"/sound?"+url.Values{"file": {filepath.Base(name)}}.Encode(), bytes.NewReader(file))
	if err != nil {
		return v, fmt.Errorf("ask the exchange: %w", err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	err = c.patient(promptTime).answered(req, &v)
	return v, err
}

// SpeakPrompt has a text be put into speech, and be heard from the next sentence on.
func (c *Client) SpeakPrompt(ctx context.Context, n PromptName, text string) (v PromptVersion, err error) {
	err = c.patient(promptTime).send(ctx, http.MethodPost, n.path()+"/speech", map[string]string{"text": text}, &v)
	return v, err
}

// HearPrompt rolls back to a version, or with 0 to the exchange's own voice.
func (c *Client) HearPrompt(ctx context.Context, n PromptName, version int) error {
	return c.send(ctx, http.MethodPut, n.path()+"/version", map[string]int{"version": version}, nil)
}

// promptTime is how long a prompt may take to be made.
const promptTime = 5 * time.Minute

// DeletePrompt deletes a version that is not heard, or with 0 all of them.
func (c *Client) DeletePrompt(ctx context.Context, n PromptName, version int) error {
	return c.do(ctx, http.MethodDelete, n.path()+"?version="+strconv.Itoa(version), nil)
}
