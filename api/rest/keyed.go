package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"santral/api"
	"santral/base/seal"
	"santral/store"
)

// keyHeader names a request, so that it may come again without being done again (draft-ietf-httpapi-idempotency-key-header).
const keyHeader = "Idempotency-Key"

// Bounds of what is kept.
const (
	AnswerLife = 24 * time.Hour // how long
	mostKeys   = 10000          // of one identity
	mostAnswer = 256 << 10      // octets of an answer; a longer one is done again when it is asked for again
	longestKey = 255
)

// Answers is where answers are kept, and what seals them: some hold a secret that is shown once.
type Answers struct {
	Store store.Answers
	Box   *seal.Box
}

// keyed does a POST with a key once: whoever sends the same again gets the same answer.
type keyed struct {
	Answers
	c    Config
	next http.Handler

	mu    sync.Mutex
	doing map[string]bool // owner and key of what is being done
}

// kept is what stands in the header column.
type kept struct {
	Header http.Header `json:"header"`
}

// ServeHTTP passes on what has no key, or is no POST.
func (k *keyed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.Trim(strings.TrimSpace(r.Header.Get(keyHeader)), `"`)
	who := api.From(r.Context())
	if r.Method != http.MethodPost || r.Header.Get(keyHeader) == "" || who.Kind == "" || k.Store == nil || k.Box == nil {
		k.next.ServeHTTP(w, r)
		return
	}
	if key == "" || len(key) > longestKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		api.WriteProblem(w, http.StatusBadRequest, "the header Idempotency-Key must be 1 to 255 printable characters, a new UUID for each thing that is to be done", api.Mistake{Message: "is no key", Location: "header.Idempotency-Key"})
		return
	}
	owner := who.Kind + " " + who.ID
	if who.Kind == "session" { // a person who signs in anew is the same
		owner = who.Kind + " " + who.Home() + "/" + who.Name
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		if tooLarge(err) {
			api.WriteProblem(w, http.StatusRequestEntityTooLarge, "the body is larger than this takes")
			return
		}
		api.WriteProblem(w, http.StatusBadRequest, "the body did not come to its end")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	sum := sha256.New()
	for _, part := range []string{r.Method, r.URL.Path, r.URL.RawQuery, ""} {
		io.WriteString(sum, part+"\n")
	}
	sum.Write(text)
	print := sum.Sum(nil)

	mine := owner + "\x00" + key
	k.mu.Lock()
	busy := k.doing[mine]
	if !busy {
		k.doing[mine] = true
	}
	k.mu.Unlock()
	if busy {
		(&api.Denial{Status: http.StatusConflict, Text: "the same request is being done at this moment: ask again for its answer", After: time.Second}).Write(w)
		return
	}
	defer func() {
		k.mu.Lock()
		delete(k.doing, mine)
		k.mu.Unlock()
	}()

	a, err := k.Store.Answer(r.Context(), owner, key)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		if k.c.Log != nil {
			k.c.Log.Error("a kept answer can't be read", "error", err)
		}
		(&api.Denial{Status: http.StatusServiceUnavailable, Text: "it can't be known now whether this was done before: ask again in a moment", After: 5 * time.Second}).Write(w)
		return
	case err == nil && time.Since(a.Made) < AnswerLife:
		k.again(w, &a, print, mine)
		return
	}
	out := &taken{ResponseWriter: w}
	k.next.ServeHTTP(out, r)
	k.keep(r, out, store.Answer{Owner: owner, Key: key, Fingerprint: print, Made: time.Now(), Status: out.status}, mine)
	out.finish()
}

// again gives an answer that was given before.
func (k *keyed) again(w http.ResponseWriter, a *store.Answer, print []byte, about string) {
	if !bytes.Equal(a.Fingerprint, print) {
		api.WriteProblem(w, http.StatusUnprocessableEntity, "this Idempotency-Key was used for another request: take a new one for each thing that is to be done", api.Mistake{Message: "was used before with another body or path", Location: "header.Idempotency-Key"})
		return
	}
	var head kept
	header, err := k.Box.Open(a.Header, "header "+about)
	if err == nil {
		err = json.Unmarshal(header, &head)
	}
	text, err2 := k.Box.Open(a.Body, "body "+about)
	if err = errors.Join(err, err2); err != nil {
		api.WriteProblem(w, http.StatusConflict, "this was done before, and its answer can't be read any more: look whether it is there, and take a new key")
		return
	}
	for name, values := range head.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(a.Status)
	w.Write(text)
}

// keep keeps an answer, if something was done.
func (k *keyed) keep(r *http.Request, out *taken, a store.Answer, about string) {
	if out.passing || out.status < 200 || out.status >= 400 {
		return
	}
	head := kept{Header: http.Header{}}
	for _, name := range []string{"Content-Type", "Location", "Etag", "Link"} {
		if v := out.Header().Values(name); len(v) > 0 {
			head.Header[name] = v
		}
	}
	text, _ := json.Marshal(head) // a map of texts always can be
	a.Header, a.Body = k.Box.Seal(text, "header "+about), k.Box.Seal(out.body.Bytes(), "body "+about)
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
	defer stop()
	if err := k.Store.PutAnswer(ctx, a, mostKeys); err != nil && k.c.Log != nil {
		k.c.Log.Error("an answer can't be kept: the request would be done again if it came again", "error", err)
	}
}

// taken holds an answer back until it is kept; one that is too long goes out as it comes.
type taken struct {
	http.ResponseWriter
	status  int
	body    bytes.Buffer
	passing bool
}

// Unwrap is for http.ResponseController.
func (t *taken) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// WriteHeader notes the status.
func (t *taken) WriteHeader(status int) {
	if t.status == 0 || t.status < 200 {
		t.status = status
	}
}

// Write notes what is said.
func (t *taken) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	if !t.passing && t.body.Len()+len(b) > mostAnswer {
		t.passing = true
		t.ResponseWriter.WriteHeader(t.status)
		if _, err := t.ResponseWriter.Write(t.body.Bytes()); err != nil {
			return 0, err
		}
		t.body.Reset()
	}
	if t.passing {
		return t.ResponseWriter.Write(b)
	}
	return t.body.Write(b)
}

func (t *taken) finish() {
	if t.passing {
		return
	}
	if t.status == 0 {
		t.status = http.StatusOK
	}
	t.ResponseWriter.WriteHeader(t.status)
	t.ResponseWriter.Write(t.body.Bytes())
}
