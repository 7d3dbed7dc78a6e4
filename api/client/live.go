package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Event is something that has happened.
type Event struct {
	ID     uint64          `json:"id"`
	Type   string          `json:"type"`
	Time   time.Time       `json:"time"`
	Tenant string          `json:"tenant"`
	Data   json.RawMessage `json:"data"`
}

// Listening is what somebody wants to be told.
type Listening struct {
	Types  []string // such as "call.ended" or "call.*"; none for all
	Tenant string   // "" for all that one may know of
	After  string   // id of the last event that one has had; "" for what happens from now on
}

const maxEvent = 1 << 20 // octets of an event

// Listen tells of events until ctx ends, tell fails, or the exchange ends the stream; follow has it come back then, from
// where it was.
func (c *Client) Listen(ctx context.Context, ask Listening, follow bool, tell func(Event) error) error {
	for {
		told := false
		err := c.stream(ctx, ask, func(e Event) error {
			ask.After, told = strconv.FormatUint(e.ID, 10), true
			return tell(e)
		})
		var no *Problem
		var stop *stopped
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &stop):
			return stop.error
		case !follow, errors.As(err, &no) && no.Status < 500 && no.Status != http.StatusTooManyRequests:
			return err
		}
		wait := 3 * time.Second
		if told {
			wait = 100 * time.Millisecond
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// stopped is a listener's own error.
type stopped struct{ error }

// stream reads one stream of events to its end.
func (c *Client) stream(ctx context.Context, ask Listening, tell func(Event) error) error {
	query := url.Values{}
	if len(ask.Types) > 0 {
		query.Set("types", strings.Join(ask.Types, ","))
	}
	if ask.Tenant != "" {
		query.Set("tenant", ask.Tenant)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/api/v1/events?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("ask the exchange: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if ask.After != "" {
		req.Header.Set("Last-Event-ID", ask.After)
	}
	h := &http.Client{}
	if c.HTTP != nil {
		h.Transport = c.HTTP.Transport
	}
	res, err := h.Do(req)
	if err != nil {
		return fmt.Errorf("the exchange does not answer at %s; does it run? %w", c.URL, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxEvent))
		return problem(res, text)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	kind, data := "", ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			if kind == "end" {
				var end struct {
					Reason string `json:"reason"`
				}
				_ = json.Unmarshal([]byte(data), &end)
				return errors.New(end.Reason)
			}
			if data != "" {
				var e Event
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					return fmt.Errorf("read an event: %w", err)
				}
				if err := tell(e); err != nil {
					return &stopped{err}
				}
			}
			kind, data = "", ""
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return io.ErrUnexpectedEOF
}

// Steer does something with a call: "transfer", "hold", "resume", "move", "digits", with what that wants.
func (c *Client) Steer(ctx context.Context, call, verb string, ask map[string]string) error {
	for name, value := range ask {
		if value == "" {
			delete(ask, name)
		}
	}
	return c.send(ctx, http.MethodPost, "/api/v1/calls/"+url.PathEscape(call)+"/"+verb, ask, nil)
}

// Alarm is something that is or was wrong.
type Alarm struct {
	Alarm    string    `json:"alarm"`
	Name     string    `json:"name"`
	Severity string    `json:"severity"`
	Tenant   string    `json:"tenant"`
	About    string    `json:"about,omitempty"`
	Text     string    `json:"text"`
	TextFa   string    `json:"text_fa"`
	Raised   time.Time `json:"raised"`
	Cleared  time.Time `json:"cleared,omitzero"`
	Times    int       `json:"times"`
	By       string    `json:"acknowledged_by,omitempty"`
}

// Alarms gives a page of alarms, newest first; up alone gives those that hold.
func (c *Client) Alarms(ctx context.Context, up bool, cursor string, limit int) (Page[Alarm], error) {
	var p Page[Alarm]
	path := "/api/v1/alarms?" + paging(cursor, limit)
	if up {
		path += "&state=up"
	}
	err := c.do(ctx, http.MethodGet, path, &p)
	return p, err
}

// Acknowledge says that an alarm is known.
func (c *Client) Acknowledge(ctx context.Context, alarm string) error {
	return c.do(ctx, http.MethodPost, "/api/v1/alarms/"+url.PathEscape(alarm)+"/acknowledge", nil)
}

// Delivery is an event on its way to a webhook.
type Delivery struct {
	Delivery uint64    `json:"delivery"`
	Sequence uint64    `json:"sequence"`
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Made     time.Time `json:"made"`
	State    string    `json:"state"`
	Tries    int       `json:"tries"`
	Next     time.Time `json:"next,omitzero"`
	Attempts []struct {
		At      time.Time `json:"at"`
		Status  int       `json:"status,omitempty"`
		Excerpt string    `json:"excerpt,omitempty"`
		Error   string    `json:"error,omitempty"`
		Took    int64     `json:"took_ms"`
	} `json:"attempts"`
}

// hookPath is where a webhook is; tenant "" is the operator.
func hookPath(tenant, webhook string) string {
	if tenant == "" || tenant == "operator" {
		return "/api/v1/operator/webhooks/" + url.PathEscape(webhook)
	}
	return "/api/v1/tenants/" + url.PathEscape(tenant) + "/webhooks/" + url.PathEscape(webhook)
}

// Deliveries gives a page of what a webhook was told, newest first.
func (c *Client) Deliveries(ctx context.Context, tenant, webhook, state, cursor string, limit int) (Page[Delivery], error) {
	var p Page[Delivery]
	path := hookPath(tenant, webhook) + "/deliveries?" + paging(cursor, limit)
	if state != "" {
		path += "&" + url.Values{"state": {state}}.Encode()
	}
	err := c.do(ctx, http.MethodGet, path, &p)
	return p, err
}

// Resend has deliveries from one to another, 0 for the end of the list, be sent anew; only those in a state where it is not "".
func (c *Client) Resend(ctx context.Context, tenant, webhook string, from, to uint64, state string) (n int, err error) {
	ask := map[string]any{}
	if from > 0 {
		ask["from"] = from
	}
	if to > 0 {
		ask["to"] = to
	}
	if state != "" {
		ask["state"] = state
	}
	var answer struct {
		Resent int `json:"resent"`
	}
	err = c.send(ctx, http.MethodPost, hookPath(tenant, webhook)+"/resend", ask, &answer)
	return answer.Resent, err
}

// TestWebhook tries a webhook, and tells what came of it.
func (c *Client) TestWebhook(ctx context.Context, tenant, webhook string) (d Delivery, err error) {
	err = c.do(ctx, http.MethodPost, hookPath(tenant, webhook)+"/test", &d)
	return d, err
}

// ResumeWebhook switches a webhook on again whose target had answered 410.
func (c *Client) ResumeWebhook(ctx context.Context, tenant, webhook string) (was bool, err error) {
	var answer struct {
		Was bool `json:"was_off"`
	}
	err = c.do(ctx, http.MethodPost, hookPath(tenant, webhook)+"/resume", &answer)
	return answer.Was, err
}
