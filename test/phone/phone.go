// Package phone drives telephones that nobody here wrote (baresip, Linphone, SIPp) and the exchange
// itself as a process, for the end-to-end tests, and judges what was heard by the sound itself.
//
// Every phone gets a folder of its own, speaks only on loopback, and ends with its test.
package phone

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Need fails the test when a program is missing and SANTRAL_TEST_PEERS is "require" (as `make test`
// sets it), and skips it with the reason otherwise.
func Need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
		t.Fatalf("%s is not installed: run `make peers`", program)
	}
	t.Skipf("%s is not installed; `make peers` installs it", program)
}

// Library is Need for a library that the exchange loads when it is there.
func Library(t testing.TB, name string) {
	t.Helper()
	needFile(t, "/usr/lib/*/"+name, name)
}

func needFile(t testing.TB, pattern, from string) {
	t.Helper()
	if found, _ := filepath.Glob(pattern); len(found) > 0 {
		return
	}
	if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
		t.Fatalf("%s is not installed: run `make peers`", from)
	}
	t.Skipf("%s is not installed; `make peers` installs it", from)
}

// Eventually waits until ok holds, and fails the test after limit with what was awaited.
func Eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(20 * time.Millisecond) // real programs outside offer no event to wait for
	}
}

// Output gathers what a program prints, safely while it runs.
type Output struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write adds output.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// String gives all output so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Reset forgets what was printed so far.
func (o *Output) Reset() {
	o.mu.Lock()
	o.text.Reset()
	o.mu.Unlock()
}

// Contains reports whether text was printed.
func (o *Output) Contains(text string) bool { return strings.Contains(o.String(), text) }

// write puts a file into a phone's folder.
func write(t testing.TB, folder, name, text string) string {
	t.Helper()
	file := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// start runs a program until the test ends.
func start(t testing.TB, out *Output, env []string, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// File writes a file into a folder of the test's own and gives its path.
func File(t testing.TB, name, text string) string { return write(t, t.TempDir(), name, text) }
