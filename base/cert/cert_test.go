package cert

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// certmagic keeps a limiter for the life of the process, and touches its locks until they are gone for five
// seconds.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"))
}

var names, addrs = []string{"localhost", "pbx.example.com"}, []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}

func leaf(t *testing.T, k Keeper) *x509.Certificate {
	t.Helper()
	c, err := k.Get(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	x, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The authority is made once, is the same after a restart, and its key is its owner's alone.
func TestAuthority(t *testing.T) {
	folder := t.TempDir()
	a, err := OpenAuthority(folder)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenAuthority(folder)
	if err != nil || !a.cert.Equal(b.cert) {
		t.Fatal("another authority after a restart", err)
	}
	if info, err := os.Stat(filepath.Join(folder, authorityKey)); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	k, err := Own(b, names, addrs)
	if err != nil {
		t.Fatal(err)
	}
	own := leaf(t, k)
	for _, name := range []string{"localhost", "pbx.example.com", "127.0.0.1", "::1"} {
		if _, err := own.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if own.IsCA || a.cert.PublicKeyAlgorithm != x509.ECDSA {
		t.Error("kinds")
	}
	// A crash between key and certificate leaves the key, and its certificate is made from it.
	os.Remove(filepath.Join(folder, AuthorityFile))
	if c, err := OpenAuthority(folder); err != nil || !a.key.(*ecdsa.PrivateKey).Equal(c.key) {
		t.Error("the key was not kept", err)
	}
}

// What is damaged is said, and never replaced behind the back of phones that trust it.
func TestDamagedAuthority(t *testing.T) {
	damage := map[string]func(folder string){
		"is not: bring it back": func(f string) { os.Remove(filepath.Join(f, authorityKey)) },
		"holds no certificate":  func(f string) { os.WriteFile(filepath.Join(f, AuthorityFile), []byte("x"), 0o644) },
		"holds no key":          func(f string) { os.WriteFile(filepath.Join(f, authorityKey), nil, 0o600) },
		"do not belong together": func(f string) {
			os.Rename(filepath.Join(f, AuthorityFile), filepath.Join(f, "kept"))
			os.Remove(filepath.Join(f, authorityKey))
			OpenAuthority(f)
			os.Rename(filepath.Join(f, "kept"), filepath.Join(f, AuthorityFile))
		},
	}
	for want, do := range damage {
		folder := t.TempDir()
		if _, err := OpenAuthority(folder); err != nil {
			t.Fatal(err)
		}
		do(folder)
		if _, err := OpenAuthority(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Our own certificate is renewed while there is still time.
func TestOwnIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := OpenAuthority(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		k, err := Own(a, names, addrs)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		told := 0
		go k.Run(ctx, func(string, error) { told++ })
		for range 400 {
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if left := time.Until(leaf(t, k).NotAfter); left < leafLife/3-time.Hour {
				t.Fatal("only", left, "is left")
			}
		}
		if told != 6 {
			t.Error("renewed", told, "times")
		}
	})
}

// writePair writes a certificate and its key as two files.
func writePair(t *testing.T, c *tls.Certificate, certFile, keyFile string) {
	t.Helper()
	var chain []byte
	for _, der := range c.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{certFile: chain, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		stamp := time.Now() // the bubble's
		if err := os.Chtimes(name, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
}

// rest lets a minute pass.
func rest() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

// Files are read again when they have changed, both of them; a bad file leaves the good certificate.
func TestFilesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		certFile, keyFile := filepath.Join(folder, "c.pem"), filepath.Join(folder, "k.pem")
		if _, err := Files(certFile, keyFile); err == nil {
			t.Fatal("read from nothing")
		}
		a, err := OpenAuthority(folder)
		if err != nil {
			t.Fatal(err)
		}
		issue := func() *tls.Certificate {
			c, err := a.Issue(names, addrs, leafLife)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		first := issue()
		writePair(t, first, certFile, keyFile)
		k, err := Files(certFile, keyFile)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		var told []error
		go k.Run(ctx, func(_ string, err error) { told = append(told, err) })
		rest()
		if len(told) != 0 {
			t.Fatal("nothing has changed", told)
		}
		second := issue()
		writePair(t, second, certFile, keyFile)
		rest()
		if len(told) != 1 || told[0] != nil || !leaf(t, k).Equal(second.Leaf) {
			t.Fatal("not read again", told)
		}
		os.WriteFile(keyFile, []byte("half"), 0o600)
		rest()
		if len(told) != 2 || told[1] == nil || !leaf(t, k).Equal(second.Leaf) {
			t.Error("a bad key", told)
		}
		writePair(t, first, certFile, keyFile)
		if err := k.Reload(); err != nil || !leaf(t, k).Equal(first.Leaf) {
			t.Error("not at once when asked", err)
		}
	})
}

// Nothing older than TLS 1.2, and nothing of 1.2 without forward secrecy.
func TestSuites(t *testing.T) {
	a, err := OpenAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k, err := Own(a, names, addrs)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config(k)
	if cfg.MinVersion != tls.VersionTLS12 {
		t.Error(cfg.MinVersion)
	}
	for _, s := range cfg.CipherSuites {
		if name := tls.CipherSuiteName(s); !strings.HasPrefix(name, "TLS_ECDHE_") || strings.Contains(name, "CBC") {
			t.Error(name)
		}
	}
}
