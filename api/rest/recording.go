package rest

import (
	"context"
	"errors"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"santral/service/recording"
	"santral/store"
	"santral/tenant"
)

// Recordings is what the API shows of recordings. Of a tenant "" any is meant.
type Recordings interface {
	store.Recordings
	Sound(ctx context.Context, tenant, name string, sealed bool) (*recording.Sound, error)
	Verify(ctx context.Context, tenant, name string) (recording.Verdict, error)
	Delete(ctx context.Context, tenant, name, by string) error
}

// Verified is whether a recording is what was filed.
type Verified struct {
	Whole  bool   `json:"whole" doc:"length and checksum are those that the ledger knows"`
	Octets int64  `json:"octets" doc:"of the file as it lies now"`
	SHA256 string `json:"sha256" doc:"of the file as it lies now"`
}

// Caller is where a request came from. It is exported because huma reads only exported fields, of an embedded struct too.
type Caller struct{ remote string }

// Resolve notes it.
func (c *Caller) Resolve(ctx huma.Context) []error {
	if c.remote = ctx.RemoteAddr(); c.remote != "" {
		if host, _, err := net.SplitHostPort(c.remote); err == nil {
			c.remote = host
		}
	}
	return nil
}

// RecordingPath names a recording. It is exported for the same reason.
type RecordingPath struct {
	Name   string `path:"name" maxLength:"120"`
	Tenant string `query:"tenant" maxLength:"40" doc:"whose it must be; your own, or any, when left out"`
}

func (c Config) recordings(api huma.API) {
	const path = "/api/v1/recordings"
	huma.Register(api, op("list-recordings", http.MethodGet, path, "Recordings, newest first", reads("recordings", tenant.RoleReporter)),
		func(ctx context.Context, in *struct {
			Paging
			Tenant  string    `query:"tenant" maxLength:"40" doc:"whose; your own, or all, when left out"`
			Account string    `query:"account" doc:"whose they are"`
			Call    string    `query:"call" doc:"the call's id"`
			From    time.Time `query:"from" doc:"begun then or later"`
			Until   time.Time `query:"until" doc:"begun before"`
			Deleted bool      `query:"deleted" doc:"the rows of deleted ones too"`
		}) (*body[Page[store.Recording]], error) {
			tenantID, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			filter := store.RecordingFilter{Tenant: tenantID, Account: in.Account, Call: in.Call, From: in.From, Until: in.Until, Deleted: in.Deleted}
			rows, next, err := sifted(in.Cursor, in.Limit, func(cursor string, limit int) ([]store.Recording, string, error) {
				return c.Recordings.Recordings(ctx, filter, cursor, limit)
			}, func(r *store.Recording) bool { return c.sees(ctx, r.Tenant, r.Account) })
			switch {
			case errors.Is(err, store.ErrBadCursor):
				return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
			case err != nil:
				return nil, c.failed("the recordings can't be read", err)
			}
			return &body[Page[store.Recording]]{Page[store.Recording]{Items: rows, Next: next}}, nil
		})
	huma.Register(api, op("get-recording", http.MethodGet, path+"/{name}", "One recording", reads("recordings", tenant.RoleReporter)),
		func(ctx context.Context, in *RecordingPath) (*body[store.Recording], error) {
			row, err := c.recording(ctx, in)
			if err != nil {
				return nil, c.unheard(err)
			}
			return &body[store.Recording]{row}, nil
		})
	huma.Register(api, answering(confidential(op("get-recording-sound", http.MethodGet, path+"/{name}/sound", "What a recording holds: a WAV or Ogg file, or a part of it (Range)", reads("recordings", tenant.RoleReporter))),
		map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"audio/wav":                {Schema: &huma.Schema{Type: "string", Format: "binary"}},
			"audio/ogg":                {Schema: &huma.Schema{Type: "string", Format: "binary"}},
			"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}}, "206": {Description: "Partial Content"}}), c.sound)
	huma.Register(api, op("verify-recording", http.MethodGet, path+"/{name}/verify", "Read a recording's file and compare it with what the ledger knows", reads("recordings", tenant.RoleReporter)),
		func(ctx context.Context, in *RecordingPath) (*body[Verified], error) {
			if _, err := c.recording(ctx, in); err != nil {
				return nil, c.unheard(err)
			}
			v, err := c.Recordings.Verify(ctx, in.Tenant, in.Name)
			if err != nil {
				return nil, c.unheard(err)
			}
			return &body[Verified]{Verified{Whole: v.Whole, Octets: v.Octets, SHA256: v.SHA256}}, nil
		})
	huma.Register(api, empty(op("delete-recording", http.MethodDelete, path+"/{name}", "Delete what a recording holds; its row stays, marked", writes("recordings", tenant.RoleAdmin))),
		func(ctx context.Context, in *struct {
			RecordingPath
			Caller
		}) (*struct{}, error) {
			if _, err := c.recording(ctx, &in.RecordingPath); err != nil {
				return nil, c.unheard(err)
			}
			if err := c.Recordings.Delete(ctx, in.Tenant, in.Name, "api from "+in.remote); err != nil {
				return nil, c.unheard(err)
			}
			c.audit("a recording was deleted", "recording", in.Name, in.remote)
			return nil, nil
		})
	c.recordCall(api)
}

// recording gives the row of a recording that who asks may see; afterwards the path's tenant is the one that it must be.
func (c Config) recording(ctx context.Context, in *RecordingPath) (store.Recording, error) {
	var err error
	if in.Tenant, err = tenantOf(ctx, in.Tenant); err != nil {
		return store.Recording{}, store.ErrNotFound
	}
	row, err := c.Recordings.Recording(ctx, in.Tenant, in.Name)
	if err == nil && !c.sees(ctx, row.Tenant, row.Account) {
		err = store.ErrNotFound
	}
	return row, err
}

// RecordRequest is what becomes of a live call's recording.
type RecordRequest struct {
	Action string `json:"action" enum:"start,stop,pause,resume,mask,unmask" doc:"pause: the time line stands still; mask: silence keeps the place of what is said"`
}

// recordCall has a live call recorded, or not.
func (c Config) recordCall(api huma.API) {
	huma.Register(api, empty(op("record-call", http.MethodPost, "/api/v1/calls/{call}/recording", "Record a call that goes on, or leave out what is said in it", writes("calls", tenant.RoleUser))),
		func(ctx context.Context, in *struct {
			CallPath
			Caller
			Body RecordRequest
		}) (*struct{}, error) {
			if !c.mayCall(ctx, in.Call) {
				return nil, huma.Error404NotFound("there is no such call now")
			}
			err := c.Record(in.Call, in.Body.Action)
			var no *Refusal
			switch {
			case errors.Is(err, store.ErrNotFound):
				return nil, huma.Error404NotFound("there is no such call now")
			case errors.As(err, &no):
				return nil, huma.Error409Conflict(no.Text)
			case err != nil:
				return nil, c.failed("the call can't be recorded", err)
			}
			c.audit("a live call's recording: "+in.Body.Action, "call", in.Call, in.remote)
			return nil, nil
		})
}

type soundRequest struct {
	RecordingPath
	Caller
	Sealed bool `query:"sealed" doc:"as it lies, if it lies sealed"`
}

// sound answers with a recording's file or a part of it.
func (c Config) sound(ctx context.Context, in *soundRequest) (*huma.StreamResponse, error) {
	if _, err := c.recording(ctx, &in.RecordingPath); err != nil {
		return nil, c.unheard(err)
	}
	s, err := c.Recordings.Sound(ctx, in.Tenant, in.Name, in.Sealed)
	if err != nil {
		return nil, c.unheard(err)
	}
	c.audit("a recording was given out", "recording", in.Name, in.remote)
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer s.Close()
		r, w := humago.Unwrap(hctx)
		h := w.Header()
		h.Set("Content-Type", s.Type)
		h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": s.Name}))
		tag := s.Row.SHA256
		if s.Row.Sealed && s.Plain {
			tag += "-plain"
		}
		h.Set("ETag", `"`+tag+`"`)
		deadline := http.NewResponseController(w)
		_ = deadline.SetReadDeadline(time.Time{}) // else the request's context ends with the time for reading requests
		http.ServeContent(&slow{w, deadline}, r, "", s.Row.Began, s)
	}}, nil
}

// slow is an answer that may take as long as it gets on.
type slow struct {
	http.ResponseWriter
	deadline *http.ResponseController
}

// piece is how long a client may take for a piece of an answer.
const piece = time.Minute

// Write writes a piece.
func (s *slow) Write(b []byte) (int, error) {
	_ = s.deadline.SetWriteDeadline(time.Now().Add(piece)) // where it can't be set there is none
	return s.ResponseWriter.Write(b)
}

// audit writes down what was done with a recording, and from where.
func (c Config) audit(what, key, name, from string) {
	if c.Log != nil {
		c.Log.Info(what, key, name, "from", from)
	}
}

// unheard puts into HTTP why a recording is not given out.
func (c Config) unheard(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return huma.Error404NotFound("there is no such recording; one that has just ended may not be filed yet")
	case errors.Is(err, recording.ErrGone):
		return huma.Error410Gone("that recording was deleted; its row says when and by whom")
	case errors.Is(err, recording.ErrAway):
		return huma.Error404NotFound("the recording's file is not where it was filed: it was taken away, or its disk or bucket is not the one that it lay on")
	case errors.Is(err, recording.ErrSealed):
		return huma.Error409Conflict("that recording lies sealed, and no identity of this exchange opens it: ask with ?sealed=1 for it as it lies, or name the identity in the boot file (recordings.identity)")
	}
	return c.failed("the recording can't be read", err)
}
