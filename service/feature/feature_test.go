package feature_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"santral/call"
	"santral/call/calltest"
	"santral/service/feature"
)

func TestReadback(t *testing.T) {
	c := &calltest.Caller{Party: call.Party{Number: "22000001", Account: "1"}}
	if cause := feature.Stories(nil)[feature.ReadbackName].Serve(t.Context(), c); cause != call.NormalClearing {
		t.Errorf("ended with %v", cause)
	}
	want := []string{"Answer", `Tones "  22000001  "`}
	if got := c.Verbs(); !slices.Equal(got, want) {
		t.Errorf("did %q, want %q", got, want)
	}
}

func TestReadbackWithoutNumber(t *testing.T) {
	c := &calltest.Caller{Party: call.Party{Account: "101"}}
	feature.Readback{}.Serve(t.Context(), c)
	if got := c.Verbs()[1]; got != `Tones "  101  "` {
		t.Errorf("did %s", got)
	}
}

func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &calltest.Caller{}
		ctx, hangUp := context.WithCancel(t.Context())
		done := make(chan call.Cause, 1)
		go func() { done <- feature.Stories(nil)[feature.EchoName].Serve(ctx, c) }()
		synctest.Wait()
		got := c.Verbs()
		slices.Sort(got)
		if !slices.Equal(got, []string{"Answer", "Collect 0", "Echo"}) {
			t.Errorf("did %q", got)
		}
		hangUp()
		if cause := <-done; cause != call.NormalClearing {
			t.Errorf("ended with %v", cause)
		}
	})
}

func TestCallerGone(t *testing.T) {
	for name, story := range feature.Stories(nil) {
		c := &calltest.Caller{Errors: map[string]error{"Answer": call.ErrEnded}}
		if cause := story.Serve(t.Context(), c); cause != call.NormalClearing || len(c.Verbs()) != 1 {
			t.Errorf("%s: went on with %q and ended with %v", name, c.Verbs(), cause)
		}
		c = &calltest.Caller{Errors: map[string]error{"Answer": errors.New("no media")}}
		if cause := story.Serve(t.Context(), c); cause != call.Failure {
			t.Errorf("%s: a fault ended with %v", name, cause)
		}
	}
}
