package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Recording is the row of a recording.
type Recording struct {
	Name      string    `json:"name"`
	Tenant    string    `json:"tenant"`
	Call      string    `json:"call"`
	Account   string    `json:"account,omitempty"`
	Kind      string    `json:"kind"`
	Began     time.Time `json:"began"`
	Long      int64     `json:"long_ms"`
	Octets    int64     `json:"octets"`
	SHA256    string    `json:"sha256"`
	Media     string    `json:"media"`
	Sealed    bool      `json:"sealed,omitempty"`
	Torn      bool      `json:"torn,omitempty"`
	Lost      int64     `json:"lost_ms,omitempty"`
	Segments  []Segment `json:"segments,omitempty"`
	After     []string  `json:"after,omitempty"`
	Deleted   time.Time `json:"deleted,omitzero"`
	DeletedBy string    `json:"deleted_by,omitempty"`
}

// Segment is a stretch of a recording in which the same two are heard.
type Segment struct {
	At    int64  `json:"at_ms"`
	What  string `json:"what"`
	Left  string `json:"left,omitempty"`
	Right string `json:"right,omitempty"`
}

// RecordingFilter says which recordings are wanted. Empty members do not restrict.
type RecordingFilter struct {
	Tenant, Account, Call string
	From, Until           time.Time
	Deleted               bool // deleted ones too
}

// Recordings gives the newest recordings, up to most of them.
func (c *Client) Recordings(ctx context.Context, f RecordingFilter, most int) ([]Recording, error) {
	q := url.Values{}
	for key, value := range map[string]string{"tenant": f.Tenant, "account": f.Account, "call": f.Call} {
		if value != "" {
			q.Set(key, value)
		}
	}
	for key, at := range map[string]time.Time{"from": f.From, "until": f.Until} {
		if !at.IsZero() {
			q.Set(key, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if f.Deleted {
		q.Set("deleted", "true")
	}
	if most <= 0 {
		return nil, nil
	}
	return pages[Recording](ctx, c, "/api/v1/recordings", q, most)
}

// Recording gives one.
func (c *Client) Recording(ctx context.Context, name string) (r Recording, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/recordings/"+url.PathEscape(name), &r)
	return r, err
}

// Verified is whether a recording is what was filed.
type Verified struct {
	Whole  bool   `json:"whole"`
	Octets int64  `json:"octets"`
	SHA256 string `json:"sha256"`
}

// VerifyRecording has the exchange read a recording's file and compare it with what the ledger knows.
func (c *Client) VerifyRecording(ctx context.Context, name string) (v Verified, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/recordings/"+url.PathEscape(name)+"/verify", &v)
	return v, err
}

// DeleteRecording deletes what a recording holds.
func (c *Client) DeleteRecording(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/recordings/"+url.PathEscape(name), nil)
}

// SaveRecording writes what a recording holds, or with sealed its file as it lies, to a file, and gives the number of
// octets. The file is there whole or not at all. It takes as long as it takes; ctx ends it.
func (c *Client) SaveRecording(ctx context.Context, name string, sealed bool, file string) (n int64, err error) {
	address := c.URL + "/api/v1/recordings/" + url.PathEscape(name) + "/sound"
	if sealed {
		address += "?sealed=true"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, fmt.Errorf("ask the exchange: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	h := c.HTTP
	if h == nil {
		h = &http.Client{}
	}
	res, err := h.Do(req)
	if err != nil {
		return 0, fmt.Errorf("the exchange does not answer at %s; does it run? %w", c.URL, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
		return 0, problem(res, body)
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return 0, fmt.Errorf("save the recording: %w", err)
	}
	n, err = io.Copy(f, res.Body)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return n, fmt.Errorf("save the recording: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return n, nil
}

// Record has a live call recorded ("start"), or no longer ("stop"), or leaves out what is said in it: "pause" and
// "resume", "mask" and "unmask".
func (c *Client) Record(ctx context.Context, call, action string) error {
	return c.send(ctx, http.MethodPost, "/api/v1/calls/"+url.PathEscape(call)+"/recording", map[string]string{"action": action}, nil)
}
