package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/api/client"
	"santral/service/recording"
	"santral/store"
)

// shelf is recordings in memory.
type shelf struct {
	rows    []store.Recording
	sounds  map[string][]byte
	asked   store.RecordingFilter
	deleted []string
	actions []string // on the call c1
	broken  error
	slow    time.Duration // before each piece
}

// Recording implements Recordings.
func (s *shelf) Recording(_ context.Context, tenant, name string) (store.Recording, error) {
	for _, r := range s.rows {
		if r.Name == name && (tenant == "" || tenant == r.Tenant) {
			return r, s.broken
		}
	}
	return store.Recording{}, store.ErrNotFound
}

// Recordings implements Recordings.
func (s *shelf) Recordings(_ context.Context, filter store.RecordingFilter, cursor string, limit int) ([]store.Recording, string, error) {
	s.asked = filter
	switch {
	case s.broken != nil:
		return nil, "", s.broken
	case cursor == "next":
		return s.rows[1:], "", nil
	case cursor != "":
		return nil, "", store.ErrBadCursor
	case limit == 1:
		return s.rows[:1], "next", nil
	}
	return s.rows, "", nil
}

// Sound implements Recordings.
func (s *shelf) Sound(ctx context.Context, tenant, name string, sealed bool) (*recording.Sound, error) {
	r, err := s.Recording(ctx, tenant, name)
	switch {
	case err != nil:
		return nil, err
	case !r.Deleted.IsZero():
		return nil, recording.ErrGone
	case s.sounds[name] == nil:
		return nil, recording.ErrAway
	case r.Sealed && !sealed:
		return nil, recording.ErrSealed
	}
	text := s.sounds[name]
	out := &recording.Sound{ReadSeeker: bytes.NewReader(text), Closer: io.NopCloser(nil), Row: r, Size: int64(len(text)), Type: "audio/wav", Name: name}
	if s.slow > 0 {
		out.ReadSeeker = &sleepy{ctx, bytes.NewReader(text), s.slow}
	}
	return out, nil
}

type sleepy struct {
	ctx context.Context
	*bytes.Reader
	pause time.Duration
}

// Read takes its time, as long as somebody waits.
func (s *sleepy) Read(b []byte) (int, error) {
	t := time.NewTimer(s.pause)
	defer t.Stop()
	select {
	case <-t.C:
		return s.Reader.Read(b)
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// WriteTo is hidden.
func (s *sleepy) WriteTo() {}

// Verify implements Recordings.
func (s *shelf) Verify(ctx context.Context, tenant, name string) (recording.Verdict, error) {
	_, err := s.Recording(ctx, tenant, name)
	return recording.Verdict{Octets: 7, SHA256: "ab", Whole: true}, err
}

// Delete implements Recordings.
func (s *shelf) Delete(ctx context.Context, tenant, name, by string) error {
	_, err := s.Recording(ctx, tenant, name)
	if err == nil {
		s.deleted = append(s.deleted, name+" by "+by)
	}
	return err
}

func newShelf() *shelf {
	row := func(name, tenant string) store.Recording {
		return store.Recording{Name: name, Tenant: tenant, Call: "c1", Account: "101", Kind: "call", Began: time.Date(2026, 3, 21, 10, 0, 0, 0, time.UTC), Long: 1500, Octets: 9, SHA256: "ab12", Media: "wav",
			Segments: []store.Segment{{What: "talk", Left: "101", Right: "102"}}}
	}
	s := &shelf{rows: []store.Recording{row("one.wav", "sample"), row("two.wav", "sample"), row("gone.wav", "sample"), row("away.wav", "other")}, sounds: map[string][]byte{"one.wav": []byte("RIFFsound"), "two.wav": []byte("sealedbox")}}
	s.rows[1].Sealed = true
	s.rows[2].Deleted, s.rows[2].DeletedBy = time.Date(2026, 3, 22, 10, 0, 0, 0, time.UTC), "somebody"
	return s
}

func serveShelf(t *testing.T, s *shelf) (at string, log *bytes.Buffer) {
	log = &bytes.Buffer{}
	c := (&exchange{}).config()
	c.Record = func(call, action string) error {
		switch call {
		case "c1":
			s.actions = append(s.actions, action)
			return nil
		case "c2":
			return &Refusal{Text: "the call is not answered yet"}
		}
		return store.ErrNotFound
	}
	c.Recordings, c.Log = s, slog.New(slog.NewTextHandler(log, nil))
	server := httptest.NewServer(Handler(c))
	t.Cleanup(server.Close)
	return server.URL, log
}

func TestRecordings(t *testing.T) {
	s := newShelf()
	at, log := serveShelf(t, s)
	x := &client.Client{URL: at, Token: token}
	ctx := t.Context()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	rows, err := x.Recordings(ctx, client.RecordingFilter{Tenant: "sample", Account: "101", Call: "c1", From: from, Until: from.AddDate(1, 0, 0), Deleted: true}, 100)
	if err != nil || len(rows) != 4 || rows[0].Name != "one.wav" || rows[0].Long != 1500 || len(rows[0].Segments) != 1 || rows[2].DeletedBy != "somebody" {
		t.Errorf("%+v %v", rows, err)
	}
	if want := (store.RecordingFilter{Tenant: "sample", Account: "101", Call: "c1", From: from, Until: from.AddDate(1, 0, 0), Deleted: true}); cmp.Diff(want, s.asked) != "" {
		t.Errorf("%+v", s.asked)
	}
	if page := get[Page[store.Recording]](t, at+"/api/v1/recordings?limit=1"); len(page.Items) != 1 || page.Next != "next" {
		t.Errorf("%+v", page)
	}
	if page := get[Page[store.Recording]](t, at+"/api/v1/recordings?limit=1&cursor=next"); len(page.Items) != 3 || page.Next != "" {
		t.Errorf("%+v", page)
	}
	if r := get[store.Recording](t, at+"/api/v1/recordings/one.wav?tenant=sample"); cmp.Diff(s.rows[0], r) != "" {
		t.Error(cmp.Diff(s.rows[0], r))
	}
	if v := get[Verified](t, at+"/api/v1/recordings/one.wav/verify"); v != (Verified{true, 7, "ab"}) {
		t.Errorf("%+v", v)
	}
	file := filepath.Join(t.TempDir(), "x.wav")
	if n, err := x.SaveRecording(ctx, "one.wav", false, file); err != nil || n != 9 {
		t.Errorf("%d %v", n, err)
	}
	if text, _ := os.ReadFile(file); string(text) != "RIFFsound" {
		t.Errorf("saved %q", text)
	}
	if _, err := x.SaveRecording(ctx, "two.wav", false, file); err == nil || !strings.Contains(err.Error(), "sealed=1") {
		t.Errorf("sealed: %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "RIFFsound" {
		t.Errorf("a refusal has changed the file into %q", text)
	}
	if n, err := x.SaveRecording(ctx, "two.wav", true, file); err != nil || n != 9 {
		t.Errorf("as it lies: %d %v", n, err)
	}
	if err := x.DeleteRecording(ctx, "one.wav"); err != nil || len(s.deleted) != 1 || s.deleted[0] != "one.wav by api from 127.0.0.1" {
		t.Errorf("%v %v", s.deleted, err)
	}
	for _, line := range []string{`msg="a recording was given out" recording=one.wav from=127.0.0.1`, `msg="a recording was given out" recording=two.wav`, `msg="a recording was deleted" recording=one.wav from=127.0.0.1`} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log lacks %q: %s", line, log)
		}
	}
}

func TestSoundInParts(t *testing.T) {
	s := newShelf()
	at, _ := serveShelf(t, s)
	bearer := []string{"Authorization", "Bearer " + token}
	res, text := ask(t, "GET", at+"/api/v1/recordings/one.wav/sound", bearer...)
	h := res.Header
	if res.StatusCode != 200 || text != "RIFFsound" || h.Get("Content-Type") != "audio/wav" || h.Get("Accept-Ranges") != "bytes" || h.Get("ETag") != `"ab12"` || h.Get("Content-Length") != "9" ||
		h.Get("Content-Disposition") != `inline; filename=one.wav` || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", res.StatusCode, text, h)
	}
	for asked, want := range map[string]string{"bytes=4-": "206 sound", "bytes=0-3": "206 RIFF", "bytes=-2": "206 nd", "bytes=9-": "416 invalid range: failed to overlap\n"} {
		res, text := ask(t, "GET", at+"/api/v1/recordings/one.wav/sound", append(bearer, "Range", asked)...)
		if got := res.Status[:4] + text; got != want {
			t.Errorf("%s: %q", asked, got)
		}
	}
	if res, text := ask(t, "GET", at+"/api/v1/recordings/one.wav/sound", append(bearer, "Range", "bytes=4-", "If-Range", `"other"`)...); res.StatusCode != 200 || len(text) != 9 {
		t.Errorf("another file: %d %q", res.StatusCode, text)
	}
}

func TestRecordingsThatAreNotGivenOut(t *testing.T) {
	s := newShelf()
	at, log := serveShelf(t, s)
	bearer := []string{"Authorization", "Bearer " + token}
	for path, want := range map[string]int{
		"GET /none.wav": 404, "GET /none.wav/sound": 404, "GET /gone.wav/sound": 410, "GET /away.wav/sound": 404, "GET /two.wav/sound": 409, "GET /two.wav/sound?sealed=true": 200, "DELETE /none.wav": 404,
		"GET /away.wav?tenant=sample": 404, "GET /one.wav/sound?tenant=other": 404, "DELETE /one.wav?tenant=other": 404, "GET /one.wav/verify?tenant=other": 404, "GET /gone.wav": 200,
		"GET ?cursor=bad": 400, "GET ?from=yesterday": 422, "GET /..%2f..%2fetc%2fpasswd/sound": 404, "GET /%2e%2e": 404, "GET /" + strings.Repeat("x", 121): 422,
	} {
		method, path, _ := strings.Cut(path, " ")
		res, text := ask(t, method, at+"/api/v1/recordings"+path, bearer...)
		if res.StatusCode != want {
			t.Errorf("%s %s: %d %s", method, path, res.StatusCode, text)
		}
	}
	s.broken = errors.New("a secret of the disk")
	for _, path := range []string{"", "/one.wav", "/one.wav/sound", "/one.wav/verify"} {
		if res, text := ask(t, "GET", at+"/api/v1/recordings"+path, bearer...); res.StatusCode != 500 || strings.Contains(text, "secret") {
			t.Errorf("%s: %d %s", path, res.StatusCode, text)
		}
	}
	if !strings.Contains(log.String(), "a secret of the disk") {
		t.Error("the log does not say what failed")
	}
	for _, path := range []string{"GET ", "GET /one.wav", "GET /one.wav/sound", "GET /one.wav/verify", "DELETE /one.wav"} {
		method, path, _ := strings.Cut(path, " ")
		if res, _ := ask(t, method, at+"/api/v1/recordings"+path); res.StatusCode != 401 {
			t.Errorf("without a token %s: %d", path, res.StatusCode)
		}
	}
}

// An answer may take longer than other requests have.
func TestALongSound(t *testing.T) {
	s := newShelf()
	s.sounds["one.wav"] = bytes.Repeat([]byte("sound"), 30_000)
	s.slow = 40 * time.Millisecond
	c := (&exchange{}).config()
	c.Recordings = s
	server := httptest.NewUnstartedServer(Handler(c))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 80*time.Millisecond
	server.Start()
	defer server.Close()
	res, text := ask(t, "GET", server.URL+"/api/v1/recordings/one.wav/sound", "Authorization", "Bearer "+token)
	if res.StatusCode != http.StatusOK || text != string(s.sounds["one.wav"]) {
		t.Errorf("%d, %d octets", res.StatusCode, len(text))
	}
}

func TestRecordACall(t *testing.T) {
	s := newShelf()
	at, log := serveShelf(t, s)
	x := &client.Client{URL: at, Token: token}
	for _, action := range []string{"start", "pause", "resume", "mask", "unmask", "stop"} {
		if err := x.Record(t.Context(), "c1", action); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(s.actions, " "); got != "start pause resume mask unmask stop" {
		t.Errorf("asked for %s", got)
	}
	for call, want := range map[string]int{"c2": 409, "c3": 404} {
		var p *client.Problem
		if err := x.Record(t.Context(), call, "start"); !errors.As(err, &p) || p.Status != want {
			t.Errorf("%s: %v", call, err)
		}
	}
	if err := x.Record(t.Context(), "c1", "erase"); err == nil {
		t.Error("an action that is none")
	}
	if !strings.Contains(log.String(), `msg="a live call's recording: start" call=c1 from=127.0.0.1`) {
		t.Errorf("the log: %s", log)
	}
}
