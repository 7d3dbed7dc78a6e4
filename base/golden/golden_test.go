package golden

import "testing"

// hears is a test that notes whether it failed.
type hears struct {
	testing.TB
	failed bool
}

func (h *hears) Helper()               {}
func (h *hears) Errorf(string, ...any) { h.failed = true }

// TestCompare writes a file and compares with it: what is the same passes, all else fails.
func TestCompare(t *testing.T) {
	t.Chdir(t.TempDir())
	Write(t, "testdata/a.txt", "one\n")
	for got, want := range map[string]bool{"one\n": false, "one": true, "": true} {
		h := &hears{TB: t}
		if Compare(h, "a.txt", got); h.failed != want {
			t.Errorf("%q failed: %v", got, h.failed)
		}
	}
}
