package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"santral/store"
	"santral/store/blob"
	"santral/store/storetest"
)

const bucket = "recordings"

func openS3(t *testing.T, url string) *blob.S3 {
	t.Helper()
	s, err := blob.OpenS3(blob.Bucket{Endpoint: url, Name: bucket, Region: "us-east-1", Prefix: "santral/", PathStyle: true, AccessKey: storetest.S3Key, SecretKey: storetest.S3Secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestS3(t *testing.T) {
	server := storetest.StartS3(t, bucket)
	s := openS3(t, server.URL)
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.Blobs(t, s)
}

// A large blob goes up in pieces, and one whose source breaks leaves nothing.
func TestS3InPieces(t *testing.T) {
	server := storetest.StartS3(t, bucket)
	s := openS3(t, server.URL)
	big := make([]byte, 20<<20+7)
	for i := 0; i < len(big); i += 8 {
		copy(big[i:], []byte{byte(rand.Uint32()), byte(i), byte(i >> 8), byte(i >> 16)})
	}
	for range 2 {
		if err := s.Put(t.Context(), "big", bytes.NewReader(big), int64(len(big))); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.Open(t.Context(), "big", 9<<20, -1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, big[9<<20:]) {
		t.Errorf("%d octets, %v", len(got), err)
	}
	for name, from := range map[string]io.Reader{
		"more":  io.MultiReader(bytes.NewReader(big), strings.NewReader("x")),
		"fewer": bytes.NewReader(big[1:]),
		"torn":  io.MultiReader(bytes.NewReader(big[:17<<20]), &broken{}),
	} {
		if err := s.Put(t.Context(), "bad/"+name, from, int64(len(big))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if page, err := s.List(t.Context(), "bad/", "", 0); err != nil || len(page) > 0 {
		t.Errorf("%+v %v", page, err)
	}
	if left, _ := filepath.Glob(filepath.Join(server.Folder, bucket, ".sgwtmp/multipart/*")); len(left) > 0 {
		t.Errorf("pieces are left: %v", left)
	}
}

type broken struct{}

// Read fails.
func (*broken) Read([]byte) (int, error) { return 0, os.ErrInvalid }

// Wrong keys, a bucket that isn't there and a server that is away are said, and an end of the context is heeded.
func TestS3ThatIsAway(t *testing.T) {
	server := storetest.StartS3(t, bucket)
	for name, b := range map[string]blob.Bucket{
		"keys":   {Endpoint: server.URL, Name: bucket, Region: "us-east-1", PathStyle: true, AccessKey: storetest.S3Key, SecretKey: "wrong"},
		"bucket": {Endpoint: server.URL, Name: "none", Region: "us-east-1", PathStyle: true, AccessKey: storetest.S3Key, SecretKey: storetest.S3Secret},
	} {
		s, err := blob.OpenS3(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := s.Put(t.Context(), "x", strings.NewReader("x"), 1); err == nil {
			t.Errorf("%s: no error of Put", name)
		}
		if _, err := s.Stat(t.Context(), "x"); err == nil || name == "keys" && errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
	s := openS3(t, server.URL)
	server.Stop()
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	begun := time.Now()
	if err := s.Put(ctx, "x", strings.NewReader("x"), 1); err == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	server.Start()
	if err := s.Put(t.Context(), "x", strings.NewReader("x"), 1); err != nil {
		t.Errorf("it is back: %v", err)
	}
}

// A server that fails for a moment is asked again; an answer that is not what was put is refused there.
func TestS3TriesAgain(t *testing.T) {
	server := storetest.StartS3(t, bucket)
	var asked atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		out := r.Clone(r.Context())
		out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", strings.TrimPrefix(server.URL, "http://")
		res, err := http.DefaultTransport.RoundTrip(out) // Host stays: it is signed
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		io.Copy(w, res.Body)
	}))
	defer front.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	s := openS3(t, front.URL)
	if err := s.Put(t.Context(), "x", strings.NewReader("once more"), 9); err != nil || asked.Load() < 3 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
	if text, err := os.ReadFile(filepath.Join(server.Folder, bucket, "santral", "x")); string(text) != "once more" {
		t.Errorf("it holds %q, %v", text, err)
	}
}

func TestNoAddressOfS3(t *testing.T) {
	for _, url := range []string{"", "s3.example.com", "ftp://s3.example.com", "https://s3.example.com/path", "://"} {
		if _, err := blob.OpenS3(blob.Bucket{Endpoint: url, Name: bucket}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil { // accepts and never speaks
		defer l.Close()
		s := openS3(t, "http://"+l.Addr().String())
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		if _, err := s.Stat(ctx, "x"); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("a silent server: %v", err)
		}
	}
}
