package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"santral/api"
)

// Bounds of a WebSocket.
const (
	maxCommand   = 16 << 10               // octets
	mostCommands = 20                     // in any one second
	pingEach     = 20 * time.Second       // and the answer is due
	pingTime     = 10 * time.Second       // as soon as this
	closeTime    = 500 * time.Millisecond // for the farewell
)

// command is what a WebSocket's client says.
type command struct {
	Do     string   `json:"do"` // "subscribe", "unsubscribe", "ping"
	Types  []string `json:"types"`
	Tenant string   `json:"tenant"`
	ID     any      `json:"id"` // comes back with the answer
}

// answer is what it gets for it.
type answer struct {
	Type   string   `json:"type"` // "subscribed", "pong", "problem"
	ID     any      `json:"id,omitempty"`
	Types  []string `json:"types,omitempty"`
	Detail string   `json:"detail,omitempty"`
}

// told makes problem documents of what the library answers in plain text to who is refused.
type told struct {
	http.ResponseWriter
	status int // of the refusal; 0 for none
}

// Unwrap is for http.ResponseController.
func (t *told) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader keeps a refusal until its reason is there.
func (t *told) WriteHeader(status int) {
	if status >= 400 {
		t.status = status
		return
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write gives the reason of a refusal.
func (t *told) Write(b []byte) (int, error) {
	if t.status == 0 {
		return t.ResponseWriter.Write(b)
	}
	api.WriteProblem(t.ResponseWriter, t.status, strings.TrimSpace(string(b))+"; events come over a WebSocket here, and as server-sent events at /api/v1/events")
	return len(b), nil
}

// WebSocket tells events to a request over WebSocket (RFC 6455), each a text of JSON, until it goes. Origins are pages from
// elsewhere whose scripts may connect.
func (b *Bus) WebSocket(w http.ResponseWriter, r *http.Request, ask api.Listening) {
	l, err := b.Listen(api.From(r.Context()), ask)
	if err != nil {
		refuse(w, err)
		return
	}
	defer l.Close()
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{})
	_ = out.SetWriteDeadline(time.Time{})
	c, err := websocket.Accept(&told{ResponseWriter: w}, r, &websocket.AcceptOptions{OriginPatterns: b.cfg.Origins, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // it was told
	}
	defer c.CloseNow()
	c.SetReadLimit(maxCommand)
	ctx, stop := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer stop(nil)
	answers := make(chan answer, mostCommands)
	go func() { stop(b.hear(ctx, c, l, ask, answers)) }()
	err = b.speak(ctx, c, l, ask, answers)
	if err == nil || errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	code := websocket.StatusGoingAway
	switch {
	case errors.Is(err, ErrRevoked), errors.Is(err, errCommands):
		code = websocket.StatusPolicyViolation
	case errors.Is(err, ErrSlow):
		code = websocket.StatusTryAgainLater
	case !errors.Is(err, ErrClosed):
		return // it has gone
	}
	reason := err.Error()
	if len(reason) > 120 { // RFC 6455 §5.5: 125 octets with the code
		reason = reason[:120]
	}
	closer := time.AfterFunc(closeTime, func() { c.CloseNow() })
	defer closer.Stop()
	_ = c.Close(code, reason)
}

// errCommands is why one that says too much is sent away.
var errCommands = errors.New("more than 20 commands in a second")

// speak writes events, answers and pings.
func (b *Bus) speak(ctx context.Context, c *websocket.Conn, l *Listener, ask api.Listening, answers <-chan answer) error {
	tick := time.NewTicker(rejudged)
	defer tick.Stop()
	pinged := time.Now()
	write := func(text []byte) error {
		ctx, stop := context.WithTimeout(ctx, writeTime)
		defer stop()
		return c.Write(ctx, websocket.MessageText, text)
	}
	for {
		// Answers ring the listener's bell.
		list, err := l.next(ctx, tick.C)
		for done := false; !done; {
			select {
			case a := <-answers:
				text, _ := json.Marshal(a)
				if err := write(text); err != nil {
					return err
				}
			default:
				done = true
			}
		}
		for _, e := range list {
			if err := write(e.JSON()); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if len(list) > 0 {
			continue
		}
		who, ok := ask.Again()
		if !ok {
			return ErrRevoked
		}
		l.judge(who)
		if time.Since(pinged) >= pingEach {
			pinged = time.Now()
			ctx, stop := context.WithTimeout(ctx, pingTime)
			err := c.Ping(ctx)
			stop()
			if err != nil {
				return err
			}
		}
	}
}

// hear reads commands until the connection or its patience ends.
func (b *Bus) hear(ctx context.Context, c *websocket.Conn, l *Listener, ask api.Listening, answers chan<- answer) error {
	second, n := time.Now(), 0
	for {
		kind, text, err := c.Read(ctx)
		if err != nil {
			return err
		}
		if now := time.Now(); now.Sub(second) >= time.Second {
			second, n = now, 0
		}
		if n++; n > mostCommands {
			return errCommands
		}
		a := b.obey(kind, text, l, ask)
		select {
		case answers <- a:
			l.tap()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// obey does what a command says.
func (b *Bus) obey(kind websocket.MessageType, text []byte, l *Listener, ask api.Listening) answer {
	var d command
	if kind != websocket.MessageText || json.Unmarshal(text, &d) != nil {
		return answer{Type: "problem", Detail: `a command is a text of JSON such as {"do":"subscribe","types":["call.*"]}`}
	}
	for _, t := range d.Types {
		if !api.KnownWish(t) {
			return answer{Type: "problem", ID: d.ID, Detail: "there is no type of events " + t + "; * stands for the rest of a name"}
		}
	}
	switch d.Do {
	case "subscribe":
		if d.Tenant == "" {
			d.Tenant = ask.Tenant
		}
		list, ok := l.add(d.Types, d.Tenant)
		if !ok {
			return answer{Type: "problem", ID: d.ID, Detail: "too many types: use patterns such as call.*"}
		}
		return answer{Type: "subscribed", ID: d.ID, Types: list}
	case "unsubscribe":
		return answer{Type: "subscribed", ID: d.ID, Types: l.remove(d.Types)}
	case "ping":
		return answer{Type: "pong", ID: d.ID}
	}
	return answer{Type: "problem", ID: d.ID, Detail: "do must be subscribe, unsubscribe or ping"}
}
