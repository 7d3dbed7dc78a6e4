package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What is sealed opens with the same key, use and owner, after a restart too, and with no other.
func TestSeal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.key")
	k, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
	again, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	plain := []byte("a secret")
	sealed := k.Box("factors").Seal(plain, "sample/sara")
	if bytes.Contains(sealed, plain) || bytes.Equal(sealed, k.Box("factors").Seal(plain, "sample/sara")) {
		t.Error("a sealed secret shows something")
	}
	if got, err := again.Box("factors").Open(sealed, "sample/sara"); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%q, %v", got, err)
	}
	other, err := Open(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(sealed)
	bad[len(bad)-1]++
	for name, open := range map[string]func() ([]byte, error){
		"another key":   func() ([]byte, error) { return other.Box("factors").Open(sealed, "sample/sara") },
		"another use":   func() ([]byte, error) { return k.Box("documents").Open(sealed, "sample/sara") },
		"another owner": func() ([]byte, error) { return k.Box("factors").Open(sealed, "other/sara") },
		"damage":        func() ([]byte, error) { return k.Box("factors").Open(bad, "sample/sara") },
		"nothing":       func() ([]byte, error) { return k.Box("factors").Open(nil, "sample/sara") },
	} {
		if got, err := open(); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A key that is torn is not made anew: that would be the silent end of all secrets.
func TestATornKeyIsNotReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets.key")
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("a torn key was taken")
	}
	if text, _ := os.ReadFile(file); string(text) != "short" {
		t.Errorf("the file is %q now", text)
	}
}
