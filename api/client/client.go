// Package client speaks the exchange's HTTP API for the command line: typed calls over one
// connection, with errors that say what to do. It knows nothing of the server's packages, so that
// other programs may use it as it is.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Client calls one exchange.
type Client struct {
	URL   string // "http://127.0.0.1:8080"
	Token string
	HTTP  *http.Client // nil: one with a time limit of 30 s
}

// Access is what a running exchange leaves in its data folder, for commands on the same machine.
type Access struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// AccessFile is the name of the file in the data folder that holds an Access; only its owner may
// read it.
const AccessFile = "api.json"

// Open makes a client from the data folder of an exchange on this machine.
func Open(data string) (*Client, error) {
	text, err := os.ReadFile(filepath.Join(data, AccessFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no exchange has run with the data folder %s: name its folder with --data, or its API with --api and --token", data)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", AccessFile, err)
	}
	var a Access
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("read %s: %w", AccessFile, err)
	}
	return &Client{URL: a.URL, Token: a.Token}, nil
}

// Problem is an error that the exchange answered with (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`

	Errors []Mistake `json:"errors"`
}

// Error gives the problem in words.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("%d %s", p.Status, p.Title)
	}
	return p.words()
}

// patient is the client with another limit of time, 0 for none, where it has no HTTP of its own.
func (c *Client) patient(limit time.Duration) *Client {
	slow := *c
	if slow.HTTP == nil {
		slow.HTTP = &http.Client{Timeout: limit}
	}
	return &slow
}

const maxAnswer = 64 << 20 // octets of an answer

func (c *Client) do(ctx context.Context, method, path string, to any) error {
	return c.send(ctx, method, path, nil, to)
}

// send is do with a JSON document in the request, nil for none.
func (c *Client) send(ctx context.Context, method, path string, from, to any) error {
	var document io.Reader
	if from != nil {
		text, err := json.Marshal(from)
		if err != nil {
			return fmt.Errorf("ask the exchange: %w", err)
		}
		document = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, document)
	if err != nil {
		return fmt.Errorf("ask the exchange: %w", err)
	}
	if from != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.answered(req, to)
}

// answered sends a request, and reads its answer into to: a document, or octets as they are.
func (c *Client) answered(req *http.Request, to any) error {
	req.Header.Set("Authorization", "Bearer "+c.Token)
	h := c.HTTP
	if h == nil {
		h = &http.Client{Timeout: 30 * time.Second}
	}
	res, err := h.Do(req)
	if err != nil {
		return fmt.Errorf("the exchange does not answer at %s; does it run? %w", c.URL, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the exchange's answer: %w", err)
	}
	if raw, ok := to.(*[]byte); ok && res.StatusCode < 300 {
		*raw = body
		return nil
	}
	if res.StatusCode >= 300 {
		return problem(res, body)
	}
	if to == nil {
		return nil
	}
	if err := json.Unmarshal(body, to); err != nil {
		return fmt.Errorf("read the exchange's answer: %w", err)
	}
	return nil
}

// problem is what an answer says that is none.
func problem(res *http.Response, body []byte) error {
	p := Problem{Status: res.StatusCode, Title: http.StatusText(res.StatusCode)}
	_ = json.Unmarshal(body, &p) // what is no problem document keeps the status line
	return &p
}

// Page is one page of a list; Next is empty on the last.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// mostOfAPage is how many items the exchange gives at once.
const mostOfAPage = 1000

// pages gives the items of a list, page by page, up to most (0 for all).
func pages[T any](ctx context.Context, c *Client, path string, q url.Values, most int) (all []T, err error) {
	for {
		size := mostOfAPage
		if most > 0 {
			size = min(size, most-len(all))
		}
		q.Set("limit", strconv.Itoa(size))
		var p Page[T]
		if err := c.do(ctx, http.MethodGet, path+"?"+q.Encode(), &p); err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == "" || most > 0 && len(all) >= most {
			return all, nil
		}
		q.Set("cursor", p.Next)
	}
}

// Call is a call that is going on.
type Call struct {
	Call    string    `json:"call"`
	From    string    `json:"from"`
	Dialled string    `json:"dialled"`
	To      string    `json:"to"`
	State   string    `json:"state"`
	Began   time.Time `json:"began"`
	Legs    []Leg     `json:"legs"`

	Recording string `json:"recording"` // "on", "paused", "masked"; "" for a call that is not recorded
}

// Leg is what a call or a record tells of the quality of one of its legs.
type Leg struct {
	Leg     string   `json:"leg"`
	Streams []Stream `json:"streams"`
	Notices []Notice `json:"notices"`
}

// Stream is how one of its streams sounds: as it came from the peer, and as the peer says that it got ours.
type Stream struct {
	MOS     float64 `json:"mos"`
	Worst   float64 `json:"mos_worst"`
	Packets uint64  `json:"packets"`
	Lost    uint64  `json:"lost"`
	Heard   *struct {
		MOS float64 `json:"mos"`
	} `json:"heard"`
}

// Notice is something of its media that people want to know.
type Notice struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	Addr string    `json:"addr"`
	Text string    `json:"text"`
}

// Registration is one place where an account can be reached.
type Registration struct {
	Account   string    `json:"account"`
	Contact   string    `json:"contact"`
	Flow      string    `json:"flow"`
	UserAgent string    `json:"user_agent"`
	Expires   time.Time `json:"expires"`
}

// CDR is a call record, as far as the command line shows it.
type CDR struct {
	Call       string    `json:"call"`
	State      string    `json:"state"`
	FromNumber string    `json:"from_number"`
	Dialled    string    `json:"dialled"`
	To         string    `json:"to"`
	Began      time.Time `json:"began"`
	TalkMS     int64     `json:"talk_ms"`
	EndedBy    string    `json:"ended_by"`
	SIP        int       `json:"sip"`
	Q850       int       `json:"q850"`
	Cause      string    `json:"cause"`
	Codec      string    `json:"codec"`
	Legs       []Leg     `json:"legs"`
}

// Ban is a source that is not heard for a while.
type Ban struct {
	Source string    `json:"source"`
	Until  time.Time `json:"until"`
}

// Trunk is a way to another exchange, as far as the command line shows it.
type Trunk struct {
	Tenant       string             `json:"tenant"`
	Trunk        string             `json:"trunk"`
	Mode         string             `json:"mode"`
	State        string             `json:"state"`
	Registration *TrunkRegistration `json:"registration"`
	Places       []TrunkPlace       `json:"places"`
	CallsIn      int                `json:"calls_in"`
	CallsOut     int                `json:"calls_out"`
	Channels     int                `json:"channels"`
}

// TrunkRegistration is how the exchange is registered at a carrier.
type TrunkRegistration struct {
	State  string    `json:"state"`
	Fault  string    `json:"fault"`
	Status int       `json:"status"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
}

// TrunkPlace is one address of a trunk.
type TrunkPlace struct {
	URI    string `json:"uri"`
	Health string `json:"health"`
}

// TrunkClause is one clause of a trunk's certification.
type TrunkClause struct {
	Clause  string `json:"clause"`
	Asks    string `json:"asks"`
	Verdict string `json:"verdict"`
	Seen    string `json:"seen"`
}

// Trunks lists all trunks.
func (c *Client) Trunks(ctx context.Context) ([]Trunk, error) {
	var p Page[Trunk]
	err := c.do(ctx, http.MethodGet, "/api/v1/trunks", &p)
	return p.Items, err
}

// Certify tests a trunk, with a call to number where it is not "". It takes up to half a minute.
func (c *Client) Certify(ctx context.Context, tenant, trunk, number string) ([]TrunkClause, error) {
	var p Page[TrunkClause]
	path := "/api/v1/trunks/" + url.PathEscape(tenant) + "/" + url.PathEscape(trunk) + "/certification"
	if number != "" {
		path += "?" + url.Values{"number": {number}}.Encode()
	}
	err := c.patient(time.Minute).do(ctx, http.MethodPost, path, &p)
	return p.Items, err
}

// Calls lists the calls that are going on.
func (c *Client) Calls(ctx context.Context) ([]Call, error) {
	var list []Call
	for cursor := ""; ; {
		var p Page[Call]
		if err := c.do(ctx, http.MethodGet, "/api/v1/calls?"+paging(cursor, 1000), &p); err != nil {
			return nil, err
		}
		list = append(list, p.Items...)
		if cursor = p.Next; cursor == "" {
			return list, nil
		}
	}
}

// Dial has an account rung and connected with a number; auto asks its phones to answer by themselves. It
// gives the call's id. tenant "" is the default one.
func (c *Client) Dial(ctx context.Context, tenant, from, to string, auto bool) (call string, err error) {
	ask := map[string]any{"from": from, "to": to, "auto": auto}
	if tenant != "" {
		ask["tenant"] = tenant
	}
	var answer struct {
		Call string `json:"call"`
	}
	err = c.send(ctx, http.MethodPost, "/api/v1/calls", ask, &answer)
	return answer.Call, err
}

// Hangup ends a call.
func (c *Client) Hangup(ctx context.Context, call string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/calls/"+url.PathEscape(call), nil)
}

// Registrations gives a page of who is registered.
func (c *Client) Registrations(ctx context.Context, cursor string, limit int) (Page[Registration], error) {
	var p Page[Registration]
	err := c.do(ctx, http.MethodGet, "/api/v1/registrations?"+paging(cursor, limit), &p)
	return p, err
}

func paging(cursor string, limit int) string {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return q.Encode()
}

// Trace reads the SIP messages of a call into to, a pointer to a slice of entries.
func (c *Client) Trace(ctx context.Context, call string, to any) error {
	p := struct {
		Items any `json:"items"`
	}{to}
	return c.do(ctx, http.MethodGet, "/api/v1/calls/"+url.PathEscape(call)+"/trace", &p)
}

// Capture reads the SIP messages of a call as a pcapng file.
func (c *Client) Capture(ctx context.Context, call string) ([]byte, error) {
	var file []byte
	err := c.do(ctx, http.MethodGet, "/api/v1/calls/"+url.PathEscape(call)+"/trace?format=pcapng", &file)
	return file, err
}

// Bans lists the sources that are not heard now.
func (c *Client) Bans(ctx context.Context) ([]Ban, error) {
	var p Page[Ban]
	err := c.do(ctx, http.MethodGet, "/api/v1/bans", &p)
	return p.Items, err
}

// Unban lets a source be heard again.
func (c *Client) Unban(ctx context.Context, source string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/bans/"+url.PathEscape(source), nil)
}

// Allowed is a network that is never banned.
type Allowed struct {
	Source string `json:"source"`
	Boot   bool   `json:"boot"` // it stands in the boot file
}

// Allowed lists the networks that are never banned.
func (c *Client) Allowed(ctx context.Context) ([]Allowed, error) {
	var p Page[Allowed]
	err := c.do(ctx, http.MethodGet, "/api/v1/allow", &p)
	return p.Items, err
}

// Allow has a network never banned.
func (c *Client) Allow(ctx context.Context, network string) error {
	return c.send(ctx, http.MethodPost, "/api/v1/allow", map[string]string{"source": network}, nil)
}

// Forbid ends Allow.
func (c *Client) Forbid(ctx context.Context, network string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/allow/"+url.PathEscape(network), nil)
}
