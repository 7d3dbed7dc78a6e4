package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"santral/api"
)

// Times of a stream.
const (
	heartbeat = 15 * time.Second // without an event: proxies and peers see that it lives
	rejudged  = 5 * time.Second  // how soon a token that was revoked is seen
	writeTime = 10 * time.Second // for what is written to be taken
	comeBack  = 3 * time.Second  // after which a browser connects again
)

// SSE tells events to a request as a stream (WHATWG HTML §9.2), until it goes.
func (b *Bus) SSE(w http.ResponseWriter, r *http.Request, ask api.Listening) {
	l, err := b.Listen(api.From(r.Context()), ask)
	if err != nil {
		refuse(w, err)
		return
	}
	defer l.Close()
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{})
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold it back
	w.WriteHeader(http.StatusOK)
	s := &stream{w: w, out: out}
	if s.say("retry: %d\n\n", comeBack.Milliseconds()) != nil {
		return
	}
	tick := time.NewTicker(rejudged)
	defer tick.Stop()
	quiet := time.Now()
	for {
		list, err := l.next(r.Context(), tick.C)
		for _, e := range list {
			if s.event(e) != nil {
				return
			}
		}
		if len(list) > 0 {
			if s.flush() != nil {
				return
			}
			quiet = time.Now()
		}
		if err == nil && len(list) == 0 {
			who, ok := ask.Again()
			if !ok {
				err = ErrRevoked
			} else if l.judge(who); time.Since(quiet) >= heartbeat {
				if s.say(": here\n\n") != nil {
					return
				}
				quiet = time.Now()
			}
		}
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				_ = s.say("event: end\ndata: {\"reason\":%q}\n\n", err.Error())
			}
			return
		}
	}
}

// stream writes to one that listens.
type stream struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

func (s *stream) event(e *entry) error {
	_ = s.out.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := fmt.Fprintf(s.w, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, e.Type, e.JSON())
	return err
}

func (s *stream) say(format string, args ...any) error {
	_ = s.out.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) flush() error { return s.out.Flush() }

// refuse says why nobody is told.
func refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, ErrMany) {
		w.Header().Set("Retry-After", "10")
		api.WriteProblem(w, http.StatusTooManyRequests, err.Error())
		return
	}
	api.WriteProblem(w, http.StatusServiceUnavailable, err.Error())
}
