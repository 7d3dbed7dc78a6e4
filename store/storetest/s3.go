package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// gateway is the S3 server that tests speak with: an independent one, in a process of its own. It is built by the Go
// tool out of its module, outside of ours, so that go.mod does not know it.
const gateway = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// S3Key and S3Secret are the access key and the secret key of test servers.
const S3Key, S3Secret = "santral", "not-so-secret"

var gatewayFile = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "santral-test", filepath.Base(gateway))
	file := filepath.Join(folder, "versitygw")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(folder), "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	build := exec.Command("go", "install", gateway)
	build.Dir = fresh
	build.Env = append(os.Environ(), "GOBIN="+fresh, "CGO_ENABLED=0", "GOFLAGS=-trimpath")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: go install %s: %w: %s", errNoGateway, gateway, err, bytes.TrimSpace(out))
	}
	if err := os.Rename(fresh, folder); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, os.ErrExist) { // another test was first
		return "", err
	}
	return file, nil
})

var errNoGateway = errors.New("the S3 server of the tests can't be built, which needs a module proxy once")

// S3 is a running server of buckets.
type S3 struct {
	URL    string
	Folder string // a bucket is a folder in it, and an object a file
	t      testing.TB
	port   string
	cmd    *exec.Cmd
}

// StartS3 starts a server with an empty bucket. Where it can't be had the test is skipped, unless
// SANTRAL_TEST_S3=require.
func StartS3(t testing.TB, bucket string) *S3 {
	t.Helper()
	if _, err := gatewayFile(); errors.Is(err, errNoGateway) && os.Getenv("SANTRAL_TEST_S3") != "require" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	s := &S3{URL: "http://127.0.0.1:" + port, Folder: t.TempDir(), t: t, port: port}
	for _, folder := range []string{"buckets/" + bucket, "notes"} {
		if err := os.MkdirAll(filepath.Join(s.Folder, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.Folder = filepath.Join(s.Folder, "buckets")
	t.Cleanup(s.Stop)
	s.Start()
	return s
}

// Start starts it again after Stop, at the same address with the same objects.
func (s *S3) Start() {
	s.t.Helper()
	file, err := gatewayFile()
	if err != nil {
		s.t.Fatal(err)
	}
	var log bytes.Buffer
	s.cmd = exec.Command(file, "--quiet", "--port", "127.0.0.1:"+s.port, "--access", S3Key, "--secret", S3Secret, "posix", "--sidecar", filepath.Join(filepath.Dir(s.Folder), "notes"), s.Folder)
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	deadline, again := time.NewTimer(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer deadline.Stop()
	defer again.Stop()
	for {
		if r, err := client.Get(s.URL); err == nil {
			r.Body.Close()
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			s.t.Fatalf("the S3 server did not start: %s", log.String())
		}
	}
}

// Stop kills it.
func (s *S3) Stop() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}
