package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Problem is what is answered where something is not done (RFC 9457 §3).
type Problem struct {
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Detail string    `json:"detail,omitempty"`
	Errors []Mistake `json:"errors,omitempty"`
}

// Mistake is one thing that is wrong with a request, and where.
type Mistake struct {
	Message  string `json:"message"`
	Location string `json:"location,omitempty"` // "body.number", "query.limit"; "12:5" of a document
}

// WriteProblem answers with a problem.
func WriteProblem(w http.ResponseWriter, status int, detail string, errors ...Mistake) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Problem{Title: http.StatusText(status), Status: status, Detail: detail, Errors: errors}) // who does not read is gone
}

// Write answers with the denial as a problem.
func (d *Denial) Write(w http.ResponseWriter) {
	d.Headers(w.Header())
	WriteProblem(w, d.Status, d.Text)
}

// Headers adds what a denial's answer has besides its problem: how to prove oneself (RFC 6750 §3), when to come again
// (RFC 9110 §10.2.3).
func (d *Denial) Headers(h http.Header) {
	if d.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if d.After > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((d.After+time.Second-1)/time.Second), 10))
	}
}
