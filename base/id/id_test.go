package id

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSameSeedSameTokens(t *testing.T) {
	a, b := New([32]byte{1}), New([32]byte{1})
	for n := range 40 {
		if x, y := a.Token(n), b.Token(n); x != y || len(x) != n {
			t.Fatalf("token of %d: %q and %q", n, x, y)
		}
	}
	x, y := make([]byte, 21), make([]byte, 21)
	a.Bytes(x)
	b.Bytes(y)
	if !bytes.Equal(x, y) || a.Uint64() != b.Uint64() {
		t.Fatal("equal seeds diverge")
	}
	if a.Fork().Token(20) != b.Fork().Token(20) {
		t.Fatal("forks of equal sources diverge")
	}
}

func TestOtherSeedOtherTokens(t *testing.T) {
	if New([32]byte{1}).Token(20) == New([32]byte{2}).Token(20) {
		t.Fatal("different seeds agree")
	}
	if a, b := Random().Token(20), Random().Token(20); a == b {
		t.Fatal("two random sources agree")
	}
}

func TestTokensAreSafeAndSpread(t *testing.T) {
	s := New([32]byte{3})
	if len(alphabet) != 32 {
		t.Fatalf("alphabet has %d letters", len(alphabet))
	}
	count := map[rune]int{}
	for _, r := range s.Token(32 * 1000) {
		if !strings.ContainsRune(alphabet, r) {
			t.Fatalf("letter %q", r)
		}
		count[r]++
	}
	for _, r := range alphabet {
		if n := count[r]; n < 800 || n > 1200 {
			t.Errorf("letter %q came %d times in 32,000", r, n)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	s := Random()
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				k := s.Token(13)
				mu.Lock()
				if seen[k] {
					t.Errorf("token %q twice", k)
				}
				seen[k] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func BenchmarkToken(b *testing.B) {
	s := Random()
	b.ReportAllocs()
	for b.Loop() {
		s.Token(16)
	}
}

func TestTimedTokensSortByTime(t *testing.T) {
	s := New([32]byte{1})
	at := time.Date(2026, 3, 21, 0, 0, 0, 0, time.UTC)
	last := ""
	for i := range 5000 {
		next := s.Timed(at.Add(time.Duration(i)*37*time.Millisecond), 10)
		if next <= last || len(next) != 19 {
			t.Fatalf("%q does not follow %q", next, last)
		}
		last = next
	}
}
