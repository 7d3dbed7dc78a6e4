package guess

import (
	"strconv"
	"testing"
	"time"
)

// Whoever guesses wrong waits, twice as long each time up to an hour; what is right is forgotten, and so is what is old.
func TestWaits(t *testing.T) {
	var g Tries
	now := time.Unix(1_000_000, 0)
	wait := time.Minute
	for range 9 {
		for range 3 {
			if ok, waits := g.Guess(now, "a", 3, func() bool { return false }); ok || waits {
				t.Fatalf("a wrong one: %v, %v", ok, waits)
			}
		}
		if ok, waits := g.Guess(now.Add(wait-1), "a", 3, func() bool { return true }); ok || !waits {
			t.Errorf("after %v less a moment the right one counts", wait)
		}
		if g.Waits(now, "b") || !g.Waits(now, "b", "a") {
			t.Error("the wrong key waits")
		}
		now = now.Add(wait)
		wait = min(2*wait, time.Hour)
	}
	if ok, _ := g.Guess(now, "a", 3, func() bool { return true }); !ok {
		t.Error("the right one is refused")
	}
	g.Failed(now, "a", 1)
	if !g.Waits(now, "a") {
		t.Error("one that may fail but once does not wait")
	}
	g.Passed("a")
	if g.Waits(now, "a") {
		t.Error("what has passed waits")
	}
}

// No more keys are remembered than there is room for: the oldest goes.
func TestKeysAreBounded(t *testing.T) {
	var g Tries
	now := time.Unix(1_000_000, 0)
	for i := range remembered + 100 {
		g.Failed(now.Add(time.Duration(i)*time.Millisecond), strconv.Itoa(i), 1)
	}
	if len(g.wrong) > remembered || g.Waits(now, "0") || !g.Waits(now, strconv.Itoa(remembered+99)) {
		t.Errorf("%d keys are remembered", len(g.wrong))
	}
}
