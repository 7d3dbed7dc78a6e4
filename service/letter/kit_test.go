package letter

import (
	"os"
	"os/exec"
	"testing"
)

// need skips a test whose program is not installed, and fails it where everything must be.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
		t.Fatalf("%s is not installed: run `make peers`", program)
	}
	t.Skipf("%s is not installed; `make peers` installs it", program)
}

func save(t *testing.T, file string, octets []byte) {
	t.Helper()
	if err := os.WriteFile(file, octets, 0o600); err != nil {
		t.Fatal(err)
	}
}
